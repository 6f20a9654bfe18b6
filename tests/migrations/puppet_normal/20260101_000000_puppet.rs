//! Does what each document says, so that a test can put any behaviour at any place.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Doc {
    id: i64,
    value: i64,
    seen: String,
    does: Vec<Does>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Does {
    /// `value * 10`
    Times10,
    /// Removes itself.
    Delete,
    Error(String),
    Panic(String),
    /// Sets a column, whatever it is.
    Set(String, serde_json::Value),
    /// Raw SQL on the batch's transaction.
    Sql(String),
    /// Raw SQL whose failure the step ignores.
    TrySql(String),
    /// Adds to another document's value through the typed writes.
    AddTo(i64, i64),
    /// Reads another document's value and adds it to its own.
    Add(i64),
    /// Adds the sum over the whole table to its own value.
    AddSum,
    /// Removes another document.
    Remove(i64),
    /// Inserts another document.
    Insert(i64, i64),
    /// Writes down what it was handed.
    Note,
    /// Thinks until there is such a file.
    ThinkUntil(std::path::PathBuf),
}

fn act(ctx: &mut Ctx, doc: &Doc) -> Result<Patch> {
    let mut value = doc.value;
    let mut patch = Patch::none();
    for does in &doc.does {
        match does {
            Does::Times10 => value *= 10,
            Does::Delete => return Ok(Patch::delete()),
            Does::Error(message) => return Err(message.as_str().into()),
            Does::Panic(message) => panic!("{message}"),
            Does::Set(column, to) => patch = patch.set(column.clone(), to),
            Does::Sql(sql) => drop(ctx.db().execute(sql, ())?),
            Does::TrySql(sql) => drop(ctx.db().execute(sql, ())),
            Does::AddTo(id, by) => {
                let other: Option<Other> = ctx.orm().get("docs", *id)?;
                if let Some(other) = other {
                    let changed = Patch::none().set("value", other.value + by);
                    ctx.orm().patch("docs", *id, changed)?;
                }
            }
            Does::Add(id) => {
                let other: Option<i64> = ctx
                    .db()
                    .query_optional("SELECT value FROM docs WHERE id = $1", *id)?;
                value += other.unwrap_or(1);
            }
            Does::AddSum => {
                let sum: i64 = ctx
                    .db()
                    .query_one("SELECT coalesce(sum(value % 1000), 0) FROM docs", ())?;
                value += sum;
            }
            Does::Remove(id) => drop(ctx.orm().delete("docs", *id)?),
            Does::Insert(id, value) => {
                let row = Patch::none()
                    .set("id", *id)
                    .set("value", *value)
                    .set("does", "[]");
                ctx.orm().insert("docs", row)?;
            }
            Does::ThinkUntil(file) => {
                while !file.exists() {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            }
            Does::Note => {
                let seen = format!("{}/{}", doc.value, doc.seen);
                ctx.db().execute(
                    "INSERT INTO notes (doc, seen) VALUES ($1, $2)",
                    (doc.id, seen),
                )?;
            }
        }
    }
    if value != doc.value {
        patch = patch.set("value", value % 1_000_000);
    }
    Ok(patch)
}

#[derive(serde::Deserialize)]
struct Other {
    value: i64,
}

#[migration(table = "docs", write_mode = "normal")]
fn up(ctx: &mut Ctx, doc: Doc) -> Result<Patch> {
    act(ctx, &doc)
}

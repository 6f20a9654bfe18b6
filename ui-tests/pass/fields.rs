static MIGRATIONS: driftless::Manifest = driftless::migrations!("fixtures/pass_fields");

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Todo {
    due_date: i64,
    r#type: String,
    #[serde(rename(deserialize = "Note"))]
    note: Option<String>,
}

fn patched() -> driftless::Patch {
    let todo = Todo { due_date: 1, r#type: "a".to_owned(), note: None };
    let r#type = todo.r#type;
    driftless::patch!(todo { due_date: todo.due_date + 1, r#type, note: todo.note })
}

fn main() {
    let patch = patched();
    assert_eq!(patch.columns().map(|(column, _)| column).collect::<Vec<_>>(), ["dueDate", "type", "Note"]);
    assert_eq!(MIGRATIONS.len(), 1);
}

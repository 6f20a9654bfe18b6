#[derive(serde::Deserialize)] struct Row { a: Option<i64>, b: Option<i64>, c: String }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    if let Some(a) = row.a && let Some(b) = row.b && a > b { return Ok(patch!(row { c: "greater" })) } else if let Some(0) = row.a {}
    while let Some(_x) = row.c.chars().next() && false {}
    let Ok(number) = row.c.parse::<i64>() else { return Ok(Patch::none()) };
    let value = if let Some(a @ 1..=9) = row.a { a } else { number };
    let Some(Some(deep)) = Some(row.b) else { panic!("none") };
    Ok(patch!(row { a: value, b: deep }))
}

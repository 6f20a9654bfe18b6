#[derive(serde::Deserialize)] struct Row { a: Option<Option<i64>>, b: serde_json::Value }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let a = match row.a { Some(Some(a)) => match a { 0 => { match row.b.as_str() { Some("x") => { 1 } _ => 2 } } n if n < 0 => -n, n => { n + 1 } }, Some(None) | None => { if row.b.is_null() { 3 } else { 4 } } };
    let f = |x: i64| match x { 1 => { Some(1) } _ => None }; let g = |x: i64| { if x > 0 { f(x) } else { None } }; let h = || async { g(1) }; let i = || unsafe { 3 }; let j = || loop { break 1 };
    for x in row.b.as_array().into_iter().flatten() { match x { _ if x.is_null() => continue, _ => { break } } }
    Ok(patch!(row { a: a }))
}

#[derive(serde::Deserialize)] struct Row { tags: Vec<String> }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let a = row.tags.iter().map(|tag| { tag.trim() }).filter(|tag| !tag.is_empty()).collect::<Vec<_>>();
    let b = |x: u32| -> u32 { x + 1 };
    let c = move |y| { let z = y; z };
    let d = || { if b(1) > 2 { 3 } else { 4 } };
    let e = |a, b,| (a + b);
    let f = || { return 1 };
    let g = row.tags.iter().map(|tag| { match tag.as_str() { "a" => { 1 } "b" => 2, _ => { return 3 } } }).map(|number| { Some(number).unwrap_or_default() + c(12345678) + d() + e(1, 2) + f() }).sum::<i32>();
    Ok(patch!(row { tags: a.join(","), }))
}

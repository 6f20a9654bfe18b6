#[derive(serde::Deserialize)] struct Row { a: i64 }
#[migration(table = "rows")]
fn up(ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let mut total = 0;;
    for n in 0..row.a { if n == 3 { continue } else if n == 5 { break } total += n };
    'outer: loop { loop { break 'outer } };
    while total > 100 { total -= 1; };
    { total += 1; }
    unsafe { core::hint::unreachable_unchecked() };
    let label = 'block: { if total > 3 { break 'block 1 } 2 };
    let value = if total > label { total } else { label };
    ctx.db().execute("UPDATE rows SET seen = ?", (value,))?;
    if value > 7 { return Ok(Patch::none()) }
    return Ok(Patch::none())
}

#[derive(serde::Deserialize)] struct Row { kind: i64, note: Option<String> }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let kind = match row.kind {
        | 0 | 1 => "low",
        2..=5 if row.note.is_some() => { "medium" },
        n @ (6 | 7) if n > 6 => { "six" }
        (8) => { let x = "eight"; x }
        9 => return Ok(Patch::none()),
        10 => { return Ok(Patch::none()); }
        11 => panic!("eleven"),
        12 => { panic!("twelve") }
        i64::MIN..=-1 => { unreachable!() }
        _ => if row.note.is_none() { "high" } else { "a very long string that makes this arm too long to be on one line for sure" },
    };
    if let Some(note) = &row.note && note.len() > 3 { return Ok(patch!(row { note: kind })) }
    let Some(_note) = row.note else { return Ok(Patch::none()) };
    Ok(match kind { "low" => patch!(row { kind: 1 }), _ => { patch!(row { kind: 2 }) } })
}

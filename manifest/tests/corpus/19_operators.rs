#[derive(serde::Deserialize)] struct Row { a: i64 , b : i64 }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, mut row: Row) -> Result<Patch> {
    row.a <<= 2; row.a |= row.b & !0x0f ^ 3; let shift = row.a >> 1 << 2; let both = row.a & row.b != 0 as i64 && true; let refs = & & row.a; let deref = **refs - - 1;
    let ranges = (..3, 1.., ..=4, 1..=2, ..); let cast = row.a as u8 as char as u32 as i64; let neg = -row.a.pow(2); let bits = row.a & &row.b; let q = Some(1)?; let lt = (row.a as i64) < 3; let arr = [0u8; 4][1]; let assign = { row.b = 3; };
    Ok(patch!(row { a: shift + deref + cast + neg + bits + q, b: if both & lt { 1 } else { arr as i64 } }))
}

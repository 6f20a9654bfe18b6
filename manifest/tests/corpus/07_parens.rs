#[derive(serde::Deserialize)] struct Row { a: i64, f: fn(i64) -> i64 }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let a = ((row.a + 1)) * 2; let b = (row.a + (1 * 2)); let c = -(row.a).abs(); let d = (-row.a).abs();
    let e = (a as usize) < (b as usize); let f = !(e && (c == d || a > b)); let g = &(a + b); let h = (&a).clone();
    let i = (row.f)(3); let j = ((1, 2), (3,)); let k = (0..10).rev().map(|n| (n % 3)).sum::<i64>();
    let l = (if f { 1 } else { 2 }) + i + k; let m = *(g) + h + (j.0).0 + l; while (a < m) { break; }
    let n: (i64) = (m); let o: &(dyn Fn(i64) -> i64 + Send) = &|x| ((x)); return (Ok(patch!(row { a: (n + o(1)) })));
}

#[derive(serde::Deserialize)] struct Row { left: i64, right: i64, rest: Option<Inner> }
#[derive(serde::Deserialize, Default)] struct Inner { left: i64, right: i64, more: (i64, i64,), }
struct Unit; struct Pair(i64, pub(crate) i64,); struct Empty {}
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let Row { left: left, right, rest: _ } = row; let right = right;
    let inner = Inner { left: left, right: right, ..Default::default() };
    let Inner { left: ref l, more: (a, ..), .. } = inner; let _ = (Pair(*l, a,), Unit, Empty {});
    let [first, .., last] = [1, 2, 3,]; let _ = (first, last); let row = inner;
    Ok(patch!(row { left: left, right: row.left }))
}

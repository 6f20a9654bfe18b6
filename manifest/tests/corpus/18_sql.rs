#[derive(serde::Deserialize)] struct Row { id: i64, total: f64 }
const QUERY: &str = "
    SELECT sum(amount)
    FROM lines WHERE row_id = ?1
";
#[migration(table = "shop.rows", filter = "total IS NULL", remaining = "total IS NULL", on_error = "quarantine", batch_size = 1_000)]
fn up(ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let sum: Option<f64> = ctx.db().query_one(QUERY, (row.id,))?;
    Ok(match sum { Some(sum) if sum.is_finite() => patch!(row { total: (sum * 100.0).round() / 100.0 }), Some(_) | None => Patch::none() })
}
#[migration(on_error="fail", table="shop.rows")]
fn down(_: &mut Ctx, row: Row) -> Result<Patch> { Ok(patch!(row { total: Option::<f64>::None })) }

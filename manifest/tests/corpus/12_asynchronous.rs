#[derive(serde::Deserialize)] struct Row { id: i64 }
#[migration(table = "rows", description = "fetches", write_mode = "normal")]
async fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let fetched = fetch(row.id).await?; let both = async move { fetched + 1 }; let block = async { fetch(2).await };
    Ok(patch!(row { id: both.await + block.await? }))
}
async fn fetch(id: i64) -> std::result::Result<i64, std::io::Error> { Ok(id) }

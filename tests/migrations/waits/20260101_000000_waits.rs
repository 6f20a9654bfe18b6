//! An `async fn` that awaits a timer in every document.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Account {
    id: i64,
    amount: i64,
}

#[migration(table = "accounts", batch_size = 5)]
async fn up(ctx: &mut Ctx, account: Account) -> Result<Patch> {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    ctx.db()
        .execute("INSERT INTO audit (account, what) VALUES ($1, 'up')", account.id)?;
    Ok(patch!(account { amount: account.amount * 100 }))
}

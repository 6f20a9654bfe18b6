//! Amounts become cents: not idempotent, so a document visited twice or not at all shows.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Account {
    id: i64,
    amount: i64,
}

#[migration(table = "accounts")]
fn up(ctx: &mut Ctx, account: Account) -> Result<Patch> {
    ctx.db()
        .execute("INSERT INTO audit (account, what) VALUES ($1, 'up')", account.id)?;
    Ok(patch!(account { amount: account.amount * 100 }))
}

#[migration(table = "accounts")]
fn down(ctx: &mut Ctx, account: Account) -> Result<Patch> {
    ctx.db()
        .execute("INSERT INTO audit (account, what) VALUES ($1, 'down')", account.id)?;
    Ok(patch!(account { amount: account.amount / 100 }))
}

//! Adds a million to what the app increments meanwhile, with its rows locked.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Account {
    amount: i64,
}

#[migration(table = "accounts", locking = "rows")]
fn up(_ctx: &mut Ctx, account: Account) -> Result<Patch> {
    Ok(patch!(account { amount: account.amount + 1_000_000 }))
}

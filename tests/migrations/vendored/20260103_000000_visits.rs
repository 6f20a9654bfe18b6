//! One visit more.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Account {
    visits: i32,
}

#[migration(table = "accounts", after = "20260101_000000_times_100")]
fn up(_ctx: &mut Ctx, account: Account) -> Result<Patch> {
    Ok(patch!(account { visits: account.visits + 1 }))
}

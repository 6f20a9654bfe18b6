//! A million more, at length.
use driftless::prelude::*;

// Line 0 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 1 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 2 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 3 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 4 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 5 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 6 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 7 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 8 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 9 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 10 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 11 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 12 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 13 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 14 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 15 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 16 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 17 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 18 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 19 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 20 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 21 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 22 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 23 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 24 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 25 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 26 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 27 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 28 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 29 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 30 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 31 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 32 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 33 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 34 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 35 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 36 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 37 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 38 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 39 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 40 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 41 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 42 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 43 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 44 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 45 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 46 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 47 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 48 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 49 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 50 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 51 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 52 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 53 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 54 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 55 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 56 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 57 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 58 of a long explanation that somebody wrote with care, so that this file is no longer a small one.
// Line 59 of a long explanation that somebody wrote with care, so that this file is no longer a small one.

#[derive(serde::Deserialize)]
struct Account {
    amount: i64,
}

#[migration(table = "accounts")]
fn up(_ctx: &mut Ctx, account: Account) -> Result<Patch> {
    Ok(patch!(account { amount: account.amount + 1_000_000 }))
}

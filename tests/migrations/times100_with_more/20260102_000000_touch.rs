//! One more migration than `times100` has: a build of other source.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Account {}

#[migration(table = "accounts")]
fn up(_ctx: &mut Ctx, _account: Account) -> Result<Patch> {
    Ok(Patch::none().set("visits", 7))
}

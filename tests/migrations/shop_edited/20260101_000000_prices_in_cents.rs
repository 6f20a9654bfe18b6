//! Prices in cents: doing it twice would show.

use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Item {
    price: i64,
}

#[migration(table = "items")]
fn up(_ctx: &mut Ctx, item: Item) -> Result<Patch> {
    Ok(patch!(item { price: item.price * 1000 }))
}

#[migration(table = "items")]
fn down(_ctx: &mut Ctx, item: Item) -> Result<Patch> {
    Ok(patch!(item { price: item.price / 100 }))
}


//! Prices are in whole units; from now on they are in cents.

use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Product {
    price: i64,
}

#[migration(table = "products")]
fn up(_ctx: &mut Ctx, product: Product) -> Result<Patch> {
    Ok(patch!(product {
        price: product.price * 100
    }))
}

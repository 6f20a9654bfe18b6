//! Prices in cents: doing it twice would show.

use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Item {
    id: i64,
    price: i64,
}

#[migration(table = "items")]
fn up(_ctx: &mut Ctx, item: Item) -> Result<Patch> {
    wait_at(item.id);
    Ok(patch!(item { price: item.price * 100 }))
}

#[migration(table = "items")]
fn down(_ctx: &mut Ctx, item: Item) -> Result<Patch> {
    wait_at(item.id);
    Ok(patch!(item { price: item.price / 100 }))
}

/// Tests hold a run here, in the middle of a batch, for as long as a file exists.
fn wait_at(id: i64) {
    let Some(file) = std::env::var_os("SHOP_HOLD").filter(|_| id == 5_050) else { return };
    let file = std::path::Path::new(&file);
    if file.exists() {
        eprintln!("holding");
    }
    while file.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

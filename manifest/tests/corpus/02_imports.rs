use std::{fmt::{self, Display, Write as _}, collections::{BTreeMap, HashMap}};
use driftless::prelude::*;
use std::collections::hash_map::{Entry, HashMap as Map,};
use ::serde::Deserialize;
use std::io::{self};
use std::io::Read as Reader;
pub(crate) use std::rc::Rc;
use std::{};
extern crate std as zz;
extern crate core as aa;
#[derive(Deserialize)] struct Row { id: i64 }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    use std::mem::swap; use std::cmp::{max, min};
    let _ = (max(1, 2), min(row.id, 3));
    Ok(Patch::none())
}

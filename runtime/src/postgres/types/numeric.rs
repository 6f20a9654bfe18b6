//! `numeric`, digit by digit: it holds more than any number type of Rust.

use super::decode::Wire;
use crate::error::{Error, Result};
use std::fmt::Write;

const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// Writes a numeric as Postgres prints it, its scale kept.
pub(super) fn write_text(raw: &[u8], out: &mut String) -> Result<()> {
    let mut wire = Wire::new(raw, "numeric");
    let count = wire.u16()?;
    let weight = i32::from(wire.i16()?);
    let sign = wire.u16()?;
    let scale = usize::from(wire.u16()? & 0x3FFF);
    match sign {
        NOT_A_NUMBER => out.push_str("NaN"),
        INFINITY => out.push_str("Infinity"),
        NEGATIVE_INFINITY => out.push_str("-Infinity"),
        0 | NEGATIVE => {
            // Groups of four decimal digits, the first of them `weight` groups before the point.
            let groups = (0..count)
                .map(|_| wire.u16())
                .collect::<Result<Vec<u16>>>()?;
            let group = |position: i32| -> u16 {
                let index = usize::try_from(weight - position).ok();
                index
                    .and_then(|index| groups.get(index).copied())
                    .unwrap_or(0)
            };
            if sign == NEGATIVE {
                out.push('-');
            }
            let _ = write!(out, "{}", if weight >= 0 { group(weight) } else { 0 });
            for position in (0..weight).rev() {
                let _ = write!(out, "{:04}", group(position));
            }
            if scale > 0 {
                out.push('.');
                let end = out.len() + scale;
                let mut position = -1;
                while out.len() < end {
                    let _ = write!(out, "{:04}", group(position));
                    position -= 1;
                }
                out.truncate(end);
            }
        }
        other => {
            return Err(Error::database(format!(
                "a numeric came with the sign {other:#x}, which this version does not know"
            )));
        }
    }
    wire.end()
}

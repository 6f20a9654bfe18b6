#[derive(serde::Deserialize)] struct Row { a: i64, b: f64, c: String }
const MASK: u32 = 0xFF_00; const MILLION: i64 = 1_000_000; const FLAG: u8 = 0b1010_0101; const MODE: u32 = 0o755;
const RATE: f64 = 1.50e3; const TINY: f32 = 0.001_f32; const RAW: &str = r#"a "quoted" \n"#; const BYTES: &[u8] = b"\x00ab"; const C: &core::ffi::CStr = c"text";
#[migration(table = "rows", filter = "a > 1 AND \
    b < 2")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let text = "one \
                line";
    let lines = "two
lines";
    let _ = ('a', '\'', '\u{e4}', b'x', b'\n', 1u8, 2_i64, 3., 4.0, -5, "ä", text, lines, 1e10, 0xABCu64);
    Ok(patch!(row { a: row.a * 100, b: row.b / 1.10, c: "\u{1F600}" }))
}

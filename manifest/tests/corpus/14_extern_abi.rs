extern { fn abs(n: i32) -> i32; }
extern "C" fn callback(n: i32) -> i32 { n }
unsafe extern "system" { safe fn other(n: i32); static FLAG: i32; }
type Callback = extern fn(i32) -> i32; type Plain = fn(i64, name: &str,) -> i64;
pub extern fn exported() {}
#[derive(serde::Deserialize)] struct Row { a: i32 }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> { let f: Callback = callback; Ok(patch!(row { a: f(unsafe { abs(row.a) }) })) }

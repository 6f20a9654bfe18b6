fn log(text: &str) -> () { println!("{text}") }
fn nothing<>() where {}
struct Holder<T:> { value: T }
trait Marker {} impl<T> Marker for Holder<T> {}
fn opaque() -> impl Iterator<Item = u8> + use<> { (0..3) }
fn pointer(f: &(dyn Fn() -> () + '_)) { f() }
#[derive(serde::Deserialize)] struct Row { a: i64 }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> { log("x"); nothing(); pointer(&|| ()); let _ = opaque(); Ok(patch!(row { a: 1 })) }

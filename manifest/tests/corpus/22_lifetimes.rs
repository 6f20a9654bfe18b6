use std::borrow::Cow;
struct Parser<'a, 'b: 'a> { text: &'a str, rest: Cow<'b, str> }
impl<'a, 'b> Parser<'a, 'b> { fn next<'c>(&'c mut self) -> Option<&'a str> where 'a: 'c, { self.text.split(',').next() } }
fn apply(f: impl for<'x> Fn(&'x str) -> &'x str, text: &'static str) -> &'static str { f(text) }
static mut COUNTER: u32 = 0; static NAMES: &'static [&'static str] = &["a", "b"];
#[derive(serde::Deserialize)] struct Row { text: String }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> { let mut parser = Parser { text: &row.text, rest: Cow::Borrowed("") }; let first = parser.next().unwrap_or(apply(|t| t, "none")).to_owned(); Ok(patch!(row { text: first })) }

use std::fmt::Debug;
#[derive(serde::Deserialize)] struct Wrapper<T> where T: Debug, { #[serde(bound = "")] value: T }
#[derive(serde::Deserialize)] struct Row { a: Vec::<i64>, }
trait Scale<Factor = i64>: Debug + Send { const BY: i64 = 2; type Out: Debug; fn scale(&self, factor: Factor) -> Self::Out where Self: Sized; fn twice(self) -> () where Self: Sized {} }
impl Scale for Row { type Out = i64; fn scale(&self, factor: i64,) -> i64 { self.a.iter().sum::<i64>() * factor } }
impl std::fmt::Debug for Row { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{:?}", self.a,) } }
fn pick<'a, T, const N: usize>(items: &'a [T; N], index: usize) -> Option<&'a T> where T: 'a, { items.get(index) }
fn each<F>(mut f: F) where F: FnMut(&i64) -> bool, { f(&1); }
fn boxed() -> Box<dyn Fn(i64) -> Result<i64, Box<dyn std::error::Error + Send + Sync>> + Send> { Box::new(|x| Ok(x)) }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> { each(|n| *n > 0); let _ = (pick(&[1, 2], 1), <Row as Scale>::BY, row.scale(2), boxed()(1)?); Ok(Patch::none()) }

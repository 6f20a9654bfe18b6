#[derive(serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash)] #[serde(rename_all = "snake_case")] #[repr(u8)]
enum Level { Low = 1, #[serde(alias = "mid")] Medium = 2, High = 1 << 2, }
#[derive(serde::Deserialize)] #[serde(untagged)] enum Value { Text(String,), Number { value: f64, }, Nothing, }
#[derive(serde::Deserialize)] struct Row { level: Level, value: Value }
impl Level { const ALL: [Level; 3] = [Level::Low, Level::Medium, Level::High]; pub const fn weight(self) -> u32 { match self { Self::Low => 1, Self::Medium => 10, Self::High => { 100 } } } #[cfg(test)] fn only_in_tests() {} }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> { use Level::*; Ok(match (row.level, row.value) { (Low, Value::Text(text)) if text.is_empty() => Patch::delete(), (Low | Medium, Value::Number { value, .. }) => Patch::none().set("v", value), _ => Patch::none() }) }

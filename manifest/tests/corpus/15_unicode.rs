//! Naïve names: ünïcödé.
#[derive(serde::Deserialize)] struct Größe { länge: i64, r#type: String }
#[migration(table = "größen \"x\"")]
fn up(_ctx: &mut Ctx, größe: Größe) -> Result<Patch> { let café = größe.länge * 2; Ok(patch!(größe { länge: café, r#type: "日本" })) }

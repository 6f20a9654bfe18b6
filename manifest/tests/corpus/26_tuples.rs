#[derive(serde::Deserialize)] struct Row(i64, String,);
type Pair = (i64, String,); type One = (i64,); const NONE: () = ();
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, Row(id, name): Row) -> Result<Patch> { let pair: Pair = (id, name); let (a, ..) = &pair; let one: One = (*a,); let (b,) = one; let nested = ((b, 1), [b; 2], (b)); Ok(Patch::none().set("id", nested.0.0 + nested.1[0])) }

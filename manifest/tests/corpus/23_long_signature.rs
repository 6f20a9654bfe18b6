#[derive(serde::Deserialize)] struct Row { id: i64 }
fn a_helper_with_many_arguments(first_argument: i64, second_argument: Option<String>, third_argument: &[u8], fourth: bool) -> std::result::Result<(i64, String), Box<dyn std::error::Error>> { let _ = (third_argument, fourth); Ok((first_argument, second_argument.unwrap_or_default())) }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> { let (id, _) = a_helper_with_many_arguments(row.id, Some("a long string literal to break the line".to_string()), b"bytes", true)?; if id > 3 && (row.id < 10 || row.id > 100) && !(row.id == 50) { Ok(patch!(row { id: id + 1 })) } else if id == 0 { Ok(Patch::delete()) } else { Ok(Patch::none()) } }

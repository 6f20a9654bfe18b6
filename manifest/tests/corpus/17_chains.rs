#[derive(serde::Deserialize)] struct Row { text: String }
#[migration(table = "rows")]
fn up(ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let words: Vec<String> = row.text.split_whitespace().map(str::to_lowercase).filter(|word| word.len() > 2 && !word.starts_with("http")).map(|word| word.trim_matches(|character: char| !character.is_alphanumeric()).to_owned()).collect();
    let found = ctx.db().query::<(i64, String)>("SELECT id, text FROM words WHERE text = ?1 ORDER BY id LIMIT 10", (&words[0],))?.into_iter().next().map(|(id, _)| id).unwrap_or_else(|| { 0 });
    let very_long_condition_name = words.len() > 10; let another_long_condition_name = found > 100; let x = very_long_condition_name && another_long_condition_name || !very_long_condition_name && found != 3 && words.is_empty();
    Ok(if x { Patch::none().set("a_rather_long_column_name", words.join(" ")).set("another_column_name", found).set("third", row.text.len() as i64) } else { Patch::delete() })
}

//! Answers every row with another one ahead of itself: would never end by itself.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Word {
    word: String,
}

#[migration(table = "words")]
fn up(ctx: &mut Ctx, word: Word) -> Result<Patch> {
    let next = match word.word.strip_prefix('a') {
        Some(number) => format!("a{:09}", number.parse::<u64>()? + 1),
        None => "a000000000".into(),
    };
    ctx.db()
        .execute("INSERT INTO words (word) VALUES ($1) ON CONFLICT DO NOTHING", next)?;
    Ok(Patch::none())
}

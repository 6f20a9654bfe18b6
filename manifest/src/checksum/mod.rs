//! The checksum `v1:` of a migration: SHA-256 over its normalised syntax tree, `up`, `down` and the rest apart.
//!
//! What formatting tools change does not count (layout, comments, import order, braces, trailing commas), nor do
//! docs, lints, `cfg(test)` items and tuning keys. Everything that can change what the migration does counts.
//! The stages: `normalise` rewrites the tree into one of many equivalent forms, `imports` and `attributes`
//! and `macros` do their share of it, `tokens` feeds the tree's tokens to the hash, literals by value.
//!
//! A stored checksum lives for years, so this algorithm never changes: another one gets another prefix, and
//! [`verify`] checks a recorded checksum with the algorithm that made it. The golden vectors watch over that.

mod attributes;
mod details;
mod imports;
mod literals;
mod macros;
mod normalise;
#[cfg(feature = "diff")]
mod readable;
mod tokens;

pub(crate) use attributes::is_migration;
use proc_macro2::TokenStream;
use quote::ToTokens;
#[cfg(feature = "diff")]
pub use readable::readable;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use syn::{File, Item, ItemFn};

/// The prefix of the algorithm that this version writes.
pub const ALGORITHM: &str = "v1";

/// The checksum of a migration and of its parts, each `v1:` and hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// Over the three parts.
    pub whole: String,
    /// The `up` function with its attribute; empty when there is none.
    pub up: String,
    /// The `down` function with its attribute; empty when there is none.
    pub down: String,
    /// Everything else in the file, and the files that `uses` names.
    pub rest: String,
    /// What `up` and `down` are made of, in short: only for naming what changed.
    pub details: String,
}

/// A file that a migration names with `uses`: it belongs to the checksum.
#[derive(Debug, Clone)]
pub struct UsedFile {
    /// The path as the attribute writes it.
    pub path: String,
    /// The bytes of the file.
    pub content: Vec<u8>,
}

/// A part of a migration, as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The `up` function.
    Up,
    /// The `down` function.
    Down,
    /// What the attribute of `up` says about its behaviour.
    UpAttributes,
    /// What the attribute of `down` says about its behaviour.
    DownAttributes,
    /// Everything else.
    Rest,
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Part::Up => "`up`",
            Part::Down => "`down`",
            Part::UpAttributes => "the behaviour attributes of `up`",
            Part::DownAttributes => "the behaviour attributes of `down`",
            Part::Rest => "the shared code around the steps",
        })
    }
}

/// What comparing a recorded checksum with a source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// The source is the one that was recorded.
    Match,
    /// The source differs, in these parts; none are named when only the whole was recorded.
    Mismatch {
        /// The parts that differ.
        parts: Vec<Part>,
    },
    /// The checksum was made by an algorithm that this version does not know.
    UnknownAlgorithm {
        /// What stands before the colon.
        algorithm: String,
    },
}

impl Checksum {
    /// The checksum of a parsed file and the files it uses.
    pub fn of(file: &File, uses: &[UsedFile]) -> Checksum {
        let mut file = file.clone();
        normalise::file(&mut file);
        let (up, down) = (take_step(&mut file, "up"), take_step(&mut file, "down"));
        let details = details::of([up.as_ref(), down.as_ref()]);
        let up = up.map(|step| part("up", step.into_token_stream()));
        let down = down.map(|step| part("down", step.into_token_stream()));
        let rest = rest(file, uses);
        let absent = String::new;
        let whole = whole(up.as_deref(), down.as_deref(), &rest);
        Checksum {
            whole,
            up: up.unwrap_or_else(absent),
            down: down.unwrap_or_else(absent),
            rest,
            details,
        }
    }

    /// The checksum of a source text.
    ///
    /// # Errors
    /// When the text is not valid Rust.
    pub fn of_source(source: &str, uses: &[UsedFile]) -> syn::Result<Checksum> {
        Ok(Checksum::of(&parse(source)?, uses))
    }

    /// The parts in which two checksums differ; without the older one's details, which may be empty, less closely.
    pub fn changed_parts(&self, then: &Checksum) -> Vec<Part> {
        let mut parts = Vec::new();
        for (step, same) in [self.up == then.up, self.down == then.down]
            .iter()
            .enumerate()
        {
            if !same {
                parts.extend(details::changed(step, &then.details, &self.details));
            }
        }
        if self.rest != then.rest {
            parts.push(Part::Rest);
        }
        parts
    }

    /// Whether a recorded checksum is made of these parts: a line that was edited by hand is not. `None` when it was made
    /// by an algorithm that this version does not know.
    pub fn is_made_of(recorded: &str, up: &str, down: &str, rest: &str) -> Option<bool> {
        let (algorithm, _) = recorded.split_once(':')?;
        let some = |part: &str| (!part.is_empty()).then(|| part.to_owned());
        let (up, down) = (some(up), some(down));
        (algorithm == ALGORITHM).then(|| whole(up.as_deref(), down.as_deref(), rest) == recorded)
    }
}

/// Compares a recorded checksum with a source, by the algorithm that made the recorded one.
///
/// # Errors
/// When the source is not valid Rust.
pub fn verify(recorded: &str, source: &str, uses: &[UsedFile]) -> syn::Result<Verification> {
    match recorded.split_once(':') {
        Some((ALGORITHM, _)) => {}
        other => {
            let algorithm = other.map_or("", |(algorithm, _)| algorithm).to_owned();
            return Ok(Verification::UnknownAlgorithm { algorithm });
        }
    }
    let same = Checksum::of_source(source, uses)?.whole == recorded;
    Ok(if same {
        Verification::Match
    } else {
        Verification::Mismatch { parts: Vec::new() }
    })
}

/// Parses a source as the checksum sees it: without byte order mark and carriage returns.
///
/// # Errors
/// When the text is not valid Rust.
pub fn parse(source: &str) -> syn::Result<File> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    if source.contains('\r') {
        syn::parse_file(&source.replace("\r\n", "\n"))
    } else {
        syn::parse_file(source)
    }
}

/// The digest of a whole folder, over every id and checksum in order.
pub fn digest<'a>(migrations: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut hash = Sha256::new();
    for (id, checksum) in migrations {
        hash.update(id.as_bytes());
        hash.update(b" ");
        hash.update(checksum.as_bytes());
        hash.update(b"\n");
    }
    hex(hash)
}

fn take_step(file: &mut File, name: &str) -> Option<ItemFn> {
    let index = file
        .items
        .iter()
        .position(|item| matches!(item, Item::Fn(function) if function.sig.ident == name))?;
    match file.items.remove(index) {
        Item::Fn(step) => Some(step),
        _ => None,
    }
}

fn part(name: &str, tokens: TokenStream) -> String {
    let mut hash = domain(name);
    tokens::feed(&mut hash, tokens);
    finish(hash)
}

fn rest(file: File, uses: &[UsedFile]) -> String {
    let mut hash = domain("rest");
    tokens::feed(&mut hash, file.into_token_stream());
    let mut uses: Vec<&UsedFile> = uses.iter().collect();
    uses.sort_by(|left, right| left.path.cmp(&right.path));
    uses.dedup_by(|left, right| left.path == right.path);
    for used in uses {
        tokens::feed_bytes(&mut hash, b'u', used.path.as_bytes());
        feed_used(&mut hash, used);
    }
    finish(hash)
}

/// Rust files count as code, other files as text: neither cares about line ends.
fn feed_used(hash: &mut Sha256, used: &UsedFile) {
    let text = std::str::from_utf8(&used.content).ok();
    let parsed = text
        .filter(|_| used.path.ends_with(".rs"))
        .and_then(|text| parse(text).ok());
    match (parsed, text) {
        (Some(mut file), _) => {
            normalise::file(&mut file);
            tokens::feed(hash, file.into_token_stream());
        }
        (None, Some(text)) => {
            let text = text
                .strip_prefix('\u{feff}')
                .unwrap_or(text)
                .replace("\r\n", "\n");
            tokens::feed_bytes(hash, b't', text.as_bytes());
        }
        (None, None) => tokens::feed_bytes(hash, b'b', &used.content),
    }
}

fn whole(up: Option<&str>, down: Option<&str>, rest: &str) -> String {
    let mut hash = domain("whole");
    for part in [up.unwrap_or(""), down.unwrap_or(""), rest] {
        tokens::feed_bytes(&mut hash, b'w', part.as_bytes());
    }
    finish(hash)
}

/// Each hash is over another domain, so that a part can never be taken for another.
fn domain(name: &str) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(format!("driftless {ALGORITHM} {name}\n"));
    hash
}

fn finish(hash: Sha256) -> String {
    format!("{ALGORITHM}:{}", hex(hash))
}

fn hex(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

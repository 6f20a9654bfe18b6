//! Merging the lock file: git keeps the lines of both sides by itself where `.gitattributes` says so.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Makes branches that each lock a migration merge without a conflict. Says which file was written; nothing is written outside
/// of git, or where somebody has said already how the file is merged.
pub(crate) fn keep_both_sides(lock_file: &Path) -> std::io::Result<Option<PathBuf>> {
    let (Some(folder), Some(name)) = (lock_file.parent(), lock_file.file_name()) else {
        return Ok(None);
    };
    let in_git = folder
        .ancestors()
        .any(|ancestor| ancestor.join(".git").exists());
    let path = folder.join(".gitattributes");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let name = name.to_string_lossy();
    let is_told = text.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some(&name) && words.any(|word| word.contains("merge"))
    });
    if !in_git || is_told {
        return Ok(None);
    }
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)?;
    let gap = match text.is_empty() || text.ends_with('\n') {
        true => "",
        false => "\n",
    };
    writeln!(file, "{gap}{name} merge=union")?;
    Ok(Some(path))
}

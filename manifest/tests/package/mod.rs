//! A package in a folder of its own, for one test.

#![allow(dead_code)] // Each test program uses its part of this.

use driftless_manifest::lock::{LockFile, path_for};
use driftless_manifest::{Fault, Scan, scan};
use std::path::{Path, PathBuf};

/// A migration without a fault.
pub const GOOD: &str = "//! Sets\n//! it.\n//!\n//! Details.\nuse driftless::prelude::*;\n#[derive(serde::Deserialize)]\nstruct Todo { id: i64 }\n\
                    #[migration(table = \"shop.todos\")]\nfn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {\n    Ok(patch!(todo { id: 1 }))\n}\n";

/// A package of its own for each test.
pub struct Package(pub PathBuf);

impl Package {
    pub fn new(name: &str) -> Package {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("migrations")).unwrap();
        Package(root)
    }

    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) -> &Package {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub fn scan(&self) -> Scan {
        scan(&self.0, "migrations")
    }

    pub fn lock_path(&self) -> PathBuf {
        path_for(&self.0.join("migrations"))
    }

    pub fn lock_now(&self) -> LockFile {
        let mut lock = LockFile::default();
        lock.add(&self.scan());
        lock
    }
}

pub fn places(faults: &[Fault]) -> Vec<String> {
    faults
        .iter()
        .map(|fault| format!("{} {}", fault.place(), fault.message()))
        .collect()
}

#[track_caller]
pub fn assert_places(faults: &[Fault], expected: &[&str]) {
    let places = places(faults);
    assert_eq!(places.len(), expected.len(), "{places:#?}");
    for (place, expected) in places.iter().zip(expected) {
        assert!(
            place.starts_with(expected),
            "{place}\n{expected}\n{places:#?}"
        );
    }
}

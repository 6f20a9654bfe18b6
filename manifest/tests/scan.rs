//! Scanning real folders: every fault at once and in its place; the lock file; the report of `check`.

use driftless_manifest::lock::{LockFile, path_for};
use driftless_manifest::{Fault, FaultKind, Scan, check, scan};
use std::path::{Path, PathBuf};

const GOOD: &str = "//! Sets\n//! it.\n//!\n//! Details.\nuse driftless::prelude::*;\n#[derive(serde::Deserialize)]\nstruct Todo { id: i64 }\n\
                    #[migration(table = \"shop.todos\")]\nfn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {\n    Ok(patch!(todo { id: 1 }))\n}\n";

/// A package of its own for each test.
struct Package(PathBuf);

impl Package {
    fn new(name: &str) -> Package {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("migrations")).unwrap();
        Package(root)
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) -> &Package {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn scan(&self) -> Scan {
        scan(&self.0, "migrations")
    }

    fn lock_path(&self) -> PathBuf {
        path_for(&self.0.join("migrations"))
    }

    fn lock_now(&self) -> LockFile {
        let mut lock = LockFile::default();
        lock.add(&self.scan());
        lock
    }
}

fn places(faults: &[Fault]) -> Vec<String> {
    faults
        .iter()
        .map(|fault| format!("{} {}", fault.place(), fault.message()))
        .collect()
}

#[track_caller]
fn assert_places(faults: &[Fault], expected: &[&str]) {
    let places = places(faults);
    assert_eq!(places.len(), expected.len(), "{places:#?}");
    for (place, expected) in places.iter().zip(expected) {
        assert!(
            place.starts_with(expected),
            "{place}\n{expected}\n{places:#?}"
        );
    }
}

#[test]
fn a_good_folder_is_read_in_id_order() {
    let package = Package::new("good");
    package
        .write("migrations/20260201_000000_b.rs", GOOD)
        .write("migrations/sub/20260101_000000_a.rs", GOOD);
    package
        .write("migrations/README.md", "x")
        .write("migrations/.gitkeep", "")
        .write("migrations/.idea/x", "");
    let scan = package.scan();
    assert_eq!(scan.faults, []);
    assert_eq!(
        scan.migrations
            .iter()
            .map(|m| m.file.as_str())
            .collect::<Vec<_>>(),
        ["sub/20260101_000000_a.rs", "20260201_000000_b.rs"]
    );
    let first = &scan.migrations[0];
    assert_eq!(
        (first.id.as_str(), first.description.as_str()),
        ("20260101_000000_a", "Sets it.")
    );
    assert_eq!(first.package_file, "migrations/sub/20260101_000000_a.rs");
    assert_eq!(first.tables[0].to_string(), "shop.todos");
    assert_eq!(first.source, GOOD);
    assert_eq!(scan.digest().len(), 64);
}

#[test]
fn every_fault_is_told_at_once_each_at_its_line_and_column() {
    let package = Package::new("faults");
    package
        .write(
            "migrations/20260101_000000_path.rs",
            GOOD.replace("id: 1", "id: crate::ID"),
        )
        .write(
            "migrations/20260102_000000_key.rs",
            GOOD.replace("table =", "tabel ="),
        )
        .write(
            "migrations/20260103_000000_shape.rs",
            GOOD.replace("todo: Todo)", "todo: &Todo)")
                .replace("&mut Ctx", "&Ctx"),
        )
        .write("migrations/20260104_000000_syntax.rs", "fn up( {\n")
        .write("migrations/20260105_000000_none.rs", "")
        .write("migrations/20260106_000000_bytes.rs", b"fn \xff() {}")
        .write(
            "migrations/20260107_000000_module.rs",
            format!("{GOOD}mod elsewhere;\n"),
        )
        .write(
            "migrations/20260108_000000_huge.rs",
            " ".repeat(1024 * 1024 + 1),
        )
        .write("migrations/data.sql", "")
        .write("migrations/mod.rs", "");
    assert_places(
        &package.scan().faults,
        &[
            "migrations/20260101_000000_path.rs:10:26 `crate` names code outside",
            "migrations/20260102_000000_key.rs:8:13 unknown key `tabel`",
            "migrations/20260103_000000_shape.rs:9:13 the first argument of a step is `&mut Ctx`",
            "migrations/20260103_000000_shape.rs:9:25 the document is handed over by value",
            "migrations/20260104_000000_syntax.rs:1:8 this is not valid Rust: a bracket or a quote is not closed",
            "migrations/20260105_000000_none.rs:1:1 this migration has no `up`",
            "migrations/20260106_000000_bytes.rs:1:1 this file is not UTF-8: byte 3",
            "migrations/20260107_000000_module.rs:12:5 `mod elsewhere;`",
            "migrations/20260108_000000_huge.rs:1:1 this file has 1048577 bytes",
            "migrations/data.sql:1:1 `data.sql` is not a migration",
            "migrations/mod.rs:1:1 `mod.rs` is not a migration",
        ],
    );
}

#[test]
fn a_missing_folder_is_a_fault_and_an_empty_one_is_not() {
    let package = Package::new("missing");
    assert_eq!(package.scan().faults, []);
    assert_places(
        &scan(&package.0, "nowhere").faults,
        &["nowhere there is no migrations folder `nowhere`"],
    );
}

#[test]
fn ids_and_timestamps_are_used_once() {
    let package = Package::new("collisions");
    package
        .write("migrations/20260101_000000_a.rs", GOOD)
        .write("migrations/x/20260101_000000_a.rs", GOOD);
    package.write("migrations/y/20260101_000000_b.rs", GOOD);
    let scan = package.scan();
    assert_places(
        &scan.faults,
        &[
            "migrations/x/20260101_000000_a.rs:1:1 the id `20260101_000000_a` is used twice",
            "migrations/y/20260101_000000_b.rs:1:1 `20260101_000000_a.rs` has the same timestamp",
        ],
    );
    assert_eq!(scan.migrations.len(), 2);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_loops_are_faults() {
    let package = Package::new("links");
    package.write("elsewhere/20260101_000000_a.rs", GOOD);
    std::os::unix::fs::symlink(
        package.0.join("elsewhere"),
        package.0.join("migrations/linked"),
    )
    .unwrap();
    std::os::unix::fs::symlink(
        package.0.join("migrations"),
        package.0.join("migrations/again"),
    )
    .unwrap();
    std::os::unix::fs::symlink(
        package.0.join("gone"),
        package.0.join("migrations/20260102_000000_gone.rs"),
    )
    .unwrap();
    let scan = package.scan();
    assert_eq!(scan.migrations.len(), 1);
    assert!(
        scan.faults
            .iter()
            .any(|fault| matches!(fault.kind, FaultKind::LinkLoop { .. })),
        "{:?}",
        scan.faults
    );
    assert_eq!(scan.faults.len(), 2, "{:?}", scan.faults);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_unicode_is_a_fault() {
    use std::os::unix::ffi::OsStrExt;
    let package = Package::new("unicode");
    let name = std::ffi::OsStr::from_bytes(b"20260101_000000_\xff.rs");
    if std::fs::write(package.0.join("migrations").join(name), "").is_ok() {
        assert!(matches!(
            package.scan().faults[0].kind,
            FaultKind::NameNotUnicode { .. }
        ));
    }
}

#[test]
fn byte_order_mark_and_line_ends_do_not_count_and_places_stay_true() {
    let package = Package::new("line-ends");
    let broken = GOOD.replace("id: 1", "id: crate::ID");
    package.write(
        "migrations/20260101_000000_a.rs",
        format!("\u{feff}{}", broken.replace('\n', "\r\n")),
    );
    package.write("migrations/20260102_000000_b.rs", broken);
    let scan = package.scan();
    assert_eq!(scan.migrations[0].checksum, scan.migrations[1].checksum);
    assert_places(
        &scan.faults,
        &[
            "migrations/20260101_000000_a.rs:10:26",
            "migrations/20260102_000000_b.rs:10:26",
        ],
    );
}

#[test]
fn the_lock_file_is_read_back_and_only_added_to() {
    let package = Package::new("lock");
    package.write("migrations/20260101_000000_a.rs", GOOD);
    let mut lock = package.lock_now();
    lock.write(&package.lock_path()).unwrap();
    assert_eq!(package.lock_path(), package.0.join("migrations.lock"));
    let text = std::fs::read_to_string(package.lock_path()).unwrap();
    assert!(
        text.starts_with("# driftless migrations lock, version 1\n20260101_000000_a v1:"),
        "{text}"
    );

    package
        .write(
            "migrations/20260101_000000_a.rs",
            GOOD.replace("id: 1", "id: 2"),
        )
        .write("migrations/20260102_000000_b.rs", GOOD);
    assert_eq!(lock.add(&package.scan()), ["20260102_000000_b"]);
    assert!(lock.to_text().starts_with(&text), "a locked line changed");
    assert_eq!(LockFile::parse(&lock.to_text()).unwrap().iter().count(), 2);
    assert_eq!(lock.add(&package.scan()), [] as [String; 0]);
}

#[test]
fn lines_of_two_branches_merge_in_any_order() {
    let package = Package::new("merge");
    package
        .write("migrations/20260101_000000_a.rs", GOOD)
        .write("migrations/20260102_000000_b.rs", GOOD);
    let text = package.lock_now().to_text();
    let lines: Vec<&str> = text.lines().collect();
    let merged = format!(
        "{}\r\n{}\r\n\r\n{}\r\n{}",
        lines[0], lines[2], lines[1], lines[2]
    );
    assert_eq!(LockFile::parse(&merged).unwrap().to_text(), text);
    let conflicting = format!("{text}{}", lines[1].replace("v1:", "v1:0"));
    assert!(
        LockFile::parse(&conflicting)
            .unwrap_err()
            .to_string()
            .contains("recorded twice with different checksums")
    );
}

#[test]
fn other_lock_files_are_refused_with_the_reason() {
    let reason = |text: &str| LockFile::parse(text).unwrap_err().to_string();
    assert!(
        reason("# driftless migrations lock, version 2\n")
            .contains("is of version 2, and this driftless knows version 1")
    );
    for text in [
        "",
        "id v1:a\n",
        "# driftless migrations lock, version x\n",
        "# driftless migrations lock, version 0\n",
        "# driftless migrations lock, version 1\n<<<<<<< HEAD\n",
        "# driftless migrations lock, version 1\na v1:a v1:b - v1:c\n",
        "# driftless migrations lock, version 1\n20260101_000000_a a b c d\n",
    ] {
        assert!(reason(text).contains("is not understood"), "{text}");
    }
}

#[test]
fn whatever_happened_to_a_locked_migration_is_told() {
    let package = Package::new("verify");
    for (day, number) in [(1, 1), (2, 2), (3, 3), (4, 4)] {
        package.write(
            &format!("migrations/202601{day:02}_000000_m.rs"),
            GOOD.replace("id: 1", &format!("id: {number}")),
        );
    }
    let lock = package.lock_now();
    assert_eq!(lock.verify(&package.scan()), []);
    assert_eq!(
        lock.verify(&{
            package.write("migrations/20260101_000000_m.rs", format!("// x\n{GOOD}"));
            package.scan()
        }),
        []
    );

    package.write(
        "migrations/20260101_000000_m.rs",
        GOOD.replace("id: 1", "id: 9").replace("id: i64", "id: i32"),
    );
    std::fs::rename(
        package.0.join("migrations/20260102_000000_m.rs"),
        package.0.join("migrations/20260102_000000_n.rs"),
    )
    .unwrap();
    std::fs::remove_file(package.0.join("migrations/20260103_000000_m.rs")).unwrap();
    package.write(
        "migrations/20260103_120000_early.rs",
        GOOD.replace("id: 1", "id: 7"),
    );
    package.write(
        "migrations/20260105_000000_late.rs",
        GOOD.replace("id: 1", "id: 8"),
    );
    assert_places(
        &lock.verify(&package.scan()),
        &[
            "migrations/20260101_000000_m.rs:1:1 `20260101_000000_m` is released and locked, but `up` and the shared code around the steps changed since",
            "migrations/20260102_000000_n.rs:1:1 `20260102_000000_m` is released and locked, but its file is now called",
            "migrations.lock `20260103_000000_m` is released and locked, but its file is gone",
            "migrations/20260103_120000_early.rs:1:1 `20260103_120000_early` is new but sorts before `20260104_000000_m`",
        ],
    );
    let unknown = LockFile::parse(&lock.to_text().replace("v1:", "v7:")).unwrap();
    assert!(matches!(
        unknown.verify(&package.scan())[0].kind,
        FaultKind::LockedAlgorithm { .. }
    ));
}

#[test]
fn a_locked_file_that_cannot_be_read_is_not_called_removed() {
    let package = Package::new("unreadable");
    package.write("migrations/20260101_000000_a.rs", GOOD);
    let lock = package.lock_now();
    package.write("migrations/20260101_000000_a.rs", "fn up( {");
    let scan = package.scan();
    assert_eq!((scan.faults.len(), lock.verify(&scan)), (1, vec![]));
}

#[test]
fn check_reports_what_is_there_and_what_is_wrong() {
    let package = Package::new("check");
    package.write("migrations/20260101_000000_a.rs", GOOD);
    package.lock_now().write(&package.lock_path()).unwrap();
    package
        .write(
            "migrations/20260102_000000_b.rs",
            GOOD.replace("crate", "x"),
        )
        .write("migrations/notes.txt", "");
    let report = check::report(&package.0, "migrations");
    let flags: Vec<_> = report
        .migrations
        .iter()
        .map(|m| (m.id.as_str(), m.locked, m.has_down, m.tables.join(",")))
        .collect();
    assert_eq!(
        flags,
        [
            ("20260101_000000_a", true, false, "shop.todos".to_owned()),
            ("20260102_000000_b", false, false, "shop.todos".to_owned())
        ]
    );
    assert_eq!(report.problems.len(), 1);
    assert_eq!(
        (
            report.problems[0].place().as_str(),
            report.problems[0].label.as_str()
        ),
        ("migrations/notes.txt:1:1", "not a migration")
    );
    let json = serde_json::to_value(&report).unwrap();
    let keys = |value: &serde_json::Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        keys(&json["migrations"][0]),
        "checksum description file has_down id locked tables"
    );
    assert_eq!(
        keys(&json["problems"][0]),
        "column file hint label line message"
    );
}

#[test]
fn no_message_ends_in_a_dot_or_starts_with_a_capital() {
    let package = Package::new("voice");
    package
        .write("migrations/A.rs", "")
        .write("migrations/20260101_000000_a.rs", "fn down() {}")
        .write("migrations/x.sql", "");
    package.write(
        "migrations/20260102_000000_a.rs",
        "#[migration(x)] fn y(&self) {}",
    );
    for fault in package.scan().faults {
        for text in [fault.message(), fault.hint()] {
            assert!(
                !text.ends_with('.') && !text.starts_with(char::is_uppercase),
                "{text}"
            );
        }
    }
}

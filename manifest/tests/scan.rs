//! Scanning real folders: every fault at once and in its place; the report of `check`.

mod package;

use driftless_manifest::{FaultKind, check, scan};
use package::{GOOD, Package, assert_places};

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

#[test]
fn files_that_no_editor_wrote_are_faults_and_never_read_for_ever() {
    let package = Package::new("unreadable_files");
    let huge = "// filler\n".repeat(120_000);
    package
        .write("migrations/20260101_000000_huge.rs", huge)
        .write("migrations/20260102_000000_latin.rs", b"// caf\xe9\n")
        .write(
            "migrations/20260103_000000_tabs.rs",
            GOOD.replace("    ", "\t"),
        );
    let mut expected = vec![
        "migrations/20260101_000000_huge.rs:1:1 this file has 1200000 bytes, and 1048576 is the limit",
        "migrations/20260102_000000_latin.rs:1:1 this file is not UTF-8: byte 6 is wrong",
    ];
    if cfg!(unix) {
        #[cfg(unix)]
        std::os::unix::fs::symlink(
            "/dev/zero",
            package.0.join("migrations/20260104_000000_endless.rs"),
        )
        .unwrap();
        expected.push("migrations/20260104_000000_endless.rs:1:1 this file cannot be read: it is no regular file");
    }
    let scan = package.scan();
    assert_places(&scan.faults, &expected);
    let tabs = &scan.migrations[0].checksum.whole;
    package.write("migrations/20260103_000000_tabs.rs", GOOD);
    assert_eq!(*tabs, package.scan().migrations[0].checksum.whole);
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

#[test]
fn two_packages_that_share_a_folder_see_the_same_migrations() {
    let shared = Package::new("shared");
    let text = GOOD.replace("table =", "uses(\"src/price.rs\"), table =");
    shared
        .write("one/Cargo.toml", "[package]\n")
        .write("one/src/price.rs", "pub const PRICE: i64 = 1;")
        .write("one/migrations/20260101_000000_a.rs", text)
        .write("two/Cargo.toml", "[package]\n")
        .write("two/src/price.rs", "pub const PRICE: i64 = 2;");
    let one = scan(shared.0.join("one"), "migrations");
    let two = scan(shared.0.join("two"), "../one/migrations");
    assert_eq!((&one.faults, &two.faults), (&vec![], &vec![]));
    assert_eq!(one.digest(), two.digest());
    assert_eq!(
        one.migrations[0].package_file,
        two.migrations[0].package_file
    );
    let [one, two] =
        [("one", "migrations"), ("two", "../one/migrations")].map(|(package, folder)| {
            driftless_manifest::command::lock(&shared.0.join(package), folder.as_ref())
                .unwrap()
                .added
                .len()
        });
    assert_eq!((one, two), (1, 0), "one lock file, beside the folder");
}

//! The lock file: what it says, what it refuses, and what it finds out about a folder.

mod package;

use driftless_manifest::FaultKind;
use driftless_manifest::checksum::Part;
use driftless_manifest::lock::LockFile;
use driftless_manifest::{command, retire};
use package::{GOOD, Package, assert_places};

#[test]
fn the_lock_file_is_read_back_and_only_added_to() {
    let package = Package::new("lock");
    package.write("migrations/20260101_000000_a.rs", GOOD);
    let mut lock = package.lock_now();
    lock.write(&package.lock_path()).unwrap();
    assert_eq!(package.lock_path(), package.0.join("migrations.lock"));
    let text = std::fs::read_to_string(package.lock_path()).unwrap();
    assert!(
        text.starts_with("# driftless migrations lock, version 2\n20260101_000000_a v1:"),
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
fn lines_that_a_merge_left_twice_are_one_and_two_checksums_of_one_migration_are_an_error() {
    let package = Package::new("merge");
    package
        .write("migrations/20260101_000000_a.rs", GOOD)
        .write("migrations/20260102_000000_b.rs", GOOD);
    let text = package.lock_now().to_text();
    let lines: Vec<&str> = text.lines().collect();
    let merged = format!(
        "{0}\r\n{1}\r\n{0}\r\n\r\n{2}\r\n{2} retired\r\n{1}",
        lines[0], lines[1], lines[2]
    );
    let lock = LockFile::parse(&merged).unwrap();
    assert_eq!(lock.to_text(), format!("{} retired\n", text.trim_end()));
    assert_eq!(lock.retired().len(), 1, "retired on one of the branches");

    package.write(
        "migrations/20260102_000000_b.rs",
        GOOD.replace("id: 1", "id: 2"),
    );
    let other = package.lock_now().to_text();
    let conflicting = format!("{text}{}", other.lines().last().unwrap());
    assert_says(
        &reason(&conflicting),
        "line 4: this line of the lock file is not understood: `20260102_000000_b` is recorded twice with different checksums",
    );
}

fn reason(text: &str) -> String {
    LockFile::parse(text).unwrap_err().to_string()
}

#[track_caller]
fn assert_says(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is missing in: {text}");
}

#[test]
fn a_lock_file_that_is_not_what_driftless_wrote_is_refused_with_the_reason() {
    let package = Package::new("damaged");
    package.write("migrations/20260101_000000_a.rs", GOOD);
    let text = package.lock_now().to_text();
    let line = text.lines().nth(1).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let with = |line: &str| format!("# driftless migrations lock, version 2\n{line}\n");
    for (text, says) in [
        ("", "it starts with"),
        ("id v1:a\n", "it starts with"),
        (
            "# driftless migrations lock, version x\n",
            "`x` is no version",
        ),
        (
            "# driftless migrations lock, version 0\n",
            "`0` is no version",
        ),
        (
            "# driftless migrations lock, version 3\n",
            "is of version 3, and this driftless knows version 2; update driftless",
        ),
        (
            "<<<<<<< HEAD\n# driftless migrations lock, version 2\n",
            "line 1: the lock file has a merge conflict",
        ),
        (
            &with("<<<<<<< HEAD"),
            "line 2: the lock file has a merge conflict; keep the lines of both sides",
        ),
        (
            &with(&format!("{line}\n=======")),
            "line 3: the lock file has a merge conflict",
        ),
        (
            &with("a v1:a v1:b - v1:c"),
            "`a` is not the id of a migration",
        ),
        (&with("20260101_000000_a a b c d"), "`a` is not a checksum"),
        (&with(&line.replace("v1:", "V")), "is not a checksum"),
        (
            &with(&words[..3].join(" ")),
            "3 words where `id checksum up down rest details` is expected",
        ),
        (&with(&line[..200]), "is cut off"),
        (
            &with(&format!("{} {}", words[..4].join(" "), &words[4][..40])),
            "is cut off",
        ),
        (
            &with(&line[..line.len() - 3]),
            "is neither details nor `retired`",
        ),
        (&with(&format!("{line} retire")), "words where"),
        (
            &with(&[words[0], words[1], words[4], words[3], words[2]].join(" ")),
            "do not belong together; it was edited by hand",
        ),
    ] {
        assert_says(&reason(text), says);
    }
    std::fs::write(package.lock_path(), b"# driftless \xff\xfe").unwrap();
    let unreadable = LockFile::read(&package.lock_path())
        .unwrap_err()
        .to_string();
    assert_says(&unreadable, "the lock file cannot be read");
    let spaced = with(&line.replace(' ', " \t ")).replace('\n', "\r\n");
    let read = LockFile::parse(&format!("\u{feff}{spaced}")).unwrap();
    assert_eq!(
        read.to_text(),
        text,
        "byte order mark, tabs and line ends do not matter"
    );
}

#[test]
fn a_lock_file_of_version_1_is_read_and_what_is_added_to_it_makes_it_version_2() {
    let package = Package::new("version_1");
    package.write("migrations/20260101_000000_a.rs", GOOD);
    let text = package.lock_now().to_text();
    let short = |line: &str| line.split(' ').take(5).collect::<Vec<_>>().join(" ");
    let old = format!(
        "# driftless migrations lock, version 1\n{}\n",
        short(text.lines().nth(1).unwrap())
    );
    let mut lock = LockFile::parse(&old).unwrap();
    assert_eq!(lock.verify(&package.scan()), []);
    package.write("migrations/20260102_000000_b.rs", GOOD);
    lock.add(&package.scan());
    let text = lock.to_text();
    assert_says(&text, old.lines().nth(1).unwrap());
    assert_says(&text, "lock, version 2");
    package.write(
        "migrations/20260101_000000_a.rs",
        GOOD.replace("shop.todos", "todos"),
    );
    assert_says(
        &lock.verify(&package.scan())[0].message(),
        "but `up` changed since",
    );
}

#[test]
fn the_part_that_changed_is_named() {
    const BOTH: &str = "#[migration(table = \"shop.todos\", filter = \"id > 1\")]\nfn down(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {\n    Ok(patch!(todo { id: 2 }))\n}\n";
    let package = Package::new("parts");
    let text = format!("{GOOD}{BOTH}");
    package.write("migrations/20260101_000000_a.rs", &text);
    let lock = package.lock_now();
    let all = ("id: 1", "id: 9");
    for (edits, says) in [
        (&[all][..], "`up`"),
        (&[("id: 2", "id: 9")], "`down`"),
        (
            &[("id: i64", "id: i32")],
            "the shared code around the steps",
        ),
        (
            &[("id > 1", "id > 2")],
            "the behaviour attributes of `down`",
        ),
        (
            &[all, ("shop.todos", "todos")],
            "`up` and the behaviour attributes of `up` and the behaviour attributes of `down`",
        ),
    ] {
        let edited = edits
            .iter()
            .fold(text.clone(), |text, (from, to)| text.replace(from, to));
        package.write("migrations/20260101_000000_a.rs", edited);
        assert_says(
            &lock.verify(&package.scan())[0].message(),
            &format!("released and locked, but {says} changed since"),
        );
    }
    package.write(
        "migrations/20260101_000000_a.rs",
        text.replace("filter", "batch_size = 5, filter"),
    );
    assert_eq!(lock.verify(&package.scan()), [], "tuning is no change");
}

#[test]
fn what_after_names_exists_and_sorts_before() {
    let package = Package::new("after");
    let after = |id: &str| GOOD.replace("table =", &format!("after = \"{id}\", table ="));
    package
        .write("migrations/20260102_000000_b.rs", GOOD)
        .write("migrations/20260103_000000_c.rs", after("20260102_000000_b"))
        .write("migrations/20260104_000000_d.rs", after("20260102_000000_x"))
        .write("migrations/20260105_000000_e.rs", after("20260105_000000_e"))
        .write("migrations/20260106_000000_f.rs", after("20260107_000000_g"))
        .write("migrations/20260107_000000_g.rs", after("the_other_one"))
        .write("migrations/20260108_000000_h.rs", GOOD.replace("fn up", "fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> { Ok(patch!(todo { id: 1 })) }\n#[migration(table = \"t\", after = \"20260102_000000_b\")]\nfn down"));
    let (scan, _) = driftless_manifest::lock::enforce(package.scan());
    let mut faults = scan.faults.clone();
    faults.sort_by(|one, other| one.file.cmp(&other.file));
    assert_places(
        &faults,
        &[
            "migrations/20260104_000000_d.rs:8:21 `after` names `20260102_000000_x`, and there is no such migration",
            "migrations/20260105_000000_e.rs:8:21 `after` names `20260105_000000_e`, which does not sort before",
            "migrations/20260106_000000_f.rs:8:21 `after` names `20260107_000000_g`, which does not sort before",
            "migrations/20260107_000000_g.rs:8:21 `the_other_one` is not the id of a migration",
            "migrations/20260108_000000_h.rs:10:34 `after` stands on `down`",
        ],
    );
    assert_says(&faults[0].hint(), "did you mean `20260102_000000_b`?");
    let [with, without] = [after("20260102_000000_b"), GOOD.to_owned()].map(|text| {
        package.write("migrations/20260103_000000_c.rs", text);
        package
            .scan()
            .get("20260103_000000_c")
            .unwrap()
            .checksum
            .clone()
    });
    assert_eq!(
        with.changed_parts(&without),
        [Part::UpAttributes],
        "a dependency is behaviour"
    );
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
fn two_branches_merge_in_git_when_their_order_allows_it_and_fail_the_check_when_it_does_not() {
    let package = Package::new("branches");
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(["-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(&package.0)
            .output()
            .expect("git");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
    };
    let migration = |day: u8| format!("migrations/202601{day:02}_000000_m.rs");
    let branch = |name: &str, from: &str, day: u8| {
        git(&["checkout", "-q", "-b", name, from]);
        package.write(
            &migration(day),
            GOOD.replace("id: 1", &format!("id: {day}")),
        );
        command::lock(&package.0, "migrations".as_ref()).unwrap();
        git(&["add", "."]);
        git(&["commit", "-q", "-m", name]);
    };
    let merge = |branch: &str| git(&["merge", "-q", "-m", "merge", branch]);
    git(&["init", "-q"]);
    package.write("Cargo.toml", "[package]\n");
    git(&["commit", "-q", "--allow-empty", "-m", "empty"]);
    branch("base", "main", 1);
    for (name, day) in [("early", 2), ("middle", 3), ("late", 4)] {
        branch(name, "base", day);
    }
    git(&["checkout", "-q", "base"]);
    merge("early");
    merge("late");
    let (report, code) = command::check(&package.0, "migrations".as_ref());
    assert_eq!((report.problems.len(), code), (0, 0), "{report}");
    assert_eq!(report.migrations.iter().filter(|one| one.locked).count(), 3);

    merge("middle");
    let (report, code) = command::check(&package.0, "migrations".as_ref());
    assert_eq!(code, 1, "{report}");
    assert_says(
        &report.to_string(),
        "migrations/20260103_000000_m.rs:1:1: `20260103_000000_m` was released after `20260104_000000_m`, which sorts after it",
    );
    let refused = command::lock(&package.0, "migrations".as_ref()).unwrap_err();
    assert_says(&refused.to_string(), "nothing was locked");
}

#[test]
fn retiring_removes_the_files_and_keeps_what_history_needs() {
    let package = Package::new("retire");
    for day in 1..=4 {
        package.write(
            &format!("migrations/2026010{day}_000000_m.rs"),
            GOOD.replace("id: 1", &format!("id: {day}")),
        );
    }
    let folder = std::path::Path::new("migrations");
    let plan = |before: &str| retire::plan(&package.0, folder, before);
    assert_says(
        &plan("20260103_000000_m").unwrap_err().to_string(),
        "`20260101_000000_m` is not locked",
    );
    command::lock(&package.0, folder).unwrap();
    let unknown = plan("20260103_000000_x").unwrap_err();
    assert_says(&unknown.to_string(), "did you mean `20260103_000000_m`?");
    assert!(package.0.join("migrations/20260101_000000_m.rs").exists());
    let retired = plan("20260103_000000_m").unwrap().carry_out().unwrap();
    assert_eq!(retired.retired, ["20260101_000000_m", "20260102_000000_m"]);
    assert_eq!(retired.baseline.as_deref(), Some("20260102_000000_m"));
    let (report, code) = command::check(&package.0, folder);
    assert_eq!(
        (report.to_string().as_str(), code),
        ("2 migrations, 2 locked, 2 retired, no problems", 0)
    );
    package.write(
        "migrations/20260105_000000_n.rs",
        GOOD.replace("table =", "after = \"20260102_000000_m\", table ="),
    );
    assert_eq!(
        command::check(&package.0, folder).1,
        0,
        "what is retired was applied"
    );

    package.write("migrations/20260101_000000_m.rs", GOOD);
    let (report, _) = command::check(&package.0, folder);
    assert_says(
        &report.to_string(),
        "`20260101_000000_m` is retired, and its file is here again",
    );
    let again = plan("20260103_000000_m").unwrap().carry_out().unwrap();
    assert_eq!(
        again.retired,
        ["20260101_000000_m"],
        "an interrupted one is finished"
    );
    package.write("migrations/20260102_120000_early.rs", GOOD);
    let (report, _) = command::check(&package.0, folder);
    assert_says(
        &report.to_string(),
        "is new but sorts before `20260103_000000_m`",
    );
}

#[test]
fn checking_thousands_of_locked_files_takes_no_longer_than_a_hook_may() {
    let package = Package::new("thousands");
    for number in 0..2_000 {
        let (hour, minute) = (number / 60, number % 60);
        package.write(
            &format!(
                "migrations/202601{:02}_{:02}{minute:02}00_m.rs",
                1 + hour / 24,
                hour % 24
            ),
            GOOD.replace("id: 1", &format!("id: {number}")),
        );
    }
    command::lock(&package.0, "migrations".as_ref()).unwrap();
    let started = std::time::Instant::now();
    let (report, code) = command::check(&package.0, "migrations".as_ref());
    let took = started.elapsed();
    assert_eq!((report.migrations.len(), code), (2_000, 0));
    // Without optimisation, beside other tests; `cargo migrate` as it is installed takes a tenth of it.
    assert!(took.as_secs() < 10, "{took:?}");
    println!("{took:?}");
}

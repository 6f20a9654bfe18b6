//! `create`, `lock`, `check`: what they write, and what they say when they cannot.

use crate::project::{Project, package};

#[test]
fn the_first_create_wires_everything_and_later_ones_only_add_a_file() {
    let project = Project::new();
    let created = project.migrate("create Add Priority!").expect(0);
    let files = project.migrations();
    let [first] = files.as_slice() else {
        panic!("{files:?}")
    };
    assert!(first.ends_with("_add_priority.rs"), "{first}");
    insta::assert_snapshot!(created.out.replace(first, "migrations/ID.rs"), @r#"
    created migrations/ID.rs
    edited Cargo.toml: driftless in [dependencies], serde in [dependencies], driftless-manifest in [build-dependencies], default-run = "shop", so that `cargo run` still runs it
    created build.rs
    created src/bin/migrate.rs
    created driftless.toml
    "#);
    assert!(
        project
            .read("src/bin/migrate.rs")
            .contains("driftless::migrations!(\"migrations\")")
    );
    assert!(
        project
            .read("build.rs")
            .contains("driftless_manifest::watch(\"migrations\");")
    );
    assert!(
        project
            .read("driftless.toml")
            .lines()
            .all(|line| line.is_empty() || line.starts_with('#'))
    );

    let before = [
        project.read("Cargo.toml"),
        project.read("build.rs"),
        project.read("src/bin/migrate.rs"),
        project.read("driftless.toml"),
    ];
    let again = project
        .migrate("create add priority --json")
        .expect(0)
        .json();
    let files = project.migrations();
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(
        again["file"],
        files[1].as_str(),
        "it sorts after the first, also within the same second"
    );
    let after = [
        project.read("Cargo.toml"),
        project.read("build.rs"),
        project.read("src/bin/migrate.rs"),
        project.read("driftless.toml"),
    ];
    assert_eq!(before, after);
}

#[test]
fn a_project_on_postgres_gets_the_feature() {
    let project = Project::new();
    project.write(
        "driftless.toml",
        "[database]\nurl = \"postgres://shop@localhost/shop\"\n",
    );
    let created = project.migrate("create first").expect(0);
    assert!(
        project
            .read("Cargo.toml")
            .contains("features = [\"cli\", \"postgres\"]"),
        "{}",
        project.read("Cargo.toml")
    );
    assert!(
        !created.err.contains("name the database"),
        "it is named: {}",
        created.err
    );
}

#[test]
fn nothing_is_overwritten() {
    let build = "fn main() {\n    println!(\"cargo::rerun-if-changed=x\");\n}\n";
    let configuration = "[database]\nurl = \"sqlite://mine.db\"\n";
    let project = Project::new();
    project.write("build.rs", build);
    project.write("driftless.toml", configuration);
    let created = project.migrate("create first").expect(0);
    assert!(
        created.out.contains("edited build.rs: watches the folder"),
        "{}",
        created.out
    );
    assert_eq!(
        project.read("build.rs"),
        build.replace("{\n", "{\n    driftless_manifest::watch(\"migrations\");\n")
    );
    assert_eq!(project.read("driftless.toml"), configuration);

    let project = Project::new();
    project.write("build.rs", "ours::main!();\n");
    let created = project.migrate("create first").expect(0);
    assert!(
        created.err.contains(
            "to do: add this line to `main` in build.rs: driftless_manifest::watch(\"migrations\");"
        ),
        "{}",
        created.err
    );
    assert_eq!(project.read("build.rs"), "ours::main!();\n");
}

#[test]
fn names_that_make_no_id_are_refused_before_anything_is_written() {
    let project = Project::new();
    for (name, said) in [
        ("!!!", "has no letter"),
        ("日本語", "has no letter"),
        (&"x".repeat(200), "is the limit"),
    ] {
        for line in [format!("create {name}"), format!("create {name} --json")] {
            let refused = project.migrate(&line).expect(2);
            assert!(refused.err.contains(said), "{}", refused.err);
        }
    }
    let mut empty = project.migrate_command("create");
    empty.arg("");
    assert!(project.end(empty).expect(2).err.contains("has no letter"));
    assert!(project.migrate("create").expect(2).err.contains("<NAME>"));
    assert_eq!(project.migrations(), [""; 0]);
    assert!(!project.path("build.rs").exists() && !project.path("src/bin").exists());
}

#[test]
fn lock_and_check_work_when_the_code_does_not_compile() {
    let project = Project::new();
    project.migrate("create first").expect(0);
    let file = project.migrations().remove(0);
    project.write(
        "src/bin/migrate.rs",
        &project
            .read("src/bin/migrate.rs")
            .replace("fn main", "fn man"),
    );
    assert!(
        project
            .migrate("lock")
            .expect(0)
            .out
            .contains("migrations.lock has 1 migration now")
    );
    assert!(
        project
            .migrate("check")
            .expect(0)
            .out
            .contains("1 migration, 1 locked, no problems")
    );

    project.write(&file, &project.read(&file).replace("table_name", "todos"));
    let check = project.migrate("check").expect(3);
    assert!(
        check
            .out
            .contains("is released and locked, but the behaviour attributes of `up` changed since"),
        "{}",
        check.out
    );
    let json = project.migrate("check --json").expect(3).json();
    assert_eq!(
        (
            json["migrations"][0]["locked"].as_bool(),
            json["problems"].as_array().map(Vec::len)
        ),
        (Some(true), Some(1))
    );
    assert!(
        project
            .migrate("lock")
            .expect(3)
            .err
            .contains("nothing was locked")
    );

    project.write(&file, "fn");
    let check = project.migrate("check").expect(1);
    assert!(
        check.out.contains("this is not valid Rust"),
        "{}",
        check.out
    );
}

#[test]
fn what_is_missing_is_said_with_the_way_out() {
    let nowhere = Project::with(&[]);
    assert!(
        nowhere
            .migrate("create first")
            .expect(2)
            .err
            .contains("begin one with `cargo init`")
    );

    let project = Project::new();
    let up = project.migrate("up --json").expect(2);
    assert!(
        up.err.contains(
            "the package `shop` has no program `migrate`; run `cargo migrate create …` first"
        ),
        "{}",
        up.err
    );
    assert_eq!(up.json()["status"], "failed");
    assert!(
        project
            .migrate("up -p other")
            .expect(2)
            .err
            .contains("there is no package `other` in this workspace; it has `shop`")
    );
    assert!(
        project
            .migrate("up --manifest-path x/Cargo.toml")
            .expect(2)
            .err
            .contains("there is no `x/Cargo.toml`")
    );
    assert!(project.migrate("upp").expect(2).err.contains("'up'"));
    assert_eq!(
        project.migrate("upp --json").expect(2).json()["status"],
        "failed"
    );

    project.write("src/bin/migrate.rs", "fn main() {}\n");
    let create = project.migrate("create first").expect(2);
    assert!(
        create.err.contains("has a program `migrate` already"),
        "{}",
        create.err
    );
    assert_eq!(project.migrations(), [""; 0]);

    project.write("Cargo.toml", "[package\n");
    assert!(
        project
            .migrate("create first")
            .expect(2)
            .err
            .contains("Cargo.toml")
    );
}

#[test]
fn in_a_workspace_the_package_is_named() {
    let project = Project::with(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"app\", \"shared\"]\nresolver = \"3\"\n",
        ),
        ("app/Cargo.toml", &package("app")),
        ("app/src/main.rs", "fn main() {}\n"),
        ("shared/Cargo.toml", &package("shared")),
        ("shared/src/lib.rs", ""),
    ]);
    let create = project.migrate("create first").expect(2);
    assert!(
        create
            .err
            .contains("this workspace has several packages (`app`, `shared`); name one with -p"),
        "{}",
        create.err
    );
    project.migrate("create first -p shared").expect(0);
    assert!(
        project.path("shared/migrations").is_dir()
            && project.path("shared/src/bin/migrate.rs").is_file()
    );
    assert!(
        !project.read("shared/Cargo.toml").contains("default-run"),
        "a library has no program to run by default"
    );
    // From now on it is the only one that can be meant.
    project.migrate("create second").expect(0);
    assert_eq!(
        std::fs::read_dir(project.path("shared/migrations"))
            .unwrap()
            .count(),
        2
    );
}

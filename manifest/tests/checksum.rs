//! The checksum: what must never change it, what always must, and the vectors that pin it for ever.

use driftless_manifest::checksum::{Checksum, Part, UsedFile, Verification, verify};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn checksum(source: &str) -> Checksum {
    Checksum::of_source(source, &[])
        .unwrap_or_else(|error| panic!("{error} at {:?}:\n{source}", error.span().start()))
}

fn corpus() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

/// Stable options of rustfmt, a set each; the first is the default.
const CONFIGURATIONS: [&str; 14] = [
    "",
    "max_width=40",
    "max_width=200",
    "max_width=60,use_small_heuristics=Max",
    "use_small_heuristics=Off",
    "hard_tabs=true,newline_style=Windows",
    "merge_derives=false,reorder_imports=false,reorder_modules=false",
    "use_field_init_shorthand=true,force_explicit_abi=false",
    "match_block_trailing_comma=true,match_arm_leading_pipes=Always",
    "remove_nested_parens=false,tab_spaces=2",
    "style_edition=2024,fn_params_layout=Vertical",
    "style_edition=2015,chain_width=10",
    "single_line_if_else_max_width=0,single_line_let_else_max_width=0,struct_lit_width=0,array_width=10,fn_call_width=20,attr_fn_like_width=20",
    "use_try_shorthand=true,fn_params_layout=Compressed,short_array_element_width_threshold=1,match_arm_leading_pipes=Preserve",
];

fn rustfmt(source: &str, configuration: &str) -> String {
    let mut command = Command::new("rustfmt");
    command
        .args(["--edition", "2024", "--emit", "stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if !configuration.is_empty() {
        command.args(["--config", configuration]);
    }
    let mut child = command
        .current_dir(std::env::temp_dir())
        .spawn()
        .expect("rustfmt is installed");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(source.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{configuration}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn rustfmt_under_any_configuration_never_changes_it() {
    let corpus = corpus();
    assert!(corpus.len() >= 25);
    let mut changed_text = 0;
    let mut failures = Vec::new();
    for (path, source) in &corpus {
        let expected = checksum(source);
        for configuration in CONFIGURATIONS {
            let formatted = rustfmt(source, configuration);
            changed_text += usize::from(formatted != *source);
            if checksum(&formatted) != expected {
                failures.push(format!(
                    "{} [{configuration}]",
                    path.file_name().unwrap().to_string_lossy()
                ));
            }
        }
    }
    assert_eq!(failures, [] as [String; 0]);
    assert!(
        changed_text > corpus.len() * CONFIGURATIONS.len() * 9 / 10,
        "rustfmt did not do much: {changed_text}"
    );
}

#[test]
fn what_says_the_same_has_the_same_checksum() {
    let wrap = |body: &str| {
        format!("#[migration(table = \"t\")]\nfn up(c: &mut Ctx, r: Row) -> R {{\n{body}\n}}\n")
    };
    let bodies = [
        ("a(0xff, 1_000, r\"x\")", "a(255, 1000, \"x\")"),
        ("|x| { x }", "|x| x"),
        (
            "match a { b => { c } d => e }",
            "match a { b => c, d => { e } }",
        ),
        ("((a)) + (b)", "a + b"),
        ("return a", "return a;"),
        ("S { x: x, y: 1, }", "S { x, y: 1 }"),
        ("let S { x: x } = s; x", "let S { x } = s; x"),
        ("vec![1, 2, 3,]", "vec!(1, 2, 3)"),
        ("patch!(r { a: (1), })", "patch!(r { a: 1 })"),
        ("patch!(r { a: 0x10 })", "patch!(r { a: 16 })"),
        ("patch!(r { a: a })", "patch!(r { a })"),
        ("x!(|a| { a }, 1)", "x!(|a| a, 1,)"),
        ("use a::b; use c::d; f()", "use c::d; use a::b; f()"),
        ("// a comment\n f()", "f()"),
        ("#[allow(unused)] let a = 1; a", "let a = 1; a"),
        ("\"a\\\n   b\"", "\"ab\""),
        ("\"a\r\nb\"", "\"a\nb\""),
        (
            "let caf\u{e9} = 1; caf\u{e9}",
            "let cafe\u{301} = 1; cafe\u{301}",
        ),
        (
            "matches!(a, Some(1) | None)",
            "matches!(a, (Some(1) | None),)",
        ),
        ("match a { | b | c => 1 }", "match a { (b | c) => (1), }"),
        ("while a { b(); };", "while a { b(); }"),
        ("f::<u8,>(1,)", "f::<u8>(1)"),
        ("1.50f64 + 1e3", "1.5f64 + 1000.0"),
    ];
    for (left, right) in bodies {
        assert_eq!(
            checksum(&wrap(left)),
            checksum(&wrap(right)),
            "{left}\n{right}"
        );
    }
    let base = wrap("f()");
    let files = [
        format!("\u{feff}{base}"),
        base.replace('\n', "\r\n"),
        format!("//! Docs.\n/// More.\n{base}"),
        format!(
            "{base}#[cfg(test)]\nmod tests {{ use super::*; }}\n#[cfg(all(test, unix))] fn a() {{}}\n#[test] fn b() {{}}"
        ),
        base.replace(
            "table = \"t\"",
            "batch_size = 7, locking = \"rows\", table = \"t\", description = \"d\",",
        ),
        base.replace("#[migration", "#[::driftless::migration"),
        base.replace("-> R", "-> (R)"),
    ];
    for file in files {
        assert_eq!(checksum(&file), checksum(&base), "{file}");
    }
    let items = [
        (
            "use a::{b, c::{self, d as e}};",
            "use a::c::d as e; use a::c; use a::b;",
        ),
        ("use a::b as b; use a::{};", "use a::{b};"),
        (
            "#[derive(A, B)] #[derive(C)] struct S;",
            "#[derive(C)] #[derive(B, A,)] struct S;",
        ),
        ("extern fn f() -> () {}", "extern \"C\" fn f() {}"),
        (
            "fn f<T>(x: T) where T: A, {}",
            "fn f<T,>(x: T,) where T: A {}",
        ),
        (
            "struct S { a: Vec::<u8>, /** d */ b: (u8) }",
            "struct S { a: Vec<u8>, b: u8, }",
        ),
        (
            "macro_rules! m { ($a:expr) => { f(|x| { $a }) } }",
            "macro_rules! m { ($a:expr) => { f(|x| $a,) }; }",
        ),
    ];
    for (left, right) in items {
        assert_eq!(
            checksum(&format!("{left}{base}")),
            checksum(&format!("{right}{base}")),
            "{left}\n{right}"
        );
    }
}

const EDITED: &str = r##"//! Doc.
use std::cmp::max;
use driftless::prelude::*;

const FACTOR: i64 = 100;
static NAMES: [&str; 2] = ["a", "b"];

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row { price: i64, #[serde(default)] note: Option<String>, ratio: f64 }

fn scaled(price: i64) -> i64 { max(price, 0) * FACTOR }

#[migration(table = "rows", filter = "price > 0", remaining = "price < 100")]
fn up(ctx: &mut Ctx, row: Row) -> Result<Patch> {
    let limit = 10;
    if row.price > limit && row.note.is_none() {
        return Ok(Patch::none());
    }
    let words: Vec<&str> = NAMES.iter().map(|name| name.trim()).collect();
    match row.price {
        0 => Ok(Patch::none()),
        1..=9 => Ok(patch!(row { price: scaled(row.price), note: "small" })),
        _ => {
            log(b"x", 'c', 1.5, (1, 2), &row.note);
            ctx.db().execute("UPDATE log SET n = n + 1", ())?;
            Ok(patch!(row { price: (row.price + 1) * 2 }))
        }
    }
}

#[migration(table = "rows", on_error = "quarantine")]
fn down(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    Ok(patch!(row { price: row.price / FACTOR }))
}
"##;

/// What somebody might change, and the part in which it is.
const EDITS: [(&str, &str, Part); 62] = [
    ("let limit = 10", "let limit = 11", Part::Up),
    ("let limit = 10", "let limit = 10u8", Part::Up),
    ("let limit = 10", "let mut limit = 10", Part::Up),
    ("row.price > limit", "row.price >= limit", Part::Up),
    ("row.price > limit", "limit > row.price", Part::Up),
    ("limit && row", "limit || row", Part::Up),
    ("is_none()", "is_some()", Part::Up),
    (
        "return Ok(Patch::none())",
        "return Ok(Patch::delete())",
        Part::Up,
    ),
    ("        return Ok(Patch::none());\n", "", Part::Up),
    ("name.trim()", "name", Part::Up),
    ("name.trim()", "name.trim_end()", Part::Up),
    ("|name|", "move |name|", Part::Up),
    ("Vec<&str>", "Vec<&'static str>", Part::Up),
    ("match row.price {", "match -row.price {", Part::Up),
    ("0 => Ok", "2 => Ok", Part::Up),
    ("1..=9", "1..9", Part::Up),
    ("1..=9 =>", "1..=9 if limit > 3 =>", Part::Up),
    ("scaled(row.price)", "scaled(row.price - 1)", Part::Up),
    ("scaled(row.price)", "row.price", Part::Up),
    ("note: \"small\"", "note: \"Small\"", Part::Up),
    (", note: \"small\"", "", Part::Up),
    ("note: \"small\"", "note: None::<String>", Part::Up),
    ("b\"x\"", "\"x\"", Part::Up),
    ("'c'", "\"c\"", Part::Up),
    ("1.5", "1.51", Part::Up),
    ("(1, 2)", "(2, 1)", Part::Up),
    ("(1, 2)", "[1, 2]", Part::Up),
    ("&row.note", "&mut row.note", Part::Up),
    ("&row.note", "row.note", Part::Up),
    (
        "UPDATE log SET n = n + 1",
        "UPDATE log SET n = n + 2",
        Part::Up,
    ),
    (", ())?;", ", ());", Part::Up),
    (
        "            ctx.db().execute(\"UPDATE log SET n = n + 1\", ())?;\n",
        "",
        Part::Up,
    ),
    ("(row.price + 1) * 2", "row.price + 1 * 2", Part::Up),
    ("(row.price + 1) * 2", "(row.price - 1) * 2", Part::Up),
    ("price: (row.price + 1)", "ratio: (row.price + 1)", Part::Up),
    (
        "table = \"rows\", filter",
        "table = \"row\", filter",
        Part::UpAttributes,
    ),
    (
        "filter = \"price > 0\"",
        "filter = \"price > 1\"",
        Part::UpAttributes,
    ),
    ("filter = \"price > 0\", ", "", Part::UpAttributes),
    (
        "remaining = \"price < 100\"",
        "remaining = \"price < 101\"",
        Part::UpAttributes,
    ),
    (
        "remaining =",
        "write_mode = \"normal\", remaining =",
        Part::UpAttributes,
    ),
    ("fn up", "async fn up", Part::Up),
    (
        "row: Row) -> Result<Patch> {\n    let",
        "row: Other) -> Result<Patch> {\n    let",
        Part::Up,
    ),
    (
        "Ok(Patch::none()),\n        1",
        "{ Ok(Patch::none()); Ok(Patch::none()) }\n        1",
        Part::Up,
    ),
    ("row.price / FACTOR", "row.price * FACTOR", Part::Down),
    ("row.price / FACTOR", "row.price / 100", Part::Down),
    (
        "on_error = \"quarantine\"",
        "on_error = \"fail\"",
        Part::DownAttributes,
    ),
    ("_ctx: &mut Ctx", "ctx: &mut Ctx", Part::Down),
    (
        "    Ok(patch!(row { price: row.price / FACTOR }))",
        "    Ok(Patch::none())",
        Part::Down,
    ),
    ("FACTOR: i64 = 100", "FACTOR: i64 = 1000", Part::Rest),
    ("FACTOR: i64 = 100", "FACTOR: i64 = -100", Part::Rest),
    ("\"a\", \"b\"", "\"b\", \"a\"", Part::Rest),
    (
        "rename_all = \"camelCase\"",
        "rename_all = \"snake_case\"",
        Part::Rest,
    ),
    ("#[serde(rename_all = \"camelCase\")]\n", "", Part::Rest),
    ("#[serde(default)] ", "", Part::Rest),
    ("price: i64, #", "price: i32, #", Part::Rest),
    ("note: Option<String>", "note: String", Part::Rest),
    (", ratio: f64", "", Part::Rest),
    ("max(price, 0)", "max(price, 1)", Part::Rest),
    (
        "use std::cmp::max;",
        "use std::cmp::min as max;",
        Part::Rest,
    ),
    ("use std::cmp::max;", "use other::cmp::max;", Part::Rest),
    ("fn scaled", "#[cfg(unix)] fn scaled", Part::Rest),
    (
        "#[derive(serde::Deserialize)]",
        "#[derive(serde::Deserialize, Clone)]",
        Part::Rest,
    ),
];

#[test]
fn every_real_edit_changes_it_and_the_part_it_is_in() {
    let before = checksum(EDITED);
    let mut seen = vec![before.whole.clone()];
    for (from, to, part) in EDITS {
        assert_eq!(
            EDITED.matches(from).count().min(1),
            1,
            "the edit does not apply: {from}"
        );
        let after = checksum(&EDITED.replacen(from, to, 1));
        assert_eq!(after.changed_parts(&before), [part], "{from} → {to}");
        assert!(
            !seen.contains(&after.whole),
            "two edits have one checksum: {from} → {to}"
        );
        seen.push(after.whole);
    }
}

#[test]
fn removing_and_adding_a_step_is_told_apart() {
    let before = checksum(EDITED);
    let without_down = checksum(
        &EDITED[..EDITED
            .find("#[migration(table = \"rows\", on_error")
            .unwrap()],
    );
    assert_eq!(without_down.down, "");
    assert_eq!(without_down.changed_parts(&before), [Part::Down]);
}

#[test]
fn operators_are_joined_as_the_compiler_joins_them() {
    let call = |arguments: &str| checksum(&format!("fn up() {{ m!(@ {arguments}) }}")).whole;
    assert_ne!(call("a && b"), call("a & &b"));
    assert_eq!(call("$a+$b"), call("$a + $b"));
    assert_ne!(call("'a'"), call("'a"));
}

#[test]
fn files_named_by_uses_count_code_as_code_and_text_as_text() {
    let with = |path: &str, content: &[u8]| {
        Checksum::of_source(
            EDITED,
            &[UsedFile {
                path: path.to_owned(),
                content: content.to_vec(),
            }],
        )
        .unwrap()
    };
    let code = with("src/a.rs", b"pub fn a() -> u8 { 1 }");
    assert_eq!(
        code,
        with(
            "src/a.rs",
            b"// said again\r\npub fn a() -> u8 {\r\n    0x1\r\n}\r\n"
        )
    );
    assert_ne!(code, with("src/a.rs", b"pub fn a() -> u8 { 2 }"));
    assert_ne!(code, with("src/b.rs", b"pub fn a() -> u8 { 1 }"));
    assert_eq!(code.changed_parts(&checksum(EDITED)), [Part::Rest]);
    assert_eq!(with("a.sql", b"SELECT 1\n"), with("a.sql", b"SELECT 1\r\n"));
    assert_ne!(with("a.sql", b"SELECT 1\n"), with("a.sql", b"SELECT  1\n"));
    assert_ne!(with("a.bin", b"\xff\x00"), with("a.bin", b"\xff\x01"));
}

#[test]
fn a_recorded_checksum_is_verified_by_its_own_algorithm() {
    let recorded = checksum(EDITED).whole;
    assert_eq!(verify(&recorded, EDITED, &[]).unwrap(), Verification::Match);
    let edited = EDITED.replace("10;", "11;");
    assert_eq!(
        verify(&recorded, &edited, &[]).unwrap(),
        Verification::Mismatch { parts: vec![] }
    );
    assert_eq!(
        verify("v9:00", EDITED, &[]).unwrap(),
        Verification::UnknownAlgorithm {
            algorithm: "v9".to_owned()
        }
    );
    assert_eq!(
        verify("00", EDITED, &[]).unwrap(),
        Verification::UnknownAlgorithm {
            algorithm: String::new()
        }
    );
}

/// A stored checksum lives for years. If this fails, the algorithm changed: it must become `v2` beside `v1`.
#[test]
fn the_golden_vectors_hold() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden-checksums.txt");
    let actual: String = corpus()
        .iter()
        .map(|(path, source)| {
            let Checksum {
                whole,
                up,
                down,
                rest,
                details: _,
            } = checksum(source);
            let down = if down.is_empty() { "-" } else { &down };
            format!(
                "{} {whole} {up} {down} {rest}\n",
                path.file_name().unwrap().to_string_lossy()
            )
        })
        .collect();
    if std::env::var_os("DRIFTLESS_BLESS").is_some() {
        std::fs::write(&path, &actual).unwrap();
    }
    assert_eq!(actual, std::fs::read_to_string(&path).unwrap());
}

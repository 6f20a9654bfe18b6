//! `accept`, `--allow-drift`, `drift`, `status` and `retire` as they are typed.

use crate::shop::Shop;

const FIRST: &str = "20260101_000000_prices_in_cents";
const SECOND: &str = "20260102_000000_notes";

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

fn count(shop: &Shop, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let database = shop.database();
    database.query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn an_edit_is_accepted_for_a_reason_and_told_with_both_checksums() {
    let shop = Shop::new();
    shop.run("up").expect(0);
    says(
        &shop.run_edited(&format!("accept {FIRST}")).expect(2).err,
        &["--reason"],
    );
    says(
        &shop
            .run_edited("accept 20260101_000000_prices --reason typo")
            .expect(2)
            .err,
        &[FIRST, "did you mean"],
    );
    says(
        &shop
            .run_edited(&format!("accept {SECOND} --reason gone"))
            .expect(2)
            .err,
        &[SECOND, "not compiled in"],
    );
    let accepted = shop
        .run_edited(&format!("accept {FIRST} --reason typo --json"))
        .expect(0)
        .json();
    assert_eq!(accepted["migration_id"], FIRST);
    assert_ne!(accepted["old_checksum"], accepted["new_checksum"]);
    assert_eq!(count(&shop, "migration_audit"), 1);
    says(
        &shop
            .run_edited(&format!("accept {FIRST} --reason typo"))
            .expect(0)
            .out,
        &["nothing to accept"],
    );
    let drift = shop.run_edited("drift --json").expect(3).json();
    assert_eq!(
        drift["drift"].as_array().unwrap().len(),
        1,
        "the other is still missing"
    );
}

#[test]
fn a_protected_environment_wants_to_hear_that_it_is_meant() {
    let shop = Shop::new();
    shop.run("up").expect(0);
    std::fs::write(
        shop.file("driftless.toml"),
        "[env.prod]\nurl = \"sqlite://shop.db\"\n[env.qa]\nurl = \"sqlite://shop.db\"\nprotected = true\n",
    )
    .unwrap();
    for environment in ["--prod", "--env qa"] {
        for line in [
            format!("accept {FIRST} --reason typo {environment}"),
            format!("up --allow-drift --reason typo {environment}"),
            format!("down --steps 1 --allow-drift --reason typo {environment}"),
            format!("baseline --reason new {environment}"),
        ] {
            let refused = shop.bare_edited(&line).expect(2);
            says(
                &refused.err,
                &["is protected", "add --yes", "Nothing was done"],
            );
        }
    }
    assert_eq!(
        (
            count(&shop, "migration_audit"),
            count(&shop, "migration_run")
        ),
        (0, 1)
    );
    shop.bare_edited(&format!("accept {FIRST} --reason typo --prod --yes"))
        .expect(0);
    assert_eq!(count(&shop, "migration_audit"), 1);
    shop.bare_edited("up --allow-drift --reason known --prod --yes")
        .expect(0);
}

#[test]
fn status_has_a_line_for_each_drift_and_drift_carries_the_diffs() {
    let shop = Shop::new();
    shop.run("up").expect(0);
    let status = shop.run_edited("status").expect(0);
    let lines: Vec<&str> = status.out.lines().collect();
    for (id, what) in [
        (FIRST, "changed after it was applied"),
        (SECOND, "not compiled in"),
    ] {
        assert!(
            lines
                .iter()
                .any(|line| line.contains(id) && line.contains(what)),
            "{}",
            status.out
        );
    }
    let object = shop.run_edited("drift --json").expect(3).json();
    let diffs = object["diffs"].as_array().unwrap();
    assert_eq!(diffs.len(), 2);
    assert_eq!(diffs[0]["migration_id"], FIRST);
    let diff = diffs[0]["diff"].as_str().unwrap();
    says(
        diff,
        &[
            "-    Ok(patch!(item { price: item.price * 100 }))\n",
            "+    Ok(patch!(item { price: item.price * 1000 }))\n",
        ],
    );
    assert!(
        !diff.contains("Tests hold a run here") && !diff.contains('\x1b'),
        "comments and colours: {diff}"
    );
}

#[test]
fn a_migration_that_a_database_has_not_applied_does_not_retire() {
    let shop = Shop::new();
    let line = format!("retire --before {SECOND}");
    let refused = shop.run(&format!("{line} --yes")).expect(3);
    says(
        &refused.err,
        &[
            "the local database has not applied",
            FIRST,
            "run `up` there first",
            "Nothing was retired",
        ],
    );
    std::fs::write(
        shop.file("driftless.toml"),
        "[database]\nurl = \"sqlite://shop.db\"\n[env.prod]\nurl_env = \"NOBODY_SAYS\"\n",
    )
    .unwrap();
    shop.run("up").expect(0);
    let refused = shop.bare(&line).expect(2);
    says(
        &refused.err,
        &[
            "prod was not asked",
            "`NOBODY_SAYS` is not set",
            "add --yes if every database has applied them",
        ],
    );
    says(
        &shop
            .run("retire --before 20260102_000000_notez")
            .expect(2)
            .err,
        &["did you mean", SECOND],
    );
    says(&shop.run("retire").expect(2).err, &["--before"]);
}

#[test]
fn out_of_order_is_warn_or_refuse() {
    let shop = Shop::new();
    says(
        &shop.run("up --out-of-order fail").expect(2).err,
        &["warn", "refuse"],
    );
    shop.run("up --to 20260101_000000_prices_in_cents")
        .expect(0);
    shop.database()
        .execute_batch("UPDATE migration_state SET migration_id = '20260103_000000_later'")
        .unwrap();
    std::fs::write(
        shop.file("driftless.toml"),
        "[migrations]\nout_of_order = \"refuse\"\n",
    )
    .unwrap();
    let line = "up --allow-drift --reason renamed";
    let refused = shop.run(line).expect(3);
    says(
        &refused.err,
        &[
            FIRST,
            "is older than 20260103_000000_later",
            "--out-of-order warn",
        ],
    );
    let applied = shop.run(&format!("{line} --out-of-order warn")).expect(0);
    says(&applied.err, &["applied late"]);
}

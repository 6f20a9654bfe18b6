//! Where settings come from, as `config show` and the messages tell it.

use crate::shop::{Ended, ITEMS, Shop};
use serde_json::{Value, json};
use std::process::Stdio;

fn config(shop: &Shop, text: &str) {
    std::fs::write(shop.file("driftless.toml"), text).unwrap();
}

/// Runs a line with environment variables, without naming a database.
fn with(shop: &Shop, variables: &[(&str, &str)], line: &str) -> Ended {
    let mut command = shop.program(env!("CARGO_BIN_EXE_shop"), line);
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    Ended::of(command.output().unwrap())
}

/// One setting of `config show --json`: value, kind of origin, source.
#[track_caller]
fn setting(shown: &Value, key: &str) -> (Value, Value, Value) {
    let settings = shown["settings"].as_array().unwrap();
    let found = settings.iter().find(|row| row["key"] == key).expect(key);
    (
        found["value"].clone(),
        found["origin"].clone(),
        found["source"].clone(),
    )
}

const FILE: &str = "[database]
url = \"sqlite://shop.db\"

[env.prod]
url_env = \"SHOP_PROD_URL\"

[env.prod.deploy]
command = \"API_TOKEN=hunter2 push https://bot:hunter2@host/x\"

[env.prod.deploy.migrations]
timeout_ms = 5000

[deploy.migrations]
timeout_ms = 7000
wait = false
strict = false
";

#[test]
fn every_layer_wins_over_the_ones_below_and_is_named() {
    let shop = Shop::new();
    config(&shop, FILE);
    let variables = [
        ("SHOP_PROD_URL", "postgres://app:hunter2@db/shop"),
        ("DRIFTLESS_DEPLOY_MIGRATIONS_STRICT", "true"),
        ("DRIFTLESS_DEPLOY_MIGRATIONS_BATCH_SIZE", "50"),
        ("DRIFTLESS_DEPLOY_AGGREGATES_ENABLED", "off"),
    ];
    let line = "config show --json --prod --migrations-batch-size 7";
    let shown = with(&shop, &variables, line).expect(0);
    assert!(!shown.out.contains("hunter2"), "{}", shown.out);
    let shown = shown.json();
    assert_eq!(
        (&shown["file"], &shown["environment"]),
        (&json!("driftless.toml"), &json!("prod"))
    );
    for (key, value, origin, source) in [
        (
            "database.url",
            json!("postgres://app:***@db/shop"),
            "variable",
            json!("SHOP_PROD_URL"),
        ),
        ("protected", json!(true), "default", Value::Null),
        (
            "deploy.command",
            json!("API_TOKEN=*** push https://bot:***@host/x"),
            "file",
            json!("driftless.toml:8"),
        ),
        (
            "deploy.migrations.timeout_ms",
            json!(5000),
            "file",
            json!("driftless.toml:11"),
        ),
        (
            "deploy.migrations.wait",
            json!(false),
            "file",
            json!("driftless.toml:15"),
        ),
        (
            "deploy.migrations.strict",
            json!(true),
            "variable",
            json!("DRIFTLESS_DEPLOY_MIGRATIONS_STRICT"),
        ),
        (
            "deploy.migrations.batch_size",
            json!(7),
            "flag",
            json!("--migrations-batch-size"),
        ),
        (
            "deploy.migrations.poll_interval_ms",
            json!(1000),
            "default",
            Value::Null,
        ),
        (
            "deploy.aggregates.enabled",
            json!("off"),
            "variable",
            json!("DRIFTLESS_DEPLOY_AGGREGATES_ENABLED"),
        ),
        (
            "deploy.aggregates.batch_size",
            json!(1000),
            "default",
            Value::Null,
        ),
        (
            "dev.migrations.strict",
            json!(false),
            "default",
            Value::Null,
        ),
        (
            "dev.migrations.allow_drift",
            json!(true),
            "default",
            Value::Null,
        ),
    ] {
        assert_eq!(
            setting(&shown, key),
            (value, json!(origin), source),
            "{key}"
        );
    }
    let local = with(&shop, &[], "config show --json").expect(0).json();
    assert_eq!(
        setting(&local, "deploy.migrations.timeout_ms"),
        (json!(7000), json!("file"), json!("driftless.toml:14")),
        "what is said for prod is for prod only"
    );
}

#[test]
fn it_is_shown_in_columns_too() {
    let shop = Shop::new();
    config(&shop, FILE);
    let shown = shop.run("config show --no-migrations-wait").expect(0);
    insta::assert_snapshot!(shown.out);
}

#[test]
fn an_environment_variable_names_the_environment_and_the_file() {
    let shop = Shop::new();
    config(&shop, "[env.staging]\nurl = \"sqlite://shop.db\"\n");
    let staging = [("DRIFTLESS_ENV", "staging")];
    with(&shop, &staging, "deploy").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS);
    let other = with(&shop, &staging, "status --env qa").expect(2);
    assert!(
        other.err.contains("unknown environment `qa`"),
        "the flag wins: {}",
        other.err
    );
    let missing = with(&shop, &[("DRIFTLESS_CONFIG", "nowhere.toml")], "status").expect(2);
    assert!(
        missing.err.contains("`nowhere.toml` does not exist"),
        "{}",
        missing.err
    );
}

#[test]
fn a_variable_that_nothing_reads_or_that_cannot_be_read_is_an_error() {
    let shop = Shop::new();
    for (name, value, says) in [
        (
            "DRIFTLESS_DEPLOY_MIGRATIONS_STRIKT",
            "true",
            "did you mean `DRIFTLESS_DEPLOY_MIGRATIONS_STRICT`?",
        ),
        (
            "DRIFTLESS_ENVIRONMENT",
            "prod",
            "did you mean `DRIFTLESS_ENV`?",
        ),
        (
            "DRIFTLESS_DEPLOY_MIGRATIONS_STRICT",
            "yes",
            "is not `true` or `false`",
        ),
        (
            "DRIFTLESS_DEPLOY_MIGRATIONS_TIMEOUT_MS",
            "1s",
            "is not a whole number",
        ),
        (
            "DRIFTLESS_DEPLOY_MIGRATIONS_ENABLED",
            "maybe",
            "is not `auto`, `on` or `off`",
        ),
    ] {
        let refused = with(
            &shop,
            &[(name, value)],
            "deploy --database-url sqlite://shop.db",
        )
        .expect(2);
        assert!(
            refused.err.contains(name) && refused.err.contains(says),
            "{}",
            refused.err
        );
    }
    assert_eq!(shop.items_with_factor(1), ITEMS, "nothing ran");
}

#[test]
fn a_database_that_is_not_named_is_shown_as_such_and_does_not_hide_the_rest() {
    let shop = Shop::new();
    config(&shop, FILE);
    let shown = shop.bare("config show --prod --json").expect(0);
    let object = shown.json();
    assert_eq!(
        setting(&object, "database.url"),
        (Value::Null, json!("default"), Value::Null)
    );
    assert!(
        object["warnings"][0]
            .as_str()
            .unwrap()
            .contains("`SHOP_PROD_URL` is not set"),
        "{object}"
    );
    let refused = shop.bare("deploy --prod --yes").expect(2);
    assert!(
        refused.err.contains("`SHOP_PROD_URL` is not set"),
        "{}",
        refused.err
    );
}

#[test]
fn one_database_under_two_environments_is_one_history() {
    let shop = Shop::new();
    config(
        &shop,
        "[env.staging]\nurl = \"sqlite://shop.db\"\n[env.prod]\nurl_env = \"SHOP_PROD_URL\"\n\
         [env.staging.deploy]\ncommand = \"echo to-staging\"\n[env.prod.deploy]\ncommand = \"echo to-prod\"\n",
    );
    let url = format!(
        "sqlite://{}?busy_timeout_ms=5000",
        shop.file("shop.db").display()
    );
    let variables = [("SHOP_PROD_URL", url.as_str())];
    let staging = with(&shop, &variables, "deploy --env staging --json").expect(0);
    assert_eq!(staging.json()["status"], "completed");
    assert!(
        staging
            .err
            .contains("is the database of prod, which is protected"),
        "{}",
        staging.err
    );
    assert!(staging.err.contains("to-staging"), "{}", staging.err);
    let prod = with(&shop, &variables, "deploy --prod --yes --json").expect(0);
    assert_eq!(prod.json()["status"], "noop", "it is applied already");
    assert!(prod.err.contains("to-prod"), "{}", prod.err);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[test]
fn a_file_in_another_folder_of_the_workspace_is_noticed() {
    let shop = Shop::new();
    let folder = |name: &str| {
        std::fs::create_dir_all(shop.file(name)).unwrap();
        shop.file(name)
    };
    std::fs::write(
        shop.file("Cargo.toml"),
        "[workspace]\nmembers = [\"shop\", \"tools\"]\n",
    )
    .unwrap();
    let (here, tools) = (folder("shop"), folder("tools"));
    std::fs::write(
        here.join("driftless.toml"),
        "[database]\nurl = \"sqlite://../shop.db\"\n",
    )
    .unwrap();
    let run_in = |folder: &std::path::Path| {
        let mut command = shop.program(env!("CARGO_BIN_EXE_shop"), "status");
        command.current_dir(folder).stdin(Stdio::null());
        Ended::of(command.output().unwrap())
    };
    let wrong = run_in(&tools).expect(2);
    assert!(
        wrong.err.contains("no driftless.toml is read here")
            && wrong
                .err
                .contains(&here.join("driftless.toml").display().to_string()),
        "{}",
        wrong.err
    );
    run_in(&here).expect(0);
}

#[test]
fn every_configuration_of_the_readme_is_accepted() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let blocks = readme.split("```toml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let mut count = 0;
    for block in blocks.filter(|block| !block.contains("[dependencies]")) {
        let shop = Shop::new();
        config(&shop, block);
        shop.bare("config show").expect(0);
        count += 1;
    }
    assert!(count >= 3, "the blocks are found");
}

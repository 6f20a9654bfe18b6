//! `config show`: every setting, where it comes from, and no secret.

use super::{DeploySettings, JobSettings, Origin, Setting, Sources};
use crate::cli::args::{Config as Flags, ConfigCommand};
use crate::cli::config::{Config, Enabled};
use crate::cli::exit::{self, Failure};
use crate::cli::output::{BOLD, DIM, paint};
use crate::cli::target::{Target, is_protected};
use crate::cli::{Session, secret};
use crate::migrator::OutOfOrder;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;

/// One setting, as it is shown.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    /// As in the file: `deploy.migrations.wait`.
    key: String,
    /// `null` when nobody said anything and there is no default.
    value: Value,
    /// `flag`, `variable`, `file` or `default`.
    origin: &'static str,
    /// Which: `--migrations-wait`, `DATABASE_URL`, `driftless.toml:12`.
    source: Option<String>,
}

/// The object of `config show --json`.
#[derive(Debug, Serialize)]
struct Shown {
    /// The file that is read.
    file: Option<String>,
    /// The environment that was asked for.
    environment: Option<String>,
    settings: Vec<Row>,
    /// What is not as it should be, and does not keep a command from saying what it is.
    warnings: Vec<String>,
}

/// `config show`
pub(crate) fn command(session: &Session, flags: &Flags) -> Result<u8, Failure> {
    let ConfigCommand::Show(words) = &flags.command;
    let config = session.config()?;
    let variable = |name: &str| std::env::var(name).ok();
    let sources = Sources {
        config: &config,
        environment: session.global.environment(),
        variable: &variable,
    };
    let deploy = DeploySettings::resolve(&sources, &words.flags())?;
    let dev = JobSettings::of_dev(&sources)?;
    let target = session.target(&config);
    let environment = session.global.environment();
    let mut settings = vec![
        database(target.as_ref().ok()),
        protected(&config, environment),
    ];
    settings.extend(jobs(&deploy, &dev));
    settings.push(out_of_order(&config));
    let warning = match &target {
        Err(failure) => Some(failure.message.clone()),
        Ok(target) => target.says_twin(),
    };
    let shown = Shown {
        file: config.file.clone(),
        environment: environment.map(str::to_owned),
        settings,
        warnings: warning.into_iter().collect(),
    };
    session.output.object(&shown);
    session.output.result(&text(&shown));
    for warning in &shown.warnings {
        session.output.warn(warning);
    }
    Ok(exit::DONE)
}

fn jobs(deploy: &DeploySettings, dev: &JobSettings) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.push(row(
        "deploy.command",
        &deploy.command,
        deploy
            .command
            .value
            .as_deref()
            .map(secret::mask_command)
            .into(),
    ));
    rows.push(row(
        "deploy.command_timeout_ms",
        &deploy.command_timeout_ms,
        deploy.command_timeout_ms.value.into(),
    ));
    rows.extend(job("deploy.migrations", &deploy.migrations));
    rows.extend(job("deploy.aggregates", &deploy.aggregates));
    rows.extend(job("dev.migrations", dev));
    rows
}

fn database(target: Option<&Target>) -> Row {
    let (value, origin) = match target {
        Some(target) => (secret::mask_url(&target.url).into(), target.origin.clone()),
        None => (Value::Null, Origin::Default),
    };
    row("database.url", &Setting { value: (), origin }, value)
}

fn out_of_order(config: &Config) -> Row {
    let said = config.migrations.out_of_order;
    let value = match said.unwrap_or_default() {
        OutOfOrder::Warn => "warn",
        OutOfOrder::Refuse => "refuse",
    };
    let key = "migrations.out_of_order";
    let origin = said.map_or(Origin::Default, |_| Origin::File(config.place(key)));
    row(key, &Setting { value: (), origin }, value.into())
}

fn protected(config: &Config, environment: Option<&str>) -> Row {
    let known = environment.and_then(|name| config.env.get(name));
    let origin = match (environment, known.and_then(|known| known.protected)) {
        (Some(name), Some(_)) => Origin::File(config.place(&format!("env.{name}.protected"))),
        _ => Origin::Default,
    };
    let value = environment.is_some_and(|name| is_protected(name, known));
    row("protected", &Setting { value, origin }, value.into())
}

fn job(path: &str, job: &JobSettings) -> Vec<Row> {
    let enabled = match job.enabled.value {
        Enabled::Auto => "auto",
        Enabled::On => "on",
        Enabled::Off => "off",
    };
    let at = |key: &str| format!("{path}.{key}");
    vec![
        row(&at("enabled"), &job.enabled, enabled.into()),
        row(&at("wait"), &job.wait, job.wait.value.into()),
        row(
            &at("batch_size"),
            &job.batch_size,
            job.batch_size.value.get().into(),
        ),
        row(
            &at("poll_interval_ms"),
            &job.poll_interval_ms,
            job.poll_interval_ms.value.into(),
        ),
        row(
            &at("timeout_ms"),
            &job.timeout_ms,
            job.timeout_ms.value.into(),
        ),
        row(&at("strict"), &job.strict, job.strict.value.into()),
        row(
            &at("allow_drift"),
            &job.allow_drift,
            job.allow_drift.value.into(),
        ),
    ]
}

fn row<T>(key: &str, setting: &Setting<T>, value: Value) -> Row {
    Row {
        key: key.to_owned(),
        value,
        origin: setting.origin.kind(),
        source: match &setting.origin {
            Origin::Default => None,
            origin => Some(origin.to_string()),
        },
    }
}

/// The whole page: in columns, what somebody said in bold.
fn text(shown: &Shown) -> String {
    let file = shown
        .file
        .as_deref()
        .unwrap_or("none, so defaults are used");
    let mut text = format!("{} {file}\n", paint(DIM, "file       "));
    if let Some(environment) = &shown.environment {
        let _ = writeln!(text, "{} {environment}", paint(DIM, "environment"));
    }
    text.push('\n');
    let width = |of: fn(&Row) -> usize| shown.settings.iter().map(of).max().unwrap_or(0);
    let keys = width(|row| row.key.len());
    let values = width(|row| words(&row.value).chars().count()).min(50);
    for row in &shown.settings {
        let value = format!("{:values$}", words(&row.value));
        let value = match row.source {
            Some(_) => paint(BOLD, value),
            None => value,
        };
        let origin = paint(DIM, row.source.as_deref().unwrap_or("default"));
        let _ = writeln!(text, "{:keys$}  {value}  {origin}", row.key);
    }
    text
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

//! `retire`: old migrations leave the build, once every database that the configuration names was asked and has them.

use crate::cli::args::{Global, Retire};
use crate::cli::config::Config;
use crate::cli::exit::{self, Failure};
use crate::cli::target::Target;
use crate::cli::{Session, folder};
use crate::migrator::Migrator;
use driftless_manifest::retire::{self, Retirement};

/// What a database says of the migrations that are to retire.
enum Answer {
    /// It has applied all of them.
    All,
    /// It has not applied this one, or applied other code.
    Not { id: String, why: &'static str },
    /// It could not be asked.
    Silent(String),
}

/// `retire`
pub(crate) async fn command(session: Session, flags: Retire) -> Result<u8, Failure> {
    folder::refuse_if_stale(session.manifest)?;
    let (package, folder) = folder::place(session.manifest)?;
    let plan = retire::plan(&package, &folder, &flags.before)?;
    if !plan.migrations.is_empty() {
        ask_everybody(&session, &plan).await?;
    }
    let retired = plan.carry_out()?;
    session.output.object(&retired);
    session.output.result(&retired.to_string());
    Ok(exit::DONE)
}

/// Fails when a database has not applied everything, which `--yes` does not change, or could not be asked, which it does.
async fn ask_everybody(session: &Session, plan: &Retirement) -> Result<(), Failure> {
    let config = session.config()?;
    let mut silent = Vec::new();
    let mut asked = 0;
    for global in environments(&session.global, &config) {
        let name = global
            .environment()
            .unwrap_or("the local database")
            .to_owned();
        match ask(session, &global, &config, plan).await {
            Answer::All => asked += 1,
            Answer::Not { id, why } => {
                return Err(Failure::new(
                    exit::DRIFT,
                    format!(
                        "{name} {why} {id}, so it cannot retire yet; run `up` there first. Nothing was retired"
                    ),
                ));
            }
            Answer::Silent(problem) => silent.push(format!("{name} was not asked: {problem}")),
        }
    }
    if session.global.yes {
        for line in silent {
            session.output.warn(&line);
        }
        return Ok(());
    }
    if silent.is_empty() && asked > 0 {
        return Ok(());
    }
    silent.push("add --yes if every database has applied them. Nothing was retired".to_owned());
    Err(Failure::usage(silent.join("\n")))
}

/// The database that the line names; else every one that the configuration knows, the local one included.
fn environments(global: &Global, config: &Config) -> Vec<Global> {
    if global.environment().is_some() || global.database_url.is_some() {
        return vec![global.clone()];
    }
    let named = config.env.keys().map(|name| Global {
        env: Some(name.clone()),
        ..global.clone()
    });
    std::iter::once(global.clone()).chain(named).collect()
}

async fn ask(session: &Session, global: &Global, config: &Config, plan: &Retirement) -> Answer {
    let target = match Target::resolve(global, config, &|name| std::env::var(name).ok()) {
        Ok(target) => target,
        Err(failure) => return Answer::Silent(failure.message),
    };
    let status = match Migrator::connect(&target.url, session.manifest).await {
        Ok(migrator) => migrator.status().await,
        Err(error) => Err(error),
    };
    let status = match status {
        Ok(status) => status,
        Err(error) => return Answer::Silent(Failure::from(error).message),
    };
    for (id, checksum) in &plan.migrations {
        let row = status.migrations.iter().find(|row| row.migration_id == *id);
        let why = match row {
            Some(row) if !row.applied => "has not applied",
            None => "has not applied",
            Some(row) if row.checksum != *checksum => "has applied other code as",
            Some(_) => continue,
        };
        return Answer::Not {
            id: id.clone(),
            why,
        };
    }
    Answer::All
}

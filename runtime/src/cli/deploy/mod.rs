//! `deploy`: the configured command, then `up`, then aggregates.
//!
//! Settings are decided first, and what the run would do is looked up before anything is pushed: a deploy that is bound to
//! fail pushes nothing. `decide.rs` judges, `push.rs` runs the command, `migrate.rs` and `aggregate.rs` are the steps after it, `report.rs` tells.

mod aggregate;
mod decide;
#[cfg(unix)]
mod group;
#[cfg(not(unix))]
#[path = "group_elsewhere.rs"]
mod group;
mod migrate;
mod push;
mod report;
mod stop;

use crate::aggregate::AggregateStatus;
use crate::cli::args;
use crate::cli::config::Enabled;
use crate::cli::confirm::{Unattended, ask_first};
use crate::cli::exit::{self, Failure};
use crate::cli::progress::Progress;
use crate::cli::settings::{DeploySettings, Origin, Setting, Sources};
use crate::cli::target::Target;
use crate::cli::{Session, folder, interrupt, secret};
use crate::engine::Preview;
use crate::migrator::{Migrator, OutOfOrder, Report};
use decide::Verdict;
use push::Push;
use report::Step;
use std::path::PathBuf;
use std::time::Duration;
use stop::Stop;

/// One execution of `deploy`.
struct Deploy {
    session: Session,
    target: Target,
    settings: DeploySettings,
    out_of_order: OutOfOrder,
    /// The folder of the file, where its command runs.
    folder: Option<PathBuf>,
    /// Why drift is allowed, when it is.
    reason: Option<String>,
    stop: Stop,
    progress: Progress,
    /// What has become of the steps so far.
    steps: Vec<Step>,
    warnings: Vec<String>,
    /// What became of the run, when there was one.
    run: Option<Report>,
    /// How the aggregates stand, once they were looked at.
    aggregates: Vec<AggregateStatus>,
    /// Connected once, with the app's hooks and aggregates.
    migrator: Option<Migrator>,
}

/// What is known before anything is pushed.
struct Ahead {
    run: RunAhead,
    /// The aggregates that are to be built, as they stand now.
    aggregates: Vec<AggregateStatus>,
}

/// What is known of the run.
enum RunAhead {
    /// There is to be none.
    Nothing,
    /// What it would do.
    Known(Preview),
    /// It could not be found out, which is let pass.
    Unknown,
}

/// `deploy`
pub(crate) async fn command(session: Session, flags: &args::Deploy) -> Result<u8, Failure> {
    folder::refuse_if_stale(session.manifest)?;
    let config = session.config()?;
    let target = session.target(&config)?;
    let sources = Sources {
        config: &config,
        environment: session.global.environment(),
        variable: &|name| std::env::var(name).ok(),
    };
    let settings = DeploySettings::resolve(&sources, &flags.words.flags())?;
    let progress = Progress::new(session.output, "applying");
    let mut deploy = Deploy {
        session,
        target,
        settings,
        out_of_order: config.migrations.out_of_order.unwrap_or_default(),
        folder: config.folder.clone(),
        reason: flags.reason.clone(),
        stop: Stop::default(),
        progress,
        steps: Vec::new(),
        warnings: Vec::new(),
        run: None,
        aggregates: Vec::new(),
        migrator: None,
    };
    let failure = deploy.execute().await.err();
    Ok(deploy.tell(failure.as_ref()))
}

impl Deploy {
    /// Everything, in order; a failure ends it.
    async fn execute(&mut self) -> Result<(), Failure> {
        let ahead = self.look_ahead().await?;
        self.ask(&ahead)?;
        self.listen();
        self.push().await?;
        let left_to_others = self.migrate().await?;
        self.aggregate(left_to_others).await
    }

    /// What there is to do.
    async fn look_ahead(&mut self) -> Result<Ahead, Failure> {
        let run = self.look_at_run().await?;
        let mut aggregates = Vec::new();
        let strict = self.settings.aggregates.strict.value;
        if self.settings.aggregates.enabled.value != Enabled::Off {
            let looked = match self.connect().await {
                Ok(migrator) => aggregate::to_build(&migrator).await,
                Err(failure) => Err(failure),
            };
            match looked {
                Ok(to_build) => aggregates = to_build,
                Err(failure) => self.refuse_ahead(failure, strict)?,
            }
        }
        Ok(Ahead { run, aggregates })
    }

    /// What the run would do.
    async fn look_at_run(&mut self) -> Result<RunAhead, Failure> {
        let job = &self.settings.migrations;
        if job.enabled.value == Enabled::Off {
            return Ok(RunAhead::Nothing);
        }
        let strict = job.strict.value;
        let asks = self.target.is_delicate() && !self.session.global.yes;
        let looked = match self.connect().await {
            Ok(migrator) => migrate::preview(&migrator, self.request(), asks).await,
            Err(failure) => Err(failure),
        };
        let failure = match looked {
            Ok(preview) if !preview.is_blocked => return Ok(RunAhead::Known(preview)),
            Ok(preview) => Failure::new(exit::DRIFT, migrate::drift(&preview.drift)),
            Err(failure) => failure,
        };
        self.refuse_ahead(failure, strict)?;
        Ok(RunAhead::Unknown)
    }

    /// A deploy that is bound to fail pushes nothing. What is let pass is said when the step itself comes to it.
    fn refuse_ahead(&self, failure: Failure, strict: bool) -> Result<(), Failure> {
        match decide::judge(failure.code, strict, false) {
            Verdict::Fail(_) => Err(Failure {
                message: format!(
                    "{}\nnothing was pushed and nothing migrated",
                    failure.message
                ),
                ..failure
            }),
            Verdict::Warn | Verdict::Good => Ok(()),
        }
    }

    /// Asks once, when the environment is protected and there is something to do to it.
    fn ask(&mut self, ahead: &Ahead) -> Result<(), Failure> {
        if let Some(twin) = self.target.says_twin() {
            self.warn(twin);
        }
        let command = self.settings.command.value.as_deref();
        let is_idle = match &ahead.run {
            RunAhead::Nothing => true,
            RunAhead::Unknown => false,
            RunAhead::Known(preview) => preview.work.is_empty(),
        };
        if command.is_none() && is_idle && ahead.aggregates.is_empty() {
            return Ok(());
        }
        let question = report::question(&self.target, command, ahead);
        ask_first(
            &self.target,
            &question,
            self.session.global.yes,
            Unattended::Refuse,
        )
    }

    /// From here on Ctrl-C reaches what goes on.
    fn listen(&self) {
        let (first, second) = (self.stop.clone(), self.stop.clone());
        interrupt::listen_in_stages(
            &self.progress,
            self.session.output,
            Some("up"),
            move || first.first(),
            move || second.second(),
        );
    }

    /// The app's hooks and aggregates are given away with the first connection, so it is kept.
    async fn connect(&mut self) -> Result<Migrator, Failure> {
        if self.migrator.is_none() {
            let target = self.target.clone();
            self.migrator = Some(self.session.connect(&target).await?);
        }
        let connected = self.migrator.clone();
        connected.ok_or_else(|| Failure::new(exit::FAILED, "the database is not connected"))
    }

    /// The first step.
    async fn push(&mut self) -> Result<(), Failure> {
        let Setting { value, origin } = self.settings.command.clone();
        let Some(command) = value else {
            self.steps
                .push(Step::skipped("command", "none is configured"));
            return Ok(());
        };
        let shown = secret::mask_command(&command);
        self.session.output.note(&format!("running `{shown}`"));
        let push = Push {
            command,
            folder: match origin {
                Origin::File(_) => self.folder.clone(),
                _ => None,
            },
            timeout: self
                .settings
                .command_timeout_ms
                .value
                .map(Duration::from_millis),
            json: self.session.output.json,
        };
        let stop = self.stop.clone();
        let ended = tokio::task::spawn_blocking(move || push.run(&stop)).await;
        let ended = ended.unwrap_or_else(|error| {
            Err(Failure::new(
                exit::FAILED,
                format!("the command cannot be waited for: {error}"),
            ))
        });
        self.steps.push(Step::of("command", &ended));
        ended
    }

    /// Says how it ended, in both languages, and with which code.
    fn tell(&self, failure: Option<&Failure>) -> u8 {
        let output = self.session.output;
        if let Some(failure) = failure {
            output.error(&failure.message);
        }
        output.result(&report::words(
            &self.target.shown(),
            &self.steps,
            failure.is_none(),
        ));
        output.object(&report::End::of(
            self.run.as_ref(),
            &self.steps,
            &self.aggregates,
            &self.warnings,
            failure,
        ));
        failure.map_or(exit::DONE, |failure| failure.code)
    }
}

//! The static data that generated code constructs. No behaviour: what these mean is decided in `engine/`.

use crate::batch::Batch;
use crate::document::Shape;
use std::future::Future;
use std::pin::Pin;

/// Every migration of a folder, in id order, as compiled into this program.
///
/// Made by [`migrations!`](crate::migrations) or [`include_migrations!`](crate::include_migrations).
#[derive(Debug)]
pub struct Manifest {
    migrations: &'static [Migration],
    digest: &'static str,
    folder: &'static str,
    retired: &'static [Retired],
    build: Build,
}

/// A migration that is no longer compiled in, since every database has applied it: what `migrations.lock` keeps of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retired {
    /// Its id.
    pub id: &'static str,
    /// The checksum it was released with.
    pub checksum: &'static str,
}

/// What is known of the program that a manifest is compiled into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// The package's name; empty when it was not built by cargo.
    pub package: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The git commit that was checked out, where `driftless_manifest::watch` or the environment told it.
    pub commit: Option<&'static str>,
}

impl Manifest {
    #[doc(hidden)]
    pub const fn new(
        migrations: &'static [Migration],
        digest: &'static str,
        folder: &'static str,
    ) -> Self {
        Manifest {
            migrations,
            digest,
            folder,
            retired: &[],
            build: Build {
                package: "",
                version: "",
                commit: None,
            },
        }
    }

    #[doc(hidden)]
    pub const fn with_retired(mut self, retired: &'static [Retired]) -> Self {
        self.retired = retired;
        self
    }

    /// The migrations that are no longer compiled in (`retire`), by id.
    pub fn retired(&self) -> &'static [Retired] {
        self.retired
    }

    /// What is kept of a retired migration.
    pub(crate) fn retired_one(&self, id: &str) -> Option<&'static Retired> {
        self.retired.iter().find(|retired| retired.id == id)
    }

    #[doc(hidden)]
    pub const fn built(
        mut self,
        package: Option<&'static str>,
        version: Option<&'static str>,
        commit: Option<&'static str>,
    ) -> Self {
        if let (Some(package), Some(version)) = (package, version) {
            self.build.package = package;
            self.build.version = version;
        }
        self.build.commit = commit;
        self
    }

    /// What is known of the program it is compiled into.
    pub fn build(&self) -> Build {
        self.build
    }

    /// The migrations, in the order they are applied.
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = &'static Migration> + ExactSizeIterator + Clone + use<>
    {
        self.migrations.iter()
    }

    /// The ids, in the order they are applied.
    pub fn ids(
        &self,
    ) -> impl DoubleEndedIterator<Item = &'static str> + ExactSizeIterator + Clone + use<> {
        self.iter().map(|migration| migration.id)
    }

    /// The migration with this id.
    pub fn get(&self, id: &str) -> Option<&'static Migration> {
        self.migrations
            .binary_search_by(|migration| migration.id.cmp(id))
            .ok()
            .map(|index| &self.migrations[index])
    }

    /// Hex SHA-256 over every id and checksum: two builds with the same digest run the same code.
    pub fn digest(&self) -> &'static str {
        self.digest
    }

    /// The absolute path of the folder, on the machine that compiled this program.
    pub fn folder(&self) -> &'static str {
        self.folder
    }

    /// How many migrations there are.
    pub fn len(&self) -> usize {
        self.migrations.len()
    }

    /// Whether the folder was empty.
    pub fn is_empty(&self) -> bool {
        self.migrations.is_empty()
    }
}

/// One migration file.
#[derive(Debug)]
pub struct Migration {
    /// The file's name without `.rs`, which orders it: `20260227_080239_backfill_todo_priority`.
    pub id: &'static str,
    /// The module documentation, or the `description` of the attribute, on one line; may be empty.
    pub description: &'static str,
    /// Path of the file relative to the folder, with `/` between its parts.
    pub file: &'static str,
    /// The file's text when this program was compiled.
    pub source: &'static str,
    /// `v1:` and the hex SHA-256 of the whole normalised file.
    pub checksum: &'static str,
    /// The checksums of the parts that `checksum` covers, so that a message can say which one changed.
    pub parts: ChecksumParts,
    /// What `up` does.
    pub up: Step,
    /// What `down` does, when the file has one.
    pub down: Option<Step>,
    /// The migration that has to be applied before this one: it sorts before, and exists or is retired.
    pub after: Option<&'static str>,
}

/// Checksums of a migration's parts, in the form of [`Migration::checksum`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecksumParts {
    /// The `up` function with its attribute.
    pub up: &'static str,
    /// The `down` function with its attribute; empty when there is none.
    pub down: &'static str,
    /// Everything else in the file, and the files it names with `uses`.
    pub rest: &'static str,
    #[doc(hidden)]
    pub details: &'static str,
}

/// One half of a migration.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The table whose documents it visits.
    pub table: Table,
    /// The batch size written in the attribute, which is exact and wins over every other setting.
    pub batch_size: Option<u32>,
    /// Whether hooks and triggers fire.
    pub write_mode: WriteMode,
    /// SQL predicate: which documents to visit. `None` visits all.
    pub filter: Option<&'static str>,
    /// SQL predicate that must match no document when the step is complete.
    pub remaining: Option<&'static str>,
    /// What a failing document does to the run.
    pub on_error: OnError,
    /// How writes of others between our read and our write are noticed.
    pub locking: Locking,
    #[doc(hidden)]
    pub shape: fn() -> Result<Shape, String>,
    #[doc(hidden)]
    pub function: StepFunction,
}

/// A table as the attribute names it: `"todos"`, `"shop.todos"`, `"\"odd.name\""`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// The part before the dot.
    pub schema: Option<&'static str>,
    /// The table's own name, without quotes.
    pub name: &'static str,
}

/// Whether writes fire hooks and triggers. Constraints hold either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteMode {
    /// Hooks and the table's triggers are skipped: the rows are rewritten and nothing else happens.
    #[default]
    SafeBypass,
    /// Hooks and triggers fire, as they do for the app's own writes.
    Normal,
}

impl WriteMode {
    /// The name in attributes, tables and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            WriteMode::SafeBypass => "safe_bypass",
            WriteMode::Normal => "normal",
        }
    }
}

/// What a document whose step fails does to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The batch is rolled back and the run fails.
    #[default]
    Fail,
    /// The document is set aside with its error and the run goes on.
    Quarantine,
}

/// How a write of somebody else's, between our read of a document and our write, is kept from being lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locking {
    /// Rows are read without a lock and written only where the columns that were read are unchanged; the step is called
    /// again for those that changed.
    #[default]
    Optimistic,
    /// Rows are locked as they are read and stay so until the batch commits: the step is called once for each, and others
    /// who write to them wait.
    Rows,
}

/// A boxed step future: one per batch.
#[doc(hidden)]
pub type StepFuture<'b> = Pin<Box<dyn Future<Output = crate::Result<()>> + Send + 'b>>;

/// The generated function of a step: one call per batch, not per document.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum StepFunction {
    /// `fn up`
    Sync(fn(&mut Batch) -> crate::Result<()>),
    /// `async fn up`
    Async(for<'b> fn(&'b mut Batch) -> StepFuture<'b>),
}

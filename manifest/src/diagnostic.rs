//! One vocabulary of faults. The macros, the build script and the command line render the same entry,
//! each in its own way: what is wrong, a short label, and what to write instead.

use crate::aggregate::AggregateFault;
use proc_macro2::Span;
use std::fmt;
use std::path::PathBuf;

/// Something wrong with a file of the migrations folder, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// The file, relative to the package, with `/` between its parts.
    pub file: String,
    /// The file on this machine.
    pub path: PathBuf,
    /// The line, from 1; 0 when the fault is about a folder or a file that is gone.
    pub line: usize,
    /// The column, from 1; 0 together with `line`.
    pub column: usize,
}

impl Fault {
    /// What is wrong, in one sentence.
    pub fn message(&self) -> String {
        self.kind.entry().message
    }

    /// A few words to print beside the place.
    pub fn label(&self) -> &'static str {
        self.kind.entry().label
    }

    /// What to write instead.
    pub fn hint(&self) -> String {
        self.kind.entry().hint
    }

    /// `path:line:column`, or only the path.
    pub fn place(&self) -> String {
        if self.line == 0 {
            self.file.clone()
        } else {
            format!("{}:{}:{}", self.file, self.line, self.column)
        }
    }
}

/// On one line, as a build script and a terminal show it.
impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { message, hint, .. } = self.kind.entry();
        write!(formatter, "{}: {message}; {hint}", self.place())
    }
}

/// A fault at a span of the tokens at hand: what parsing attributes and signatures yields.
#[derive(Debug, Clone)]
pub struct Located {
    /// What is wrong.
    pub kind: FaultKind,
    /// Where.
    pub span: Span,
}

impl Located {
    /// A fault at a span.
    pub fn new(kind: FaultKind, span: Span) -> Located {
        Located { kind, span }
    }
}

/// How a fault reads, whoever prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is wrong, in one sentence.
    pub message: String,
    /// A few words to print beside the place.
    pub label: &'static str,
    /// What to write instead.
    pub hint: String,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the entry of each kind, below, is its documentation"
)]
#[non_exhaustive]
pub enum FaultKind {
    // The folder.
    FolderMissing {
        folder: String,
        looked_in: Vec<String>,
    },
    FolderUnreadable {
        problem: String,
    },
    LinkLoop {
        ancestor: String,
    },
    NotAMigration {
        name: String,
    },
    NameNotUnicode {
        name: String,
    },
    NameWithoutTimestamp {
        name: String,
        slug: String,
    },
    NameWithoutSlug {
        timestamp: String,
    },
    NameWithCapitals {
        suggestion: String,
    },
    NameWithCharacter {
        character: char,
        suggestion: String,
    },
    NameTooLong {
        length: usize,
        limit: usize,
    },
    ImpossibleDate {
        timestamp: String,
        problem: String,
    },
    DuplicateId {
        id: String,
        other: String,
    },
    SameTimestamp {
        timestamp: String,
        other: String,
    },
    // The file.
    FileUnreadable {
        problem: String,
    },
    FileNotUtf8 {
        byte: usize,
    },
    FileTooLarge {
        bytes: u64,
        limit: u64,
    },
    Syntax {
        problem: String,
    },
    NoUp,
    TwoSteps {
        name: &'static str,
        first_line: usize,
    },
    DownWithoutUp,
    StepWithoutAttribute {
        name: &'static str,
    },
    StepBehindCfg {
        name: &'static str,
    },
    OutsidePath {
        keyword: &'static str,
    },
    OutsideInclude {
        path: String,
    },
    OutsideIncludeUnknown {
        name: String,
    },
    ModuleElsewhere {
        name: String,
    },
    UsesMissing {
        path: String,
        problem: String,
    },
    DocumentFlattened {
        document: String,
        field: String,
    },
    DocumentEnum {
        document: String,
    },
    // The attribute.
    AttributeSyntax {
        problem: String,
    },
    UnknownKey {
        key: String,
        nearest: Option<&'static str>,
    },
    RepeatedKey {
        key: &'static str,
    },
    WrongValue {
        key: &'static str,
        expected: &'static str,
    },
    TableMissing,
    TableEmpty,
    TableSyntax {
        text: String,
        problem: String,
    },
    TableReserved {
        name: String,
    },
    BatchSizeRange {
        text: String,
    },
    UnknownChoice {
        key: &'static str,
        text: String,
        choices: [&'static str; 2],
    },
    EmptyText {
        key: &'static str,
    },
    // The function.
    NotAFunction,
    StepName {
        name: String,
    },
    StepMethod {
        name: String,
    },
    StepGeneric {
        name: String,
    },
    StepQualifier {
        name: String,
        qualifier: &'static str,
    },
    StepArity {
        name: String,
        count: usize,
    },
    FirstArgument {
        found: String,
    },
    DocumentByReference {
        document: String,
    },
    DocumentBorrows {
        document: String,
    },
    DocumentNotNamed {
        found: String,
    },
    NoReturnType {
        name: String,
    },
    // The other macros.
    ArgumentNotLiteral,
    PatchSyntax {
        problem: String,
    },
    PatchDocument,
    PatchRepeated {
        field: String,
    },
    PatchAmbiguous {
        field: String,
        columns: Vec<String>,
    },
    // `aggregate!`.
    Aggregate(AggregateFault),
    // The lock file.
    LockUnreadable {
        problem: String,
    },
    LockSyntax {
        problem: String,
    },
    LockTooNew {
        found: String,
        known: u32,
    },
    LockedEdited {
        id: String,
        parts: String,
    },
    LockedRemoved {
        id: String,
        nearest: Option<String>,
    },
    LockedRenamed {
        id: String,
        now: String,
    },
    LockedAlgorithm {
        id: String,
        algorithm: String,
    },
    BeforeLocked {
        id: String,
        locked: String,
    },
    LockedOutOfOrder {
        id: String,
        before: String,
    },
    LockConflict,
    RetiredPresent {
        id: String,
    },
    // Dependencies.
    AfterNotAnId {
        text: String,
    },
    AfterOnDown,
    AfterUnknown {
        after: String,
        nearest: Option<String>,
    },
    AfterLater {
        after: String,
    },
}

impl FaultKind {
    /// Whether `#[migration]` reports this at its own span, or rustc does, so that `migrations!` must not again.
    pub fn is_reported_in_place(&self) -> bool {
        use FaultKind::*;
        matches!(
            self,
            Syntax { .. }
                | AttributeSyntax { .. }
                | UnknownKey { .. }
                | RepeatedKey { .. }
                | WrongValue { .. }
                | TableMissing
                | TableEmpty
                | TableSyntax { .. }
                | TableReserved { .. }
                | BatchSizeRange { .. }
                | UnknownChoice { .. }
                | EmptyText { .. }
                | AfterNotAnId { .. }
                | StepName { .. }
                | StepMethod { .. }
                | StepGeneric { .. }
                | StepQualifier { .. }
                | StepArity { .. }
                | FirstArgument { .. }
                | DocumentByReference { .. }
                | DocumentBorrows { .. }
                | DocumentNotNamed { .. }
                | NoReturnType { .. }
        )
    }

    /// Whether it says that a locked migration is not what it was.
    pub fn is_locked_change(&self) -> bool {
        use FaultKind::*;
        matches!(
            self,
            LockedEdited { .. } | LockedRemoved { .. } | LockedRenamed { .. }
        )
    }

    /// Whether the fault is about what the lock file says of a file that is there: `migrations!` finds it, and has the
    /// `#[migration]` of the file tell it at its own span.
    pub(crate) fn is_told_by_the_file(&self) -> bool {
        use FaultKind::*;
        matches!(
            self,
            LockedEdited { .. }
                | LockedRenamed { .. }
                | LockedAlgorithm { .. }
                | BeforeLocked { .. }
                | LockedOutOfOrder { .. }
                | RetiredPresent { .. }
                | AfterOnDown
                | AfterUnknown { .. }
                | AfterLater { .. }
        )
    }

    /// How this fault reads.
    pub fn entry(&self) -> Entry {
        let (message, label, hint) = self
            .folder_entry()
            .or_else(|| self.file_entry())
            .or_else(|| self.attribute_entry())
            .or_else(|| self.function_entry())
            .or_else(|| self.lock_entry())
            .or_else(|| match self {
                FaultKind::Aggregate(fault) => Some(fault.entry()),
                _ => None,
            })
            .unwrap_or_else(|| {
                (
                    format!("{self:?}"),
                    "here",
                    "report this message".to_owned(),
                )
            });
        Entry {
            message,
            label,
            hint,
        }
    }

    fn folder_entry(&self) -> Option<(String, &'static str, String)> {
        use FaultKind::*;
        Some(match self {
            FolderMissing { folder, looked_in } => (
                format!("there is no migrations folder `{folder}`"),
                "not found",
                format!("create it, or name the folder relative to Cargo.toml (looked for {})", looked_in.join(", ")),
            ),
            FolderUnreadable { problem } => {
                (format!("this folder cannot be read: {problem}"), "unreadable", "mend its permissions".to_owned())
            }
            LinkLoop { ancestor } => (
                format!("this symbolic link leads back to its own folder `{ancestor}`"),
                "a loop",
                "remove the link".to_owned(),
            ),
            NotAMigration { name } => (
                format!("`{name}` is not a migration, and nothing in this folder is silently ignored"),
                "not a migration",
                "name it `YYYYMMDD_HHMMSS_what_it_does.rs` if it is one, move it out of the folder if it is not \
                 (README.md and hidden files may stay)"
                    .to_owned(),
            ),
            NameNotUnicode { name } => (
                format!("the file name `{name}` is not unicode"),
                "not unicode",
                "use lower-case letters, digits and underscores".to_owned(),
            ),
            NameWithoutTimestamp { name, slug } => (
                format!("the file name `{name}` does not start with a timestamp"),
                "no timestamp",
                format!(
                    "name it `YYYYMMDD_HHMMSS_{}.rs`, as `migrate create` does",
                    if slug.is_empty() { "what_it_does" } else { slug }
                ),
            ),
            NameWithoutSlug { timestamp } => (
                "the file name says when but not what".to_owned(),
                "no slug",
                format!("add a few words: `{timestamp}_what_it_does.rs`"),
            ),
            NameWithCapitals { suggestion } => (
                "the file name has capital letters, which some file systems do not tell apart".to_owned(),
                "capital letters",
                format!("rename it to `{suggestion}`"),
            ),
            NameWithCharacter { character, suggestion } => (
                format!("the file name has `{character}` where only lower-case letters, digits and single underscores may be"),
                "unexpected character",
                format!("rename it to `{suggestion}`"),
            ),
            NameTooLong { length, limit } => (
                format!("the file name has {length} characters before `.rs`, and {limit} is the limit"),
                "too long",
                "shorten it, and put the long text in the `//!` description".to_owned(),
            ),
            ImpossibleDate { timestamp, problem } => (
                format!("`{timestamp}` is no real date and time: {problem}"),
                "impossible date",
                "write the time of creation in UTC as `YYYYMMDD_HHMMSS`".to_owned(),
            ),
            DuplicateId { id, other } => (
                format!("the id `{id}` is used twice: `{other}` has it too"),
                "duplicate id",
                "sub-folders are not part of the id: give one of the files another name".to_owned(),
            ),
            SameTimestamp { timestamp, other } => (
                format!("`{other}` has the same timestamp `{timestamp}`, so the two have no order of their own"),
                "same timestamp",
                "change the timestamp of the one that is to run second".to_owned(),
            ),
            _ => return None,
        })
    }

    fn file_entry(&self) -> Option<(String, &'static str, String)> {
        use FaultKind::*;
        Some(match self {
            FileUnreadable { problem } => {
                (format!("this file cannot be read: {problem}"), "unreadable", "mend its permissions, or remove it".to_owned())
            }
            FileNotUtf8 { byte } => {
                (format!("this file is not UTF-8: byte {byte} is wrong"), "not UTF-8", "save it as UTF-8".to_owned())
            }
            FileTooLarge { bytes, limit } => (
                format!("this file has {bytes} bytes, and {limit} is the limit"),
                "too large",
                "keep data in the database or in files the migration names with `uses`".to_owned(),
            ),
            Syntax { problem } => (format!("this is not valid Rust: {problem}"), "syntax error", "mend it".to_owned()),
            NoUp => (
                "this migration has no `up`".to_owned(),
                "no `up`",
                "add `#[migration(table = \"…\")] fn up(_ctx: &mut Ctx, document: Document) -> Result<Patch>`".to_owned(),
            ),
            TwoSteps { name, first_line } => (
                format!("`{name}` is defined twice, first in line {first_line}"),
                "second definition",
                "keep one: a migration has one `up` and at most one `down`".to_owned(),
            ),
            DownWithoutUp => (
                "this migration has a `down` but no `up`".to_owned(),
                "no `up`",
                "add the `up` that this `down` undoes".to_owned(),
            ),
            StepWithoutAttribute { name } => (
                format!("`{name}` has no `#[migration]` attribute"),
                "no attribute",
                "write `#[migration(table = \"…\")]` above it".to_owned(),
            ),
            StepBehindCfg { name } => (
                format!("`{name}` is compiled only under a `cfg`, so some builds would have another history"),
                "behind `cfg`",
                "remove the `cfg` attribute; decide inside the function".to_owned(),
            ),
            OutsidePath { keyword } => (
                format!("`{keyword}` names code outside this file, which the checksum of this migration does not cover"),
                "outside this file",
                "copy what it needs into the migration; or list the file: `#[migration(uses(\"src/….rs\"), …)]`".to_owned(),
            ),
            OutsideInclude { path } => (
                format!("`{path}` is outside this file, and the checksum of this migration does not cover it"),
                "not in `uses`",
                format!("list it: `#[migration(uses(\"{path}\"), …)]`"),
            ),
            OutsideIncludeUnknown { name } => (
                format!("which file this `{name}!` reads cannot be known here, so the checksum cannot cover it"),
                "not a literal",
                "write the path as one string literal and list it in `uses`".to_owned(),
            ),
            ModuleElsewhere { name } => (
                format!("`mod {name};` is in a file of its own, which the checksum of this migration does not cover"),
                "in another file",
                format!("write `mod {name} {{ … }}` in this file"),
            ),
            UsesMissing { path, problem } => (
                format!("the file `{path}` of `uses` cannot be read: {problem}"),
                "not found",
                "write the path relative to Cargo.toml".to_owned(),
            ),
            DocumentFlattened { document, field } => (
                format!("`{document}` flattens its field `{field}`, so its columns are not known before a row is read"),
                "flattened",
                format!("write the columns of `{field}` as fields of `{document}`"),
            ),
            DocumentEnum { document } => (
                format!("the document `{document}` is an enum, and a row is a set of columns"),
                "an enum",
                "read a struct with a field for each column you need; the field may be an enum".to_owned(),
            ),
            _ => return None,
        })
    }

    fn attribute_entry(&self) -> Option<(String, &'static str, String)> {
        use FaultKind::*;
        Some(match self {
            AttributeSyntax { problem } => (
                format!("the `#[migration]` attribute cannot be read: {problem}"),
                "not understood",
                "write keys and literals: `#[migration(table = \"todos\", batch_size = 500)]`".to_owned(),
            ),
            UnknownKey { key, nearest } => (
                format!("unknown key `{key}` in `#[migration]`"),
                "unknown key",
                match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("the keys are {}", crate::attribute::key_list()),
                },
            ),
            RepeatedKey { key } => {
                (format!("the key `{key}` is given twice"), "given before", "keep one of them".to_owned())
            }
            WrongValue { key, expected } => (
                format!("`{key}` is not {expected}"),
                "wrong value",
                format!("write `{}`", crate::attribute::example(key)),
            ),
            TableMissing => (
                "`#[migration]` does not say which table to visit".to_owned(),
                "no `table`",
                "write `#[migration(table = \"…\")]`".to_owned(),
            ),
            TableEmpty => ("`table` is empty".to_owned(), "empty", "name the table to visit: `table = \"todos\"`".to_owned()),
            TableSyntax { text, problem } => (
                format!("`{text}` is not the name of a table: {problem}"),
                "unknown syntax",
                r#"write `name` or `schema.name`; a part with a dot or a quote in SQL quotes: `table = "\"odd.name\""`"#.to_owned(),
            ),
            TableReserved { name } => (
                format!("the table `{name}` is reserved for driftless or the database itself"),
                "reserved",
                "visit one of the app's own tables".to_owned(),
            ),
            BatchSizeRange { text } => (
                format!("`batch_size` is {text}, and it must be between 1 and {}", crate::attribute::MAX_BATCH_SIZE),
                "out of range",
                "write a number of documents per transaction, such as `batch_size = 500`".to_owned(),
            ),
            UnknownChoice { key, text, choices } => (
                format!("`{key}` cannot be `{text}`"),
                "unknown choice",
                format!("write `{key} = \"{}\"` or `{key} = \"{}\"`", choices[0], choices[1]),
            ),
            EmptyText { key } => (
                format!("`{key}` is empty"),
                "empty",
                format!("write a predicate, such as `{}`, or leave the key out", crate::attribute::example(key)),
            ),
            ArgumentNotLiteral => (
                "the migrations folder is not given as one string literal".to_owned(),
                "not a literal",
                "write `migrations!(\"migrations\")`".to_owned(),
            ),
            PatchSyntax { problem } => (
                format!("this `patch!` cannot be read: {problem}"),
                "not understood",
                "write `patch!(document { field: value, other: value })`".to_owned(),
            ),
            PatchDocument => (
                "`patch!` starts with the name of the document".to_owned(),
                "not a name",
                "bind the document to a variable and write `patch!(document { field: value })`".to_owned(),
            ),
            PatchRepeated { field } => {
                (format!("the field `{field}` is set twice"), "set before", "keep one of them".to_owned())
            }
            PatchAmbiguous { field, columns } => (
                format!("the structs of this file give the field `{field}` different columns: {}", columns.join(", ")),
                "which column?",
                format!("say it: `Patch::none().set(\"{}\", value)`", columns.first().map_or("column", String::as_str)),
            ),
            _ => return None,
        })
    }

    fn function_entry(&self) -> Option<(String, &'static str, String)> {
        use FaultKind::*;
        const FORM: &str = "write `fn up(ctx: &mut Ctx, todo: Todo) -> Result<Patch>`";
        Some(match self {
            NotAFunction => ("`#[migration]` stands on something that is not a function".to_owned(), "not a function", FORM.to_owned()),
            StepName { name } => (
                format!("a step is named `up` or `down`, not `{name}`"),
                "unknown step",
                "rename it, or remove `#[migration]` if it is a helper".to_owned(),
            ),
            StepMethod { name } => (format!("`{name}` is a method, and a step is a function of its own"), "a method", FORM.to_owned()),
            StepGeneric { name } => (
                format!("`{name}` is generic, and a step reads documents of one type"),
                "generic",
                FORM.to_owned(),
            ),
            StepQualifier { name, qualifier } => {
                (format!("`{name}` is `{qualifier}`, and a step is a plain or `async` function"), "not allowed", FORM.to_owned())
            }
            StepArity { name, count } => (
                format!("`{name}` takes {count} argument{}, and a step takes two: the context and the document", if *count == 1 { "" } else { "s" }),
                "wrong number of arguments",
                FORM.to_owned(),
            ),
            FirstArgument { found } => (
                format!("the first argument of a step is `&mut Ctx`, not `{found}`"),
                "not `&mut Ctx`",
                "write `ctx: &mut Ctx` (`_ctx` when it is not used)".to_owned(),
            ),
            DocumentByReference { document } => (
                format!("the document is handed over by value, not as `{document}`"),
                "a reference",
                format!("write `{}`", document.trim_start_matches('&').trim_start_matches("mut ").trim()),
            ),
            DocumentBorrows { document } => (
                format!("`{document}` borrows, and a document owns what it holds"),
                "borrowed data",
                "use `String` instead of `&str`, `Vec<u8>` instead of `&[u8]`, and remove the lifetime".to_owned(),
            ),
            DocumentNotNamed { found } => (
                format!("`{found}` does not name the type of a document"),
                "not a type name",
                "name a struct that derives `serde::Deserialize`, with a field for each column you need".to_owned(),
            ),
            NoReturnType { name } => (
                format!("`{name}` returns nothing, so its changes would be lost"),
                "no return type",
                "return `Result<Patch>`: `Ok(patch!(todo { field: value }))`, or `Ok(Patch::none())` to leave a document".to_owned(),
            ),
            _ => return None,
        })
    }

    fn lock_entry(&self) -> Option<(String, &'static str, String)> {
        use FaultKind::*;
        Some(match self {
            LockUnreadable { problem } => {
                (format!("the lock file cannot be read: {problem}"), "unreadable", "restore it from version control".to_owned())
            }
            LockSyntax { problem } => (
                format!("this line of the lock file is not understood: {problem}"),
                "not understood",
                "restore the file from version control; after a merge keep the lines of both sides".to_owned(),
            ),
            LockTooNew { found, known } => (
                format!("the lock file is of version {found}, and this driftless knows version {known}"),
                "too new",
                "update driftless to the version that wrote it".to_owned(),
            ),
            LockedEdited { id, parts } => (
                format!("`{id}` is released and locked, but {parts} changed since"),
                "edited after it was locked",
                "restore the file and put the change in a new migration; if it never ran anywhere, remove its line from the lock file and run `migrate lock`".to_owned(),
            ),
            LockedRemoved { id, nearest } => (
                format!("`{id}` is released and locked, but its file is gone"),
                "removed after it was locked",
                match nearest {
                    Some(nearest) => format!("restore the file; or is it `{nearest}.rs`, renamed and edited?"),
                    None => "restore the file; once every database has applied it, `migrate retire` removes it for good".to_owned(),
                },
            ),
            LockedRenamed { id, now } => (
                format!("`{id}` is released and locked, but its file is now called `{now}`"),
                "renamed after it was locked",
                format!("rename it back to `{id}.rs`"),
            ),
            LockedAlgorithm { id, algorithm } => (
                format!("the lock file records `{id}` with the checksum algorithm `{algorithm}`, which this driftless does not know"),
                "unknown algorithm",
                "update driftless to the version that wrote it".to_owned(),
            ),
            BeforeLocked { id, locked } => (
                format!("`{id}` is new but sorts before `{locked}`, which is released and locked"),
                "out of order",
                "give it a timestamp of today: databases that applied the later one would run it out of order".to_owned(),
            ),
            LockedOutOfOrder { id, before } => (
                format!("`{id}` was released after `{before}`, which sorts after it: databases that applied the later one would run it out of order"),
                "out of order",
                format!(
                    "give it a timestamp of today and lock it again; if it was released first all the same, move its line in the lock file above that of `{before}`"
                ),
            ),
            LockConflict => (
                "the lock file has a merge conflict".to_owned(),
                "a conflict marker",
                "keep the lines of both sides, those that were released first above the others, and remove the markers; \
                 `migrations.lock merge=union` in .gitattributes lets git do so"
                    .to_owned(),
            ),
            RetiredPresent { id } => (
                format!("`{id}` is retired, and its file is here again"),
                "retired",
                "remove the file: `migrate retire` took it out of the build once every database had applied it".to_owned(),
            ),
            AfterNotAnId { text } => (
                format!("`{text}` is not the id of a migration"),
                "not an id",
                format!("write the file's name without `.rs`: `{}`", crate::attribute::example("after")),
            ),
            AfterOnDown => (
                "`after` stands on `down`, and a migration as a whole comes after another".to_owned(),
                "belongs to `up`",
                "move it to the attribute of `up`; rolling back goes the other way round by itself".to_owned(),
            ),
            AfterUnknown { after, nearest } => (
                format!("`after` names `{after}`, and there is no such migration"),
                "unknown",
                match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => "is it on a branch that is not merged yet? merge that first".to_owned(),
                },
            ),
            AfterLater { after } => (
                format!("`after` names `{after}`, which does not sort before this migration, and migrations are applied in the order of their ids"),
                "not before this one",
                "give this file a later timestamp".to_owned(),
            ),
            _ => return None,
        })
    }
}

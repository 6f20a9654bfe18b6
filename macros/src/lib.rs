//! The macros of driftless: thin shells over driftless-manifest, where everything is explained and tested.
//! Use them through the `driftless` crate, which re-exports them.

use driftless_manifest::expand;
use proc_macro::TokenStream;

/// The migrations of a folder, named relative to `Cargo.toml`, as a `Manifest`.
///
/// `static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations");`
#[proc_macro]
pub fn migrations(folder: TokenStream) -> TokenStream {
    expand::migrations(folder.into()).into()
}

/// The migrations that `driftless_manifest::generate("migrations")` found in `build.rs`, as a `Manifest`.
#[proc_macro]
pub fn include_migrations(nothing: TokenStream) -> TokenStream {
    expand::include_migrations(nothing.into()).into()
}

/// Makes a function the `up` or `down` step of its file:
/// `#[migration(table = "todos")] fn up(ctx: &mut Ctx, todo: Todo) -> Result<Patch>`, or an `async fn`.
///
/// Keys: `table`, `description`, `batch_size`, `write_mode = "safe_bypass" | "normal"`, `filter = "SQL"`,
/// `remaining = "SQL"`, `on_error = "fail" | "quarantine"`, `locking = "optimistic" | "rows"`,
/// `uses("src/file.rs")`.
#[proc_macro_attribute]
pub fn migration(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::step(arguments.into(), item.into()).into()
}

/// A patch that sets columns of a document, named by its fields: `patch!(todo { priority: "medium" })`.
/// A field that the document does not have is a compile error; serde's renames are honoured.
#[proc_macro]
pub fn patch(fields: TokenStream) -> TokenStream {
    expand::patch(fields.into()).into()
}

/// Counts, sums, averages, minima and maxima of a table's rows by some of its columns, kept current by the database:
/// `aggregate! { pub TODOS_BY_PROJECT = "todos" by (project_id, completed) { count, sum(effort), max(created_at) } }`.
///
/// The constant is an `Aggregate`. Columns are named by identifiers, or by text where their names are none.
#[proc_macro]
pub fn aggregate(declaration: TokenStream) -> TokenStream {
    expand::aggregate(declaration.into()).into()
}

//! What the macros expand to, kept as formatted files: a change to generated code shows up in review.
//! After an intended change: `DRIFTLESS_BLESS=1 cargo test -p driftless-manifest --test expand`.

use driftless_manifest::expand;
use proc_macro2::TokenStream;
use quote::quote;
use std::path::Path;

#[track_caller]
fn assert_expansion(name: &str, items: TokenStream) {
    let package = env!("CARGO_MANIFEST_DIR");
    let file = syn::parse2(items.clone()).unwrap_or_else(|error| panic!("{error}:\n{items}"));
    let actual = prettyplease::unparse(&file).replace(package, "$PACKAGE");
    let path = Path::new(package)
        .join("tests/expand")
        .join(format!("{name}.rs"));
    if std::env::var_os("DRIFTLESS_BLESS").is_some() {
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name} changed");
}

fn expression(tokens: TokenStream) -> TokenStream {
    quote!(const EXPANSION: () = #tokens;)
}

#[test]
fn migrations() {
    assert_expansion(
        "migrations",
        expression(expand::migrations(quote!("tests/expand/folder"))),
    );
    assert_expansion(
        "migrations_with_faults",
        expression(expand::migrations(quote!("tests/expand/faulty"))),
    );
    assert_expansion(
        "migrations_not_a_literal",
        expression(expand::migrations(quote!(FOLDER))),
    );
}

#[test]
fn steps() {
    let step = |attribute: TokenStream, item: TokenStream| expand::step(attribute, item);
    assert_expansion(
        "step",
        step(
            quote!(table = "todos"),
            quote!(
                fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
                    Ok(Patch::none())
                }
            ),
        ),
    );
    assert_expansion(
        "step_async_with_every_key",
        step(
            quote!(
                table = "shop.todos",
                batch_size = 500,
                write_mode = "normal",
                filter = "a",
                remaining = "b",
                on_error = "quarantine",
                locking = "rows"
            ),
            quote!(
                pub async fn down(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
                    Ok(Patch::none())
                }
            ),
        ),
    );
    assert_expansion(
        "step_with_faults",
        step(
            quote!(tabel = "todos"),
            quote!(
                fn up(todo: &Todo) {}
            ),
        ),
    );
}

#[test]
fn patches() {
    assert_expansion(
        "patch",
        expression(expand::patch(quote!(todo {
            priority: "medium",
            r#type,
            size: todo.size + 1
        }))),
    );
    assert_expansion(
        "patch_with_faults",
        expression(expand::patch(quote!(todo {
            priority: 1,
            priority: 2,
            ..other
        }))),
    );
}

#[test]
fn aggregates() {
    assert_expansion(
        "aggregate",
        expand::aggregate(quote!(
            /// How much there is to do.
            pub TODOS_BY_PROJECT = "shop.todos" by (project_id, "odd name") { count, sum(effort), max(created_at) }
        )),
    );
    assert_expansion(
        "aggregate_without_documentation",
        expand::aggregate(quote!(BY_OWNER = "todos" by (owner, r#type) { count, sum(effort) })),
    );
    assert_expansion(
        "aggregate_with_faults",
        expand::aggregate(quote!(A = "todos" by () { summ(effort), sum })),
    );
}

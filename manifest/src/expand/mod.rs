//! What the macros expand to, as functions on tokens, so that they can be tested like any other function.
//!
//! Reading and judging happen in the modules of this crate that the command line uses too; here it is only
//! quoted. An expansion holds constructor calls and function pointers: behaviour lives in the runtime.

mod aggregate;
mod handover;
mod manifest;
mod patch;
mod step;

pub use aggregate::aggregate;
pub use manifest::{include_migrations, migrations};
pub use patch::patch;
pub use step::step;

pub(crate) use manifest::quote_manifest;

use crate::diagnostic::Located;
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

/// Parses with proc-macro2's own lexer while it lives: inside a macro, only that knows lines and columns of a
/// text that is not the compiler's.
struct OwnLexer;

impl OwnLexer {
    fn enter() -> OwnLexer {
        proc_macro2::fallback::force();
        OwnLexer
    }
}

impl Drop for OwnLexer {
    fn drop(&mut self) {
        proc_macro2::fallback::unforce();
    }
}

/// An error of the compiler at a span.
fn compile_error(message: &str, span: Span) -> TokenStream {
    quote_spanned!(span=> ::core::compile_error! { #message })
}

/// A fault as an error of the compiler at its own span.
fn located_error(fault: &Located) -> TokenStream {
    let entry = fault.kind.entry();
    compile_error(
        &format!("{}\n= help: {}", entry.message, entry.hint),
        fault.span,
    )
}

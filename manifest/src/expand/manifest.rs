//! `migrations!("folder")`: a module for every file and the static list of what is in them.

use super::{OwnLexer, compile_error, handover, located_error};
use crate::checksum::Checksum;
use crate::diagnostic::{Fault, FaultKind, Located};
use crate::folder::{self, Found};
use crate::lock::{self, LockFile, LockedMigration};
use crate::scan::{MigrationFile, Scan, scan};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use syn::LitStr;

/// Expands `migrations!("folder")`.
pub fn migrations(arguments: TokenStream) -> TokenStream {
    let Ok(literal) = syn::parse2::<LitStr>(arguments.clone()) else {
        let span = arguments
            .into_iter()
            .next()
            .map_or_else(Span::call_site, |tree| tree.span());
        return without_manifest(&located_error(&Located::new(
            FaultKind::ArgumentNotLiteral,
            span,
        )));
    };
    match folder::find(&literal.value(), Span::call_site().local_file().as_deref()) {
        Ok(Found {
            package_root,
            folder,
        }) => {
            let own_lexer = OwnLexer::enter();
            let (scan, lock) = lock::enforce(scan(package_root, folder));
            drop(own_lexer);
            let errors = scan
                .faults
                .iter()
                .filter(|fault| is_told_here(fault, &scan))
                .map(|fault| fault_error(fault, literal.span()));
            let errors: TokenStream = errors.map(|error| quote!(#error;)).collect();
            let told = hand_over(&scan);
            quote_manifest(&scan, &lock, &quote!(#errors #told))
        }
        Err(looked_in) => {
            let kind = FaultKind::FolderMissing {
                folder: literal.value(),
                looked_in,
            };
            without_manifest(&located_error(&Located::new(kind, literal.span())))
        }
    }
}

/// Expands `include_migrations!()`: the file that `driftless_manifest::generate` wrote in `build.rs`.
pub fn include_migrations(arguments: TokenStream) -> TokenStream {
    if let Some(tree) = arguments.into_iter().next() {
        let message = "`include_migrations!` takes no argument\n= help: name the folder in build.rs: `driftless_manifest::generate(\"migrations\")`";
        return without_manifest(&compile_error(message, tree.span()));
    }
    let generated = std::env::var_os("OUT_DIR")
        .map(|folder| PathBuf::from(folder).join(crate::generate::FILE_NAME));
    if generated.as_deref().is_some_and(Path::is_file) {
        let file = concat_path();
        return quote!(::core::include!(#file));
    }
    let message = "nothing was generated to include\n= help: write build.rs as `fn main() { driftless_manifest::generate(\"migrations\") }` and add `driftless-manifest` to [build-dependencies]";
    without_manifest(&compile_error(message, Span::call_site()))
}

fn concat_path() -> TokenStream {
    let file = format!("/{}", crate::generate::FILE_NAME);
    quote!(::core::concat!(::core::env!("OUT_DIR"), #file))
}

/// The list of a scan, after the given errors: also a folder with faults has a value, so nothing else is reported.
pub(crate) fn quote_manifest(scan: &Scan, lock: &LockFile, errors: &TokenStream) -> TokenStream {
    let declared = declared(scan);
    let modules = declared.iter().map(|path| module(path));
    let listed = listed(scan);
    let entries = listed.iter().map(|migration| entry(migration));
    let count = listed.len();
    let tracked = tracked(scan);
    let (digest, folder) = (scan.digest(), scan.folder.to_string_lossy());
    let commit = crate::git::COMMIT;
    let retired = lock.retired().into_iter().map(retired);
    quote! {
        {
            #errors
            #(#modules)*
            #(#tracked)*
            static MIGRATIONS: [::driftless::__private::Migration; #count] = [#(#entries),*];
            ::driftless::__private::Manifest::new(&MIGRATIONS, #digest, #folder)
                .with_retired(&[#(#retired),*])
                .built(
                    ::core::option_env!("CARGO_PKG_NAME"),
                    ::core::option_env!("CARGO_PKG_VERSION"),
                    ::core::option_env!(#commit),
                )
        }
    }
}

/// Makes the compiler see edits of the files that count but are no modules: the lock file, and what `uses` names.
fn tracked(scan: &Scan) -> Vec<TokenStream> {
    let used = scan
        .migrations
        .iter()
        .flat_map(|migration| &migration.uses)
        .map(|used| scan.package_root.join(used));
    let files: BTreeSet<PathBuf> = used
        .chain([lock::path_for(&scan.folder)])
        .filter(|file| file.is_file())
        .collect();
    let paths = files.iter().map(|file| file.to_string_lossy());
    paths
        .map(|path| {
            quote!(
                const _: &[::core::primitive::u8] = ::core::include_bytes!(#path);
            )
        })
        .collect()
}

/// The migrations whose steps can be named.
fn listed(scan: &Scan) -> Vec<&MigrationFile> {
    let declared = declared(scan);
    let listed = scan.migrations.iter().filter(|migration| {
        migration.has_up
            && declared.contains(migration.path.as_path())
            && !is_behind_cfg(migration, scan)
    });
    listed.collect()
}

/// Leaves to each file what the lock file says of it, and names the constants that prove it was told.
fn hand_over(scan: &Scan) -> TokenStream {
    let mut told = TokenStream::new();
    for migration in listed(scan) {
        let faults = scan
            .faults
            .iter()
            .filter(|fault| fault.path == migration.path && fault.kind.is_told_by_the_file());
        let faults: Vec<FaultKind> = faults.map(|fault| fault.kind.clone()).collect();
        if !faults.is_empty() {
            let (module, proof) = (
                module_name(&migration.path),
                format_ident!("{}", handover::TOLD),
            );
            handover::leave(&migration.path, faults);
            told.extend(quote!(const _: () = #module::#proof;));
        }
    }
    // The compiler explains a syntax error best. Should it see none where our parser does, this fails the build.
    for fault in scan
        .faults
        .iter()
        .filter(|fault| matches!(fault.kind, FaultKind::Syntax { .. }))
    {
        let (module, proof) = (
            module_name(&fault.path),
            format_ident!("{}", handover::TOLD),
        );
        told.extend(quote!(const _: () = #module::#proof;));
    }
    told
}

/// A value in the place of a manifest that could not be made.
fn without_manifest(error: &TokenStream) -> TokenStream {
    quote!({ #error; ::driftless::__private::Manifest::new(&[], "", "") })
}

/// The files that become modules: those whose mistakes, if any, the compiler or `#[migration]` explains there.
/// Two functions of one name, or a module that has no file, would be explained twice, so such a file is left out.
fn declared(scan: &Scan) -> BTreeSet<&Path> {
    let left_out = |path: &Path| {
        scan.faults.iter().any(|fault| {
            fault.path == path
                && matches!(
                    fault.kind,
                    FaultKind::TwoSteps { .. } | FaultKind::ModuleElsewhere { .. }
                )
        })
    };
    let broken = scan
        .faults
        .iter()
        .filter(|fault| matches!(fault.kind, FaultKind::Syntax { .. }));
    let parsed = scan
        .migrations
        .iter()
        .map(|migration| migration.path.as_path());
    parsed
        .chain(broken.map(|fault| fault.path.as_path()))
        .filter(|path| !left_out(path))
        .collect()
}

fn is_told_here(fault: &Fault, scan: &Scan) -> bool {
    if fault.kind.is_told_by_the_file() {
        return !listed(scan)
            .iter()
            .any(|migration| migration.path == fault.path);
    }
    !fault.kind.is_reported_in_place() || !declared(scan).contains(fault.path.as_path())
}

fn is_behind_cfg(migration: &MigrationFile, scan: &Scan) -> bool {
    scan.faults.iter().any(|fault| {
        fault.path == migration.path && matches!(fault.kind, FaultKind::StepBehindCfg { .. })
    })
}

fn fault_error(fault: &Fault, span: Span) -> TokenStream {
    compile_error(
        &format!(
            "{}: {}\n= help: {}",
            fault.place(),
            fault.message(),
            fault.hint()
        ),
        span,
    )
}

/// Released migrations are not edited, so lints that would ask for it stay quiet.
fn module(path: &Path) -> TokenStream {
    let (name, path) = (module_name(path), path.to_string_lossy());
    quote! {
        #[path = #path]
        #[allow(dead_code, missing_docs, unreachable_pub, clippy::needless_pass_by_value, clippy::unnecessary_wraps, clippy::unused_async)]
        mod #name;
    }
}

fn module_name(path: &Path) -> Ident {
    format_ident!(
        "m{}",
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .as_ref(),
        span = Span::mixed_site()
    )
}

fn retired(locked: &LockedMigration) -> TokenStream {
    let (id, checksum) = (&locked.id, &locked.checksum.whole);
    quote!(::driftless::__private::Retired { id: #id, checksum: #checksum })
}

fn entry(migration: &MigrationFile) -> TokenStream {
    let module = module_name(&migration.path);
    let MigrationFile {
        id,
        description,
        file,
        ..
    } = migration;
    let path = migration.path.to_string_lossy();
    let Checksum {
        whole,
        up,
        down,
        rest,
        details,
    } = &migration.checksum;
    let down_step = if migration.has_down {
        quote!(::core::option::Option::Some(#module::__DRIFTLESS_DOWN))
    } else {
        quote!(::core::option::Option::None)
    };
    let after = match &migration.after {
        Some(after) => {
            let id = &after.id;
            quote!(::core::option::Option::Some(#id))
        }
        None => quote!(::core::option::Option::None),
    };
    quote_spanned! {Span::mixed_site()=>
        ::driftless::__private::Migration {
            id: #id,
            description: #description,
            file: #file,
            source: ::core::include_str!(#path),
            checksum: #whole,
            parts: ::driftless::__private::ChecksumParts { up: #up, down: #down, rest: #rest, details: #details },
            up: #module::__DRIFTLESS_UP,
            down: #down_step,
            after: #after,
        }
    }
}

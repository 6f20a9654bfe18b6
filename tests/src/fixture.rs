//! The manifests under `migrations/`, by folder name.

use driftless::Manifest;

macro_rules! fixtures {
    ($($name:ident = $folder:literal;)*) => {
        /// Every fixture as a static, named like its folder.
        pub mod fixtures {
            $(
                #[doc = concat!("`", $folder, "`")]
                #[allow(non_upper_case_globals)]
                pub static $name: driftless::Manifest = driftless::migrations!($folder);
            )*
        }

        /// The fixture with this name.
        ///
        /// # Panics
        /// There is none.
        pub fn fixture(name: &str) -> &'static Manifest {
            match name {
                $(stringify!($name) => &fixtures::$name,)*
                _ => panic!("there is no fixture {name}"),
            }
        }
    };
}

fixtures! {
    times100 = "migrations/times100";
    times100_edited = "migrations/times100_edited";
    times100_renamed = "migrations/times100_renamed";
    times100_with_more = "migrations/times100_with_more";
    add_million = "migrations/add_million";
    add_million_locked = "migrations/add_million_locked";
    remaining = "migrations/remaining";
    remaining_stuck = "migrations/remaining_stuck";
    three = "migrations/three";
    three_after = "migrations/three_after";
    three_retired = "migrations/three_retired";
    three_without_a = "migrations/three_without_a";
    long_source = "migrations/long_source";
    vendored = "migrations/vendored";
    puppet = "migrations/puppet";
    puppet_normal = "migrations/puppet_normal";
    keys = "migrations/keys";
    keys_sqlite = "migrations/keys_sqlite";
    keys_postgres = "migrations/keys_postgres";
    insert_ahead = "migrations/insert_ahead";
    documents = "migrations/documents";
    schemas = "migrations/schemas";
    types = "migrations/types";
    odd_names = "migrations/odd_names";
    waits = "migrations/waits";
    quarantine = "migrations/quarantine";
    quarantine_normal = "migrations/quarantine_normal";
    empty_bytes = "migrations/empty_bytes";
    todos_bypass = "migrations/todos_bypass";
    todos_normal = "migrations/todos_normal";
    todos_elsewhere = "migrations/todos_elsewhere";
}

const EXPANSION: () = {
    ::core::compile_error! {
        "tests/expand/faulty/20260302_000000_no_up.rs:1:1: this migration has no `up`\n= help: add `#[migration(table = \"…\")] fn up(_ctx: &mut Ctx, document: Document) -> Result<Patch>`"
    };
    ::core::compile_error! {
        "tests/expand/faulty/notes.txt:1:1: `notes.txt` is not a migration, and nothing in this folder is silently ignored\n= help: name it `YYYYMMDD_HHMMSS_what_it_does.rs` if it is one, move it out of the folder if it is not (README.md and hidden files may stay)"
    };
    #[path = "$PACKAGE/tests/expand/faulty/20260227_080239_first.rs"]
    #[allow(
        dead_code,
        missing_docs,
        unreachable_pub,
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async
    )]
    mod m20260227_080239_first;
    #[path = "$PACKAGE/tests/expand/faulty/20260302_000000_no_up.rs"]
    #[allow(
        dead_code,
        missing_docs,
        unreachable_pub,
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async
    )]
    mod m20260302_000000_no_up;
    static MIGRATIONS: [::driftless::__private::Migration; 1usize] = [
        ::driftless::__private::Migration {
            id: "20260227_080239_first",
            description: "The first.",
            file: "20260227_080239_first.rs",
            source: ::core::include_str!(
                "$PACKAGE/tests/expand/faulty/20260227_080239_first.rs"
            ),
            checksum: "v1:130d03f5792279bb564760377f45b2f0bedfc705a800bb490deb047a0f2e83cc",
            parts: ::driftless::__private::ChecksumParts {
                up: "v1:2379b08f5d4375a7bdff2a12c60419f89a562e8855f7601af928926cbb663a7f",
                down: "v1:39ad3494bbf514f4907e787affb78d588befb4e8b4f9843d3b98cd3544051dfe",
                rest: "v1:c1790854636c4aeb6836c7a5ef333682b4ae00aab75fa79864dc34b8ee219d8e",
                details: "e76ec6a8.a2da915c.87b20cb1.a2da915c",
            },
            up: m20260227_080239_first::__DRIFTLESS_UP,
            down: ::core::option::Option::Some(m20260227_080239_first::__DRIFTLESS_DOWN),
            after: ::core::option::Option::None,
        },
    ];
    ::driftless::__private::Manifest::new(
            &MIGRATIONS,
            "4a305d5791018b93603260a3fa7d4769706d74d61c035f10fd682a84964f4eed",
            "$PACKAGE/tests/expand/faulty",
        )
        .with_retired(&[])
        .built(
            ::core::option_env!("CARGO_PKG_NAME"),
            ::core::option_env!("CARGO_PKG_VERSION"),
            ::core::option_env!("DRIFTLESS_COMMIT"),
        )
};

const EXPANSION: () = {
    #[path = "$PACKAGE/tests/expand/folder/20260227_080239_first.rs"]
    #[allow(
        dead_code,
        missing_docs,
        unreachable_pub,
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async
    )]
    mod m20260227_080239_first;
    #[path = "$PACKAGE/tests/expand/folder/sub/20260301_120000_second.rs"]
    #[allow(
        dead_code,
        missing_docs,
        unreachable_pub,
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async
    )]
    mod m20260301_120000_second;
    static MIGRATIONS: [::driftless::__private::Migration; 2usize] = [
        ::driftless::__private::Migration {
            id: "20260227_080239_first",
            description: "The first.",
            file: "20260227_080239_first.rs",
            source: ::core::include_str!(
                "$PACKAGE/tests/expand/folder/20260227_080239_first.rs"
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
        ::driftless::__private::Migration {
            id: "20260301_120000_second",
            description: "The second.",
            file: "sub/20260301_120000_second.rs",
            source: ::core::include_str!(
                "$PACKAGE/tests/expand/folder/sub/20260301_120000_second.rs"
            ),
            checksum: "v1:6217509ad234b2ebfa2610a09ee2b24f82b6c98efbe89f7e097e52b947a3f896",
            parts: ::driftless::__private::ChecksumParts {
                up: "v1:2379b08f5d4375a7bdff2a12c60419f89a562e8855f7601af928926cbb663a7f",
                down: "",
                rest: "v1:c1790854636c4aeb6836c7a5ef333682b4ae00aab75fa79864dc34b8ee219d8e",
                details: "e76ec6a8.a2da915c.-.-",
            },
            up: m20260301_120000_second::__DRIFTLESS_UP,
            down: ::core::option::Option::None,
            after: ::core::option::Option::None,
        },
    ];
    ::driftless::__private::Manifest::new(
            &MIGRATIONS,
            "f336023be7ffc849b6f748b78e3f3f2a4ab0c5f923991db40bb676ac63662ff5",
            "$PACKAGE/tests/expand/folder",
        )
        .with_retired(&[])
        .built(
            ::core::option_env!("CARGO_PKG_NAME"),
            ::core::option_env!("CARGO_PKG_VERSION"),
            ::core::option_env!("DRIFTLESS_COMMIT"),
        )
};

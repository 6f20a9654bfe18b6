//! One file per mistake and the message it gets; one per accepted form. The messages are those of the toolchain that
//! CI uses; after a change look at them as a newcomer would: `TRYBUILD=overwrite cargo test -p driftless-ui-tests`.

#[test]
fn mistakes_are_explained_and_accepted_forms_compile() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("fail/*.rs");
    tests.pass("pass/*.rs");
}

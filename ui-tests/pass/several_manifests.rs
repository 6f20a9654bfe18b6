static FIRST: driftless::Manifest = driftless::migrations!("fixtures/pass_sync");

mod inner {
    pub static SECOND: driftless::Manifest = driftless::migrations!("fixtures/pass_sync");
}

fn main() {
    assert_eq!(FIRST.digest(), inner::SECOND.digest());
    let empty = driftless::migrations!("fixtures/pass_empty");
    assert!(empty.is_empty());
}

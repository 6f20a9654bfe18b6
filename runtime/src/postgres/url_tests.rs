//! What a URL is read as, and what is said of one that cannot be.

use super::*;

fn parse(url: &str) -> Result<Target> {
    Target::with_environment(url, &|name| match name {
        "PGPASSWORD" => Some("from the environment".into()),
        "USER" => Some("me".into()),
        _ => None,
    })
}

fn hosts(target: &Target) -> Vec<String> {
    let hosts = target.config.get_hosts().iter();
    hosts.map(|host| format!("{host:?}")).collect()
}

#[test]
fn every_part_of_a_url_is_understood_as_libpq_does() {
    let target = parse("postgresql://al%40ice:p%3Ass@db1:5433,[::1],db3/my%20shop?connect_timeout=3&target_session_attrs=read-write").unwrap();
    assert_eq!(
        hosts(&target),
        ["Tcp(\"db1\")", "Tcp(\"::1\")", "Tcp(\"db3\")"]
    );
    assert_eq!(target.config.get_ports(), [5433, 5432, 5432]);
    assert_eq!(target.config.get_user(), Some("al@ice"));
    assert_eq!(target.config.get_password(), Some(&b"p:ss"[..]));
    assert_eq!(target.config.get_dbname(), Some("my shop"));
    assert_eq!(target.config.get_application_name(), Some("driftless"));
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(3)));
}

#[test]
fn what_is_left_out_is_what_libpq_users_expect() {
    let target = parse("postgres:///shop").unwrap();
    assert_eq!(hosts(&target), ["Tcp(\"localhost\")"]);
    assert_eq!(target.config.get_user(), Some("me"));
    assert_eq!(
        target.config.get_password(),
        Some(&b"from the environment"[..])
    );
    assert_eq!(target.security.mode, Mode::Prefer);
    assert_eq!(target.connect_timeout, Some(CONNECT_TIMEOUT));
    assert!(target.config.get_tcp_user_timeout().is_some());
    let database = parse("postgres://shop@db").unwrap();
    assert_eq!(database.config.get_dbname(), Some("shop"));
}

#[cfg(unix)]
#[test]
fn a_unix_socket_has_no_tls_whatever_is_asked_for() {
    for url in [
        "postgres://me@%2Fvar%2Frun%2Fpostgresql/shop?sslmode=require",
        "postgres://me@/shop?host=/var/run/postgresql&sslmode=require",
    ] {
        let target = parse(url).unwrap();
        assert_eq!(hosts(&target), ["Unix(\"/var/run/postgresql\")"], "{url}");
        assert_eq!(target.security.mode, Mode::Disable, "{url}");
    }
}

#[test]
fn no_password_is_ever_shown() {
    let target =
        parse("postgres://alice:hunter2@db:6432/shop?password=hunter2&sslkey=hunter2&sslcert=c")
            .unwrap();
    assert_eq!(target.shown, "postgres://alice@db:6432/shop");
    for url in [
        "postgres://alice:hun:ter2@db/shop?sslmode=x",
        "postgres://alice:hunter2@db:x/shop",
        "postgres://alice:hunter2@db/shop?pasword=hunter2",
        "postgres://alice:hunter2/shop",
        "postgres://alice:12/hunter2@db/shop",
        "postgres://alice:p?hunter2@db/shop?sslmode=require",
        "postgres://alice:hunter2@db/%ff",
    ] {
        let Err(error) = parse(url) else {
            panic!("{url} is accepted")
        };
        assert!(!error.chain().contains("hunter2"), "{}", error.chain());
    }
}

#[test]
fn what_is_not_known_is_refused_and_the_nearest_name_told() {
    for (url, says) in [
        ("postgres://db/shop?sslmod=require", "did you mean sslmode?"),
        ("postgres://db/shop?sslmode=on", "verify-full"),
        ("postgres://db/shop?options=-c%20x%3D1", "ALTER ROLE"),
        (
            "postgres://db/shop?sslmode=require&sslrootcert=system",
            "verify-full",
        ),
        ("postgres://db/shop?sslcert=a", "go together"),
        ("postgres://a,b,c/shop?port=1,2", "3 hosts and 2 ports"),
        (
            "postgres://db/shop?target_session_attrs=standby",
            "a migration writes",
        ),
        ("postgres://db/shop?service=x", "service"),
    ] {
        let Err(error) = parse(url) else {
            panic!("{url} is accepted")
        };
        assert!(error.to_string().contains(says), "{url}: {error}");
    }
}

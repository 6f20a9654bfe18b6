//! `sslmode` means what libpq's users expect, on a server whose certificate a CA of the test's own has signed.

use driftless::{Migrator, Result};
use driftless_tests::{Server, fixture, hand_over};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Certificates of one test.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::Builder::new()
            .prefix("driftless-tls-")
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a folder");
        let made = Certificates { folder };
        made.authority("ca");
        made.authority("stranger");
        made.signed("server", "/CN=localhost", "subjectAltName=DNS:localhost");
        made.signed("certified", "/CN=certified", "basicConstraints=CA:FALSE");
        made
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let done = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .expect("openssl is installed");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "openssl {arguments}: {said}");
    }

    /// `name.pem`, which signs others.
    fn authority(&self, name: &str) {
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
        ));
    }

    /// `name.pem`, signed by `ca`.
    fn signed(&self, name: &str, subject: &str, extension: &str) {
        std::fs::write(self.file("extensions"), extension).expect("written");
        self.openssl(&format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj {subject} -keyout {name}.key -out {name}.request"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.request -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out {name}.pem"
        ));
    }

    /// A server with this certificate and key. `picky` comes in by TLS only, `certified` with a certificate only.
    fn server(&self, certificate: &str, key: &str) -> Server {
        let rules = "host all postgres 127.0.0.1/32 trust
                     hostssl all picky 127.0.0.1/32 trust
                     hostssl all certified 127.0.0.1/32 cert";
        std::fs::write(self.file("hba"), rules).expect("written");
        for file in [self.file("hba"), self.file(key)] {
            hand_over(&file);
        }
        let path = |name: &str| self.file(name).display().to_string();
        let server = Server::start_private(&[
            ("hba_file", &path("hba")),
            ("ssl", "on"),
            ("ssl_cert_file", &path(certificate)),
            ("ssl_key_file", &path(key)),
            ("ssl_ca_file", &path("ca.pem")),
        ]);
        server
            .admin()
            .run("CREATE ROLE picky LOGIN; CREATE ROLE certified LOGIN");
        server
    }
}

/// Connects and looks at the database.
fn connect(url: &str) -> Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(async {
            let migrator = Migrator::connect(url, fixture("times100")).await?;
            migrator.status().await.map(drop)
        })
}

fn works(url: &str) {
    if let Err(error) = connect(url) {
        panic!("{url}: {}", error.chain());
    }
}

fn is_refused(url: &str, says: &str) {
    let Err(error) = connect(url) else {
        panic!("{url} works");
    };
    let text = error.chain();
    assert!(text.contains(says), "{url}: {text}");
}

#[test]
fn every_sslmode_checks_as_much_as_libpq_does() {
    let certificates = Certificates::new();
    let server = certificates.server("server.pem", "server.key");
    let port = server.port();
    let root = |name: &str| format!("&sslrootcert={}", certificates.file(name).display());
    let (right, wrong) = (root("ca.pem"), root("stranger.pem"));
    // By this address the server's name is wrong.
    let by_address = |mode: &str, root: &str| {
        format!("postgres://picky@127.0.0.1:{port}/postgres?sslmode={mode}{root}")
    };
    let by_name = |mode: &str, root: &str| {
        format!("postgres://picky@localhost:{port}/postgres?sslmode={mode}{root}")
    };
    is_refused(&by_address("disable", ""), "wants TLS");
    works(&by_address("allow", ""));
    works(&by_address("prefer", ""));
    works(&by_address("prefer", &wrong));
    works(&by_address("require", ""));
    works(&by_address("require", &right));
    is_refused(&by_address("require", &wrong), "sslrootcert");
    works(&by_address("verify-ca", &right));
    is_refused(&by_address("verify-ca", &wrong), "sslrootcert");
    works(&by_name("verify-full", &right));
    is_refused(
        &by_address("verify-full", &right),
        "verify-full wants the name",
    );
    is_refused(&by_name("verify-full", &wrong), "sslrootcert");
    // Nobody whom this system trusts has signed it.
    is_refused(
        &by_name("verify-full", "&sslrootcert=system"),
        "sslrootcert",
    );
    is_refused(&by_name("verify-full", &root("nowhere.pem")), "nowhere.pem");
}

#[test]
fn a_certificate_of_the_client_lets_it_in() {
    let certificates = Certificates::new();
    let server = certificates.server("server.pem", "server.key");
    let url = format!(
        "postgres://certified@localhost:{}/postgres?sslmode=verify-full&sslrootcert={}",
        server.port(),
        certificates.file("ca.pem").display()
    );
    is_refused(&url, "certified");
    let file = |name: &str| certificates.file(name).display().to_string();
    works(&format!(
        "{url}&sslcert={}&sslkey={}",
        file("certified.pem"),
        file("certified.key")
    ));
}

#[test]
fn a_server_whose_certificate_signed_itself_is_trusted_when_it_is_the_root() {
    let certificates = Certificates::new();
    certificates.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout alone.key -out alone.pem");
    let server = certificates.server("alone.pem", "alone.key");
    let url = |host: &str, mode: &str, root: &Path| {
        let (port, root) = (server.port(), root.display());
        format!("postgres://picky@{host}:{port}/postgres?sslmode={mode}&sslrootcert={root}")
    };
    let (right, wrong) = (certificates.file("alone.pem"), certificates.file("ca.pem"));
    works(&url("localhost", "verify-full", &right));
    works(&url("127.0.0.1", "verify-ca", &right));
    is_refused(
        &url("127.0.0.1", "verify-full", &right),
        "verify-full wants the name",
    );
    is_refused(&url("localhost", "verify-ca", &wrong), "sslrootcert");
}

#[test]
fn a_server_without_tls_is_used_only_where_that_is_allowed() {
    let server = Server::start_private(&[]);
    let url = |mode: &str| format!("{}?sslmode={mode}", server.url());
    for mode in ["disable", "allow", "prefer"] {
        works(&url(mode));
    }
    is_refused(&url("require"), "has no TLS");
}

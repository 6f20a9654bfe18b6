//! TLS by rustls, as much of it as `sslmode` asks for.
//!
//! | sslmode | encrypted | the server's certificate |
//! |---|---|---|
//! | disable | no | |
//! | allow | when the server insists | not looked at |
//! | prefer | when the server can | not looked at |
//! | require | yes | not looked at; as verify-ca when there is a root certificate |
//! | verify-ca | yes | signed by one of the root certificates |
//! | verify-full | yes | and for the host's name |
//!
//! The root certificates are those of `sslrootcert`, else of `~/.postgresql/root.crt`, as with libpq.

use super::url::{Mode, Roots, Security};
use crate::error::{Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What makes connections secure.
pub(super) fn connector(security: &Security) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::usage("TLS cannot be set up").with_source(error))?;
    let verifier = verifier(security, provider)?;
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match (&security.certificate, &security.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate, "sslcert")?;
            let key_der = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| unreadable("sslkey", key).with_source(error))?;
            builder
                .with_client_auth_cert(chain, key_der)
                .map_err(|error| {
                    Error::usage("sslcert and sslkey in the database URL do not belong together")
                        .with_source(error)
                })?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(
    security: &Security,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    let roots = security.root_certificates.clone().or_else(default_roots);
    let looks = match security.mode {
        Mode::Disable | Mode::Allow | Mode::Prefer => return Ok(Arc::new(AnyServer(provider))),
        Mode::Require if roots.is_none() => return Ok(Arc::new(AnyServer(provider))),
        Mode::Require | Mode::VerifyCa => Looks::AtTheChain,
        Mode::VerifyFull => Looks::AtTheNameToo,
    };
    let Some(roots) = roots else {
        return Err(Error::usage(
            "sslmode=verify-ca and verify-full need to know whom to trust; add sslrootcert=/path/to/ca.pem to the database URL, or sslrootcert=system",
        ));
    };
    let (store, trusted) = root_store(&roots)?;
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider);
    let webpki = builder
        .build()
        .map_err(|error| Error::usage("the root certificates cannot be used").with_source(error))?;
    Ok(Arc::new(TrustedServer {
        webpki,
        trusted,
        any_name: matches!(looks, Looks::AtTheChain),
    }))
}

enum Looks {
    AtTheChain,
    AtTheNameToo,
}

fn default_roots() -> Option<Roots> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    let file = home.join(".postgresql").join("root.crt");
    file.exists().then_some(Roots::File(file))
}

/// The roots, and those of a file as they are.
fn root_store(roots: &Roots) -> Result<(RootCertStore, Vec<CertificateDer<'static>>)> {
    let mut store = RootCertStore::empty();
    let mut trusted = Vec::new();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = store.add_parsable_certificates(found.certs);
            if added == 0 {
                return Err(Error::usage(
                    "sslrootcert=system: this system has no root certificates; install them (Debian: ca-certificates), or name a file",
                ));
            }
        }
        Roots::File(file) => {
            trusted = certificates(file, "sslrootcert")?;
            for certificate in &trusted {
                let added = store.add(certificate.clone());
                added.map_err(|error| unreadable("sslrootcert", file).with_source(error))?;
            }
        }
    }
    Ok((store, trusted))
}

fn certificates(file: &Path, parameter: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unreadable(parameter, file).with_source(error))?;
    if certificates.is_empty() {
        return Err(unreadable(parameter, file));
    }
    Ok(certificates)
}

fn unreadable(parameter: &str, file: &Path) -> Error {
    Error::usage(format!(
        "{parameter}={} of the database URL cannot be read as PEM; check the path, and that this user may read it",
        file.display()
    ))
}

/// Encrypts, and does not ask with whom.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Wants a certificate that one of the roots has signed, or that is one of them: many a server has a certificate that signed
/// itself, and libpq takes that for a root.
#[derive(Debug)]
struct TrustedServer {
    webpki: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
    any_name: bool,
}

impl ServerCertVerifier for TrustedServer {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        if self
            .trusted
            .iter()
            .any(|trusted| trusted.as_ref() == certificate.as_ref())
        {
            if !self.any_name {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let verified = self
            .webpki
            .verify_server_cert(certificate, chain, name, ocsp, now);
        match verified {
            // The chain is looked at before the name, so a complaint about the name means that the chain is good.
            Err(rustls::Error::InvalidCertificate(
                NotValidForName | NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

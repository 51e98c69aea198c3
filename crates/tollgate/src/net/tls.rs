//! TLS: our certificate, exchanged while calls go on, and whom we believe when we call a trunk.
//!
//! Only 1.2 and 1.3 are spoken. There is no way to believe just anybody: a trunk's certificate bears its name and the signature
//! of a public authority, or that of the authority its owner named, or it is the very one whose fingerprint he wrote down.

use crate::fault::{Doing as _, Fault, Outcome};
use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme, version,
};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Versions that are spoken; 1.0 and 1.1 are broken (RFC 8996).
static VERSIONS: [&rustls::SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

/// Our certificate and its key, as they are now.
#[derive(Debug)]
pub(crate) struct Identity(ArcSwap<CertifiedKey>);

impl Identity {
    /// Reads certificate (chain) and key.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Outcome<Arc<Self>> {
        Ok(Arc::new(Self(ArcSwap::new(read(certificate, key)?))))
    }

    /// Reads them again: new connections see the new one, those that stand keep theirs. What cannot be read changes nothing.
    pub(crate) fn reload(&self, certificate: &Path, key: &Path) -> Outcome<bool> {
        let new = read(certificate, key)?;
        let changed = self.0.load().cert != new.cert;
        self.0.store(new);
        Ok(changed)
    }

    /// How connections from outside are met.
    pub(crate) fn server(self: &Arc<Self>) -> Outcome<Arc<ServerConfig>> {
        let resolver: Arc<dyn ResolvesServerCert> = self.clone();
        let config = ServerConfig::builder_with_provider(our_provider())
            .with_protocol_versions(&VERSIONS)
            .doing(|| "set TLS up".to_owned())?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

fn our_provider() -> Arc<CryptoProvider> {
    Arc::new(provider::default_provider())
}

fn read(certificate: &Path, key: &Path) -> Outcome<Arc<CertifiedKey>> {
    let unusable = |what: &Path, error: &dyn std::fmt::Display| {
        Fault::unusable(format!("{} cannot be used for TLS: {error}", what.display()))
            .repair("name a PEM file with the certificate (and its chain) and one with its key: [tls] certificate, key")
    };
    let chain = certificates(certificate).map_err(|error| unusable(certificate, &error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    let made = CertifiedKey::from_der(chain, secret, &our_provider()).map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            Fault::unusable(format!("{} is not the key of {}", key.display(), certificate.display()))
        }
        error => unusable(key, &error),
    })?;
    Ok(Arc::new(made))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_file_iter(path)
        .map_err(|error| error.to_string())?
        .take(16)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    if all.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(all) }
}

/// Whom we believe to be a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Who has a certificate of a public authority for the trunk's name.
    Public,
    /// Who has a certificate of the authorities in this file for the trunk's name.
    Authority(PathBuf),
    /// Who has the one certificate with this SHA-256, whatever else stands in it.
    Fingerprint([u8; 32]),
}

/// How a trunk is called and checked.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The name that its certificate has to bear.
    pub(crate) name: ServerName<'static>,
    /// How it is checked.
    pub(crate) config: Arc<ClientConfig>,
}

impl Peer {
    /// A trunk that is called by this name.
    pub(crate) fn new(name: &str, trust: &Trust) -> Result<Self, String> {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| format!("{bare:?} is no name that a certificate could bear"))?;
        Ok(Self { name, config: client(trust)? })
    }
}

fn client(trust: &Trust) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(our_provider())
        .with_protocol_versions(&VERSIONS)
        .map_err(|error| error.to_string())?;
    let config = match trust {
        Trust::Public => {
            builder.with_root_certificates(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
        }
        Trust::Authority(path) => {
            let mut roots = RootCertStore::empty();
            let wrong = |error: String| format!("the authority {} cannot be used: {error}", path.display());
            for certificate in certificates(path).map_err(wrong)? {
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            builder.with_root_certificates(roots)
        }
        Trust::Fingerprint(wanted) => {
            let pinned = Pinned { wanted: *wanted, provider: our_provider() };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
    };
    Ok(Arc::new(config.with_no_client_auth()))
}

/// Believes one certificate. That its holder has the key is checked as ever.
#[derive(Debug)]
struct Pinned {
    wanted: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if fingerprint(end_entity) == self.wanted {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, certificate);
    digest.as_ref().try_into().unwrap_or_default()
}

/// Why a connection did not come about, in words for an owner.
pub(crate) fn in_words(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match (inner, error.kind()) {
        (Some(Error::InvalidCertificate(why)), _) => certificate_in_words(why),
        (Some(Error::AlertReceived(alert)), _) => format!("it ended the TLS handshake with the alert {alert:?}"),
        (Some(Error::InvalidMessage(_)), _) => "it does not speak TLS on this port".to_owned(),
        (Some(Error::PeerIncompatible(why)), _) => format!("it speaks no TLS that we speak (1.2 or 1.3): {why:?}"),
        (Some(error), _) => format!("the TLS handshake failed: {error}"),
        (None, io::ErrorKind::ConnectionRefused) => "it refuses connections on this port".to_owned(),
        (None, io::ErrorKind::TimedOut) => "it does not answer on this port".to_owned(),
        (None, io::ErrorKind::UnexpectedEof) => {
            "it closed the connection in the middle of the TLS handshake".to_owned()
        }
        (None, _) => error.to_string(),
    }
}

fn certificate_in_words(why: &CertificateError) -> String {
    use CertificateError as E;
    match why {
        E::Expired | E::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "its certificate is not valid yet (is our clock right?)".to_owned()
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "its certificate is for another name than the trunk's host".to_owned()
        }
        // The same name of an authority with another key is somebody else.
        E::UnknownIssuer | E::BadSignature => {
            "its certificate is signed by nobody we know (a private authority: tls_ca, a single \
                             certificate: tls_fingerprint)"
                .to_owned()
        }
        E::ApplicationVerificationFailure => "its certificate has another fingerprint than tls_fingerprint".to_owned(),
        E::Revoked => "its certificate was revoked".to_owned(),
        other => format!("its certificate cannot be accepted: {other}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    /// A private authority in a folder: `ca.pem`, and what it signed.
    pub(crate) struct Authority {
        dir: tempfile::TempDir,
        issuer: CertifiedIssuer<'static, KeyPair>,
    }

    impl Authority {
        pub(crate) fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
            std::fs::write(dir.path().join("ca.pem"), issuer.pem()).unwrap();
            Self { dir, issuer }
        }

        pub(crate) fn trust(&self) -> Trust {
            Trust::Authority(self.dir.path().join("ca.pem"))
        }

        /// Certificate and key for a name, valid in these years.
        pub(crate) fn sign(&self, name: &str, years: (i32, i32)) -> (PathBuf, PathBuf, [u8; 32]) {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
            params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
            let made = params.signed_by(&key, &self.issuer).unwrap();
            let file = |ending: &str| self.dir.path().join(format!("{name}-{}.{ending}", years.1));
            let (certificate, secret) = (file("pem"), file("key"));
            std::fs::write(&certificate, made.pem()).unwrap();
            std::fs::write(&secret, key.serialize_pem()).unwrap();
            (certificate, secret, fingerprint(made.der()))
        }
    }

    const NOW: (i32, i32) = (2020, 2100);

    /// What a client with this trust gets from a server with this certificate.
    async fn meet(identity: &Arc<Identity>, name: &str, trust: &Trust) -> Result<Vec<u8>, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(identity.server().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(b"hello").await;
                let _ = stream.shutdown().await;
            }
        });
        let peer = Peer::new(name, trust)?;
        let stream = TcpStream::connect(at).await.unwrap();
        let connector = TlsConnector::from(peer.config);
        let mut stream = connector.connect(peer.name, stream).await.map_err(|error| in_words(&error))?;
        let certificate = stream.get_ref().1.peer_certificates().unwrap().first().unwrap().to_vec();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"hello");
        Ok(certificate)
    }

    #[tokio::test]
    async fn a_trunk_is_believed_by_name_and_authority_only() {
        let ours = Authority::new();
        let others = Authority::new();
        let (good, key, _) = ours.sign("sip.example.net", NOW);
        let server = Identity::load(&good, &key).unwrap();
        assert!(meet(&server, "sip.example.net", &ours.trust()).await.is_ok());
        let words = meet(&server, "sip.example.org", &ours.trust()).await.unwrap_err();
        assert!(words.contains("another name"), "{words}");
        let words = meet(&server, "127.0.0.1", &ours.trust()).await.unwrap_err();
        assert!(words.contains("another name"), "{words}");
        for trust in [others.trust(), Trust::Public] {
            let words = meet(&server, "sip.example.net", &trust).await.unwrap_err();
            assert!(words.contains("nobody we know"), "{words}");
        }
        let (old, key, _) = ours.sign("sip.example.net", (2000, 2001));
        let server = Identity::load(&old, &key).unwrap();
        let words = meet(&server, "sip.example.net", &ours.trust()).await.unwrap_err();
        assert!(words.contains("expired"), "{words}");
    }

    #[tokio::test]
    async fn a_fingerprint_is_one_certificate() {
        let authority = Authority::new();
        let (certificate, key, print) = authority.sign("whatever.example", NOW);
        let server = Identity::load(&certificate, &key).unwrap();
        assert!(meet(&server, "sip.example.net", &Trust::Fingerprint(print)).await.is_ok());
        let mut wrong = print;
        wrong[31] ^= 1;
        let words = meet(&server, "sip.example.net", &Trust::Fingerprint(wrong)).await.unwrap_err();
        assert!(words.contains("another fingerprint"), "{words}");
    }

    #[tokio::test]
    async fn a_new_certificate_is_taken_while_running_and_a_broken_one_is_not() {
        let authority = Authority::new();
        let (first, first_key, _) = authority.sign("sip.example.net", NOW);
        let (second, second_key, _) = authority.sign("sip.example.net", (2020, 2101));
        let server = Identity::load(&first, &first_key).unwrap();
        let before = meet(&server, "sip.example.net", &authority.trust()).await.unwrap();
        assert!(server.reload(&first, &second_key).unwrap_err().message.contains("is not the key of"));
        assert!(server.reload(Path::new("/nowhere"), &second_key).is_err());
        assert_eq!(meet(&server, "sip.example.net", &authority.trust()).await.unwrap(), before);
        assert!(server.reload(&second, &second_key).unwrap());
        assert_ne!(meet(&server, "sip.example.net", &authority.trust()).await.unwrap(), before);
        assert!(!server.reload(&second, &second_key).unwrap(), "the same again is no change");
    }

    #[test]
    fn the_certificate_of_a_fresh_home_can_be_used() {
        let dir = tempfile::tempdir().unwrap();
        crate::home::certificate::make(dir.path(), crate::home::certificate::names()).unwrap();
        let identity = Identity::load(&dir.path().join("certificate.pem"), &dir.path().join("key.pem")).unwrap();
        assert!(identity.server().is_ok());
    }
}

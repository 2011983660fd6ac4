//! The whole server in this process, over TLS, with certificates made for the purpose.

use std::{net::SocketAddr, path::Path};

use edugrid_crds::visibility::{Age, QueuePhase, QueuedJob, QueuedJobList};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::*;
use crate::visibility::query::Reply;

const HOST: &str = "edugrid-visibility.edugrid-system.svc";
const QUEUE: &str = "/apis/visibility.edugrid.io/v1alpha1/namespaces/sdu-cs/queuedjobs";
const BOB: &str = "X-Remote-User: bob\r\nX-Remote-Group: sdu\r\n";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn authority(name: &str) -> Authority {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A client's certificate and key.
type Pair = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn client(authority: &Authority, name: &str) -> Pair {
    let mut params = named(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    (certificate.der().clone(), key)
}

fn serving_files(authority: &Authority, folder: &Path) -> TlsFiles {
    let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let files = TlsFiles {
        certificate: folder.join("tls.crt"),
        key: folder.join("tls.key"),
    };
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}

/// A server that runs, and what is needed to reach it.
struct Running {
    address: SocketAddr,
    serving_ca: Authority,
    front_proxy_ca: Authority,
    trust: watch::Sender<Trust>,
    serving: Serving,
    _leadership: watch::Sender<Leadership>,
    _folder: tempfile::TempDir,
}

fn front_proxy(authority: &Authority) -> FrontProxy {
    FrontProxy {
        client_ca: authority.pem(),
        allowed_names: vec!["front-proxy-client".to_owned()],
        username_headers: vec!["X-Remote-User".to_owned()],
        group_headers: vec!["X-Remote-Group".to_owned()],
    }
}

async fn start(leadership: Leadership) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let (serving_ca, front_proxy_ca) = (authority("serving"), authority("front-proxy"));
    let serving = Serving::read(&serving_files(&serving_ca, folder.path())).unwrap();
    let (trust, current) = watch::channel(serving.trust(front_proxy(&front_proxy_ca)).unwrap());
    let (questions, mut asked) = mpsc::channel::<Asked>(4);
    tokio::spawn(async move {
        while let Some(Asked { reply, .. }) = asked.recv().await {
            let age = Age {
                as_of: Time(Timestamp::UNIX_EPOCH),
                clock: None,
            };
            let job = QueuedJob::new(age.clone(), "sdu-cs", "resnet", QueuePhase::Waiting);
            let _ = reply.send(Ok(Reply::Queue(QueuedJobList::new(age, vec![job]))));
        }
    });
    let (_leadership, leadership) = watch::channel(leadership);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(accept(
        listener,
        current,
        Desk {
            questions,
            leadership,
            language: Language::English,
            metrics: Metrics::new(),
            limit: LIMIT,
        },
    ));
    Running {
        address,
        serving_ca,
        front_proxy_ca,
        trust,
        serving,
        _leadership,
        _folder: folder,
    }
}

impl Running {
    /// A request of its own connection: the whole answer, or why there is none.
    async fn get(&self, pair: Option<Pair>, path: &str, headers: &str) -> std::io::Result<String> {
        let mut roots = RootCertStore::empty();
        roots.add(self.serving_ca.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match pair {
            Some((certificate, key)) => config
                .with_client_auth_cert(vec![certificate], key)
                .unwrap(),
            None => config.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.address).await?;
        let host = ServerName::try_from(HOST).unwrap();
        let mut stream = TlsConnector::from(Arc::new(config))
            .connect(host, stream)
            .await?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n");
        stream
            .write_all(format!("{head}{headers}\r\n").as_bytes())
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

/// The status line's code and the body.
fn parts(answer: &str) -> (&str, &str) {
    let code = answer.split(' ').nth(1).unwrap_or_default();
    (
        code,
        answer.split_once("\r\n\r\n").map_or("", |(_, body)| body),
    )
}

#[tokio::test]
async fn the_front_proxy_gets_answers() {
    let server = start(Leadership::Leading).await;
    let pair = client(&server.front_proxy_ca, "front-proxy-client");
    let answer = server.get(Some(pair), QUEUE, BOB).await.unwrap();
    let (code, body) = parts(&answer);
    assert_eq!(code, "200", "{answer}");
    assert!(
        body.contains(r#""kind":"QueuedJobList""#) && body.contains("resnet"),
        "{body}"
    );
}

#[tokio::test]
async fn headers_without_the_front_proxys_certificate_are_a_spoof() {
    let server = start(Leadership::Leading).await;
    let admin = "X-Remote-User: admin\r\nX-Remote-Group: system:masters\r\n";
    let answer = server.get(None, QUEUE, admin).await.unwrap();
    let (code, body) = parts(&answer);
    assert_eq!(code, "401", "{answer}");
    assert!(
        body.contains("no client certificate") && !body.contains("resnet"),
        "{body}"
    );

    let other = client(&server.front_proxy_ca, "somebody");
    let answer = server.get(Some(other), QUEUE, admin).await.unwrap();
    let (code, body) = parts(&answer);
    assert_eq!(code, "401", "{answer}");
    assert!(body.contains("which is not the front proxy"), "{body}");
}

#[tokio::test]
async fn a_certificate_of_another_ca_does_not_get_through_tls() {
    let server = start(Leadership::Leading).await;
    let forged = client(&authority("front-proxy"), "front-proxy-client");
    let answer = server.get(Some(forged), QUEUE, BOB).await;
    let error = answer
        .expect_err("a forged certificate must not be answered")
        .to_string();
    assert!(error.contains("alert"), "{error}");
}

#[tokio::test]
async fn a_renewed_ca_counts_for_new_connections() {
    let server = start(Leadership::Leading).await;
    let renewed = authority("front-proxy");
    let pair = || client(&renewed, "front-proxy-client");
    assert!(server.get(Some(pair()), QUEUE, BOB).await.is_err());
    server
        .trust
        .send_replace(server.serving.trust(front_proxy(&renewed)).unwrap());
    let answer = server.get(Some(pair()), QUEUE, BOB).await.unwrap();
    assert_eq!(parts(&answer).0, "200", "{answer}");
}

#[tokio::test]
async fn a_standby_sends_clients_to_a_new_connection() {
    let server = start(Leadership::Standby { leader: None }).await;
    let pair = || client(&server.front_proxy_ca, "front-proxy-client");
    let answer = server.get(Some(pair()), QUEUE, BOB).await.unwrap();
    let head = answer.to_lowercase();
    assert_eq!(parts(&answer).0, "503", "{answer}");
    assert!(
        head.contains("retry-after: 1") && head.contains("connection: close"),
        "{answer}"
    );
    let discovery = "/apis/visibility.edugrid.io/v1alpha1";
    let answer = server.get(Some(pair()), discovery, BOB).await.unwrap();
    assert_eq!(parts(&answer).0, "200", "{answer}");
}

#[test]
fn files_that_can_not_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = serving_files(&authority("serving"), folder.path());
    std::fs::write(&files.key, "no key").unwrap();
    let error = Serving::read(&files).unwrap_err().to_string();
    assert!(
        error.starts_with("key file ") && error.contains("tls.key"),
        "{error}"
    );
    std::fs::write(&files.certificate, "").unwrap();
    let error = Serving::read(&files).unwrap_err().to_string();
    assert!(
        error.contains("tls.crt") && error.contains("no certificate"),
        "{error}"
    );
}

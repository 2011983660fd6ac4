//! What a connection is accepted with: our certificate, and the front proxy's CA.
//!
//! The front proxy's CA is renewed while we run, so it is looked at again now and then; a
//! connection keeps what it was accepted with.

use std::{path::PathBuf, sync::Arc};

use kube::Client;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{VerifierBuilderError, WebPkiClientVerifier},
};
use tokio::{
    sync::watch,
    time::{Duration, MissedTickBehavior},
};

use super::front_proxy::{FrontProxy, FrontProxyError};

/// How long a renewed CA of the front proxy may stay unnoticed.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The serving certificate, in PEM, with the name `<service>.<namespace>.svc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and what leads to its CA, in that order.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file can't be read or holds nothing of the kind.
    #[error("{what} file \"{}\" can't be used", .path.display())]
    File {
        /// `certificate` or `key`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate file is empty.
    #[error("certificate file \"{}\" holds no certificate", .0.display())]
    Empty(PathBuf),
    /// Certificate and key don't go together, or are of a kind that TLS doesn't take.
    #[error("serving certificate and key can't be used together")]
    Pair(#[source] rustls::Error),
    /// The front proxy's CA can't be used.
    #[error("requestheader-client-ca-file holds no usable CA")]
    ClientCa(#[source] VerifierBuilderError),
    /// A certificate among the front proxy's CAs can't be read.
    #[error("requestheader-client-ca-file is not PEM")]
    ClientCaPem(#[source] rustls::pki_types::pem::Error),
    /// The front proxy isn't known.
    #[error(transparent)]
    FrontProxy(#[from] FrontProxyError),
}

/// What connections are accepted with.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Whom to believe.
    pub front_proxy: Arc<FrontProxy>,
    /// The same for TLS.
    pub tls: Arc<ServerConfig>,
}

/// The serving certificate and its key, as they were read.
#[derive(Debug)]
pub struct Serving {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Serving {
    /// Reads the files, once: who renews them starts the process anew.
    ///
    /// # Errors
    /// If one can't be read.
    pub fn read(files: &TlsFiles) -> Result<Self, TrustError> {
        let failed = |what, path: &PathBuf| {
            let path = path.clone();
            move |source| TrustError::File { what, path, source }
        };
        let certificate = &files.certificate;
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(failed("certificate", certificate))?;
        if chain.is_empty() {
            return Err(TrustError::Empty(certificate.clone()));
        }
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(failed("key", &files.key))?;
        Ok(Self { chain, key })
    }

    /// What connections are accepted with as long as this is the front proxy.
    ///
    /// A client without a certificate gets through TLS, so that it can be told in words; one
    /// with a certificate of another CA doesn't.
    ///
    /// # Errors
    /// If the CA or our own pair can't be used.
    pub fn trust(&self, front_proxy: FrontProxy) -> Result<Trust, TrustError> {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(front_proxy.client_ca.as_bytes()) {
            let certificate = certificate.map_err(TrustError::ClientCaPem)?;
            // One of several CAs that can't be used must not shut out the others.
            if let Err(error) = roots.add(certificate) {
                tracing::warn!(%error, "left a CA of the front proxy out");
            }
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .allow_unauthenticated()
                .build()
                .map_err(TrustError::ClientCa)?;
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Pair)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(TrustError::Pair)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Trust {
            front_proxy: Arc::new(front_proxy),
            tls: Arc::new(tls),
        })
    }
}

/// Looks at the front proxy's CA again and again until nobody listens. What can't be read or
/// used changes nothing: the API server may be gone for a while.
pub async fn follow(client: Client, serving: Serving, current: watch::Sender<Trust>) {
    let mut ticks = tokio::time::interval(LOOK_AGAIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = current.closed() => return,
        }
        let seen = match FrontProxy::read(&client).await {
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!(%error, "could not look at the front proxy's CA again");
                continue;
            }
        };
        if seen == *current.borrow().front_proxy {
            continue;
        }
        match serving.trust(seen) {
            Ok(trust) => {
                tracing::info!("the front proxy's CA or names have changed");
                current.send_replace(trust);
            }
            Err(error) => tracing::warn!(%error, "kept the front proxy's old CA"),
        }
    }
}

//! The certificates and keys of a cluster: two authorities (clients and servers; the front
//! proxy), the API server's own, the service-account key pair, and client certificates for
//! any user. It must not know who the users are or what they may do.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The certificate name with which the API server introduces itself to aggregated APIs.
pub(super) const FRONT_PROXY_NAME: &str = "front-proxy-client";
/// The address of the service `kubernetes`: the first of the service range.
const KUBERNETES_SERVICE_IP: &str = "10.96.0.1";
/// X.509 lets a subject have any number of organisations; the library at hand writes one per
/// spelling of the attribute's type, of which there are two.
pub(super) const GROUPS_PER_CERTIFICATE_MAX: usize = 2;

/// The folder with every certificate and key.
#[derive(Clone, Debug)]
pub(super) struct Pki {
    folder: PathBuf,
}

/// A certificate and its private key, as PEM files.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Pki {
    /// Makes both authorities and what the servers need.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let pki = Self {
            folder: folder.to_path_buf(),
        };
        pki.write_authority("ca", "edugrid local cluster")?;
        pki.write_authority("front-proxy-ca", "edugrid local front proxy")?;
        let names = [
            "localhost",
            "127.0.0.1",
            "::1",
            KUBERNETES_SERVICE_IP,
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ];
        pki.serving("apiserver", &names.map(str::to_owned))?;
        let mut proxy = client_params(FRONT_PROXY_NAME, &[])?;
        proxy.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        pki.sign("front-proxy-ca", "front-proxy-client", &proxy)?;
        let tokens = KeyPair::generate()?;
        std::fs::write(pki.service_account_public_key(), tokens.public_key_pem())?;
        pki.write_secret("service-account.key", &tokens.serialize_pem())?;
        Ok(pki)
    }

    /// The certificates of a cluster that exists already.
    pub(super) fn open(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
        }
    }

    /// The authority that signed every server's and user's certificate.
    pub(super) fn ca(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// The authority that an aggregated API must require of its callers.
    pub(super) fn front_proxy_ca(&self) -> PathBuf {
        self.folder.join("front-proxy-ca.crt")
    }

    /// Signs service-account tokens.
    pub(super) fn service_account_key(&self) -> PathBuf {
        self.folder.join("service-account.key")
    }

    /// Checks service-account tokens.
    pub(super) fn service_account_public_key(&self) -> PathBuf {
        self.folder.join("service-account.pub")
    }

    /// An identity made earlier under this file name.
    pub(super) fn identity(&self, file: &str) -> Identity {
        Identity {
            certificate: self.folder.join(format!("{file}.crt")),
            key: self.folder.join(format!("{file}.key")),
        }
    }

    /// A server's certificate for DNS names and IP addresses.
    pub(super) fn serving(&self, file: &str, names: &[String]) -> Result<Identity> {
        ensure!(
            !names.is_empty(),
            "a serving certificate needs at least one name"
        );
        let mut params = CertificateParams::new(names.to_vec())
            .with_context(|| format!("{names:?} holds a name that no certificate can carry"))?;
        params.distinguished_name = Default::default();
        params
            .distinguished_name
            .push(DnType::CommonName, names[0].clone());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign("ca", file, &params)
    }

    /// A client's certificate: the common name is the user, organisations are groups.
    pub(super) fn client(&self, file: &str, user: &str, groups: &[&str]) -> Result<Identity> {
        self.sign("ca", file, &client_params(user, groups)?)
    }

    fn write_authority(&self, file: &str, name: &str) -> Result<()> {
        let mut params = CertificateParams::default();
        params.distinguished_name = Default::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        std::fs::write(self.folder.join(format!("{file}.crt")), certificate.pem())?;
        self.write_secret(&format!("{file}.key"), &key.serialize_pem())
    }

    fn sign(&self, authority: &str, file: &str, params: &CertificateParams) -> Result<Identity> {
        let read = |name: String| {
            let path = self.folder.join(name);
            std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))
        };
        let ca_key = KeyPair::from_pem(&read(format!("{authority}.key"))?)?;
        let issuer = Issuer::from_ca_cert_pem(&read(format!("{authority}.crt"))?, ca_key)?;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        let identity = self.identity(file);
        std::fs::write(&identity.certificate, certificate.pem())?;
        self.write_secret(&format!("{file}.key"), &key.serialize_pem())?;
        Ok(identity)
    }

    fn write_secret(&self, name: &str, pem: &str) -> Result<()> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.folder.join(name);
        let mut file = std::fs::File::options()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(file.write_all(pem.as_bytes())?)
    }
}

fn client_params(user: &str, groups: &[&str]) -> Result<CertificateParams> {
    ensure!(
        groups.len() <= GROUPS_PER_CERTIFICATE_MAX,
        "user {user} has {} groups, a client certificate carries at most {GROUPS_PER_CERTIFICATE_MAX}",
        groups.len()
    );
    let mut params = CertificateParams::default();
    params.distinguished_name = Default::default();
    params.distinguished_name.push(DnType::CommonName, user);
    // 2.5.4.10 is organizationName; written as a number it counts as a second attribute.
    let spellings = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    for (spelling, group) in spellings.into_iter().zip(groups) {
        params.distinguished_name.push(spelling, *group);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_private_and_groups_are_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let pki = Pki::create(folder.path()).expect("made");
        for key in [
            pki.service_account_key(),
            pki.identity("apiserver").key,
            folder.path().join("ca.key"),
        ] {
            let mode = std::fs::metadata(&key).expect("there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} is readable by others", key.display());
        }
        pki.client("two", "alice", &["a", "b"])
            .expect("two groups fit");
        assert!(pki.client("three", "alice", &["a", "b", "c"]).is_err());
        assert!(pki.serving("none", &[]).is_err());
    }
}

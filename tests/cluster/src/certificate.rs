//! The cluster's certificate authority.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// What is shown and what is kept secret, as files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Signs everything that the cluster trusts.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: PathBuf,
    /// The authority's own certificate.
    pub(crate) certificate: PathBuf,
}

impl Authority {
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let mut params = named("cluster-ca", None)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = directory.join("ca.crt");
        fs::write(&certificate, params.self_signed(&key)?.pem())?;
        Ok(Self {
            issuer: Issuer::new(params, key),
            directory: directory.to_path_buf(),
            certificate,
        })
    }

    /// A certificate by which a server is recognised under these names and addresses.
    pub(crate) fn server(&self, file: &str, names: &[&str]) -> Result<Files> {
        let mut params =
            CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(file, &params)
    }

    /// A certificate by which the API server recognises a user, in a group or in none.
    pub(crate) fn user(&self, name: &str, group: Option<&str>) -> Result<Files> {
        let mut params = named(name, group)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&name.replace(':', "-"), &params)
    }

    fn sign(&self, file: &str, params: &CertificateParams) -> Result<Files> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let files = Files {
            certificate: self.directory.join(format!("{file}.crt")),
            key: self.directory.join(format!("{file}.key")),
        };
        fs::write(&files.certificate, certificate.pem())?;
        fs::write(&files.key, key.serialize_pem())?;
        Ok(files)
    }
}

/// The keys by which ServiceAccount tokens are signed and checked; the public one takes the certificate's place.
pub(crate) fn token_keys(directory: &Path) -> Result<Files> {
    let key = KeyPair::generate()?;
    let files = Files {
        certificate: directory.join("tokens.pub"),
        key: directory.join("tokens.key"),
    };
    fs::write(&files.certificate, key.public_key_pem())?;
    fs::write(&files.key, key.serialize_pem())?;
    Ok(files)
}

fn named(name: &str, group: Option<&str>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    Ok(params)
}

//! What the Secret holds, understood; and what to write to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ferrolb_admission::rotation::{Authority, Held, Leaf, Renewal, UnixTime, Validity};
use ferrolb_api::Redacted;
use ferrolb_api::core::Secret;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, pki_types};

use crate::mint;

/// Keys of the Secret; the format is that of MetalLB's.
const AUTHORITY_CERTIFICATES: &str = "ca.crt";
const AUTHORITY_KEY: &str = "ca.key";
const LEAF_CERTIFICATE: &str = "tls.crt";
const LEAF_KEY: &str = "tls.key";

/// What of the Secret's data changes, in PEM.
pub(crate) type Data = BTreeMap<&'static str, Redacted>;

/// What is usable of the Secret.
#[derive(Debug, Default)]
pub(crate) struct Material {
    authorities: Vec<CertificateDer<'static>>,
    authority_key: Redacted,
    /// What the API server should trust, in PEM, as it is in the Secret.
    pub(crate) bundle: String,
    /// The leaf, ready to be shown.
    pub(crate) leaf: Option<Arc<CertifiedKey>>,
    /// The same for the machine.
    pub(crate) held: Held,
}

impl Material {
    /// Reads the Secret for a server that is called `name`; what is missing or unusable counts as missing.
    pub(crate) fn read(secret: &Secret, name: &str) -> Self {
        let text = |key| secret.value(key).unwrap_or_default();
        let (bundle, authority_key) = (text(AUTHORITY_CERTIFICATES), text(AUTHORITY_KEY));
        let authorities = certificates(bundle.expose());
        let facts = authorities.iter().enumerate().map(|(i, der)| {
            Some(Authority {
                validity: validity(der)?,
                can_sign: i == 0 && belongs(&authority_key, der),
            })
        });
        let facts: Option<Vec<Authority>> = facts.collect();
        let Some(facts) = facts.filter(|facts| !facts.is_empty()) else {
            return Self::default();
        };
        let leaf = certified(text(LEAF_CERTIFICATE).expose(), text(LEAF_KEY).expose());
        let known = leaf
            .as_ref()
            .and_then(|leaf| known_leaf(leaf, name, &authorities));
        Self {
            authorities,
            authority_key,
            bundle: bundle.expose().to_owned(),
            leaf: leaf.filter(|_| known.is_some()),
            held: Held {
                authorities: facts,
                leaf: known,
            },
        }
    }

    /// What to write for `renewal`. `former`: authorities that the Secret has lost and that somebody may still be
    /// recognised by.
    pub(crate) fn renew(
        &self,
        renewal: &Renewal,
        former: &[CertificateDer<'static>],
        (name, now): (&str, UnixTime),
    ) -> Result<Data, rcgen::Error> {
        let mut data = Data::new();
        let mut bundle = String::new();
        let issuer = if renewal.new_authority {
            let (minted, issuer) = mint::authority(now)?;
            bundle.push_str(&minted.certificate);
            data.insert(AUTHORITY_KEY, minted.key);
            Some(issuer)
        } else {
            None
        };
        let kept = renewal.keep.iter().filter_map(|i| self.authorities.get(*i));
        let lost = former.iter().filter(|f| !self.authorities.contains(f));
        for certificate in kept.chain(lost.filter(|_| renewal.new_authority)) {
            bundle.push_str(&pem(certificate));
        }
        data.insert(AUTHORITY_CERTIFICATES, Redacted::from(&*bundle));
        if renewal.new_leaf {
            let issuer = match (issuer, self.authorities.first()) {
                (Some(issuer), _) => issuer,
                (None, Some(front)) => mint::issuer(front, self.authority_key.expose())?,
                (None, None) => return Err(rcgen::Error::CouldNotParseCertificate),
            };
            let leaf = mint::leaf(name, now, &issuer)?;
            data.insert(LEAF_CERTIFICATE, Redacted::from(&*leaf.certificate));
            data.insert(LEAF_KEY, leaf.key);
        }
        Ok(data)
    }

    /// By whom a leaf may be signed.
    pub(crate) fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }
}

/// A chain and its key, if they belong together. PKCS#1, PKCS#8 and SEC1 are taken.
pub(crate) fn certified(chain: &str, key: &str) -> Option<Arc<CertifiedKey>> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?;
    let chain = certificates(chain);
    if chain.is_empty() {
        return None;
    }
    CertifiedKey::from_der(chain, key, &ring::default_provider())
        .ok()
        .map(Arc::new)
}

/// All certificates of a text; none if one of them is damaged.
fn certificates(text: &str) -> Vec<CertificateDer<'static>> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    parsed.unwrap_or_default()
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    const LINE: usize = 64;
    let text = base64::prelude::BASE64_STANDARD.encode(certificate);
    let lines = text.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    let body: String = lines.map(|line| format!("{line}\n")).collect();
    format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
}

/// When nobody is trusted any more by a `caBundle` as it stands in an object, in seconds since 1970: the last of its certificates
/// ends then. None if it holds none that can be read.
#[must_use]
pub fn trust_ends(bundle: &str) -> Option<i64> {
    let pem = BASE64_STANDARD.decode(bundle).ok()?;
    let authorities = certificates(str::from_utf8(&pem).ok()?);
    let validities = authorities.iter().filter_map(validity);
    validities.map(|validity| validity.not_after.0).max()
}

fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let validity = parsed.validity();
    Some(Validity {
        not_before: UnixTime(validity.not_before.timestamp()),
        not_after: UnixTime(validity.not_after.timestamp()),
    })
}

/// Whether this is the certificate's key, of a form that can sign here.
fn belongs(key: &Redacted, certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return false;
    };
    let public = &parsed.public_key().subject_public_key.data;
    KeyPair::from_pem(key.expose()).is_ok_and(|key| key.der_bytes() == &**public)
}

/// The leaf as the machine sees it, if one of the authorities signed it for `name`.
fn known_leaf(leaf: &CertifiedKey, name: &str, authorities: &[CertificateDer<'static>]) -> Option<Leaf> {
    let (end, intermediates) = leaf.cert.split_first()?;
    let validity = validity(end)?;
    let signed = |authority: &CertificateDer<'static>| {
        is_signed(end, intermediates, name, authority, validity).unwrap_or(false)
    };
    Some(Leaf {
        signer: authorities.iter().position(signed)?,
        validity,
    })
}

/// Judged at a time at which both are valid: whether they still are is the machine's question.
fn is_signed(
    end: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &str,
    authority: &CertificateDer<'static>,
    leaf: Validity,
) -> Option<bool> {
    let from = validity(authority)?.not_before.0.max(leaf.not_before.0);
    let at = pki_types::UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(from).ok()?));
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).ok()?;
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .ok()?;
    let name = ServerName::try_from(name.to_owned()).ok()?;
    Some(
        verifier
            .verify_server_cert(end, intermediates, &name, &[], at)
            .is_ok(),
    )
}

#[cfg(test)]
mod tests;

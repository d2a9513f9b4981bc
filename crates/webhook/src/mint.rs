//! Making authorities and leaves: ECDSA P-256 keys, names as MetalLB gives them.

use ferrolb_admission::rotation::{AUTHORITY_LIFE, LEAF_LIFE, UnixTime, Validity};
use ferrolb_api::Redacted;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

/// A certificate and its key, both in PEM.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) certificate: String,
    pub(crate) key: Redacted,
}

/// Makes an authority.
pub(crate) fn authority(now: UnixTime) -> Result<(Minted, Issuer<'static, KeyPair>), rcgen::Error> {
    let mut params = valid(Validity::starting(now, AUTHORITY_LIFE), "cert")?;
    params
        .distinguished_name
        .push(DnType::OrganizationName, "metallb");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
    ];
    let key = KeyPair::generate()?;
    let minted = Minted {
        certificate: params.self_signed(&key)?.pem(),
        key: Redacted::from(&*key.serialize_pem()),
    };
    Ok((minted, Issuer::new(params, key)))
}

/// An authority that is there already.
pub(crate) fn issuer(
    certificate: &CertificateDer<'_>,
    key: &str,
) -> Result<Issuer<'static, KeyPair>, rcgen::Error> {
    Issuer::from_ca_cert_der(certificate, KeyPair::from_pem(key)?)
}

/// Makes a leaf for `name`.
pub(crate) fn leaf(name: &str, now: UnixTime, issuer: &Issuer<'_, KeyPair>) -> Result<Minted, rcgen::Error> {
    let mut params = valid(Validity::starting(now, LEAF_LIFE), name)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    Ok(Minted {
        certificate: params.signed_by(&key, issuer)?.pem(),
        key: Redacted::from(&*key.serialize_pem()),
    })
}

/// Of this name, common and alternative.
fn valid(validity: Validity, name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.not_before = time(validity.not_before);
    params.not_after = time(validity.not_after);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// A time beyond the year 9999 is cut; no clock shows it.
fn time(at: UnixTime) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.0).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

//! The TLS flags, by the names and numbers that Go programs use (`operations.md` 6.2).
//!
//! What Go knows and the library here does not offer (CBC, RSA key exchange, P-521, post-quantum groups) is left out with
//! a note, so that a list written for MetalLB starts; if nothing is left of a list, that is an error.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::server::ResolvesServerCert;
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};

/// Which versions, suites and groups are offered.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    provider: Arc<CryptoProvider>,
    versions: &'static [&'static SupportedProtocolVersion],
    /// What was asked for and is not offered, for the log.
    pub notes: Vec<String>,
}

/// A flag that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// Not a version's name.
    #[error("`{0}` of `--tls-min-version` is unknown; use `VersionTLS12` or `VersionTLS13`")]
    Version(String),
    /// Suites of TLS 1.3 cannot be chosen.
    #[error(
        "`--tls-cipher-suites` has no effect with TLS 1.3; remove it, or add `--tls-min-version=VersionTLS12`"
    )]
    SuitesOfTls13,
    /// Not a suite's name.
    #[error("`{0}` of `--tls-cipher-suites` is unknown; use IANA names like `{EXAMPLE_SUITE}`")]
    Suite(String),
    /// Nothing that is offered.
    #[error(
        "`--tls-cipher-suites` names no suite that is offered here; use `{EXAMPLE_SUITE}` or others with ECDHE and \
             GCM or CHACHA20"
    )]
    NoSuite,
    /// Not a group's number.
    #[error(
        "`{0}` of `--tls-curve-preferences` is no known group; use 29 (X25519), 23 (P-256) or 24 (P-384)"
    )]
    Curve(String),
    /// Given twice.
    #[error("`--tls-curve-preferences` names {0} twice; remove one of the two")]
    DuplicateCurve(u16),
    /// Nothing that is offered.
    #[error(
        "`--tls-curve-preferences` names no group that is offered here; use 29 (X25519), 23 (P-256) or 24 (P-384)"
    )]
    NoCurve,
}

const EXAMPLE_SUITE: &str = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";

/// Known to Go, not offered here.
const OTHER_SUITES: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

/// P-521 and X25519MLKEM768: known to Go, not offered here.
const OTHER_CURVES: &[u16] = &[25, 4588];

impl TlsOptions {
    /// Reads the three flags; each may be empty.
    ///
    /// # Errors
    /// For names and numbers that Go does not know either, for suites beside TLS 1.3, and if nothing is left of a list.
    pub fn parse(min_version: &str, cipher_suites: &str, curve_preferences: &str) -> Result<Self, TlsError> {
        let mut notes = Vec::new();
        let mut provider = ring::default_provider();
        let versions = versions(min_version.trim(), &mut notes)?;
        if !cipher_suites.trim().is_empty() {
            if versions == TLS13 {
                return Err(TlsError::SuitesOfTls13);
            }
            provider.cipher_suites = suites(cipher_suites, &mut notes)?;
        }
        if !curve_preferences.trim().is_empty() {
            provider.kx_groups = curves(curve_preferences, &mut notes)?;
        }
        Ok(Self {
            provider: Arc::new(provider),
            versions,
            notes,
        })
    }

    /// A server that shows what `certificates` chooses.
    pub(crate) fn server(
        &self,
        certificates: Arc<dyn ResolvesServerCert>,
        http2: bool,
    ) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(self.versions)?
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        config.alpn_protocols = if http2 {
            vec![b"h2".to_vec(), b"http/1.1".to_vec()]
        } else {
            vec![b"http/1.1".to_vec()]
        };
        Ok(config)
    }
}

const TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const TLS12: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

fn versions(
    name: &str,
    notes: &mut Vec<String>,
) -> Result<&'static [&'static SupportedProtocolVersion], TlsError> {
    match name {
        "" | "VersionTLS13" => Ok(TLS13),
        "VersionTLS12" => Ok(TLS12),
        "VersionTLS10" | "VersionTLS11" => {
            notes.push(format!(
                "`{name}` is not offered any more; the least version is TLS 1.2"
            ));
            Ok(TLS12)
        }
        other => Err(TlsError::Version(other.to_owned())),
    }
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}

fn suites(list: &str, notes: &mut Vec<String>) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let offered = ring::ALL_CIPHER_SUITES;
    // Those of TLS 1.3 are no matter of choice.
    let mut chosen: Vec<SupportedCipherSuite> =
        offered.iter().copied().filter(|s| s.tls13().is_some()).collect();
    let fixed = chosen.len();
    for name in items(list) {
        let found = offered.iter().find(|suite| iana_name(suite) == long_name(name));
        match found {
            Some(suite) if chosen.contains(suite) => {}
            Some(suite) => chosen.push(*suite),
            None if OTHER_SUITES.contains(&name) => notes.push(format!("`{name}` is not offered here")),
            None => return Err(TlsError::Suite(name.to_owned())),
        }
    }
    if chosen.len() == fixed {
        return Err(TlsError::NoSuite);
    }
    Ok(chosen)
}

/// The library writes `TLS13_AES…` where the registry has `TLS_AES…`.
fn iana_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

/// Go has an older name for two suites.
fn long_name(name: &str) -> String {
    if name.ends_with("_CHACHA20_POLY1305") {
        format!("{name}_SHA256")
    } else {
        name.to_owned()
    }
}

fn curves(list: &str, notes: &mut Vec<String>) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsError> {
    let (mut chosen, mut seen) = (Vec::new(), BTreeSet::new());
    for item in items(list) {
        let number: u16 = item.parse().map_err(|_| TlsError::Curve(item.to_owned()))?;
        if !seen.insert(number) {
            return Err(TlsError::DuplicateCurve(number));
        }
        let offered = ring::ALL_KX_GROUPS
            .iter()
            .find(|group| u16::from(group.name()) == number);
        match offered {
            Some(group) => chosen.push(*group),
            None if OTHER_CURVES.contains(&number) => {
                notes.push(format!("TLS group {number} is not offered here"));
            }
            None => return Err(TlsError::Curve(item.to_owned())),
        }
    }
    if chosen.is_empty() {
        return Err(TlsError::NoCurve);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suites_of(min: &str, list: &str) -> Result<Vec<String>, TlsError> {
        let options = TlsOptions::parse(min, list, "")?;
        let old = options
            .provider
            .cipher_suites
            .iter()
            .filter(|s| s.tls13().is_none());
        Ok(old.map(iana_name).collect())
    }

    #[test]
    fn the_least_version_is_one_three_unless_told_otherwise() {
        assert_eq!(TlsOptions::parse("", "", "").unwrap().versions, TLS13);
        assert_eq!(TlsOptions::parse("VersionTLS13", "", "").unwrap().versions, TLS13);
        assert_eq!(TlsOptions::parse("VersionTLS12", "", "").unwrap().versions, TLS12);
        let old = TlsOptions::parse("VersionTLS10", "", "").unwrap();
        assert_eq!((old.versions, old.notes.len()), (TLS12, 1));
        for unknown in ["1.3", "VersionTLS14", "versiontls13"] {
            assert_eq!(
                TlsOptions::parse(unknown, "", "").unwrap_err(),
                TlsError::Version(unknown.into())
            );
        }
    }

    #[test]
    fn suites_are_an_error_with_one_three_also_by_default() {
        for version in ["", "VersionTLS13"] {
            assert_eq!(suites_of(version, EXAMPLE_SUITE), Err(TlsError::SuitesOfTls13));
        }
        assert_eq!(
            suites_of("VersionTLS12", " TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 "),
            Ok(vec![EXAMPLE_SUITE.into()])
        );
    }

    #[test]
    fn suites_are_known_offered_or_an_error() {
        let list = "TLS_RSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305,TLS_AES_128_GCM_SHA256";
        let options = TlsOptions::parse("VersionTLS12", list, "").unwrap();
        assert_eq!(
            options.notes,
            ["`TLS_RSA_WITH_AES_128_CBC_SHA` is not offered here"]
        );
        assert_eq!(
            suites_of("VersionTLS12", list),
            Ok(vec!["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256".into()])
        );
        assert_eq!(
            suites_of("VersionTLS12", "TLS_RSA_WITH_AES_128_CBC_SHA"),
            Err(TlsError::NoSuite)
        );
        assert_eq!(
            suites_of("VersionTLS12", "AES"),
            Err(TlsError::Suite("AES".into()))
        );
        assert_eq!(
            suites_of("VersionTLS12", &format!("{EXAMPLE_SUITE},")),
            Err(TlsError::Suite(String::new()))
        );
    }

    #[test]
    fn curves_are_numbers_each_once() {
        let numbers = |list: &str| {
            let options = TlsOptions::parse("", "", list)?;
            Ok(options
                .provider
                .kx_groups
                .iter()
                .map(|g| u16::from(g.name()))
                .collect::<Vec<_>>())
        };
        assert_eq!(numbers(" 23 , 29,4588"), Ok(vec![23, 29]));
        assert_eq!(
            TlsOptions::parse("", "", "29,25").unwrap().notes,
            ["TLS group 25 is not offered here"]
        );
        assert_eq!(numbers("29,29"), Err(TlsError::DuplicateCurve(29)));
        assert_eq!(numbers("4588"), Err(TlsError::NoCurve));
        for unknown in ["0", "X25519", "70000", "-1", "30", "29,"] {
            assert!(matches!(numbers(unknown), Err(TlsError::Curve(_))), "{unknown}");
        }
    }
}

//! AES-GCM with a ring of keys. Nothing here is random: whoever sends brings the nonce.

use core::fmt;

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, UnboundKey};

use super::error::OpenError;

/// Octets of a nonce.
pub const NONCE_LEN: usize = 12;
/// Octets of the version before the nonce.
const VERSION_LEN: usize = 1;
const BLOCK: usize = 16;

/// Twelve octets that no key ever sees twice; random ones in practice.
pub type Nonce = [u8; NONCE_LEN];

/// How the plain text is prepared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncryptionVersion {
    /// 0: padded to whole blocks (PKCS#7), for rings in which somebody speaks protocol version 1.
    Padded,
    /// 1: as it is.
    #[default]
    Plain,
}

impl EncryptionVersion {
    /// Most octets that encrypting adds.
    #[must_use]
    pub const fn overhead(self) -> usize {
        let padding = match self {
            Self::Padded => BLOCK,
            Self::Plain => 0,
        };
        VERSION_LEN + NONCE_LEN + MAX_TAG_LEN + padding
    }
}

/// The key has a length that AES, or this program, does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key has {0} octets, expected 16 (AES-128) or 32 (AES-256); 24 (AES-192) is not supported")]
pub struct KeyError(pub usize);

/// A key for AES-128 or AES-256; never shown.
pub struct Key {
    octets: Box<[u8]>,
    aead: LessSafeKey,
}

impl Key {
    /// A key of 16 or 32 octets.
    ///
    /// # Errors
    /// Any other length.
    pub fn new(octets: &[u8]) -> Result<Self, KeyError> {
        let algorithm = match octets.len() {
            16 => &AES_128_GCM,
            32 => &AES_256_GCM,
            other => return Err(KeyError(other)),
        };
        let unbound = UnboundKey::new(algorithm, octets).map_err(|_| KeyError(octets.len()))?;
        Ok(Self {
            octets: octets.into(),
            aead: LessSafeKey::new(unbound),
        })
    }

    fn seal(&self, version: EncryptionVersion, nonce: Nonce, authenticated: &[u8], text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len() + version.overhead());
        bytes.push(match version {
            EncryptionVersion::Padded => 0,
            EncryptionVersion::Plain => 1,
        });
        bytes.extend(nonce);
        let start = bytes.len();
        bytes.extend_from_slice(text);
        if version == EncryptionVersion::Padded {
            pad(&mut bytes, text.len());
        }
        let nonce = ring::aead::Nonce::assume_unique_for_key(nonce);
        let tag = self
            .aead
            .seal_in_place_separate_tag(nonce, Aad::from(authenticated), &mut bytes[start..])
            .expect("a message is far below the 64 GiB that AES-GCM can seal");
        bytes.extend_from_slice(tag.as_ref());
        bytes
    }

    fn open(&self, sealed: &Sealed<'_>, authenticated: &[u8]) -> Option<Vec<u8>> {
        let nonce = ring::aead::Nonce::assume_unique_for_key(sealed.nonce);
        let mut bytes = sealed.text_and_tag.to_vec();
        let length = self
            .aead
            .open_in_place(nonce, Aad::from(authenticated), &mut bytes)
            .ok()?
            .len();
        bytes.truncate(length);
        match sealed.version {
            EncryptionVersion::Plain => Some(bytes),
            EncryptionVersion::Padded => unpad(bytes),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.octets == other.octets
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bits)", 8 * self.octets.len())
    }
}

/// Keys that decrypt, the first of which encrypts. Never empty.
#[derive(Debug)]
pub struct KeyRing {
    primary: Key,
    others: Vec<Key>,
}

impl KeyRing {
    /// A ring of one key.
    #[must_use]
    pub const fn new(primary: Key) -> Self {
        Self {
            primary,
            others: Vec::new(),
        }
    }

    /// Decrypts with `key` too.
    pub fn add(&mut self, key: Key) {
        if self.primary != key && !self.others.contains(&key) {
            self.others.push(key);
        }
    }

    /// Encrypts with `key` from now on; the former one still decrypts.
    pub fn promote(&mut self, key: Key) {
        self.others.retain(|other| *other != key);
        if self.primary != key {
            let former = core::mem::replace(&mut self.primary, key);
            self.others.push(former);
        }
    }

    /// Does not decrypt with `key` any more. The key that encrypts stays.
    pub fn remove(&mut self, key: &Key) {
        self.others.retain(|other| other != key);
    }

    pub(super) fn seal(
        &self,
        version: EncryptionVersion,
        nonce: Nonce,
        authenticated: &[u8],
        text: &[u8],
    ) -> Vec<u8> {
        self.primary.seal(version, nonce, authenticated, text)
    }

    pub(super) fn open(&self, bytes: &[u8], authenticated: &[u8]) -> Result<Vec<u8>, OpenError> {
        let sealed = Sealed::split(bytes).ok_or(OpenError::Decrypt)?;
        core::iter::once(&self.primary)
            .chain(&self.others)
            .find_map(|key| key.open(&sealed, authenticated))
            .ok_or(OpenError::Decrypt)
    }
}

/// What was encrypted, with its version and nonce.
struct Sealed<'a> {
    version: EncryptionVersion,
    nonce: Nonce,
    text_and_tag: &'a [u8],
}

impl<'a> Sealed<'a> {
    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (nonce, text_and_tag) = rest.split_first_chunk()?;
        Some(Self {
            version: match version {
                0 => EncryptionVersion::Padded,
                1 => EncryptionVersion::Plain,
                _ => return None,
            },
            nonce: *nonce,
            text_and_tag,
        })
    }
}

/// A whole block of padding when there is nothing to fill (PKCS#7, RFC 5652 section 6.3).
fn pad(bytes: &mut Vec<u8>, length: usize) {
    let padding = BLOCK - length % BLOCK;
    let octet = u8::try_from(padding).expect("a block is short");
    bytes.resize(bytes.len() + padding, octet);
}

fn unpad(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let padding = usize::from(*bytes.last()?);
    let length = bytes.len().checked_sub(padding)?;
    ((1..=BLOCK).contains(&padding)).then(|| bytes.truncate(length))?;
    Some(bytes)
}

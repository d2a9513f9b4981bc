//! The key of the ring, from the text of the Secret `memberlist`.

/// SHA-256 of nothing.
const FILL: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// The 32 octets that MetalLB derives from the text in `secretkey` (layer2 5.2), taken as it is, with a newline at its end
/// if there is one. None for an empty text: no encryption.
///
/// It is not a hash of the text: the text is filled up with a constant and cut. A text of 32 octets or more is used as it is;
/// a short one gives a weak key. It has to be so to share a ring with MetalLB's speakers.
#[must_use]
pub fn derive_key(secret: &[u8]) -> Option<[u8; 32]> {
    if secret.is_empty() {
        return None;
    }
    let mut key = FILL;
    let own = secret.len().min(32);
    key[own..].copy_from_slice(&FILL[..32 - own]);
    key[..own].copy_from_slice(&secret[..own]);
    Some(key)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_fill_is_the_hash_of_nothing() {
        assert_eq!(FILL, <[u8; 32]>::from(Sha256::digest(b"")));
    }

    #[test]
    fn keys_are_those_of_the_reference() {
        // layer2 5.2, "Vectors".
        assert_eq!(derive_key(b""), None);
        let one = derive_key(b"s").unwrap();
        assert_eq!((one[0], &one[1..]), (0x73, &FILL[..31]));
        let usual = derive_key(&[b'A'; 22]).unwrap();
        assert_eq!(&usual[..22], [0x41; 22]);
        assert_eq!(
            &usual[22..],
            [0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb]
        );
        let long: Vec<u8> = (0..40).collect();
        assert_eq!(derive_key(&long).unwrap(), long[..32]);
    }
}

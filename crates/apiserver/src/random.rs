//! Names and uids: unique, not secret.

/// A small generator (splitmix64), seeded once per server, so that a test can repeat what it saw.
#[derive(Debug)]
pub(crate) struct Random(u64);

/// The letters of generated names: no vowels, so that no words come up (the API conventions' alphabet).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A version 4 UUID (RFC 9562 section 5.4).
    pub(crate) fn uid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        let (high, mid) = (a >> 32, (a >> 16) & 0xFFFF);
        let version = (a & 0x0FFF) | 0x4000;
        let variant = (b >> 48) & 0x3FFF | 0x8000;
        format!(
            "{high:08x}-{mid:04x}-{version:04x}-{variant:04x}-{:012x}",
            b & 0xFFFF_FFFF_FFFF
        )
    }

    /// Five letters for `generateName`.
    pub(crate) fn suffix(&mut self) -> String {
        let mut rest = self.next();
        let mut letter = || {
            let index = usize::try_from(rest % 27).unwrap_or(0);
            rest /= 27;
            char::from(ALPHABET[index])
        };
        (0..5).map(|_| letter()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_have_the_form_of_version_4_and_differ() {
        let mut random = Random::new(1);
        let (a, b) = (random.uid(), random.uid());
        assert_ne!(a, b);
        assert_eq!((a.len(), &a[14..15]), (36, "4"));
        assert!("89ab".contains(&a[19..20]));
        assert_eq!(random.suffix().len(), 5);
    }
}

//! Random octets from the system.

use std::io;

use ferrolb_wire::memberlist::{NONCE_LEN, Nonce};
use ring::rand::{SecureRandom, SystemRandom};

/// The source; copies are the same.
#[derive(Clone, Debug)]
pub struct Random(SystemRandom);

impl Random {
    /// Asks the system from now on.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that asks the system for random octets"
    )]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }

    /// A seed for a machine.
    ///
    /// # Errors
    /// When the system has no random octets, which Linux always has.
    pub fn seed(&self) -> io::Result<u64> {
        self.octets().map(u64::from_be_bytes)
    }

    /// A nonce. Two are equal with a probability of 2⁻³² after four billion of them.
    ///
    /// # Errors
    /// As [`Random::seed`].
    pub fn nonce(&self) -> io::Result<Nonce> {
        self.octets::<NONCE_LEN>()
    }

    /// So many of them, for a key.
    ///
    /// # Errors
    /// As [`Random::seed`].
    pub fn octets<const N: usize>(&self) -> io::Result<[u8; N]> {
        let mut octets = [0; N];
        self.0
            .fill(&mut octets)
            .map_err(|_| io::Error::other("the system gives no random octets"))?;
        Ok(octets)
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

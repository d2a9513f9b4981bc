//! Octets as a script of what happens: numbers and texts, until they end.

/// What is left of a script.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The next number; none at the end.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number below `bound`; 0 at the end.
    pub(crate) fn below(&mut self, bound: u8) -> u8 {
        self.next().unwrap_or(0) % bound
    }

    /// Octets, whose number is before them, as far as there are so many.
    pub(crate) fn octets(&mut self) -> &'a [u8] {
        let length = usize::from(self.next().unwrap_or(0)).min(self.0.len());
        let (octets, rest) = self.0.split_at(length);
        self.0 = rest;
        octets
    }
}

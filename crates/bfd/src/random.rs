//! Jitter.

/// The generator of Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014). Spreads times;
/// nothing secret depends on it.
#[derive(Debug)]
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let remainder = (mixed ^ (mixed >> 31)) % u64::from(bound);
        u32::try_from(remainder).expect("a remainder is below its divisor")
    }
}

//! Puts instructions together. Jumps of classic BPF lead forward only and, when conditional, at most 255
//! instructions far; so a block is built before what jumps over it.

use super::keys::KeyRange;
use super::segment::{Segment, segments};

/// Segments that are compared one after another at the foot of the tree.
const LEAF_SEGMENTS: usize = 16;
/// Instructions beside the trees, of the longest program (ARP).
pub(super) const FIXED_INSTRUCTIONS: usize = 48;
/// The last five bits of a key, which name its bit in a word.
const BIT_OF_KEY: u32 = 31;

const LOAD_U8: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
const LOAD_U16: u16 = (libc::BPF_LD | libc::BPF_H | libc::BPF_ABS) as u16;
const LOAD_U32: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_IMM) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const SHIFT_LEFT_BY_X: u16 = (libc::BPF_ALU | libc::BPF_LSH | libc::BPF_X) as u16;
const TO_X: u16 = (libc::BPF_MISC | libc::BPF_TAX) as u16;
const FROM_X: u16 = (libc::BPF_MISC | libc::BPF_TXA) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_GREATER: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// The pseudo offset at which the kernel offers the VLAN tag that it took off a frame
/// (`SKF_AD_OFF + SKF_AD_VLAN_TAG`).
pub(super) const VLAN_TAG: u32 = (-0x1000_i32 + 44) as u32;
/// The VLAN identifier in a tag. Zero is a tag that carries only a priority (IEEE 802.1Q section 9.6).
const VLAN_ID_MASK: u32 = 0x0fff;
/// How much of a frame that passes is kept: all.
const WHOLE_FRAME: u32 = u32::MAX;
/// Operand of a jump whose distance is not known yet. No program is so long.
const UNRESOLVED: u32 = u32::MAX;

/// One instruction (`struct sock_filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) when_true: u8,
    pub(super) when_false: u8,
    pub(super) operand: u32,
}

/// What becomes of a key that is in none of the ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// The frame is dropped.
    Drop,
    /// The program goes on behind the tree.
    FallThrough,
}

/// Instructions in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Program(Vec<Instruction>);

/// How many ranges fit for certain into a tree of at most `room` instructions. A leaf needs two for each range and two to
/// end, and leaves of at least half the full size two more for the node above.
pub(super) const fn ranges_within(room: usize) -> usize {
    room * 2 / 5
}

/// The look-up of a key among ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lookup {
    tree: Program,
    /// Whether a key's bit is needed in the register X.
    has_words: bool,
}

impl Lookup {
    /// Tells exactly what is in `ranges`, if at most `room` instructions can.
    pub(super) fn exact(ranges: &[KeyRange], room: usize) -> Option<Self> {
        let segments = segments(ranges);
        // Each needs one at least.
        let lookup = (segments.len() <= room).then(|| Self::of(&segments))?;
        (lookup.len() <= room).then_some(lookup)
    }

    /// The same by ranges only, whose length is known before, see [`ranges_within`].
    pub(super) fn by_ranges(ranges: &[KeyRange]) -> Self {
        Self::of(&ranges.iter().copied().map(Segment::of_range).collect::<Vec<_>>())
    }

    fn of(segments: &[Segment]) -> Self {
        Self {
            tree: Program::tree(segments),
            has_words: segments.iter().any(|segment| segment.bits.is_some()),
        }
    }

    /// Instructions without those that load the key.
    pub(super) fn len(&self) -> usize {
        self.tree.0.len()
    }
}

impl Program {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn instructions(&self) -> &[Instruction] {
        &self.0
    }

    fn push(&mut self, code: u16, operand: u32) {
        self.branch(code, operand, 0, 0);
    }

    fn branch(&mut self, code: u16, operand: u32, when_true: u8, when_false: u8) {
        self.0.push(Instruction {
            code,
            when_true,
            when_false,
            operand,
        });
    }

    pub(super) fn pass_frame(&mut self) {
        self.push(RETURN, WHOLE_FRAME);
    }

    pub(super) fn drop_frame(&mut self) {
        self.push(RETURN, 0);
    }

    pub(super) fn load_u32(&mut self, offset: u32) {
        self.push(LOAD_U32, offset);
    }

    /// Goes on if the field is `value`, else drops the frame.
    pub(super) fn require_u8(&mut self, offset: u32, value: u32) {
        self.push(LOAD_U8, offset);
        self.branch(IF_EQUAL, value, 1, 0);
        self.drop_frame();
    }

    /// As [`Program::require_u8`] for two octets.
    pub(super) fn require_u16(&mut self, offset: u32, value: u32) {
        self.push(LOAD_U16, offset);
        self.branch(IF_EQUAL, value, 1, 0);
        self.drop_frame();
    }

    /// Goes on, the field loaded, if it is one of two values.
    pub(super) fn require_u8_either(&mut self, offset: u32, one: u32, other: u32) {
        self.push(LOAD_U8, offset);
        self.require_loaded_either(one, other);
    }

    /// As [`Program::require_u8_either`] for two octets.
    pub(super) fn require_u16_either(&mut self, offset: u32, one: u32, other: u32) {
        self.push(LOAD_U16, offset);
        self.require_loaded_either(one, other);
    }

    fn require_loaded_either(&mut self, one: u32, other: u32) {
        self.branch(IF_EQUAL, one, 2, 0);
        self.branch(IF_EQUAL, other, 1, 0);
        self.drop_frame();
    }

    /// Drops frames of a VLAN: the kernel hands them to sockets of the underlying interface with the tag
    /// taken off, and an answer would go out untagged, into another network.
    pub(super) fn require_untagged(&mut self) {
        self.push(LOAD_U32, VLAN_TAG);
        self.branch(IF_ANY_BIT, VLAN_ID_MASK, 0, 1);
        self.drop_frame();
    }

    /// Runs `block` only if the loaded value is `value`.
    pub(super) fn only_if(&mut self, value: u32, block: Self) {
        self.branch(IF_EQUAL, value, 1, 0);
        self.jump_over(&block);
        self.0.extend(block.0);
    }

    fn jump_over(&mut self, block: &Self) {
        self.push(JUMP, block.distance());
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "programs have at most 4096 instructions"
    )]
    fn distance(&self) -> u32 {
        self.0.len() as u32
    }

    /// Passes the frame if the four octets at `offset` are a key that `lookup` knows.
    pub(super) fn pass_if_among(&mut self, offset: u32, lookup: Lookup, miss: Miss) {
        if lookup.has_words {
            self.load_bit_of(offset);
        }
        self.load_u32(offset);
        let mut tree = lookup.tree;
        tree.resolve_misses(miss);
        self.0.extend(tree.0);
    }

    /// Sets the bit of X that stands for the key at `offset` in its word.
    fn load_bit_of(&mut self, offset: u32) {
        self.load_u32(offset);
        self.push(AND, BIT_OF_KEY);
        self.push(TO_X, 0);
        self.push(LOAD_NUMBER, 1);
        self.push(SHIFT_LEFT_BY_X, 0);
        self.push(TO_X, 0);
    }

    /// The decision tree over `segments`; a key that is in none ends in an unresolved jump.
    fn tree(segments: &[Segment]) -> Self {
        if segments.len() <= LEAF_SEGMENTS {
            return Self::leaf(segments);
        }
        let (low, high) = segments.split_at(segments.len() / 2);
        let (low, pivot, high) = (Self::tree(low), high[0].first, Self::tree(high));
        let mut node = Self::new();
        match u8::try_from(low.0.len()) {
            Ok(near) => node.branch(IF_AT_LEAST, pivot, near, 0),
            Err(_) => {
                node.branch(IF_AT_LEAST, pivot, 0, 1);
                node.jump_over(&low);
            }
        }
        node.0.extend(low.0);
        node.0.extend(high.0);
        node
    }

    /// Compares with one segment after another; behind them stand the miss and, last, the pass.
    fn leaf(segments: &[Segment]) -> Self {
        let mut steps = Vec::with_capacity(4 * LEAF_SEGMENTS);
        let mut before = None;
        for segment in segments {
            compare(segment, before, &mut steps);
            before = Some(segment);
        }
        let mut leaf = Self::new();
        for (step, behind) in steps.iter().zip((0..steps.len()).rev()) {
            let [when_true, when_false] = [step.when_true, step.when_false].map(|to| to.distance(behind));
            leaf.branch(step.code, step.operand, when_true, when_false);
        }
        leaf.push(JUMP, UNRESOLVED);
        if !segments.is_empty() {
            leaf.pass_frame();
        }
        leaf
    }

    fn resolve_misses(&mut self, miss: Miss) {
        let end = self.distance();
        for (instruction, next) in self.0.iter_mut().zip(1..) {
            if instruction.code == JUMP && instruction.operand == UNRESOLVED {
                match miss {
                    Miss::Drop => (instruction.code, instruction.operand) = (RETURN, 0),
                    Miss::FallThrough => instruction.operand = end - next,
                }
            }
        }
    }
}

/// An instruction of a leaf.
struct Step {
    code: u16,
    operand: u32,
    when_true: To,
    when_false: To,
}

/// Where it leads.
#[derive(Clone, Copy)]
enum To {
    /// Over so many instructions.
    Over(u8),
    /// To the miss of the leaf.
    Miss,
    /// To its pass.
    Pass,
}

impl To {
    /// The distance from an instruction with so many others `behind` it in the leaf.
    fn distance(self, behind: usize) -> u8 {
        let miss = u8::try_from(behind).unwrap_or(u8::MAX);
        match self {
            Self::Over(instructions) => instructions,
            Self::Miss => miss,
            Self::Pass => miss.saturating_add(1),
        }
    }
}

/// Passes keys in `segment`; goes on with those above it. Others, above the segment `before`, are a miss here or further
/// on.
fn compare(segment: &Segment, before: Option<&Segment>, steps: &mut Vec<Step>) {
    let mut step = |code, operand, when_true, when_false| {
        steps.push(Step {
            code,
            operand,
            when_true,
            when_false,
        });
    };
    if segment.is_single() {
        return step(IF_EQUAL, segment.first, To::Pass, To::Over(0));
    }
    // Only a segment that is compared by its end leaves no keys below this one.
    let is_next = before.is_some_and(|b| !b.is_single() && b.last.checked_add(1) == Some(segment.first));
    match segment.bits {
        None => {
            step(IF_GREATER, segment.last, To::Over(1), To::Over(0));
            step(IF_AT_LEAST, segment.first, To::Pass, To::Miss);
        }
        Some(bits) => {
            step(
                IF_GREATER,
                segment.last,
                To::Over(if is_next { 2 } else { 3 }),
                To::Over(0),
            );
            if !is_next {
                step(IF_AT_LEAST, segment.first, To::Over(0), To::Miss);
            }
            step(FROM_X, 0, To::Over(0), To::Over(0));
            step(IF_ANY_BIT, bits, To::Pass, To::Miss);
        }
    }
}

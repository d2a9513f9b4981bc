//! The addresses of one sharing group by position, with the ports taken on each: "lowest address where these ports are
//! free" without walking all of them.
//!
//! A binary trie over positions. Each fork knows the ports that are taken at *every* address below it, so whole
//! subtrees in which a wanted port is nowhere free are passed over:
//!
//! ```text
//!               {80}                 wanted: 443
//!             ┌──┴──┐                0 has it taken, so the left fork is entered and left again at 0,
//!          {80}     {80, 443}        1 is the answer; the right fork would not even be entered
//!         ┌─┴─┐      ┌─┴─┐
//!         0   1      2   3
//!  {80,443}  {80}   …
//! ```

use core::mem;

use ferrolb_api::facts::Port;

/// Positions and the ports taken there.
#[derive(Clone, Debug, Default)]
pub(crate) struct PortIndex {
    root: Option<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf { position: u128, taken: Vec<Port> },
    Fork(Box<Fork>),
}

#[derive(Clone, Debug)]
struct Fork {
    /// Any position below; all agree in the bits above `bit`.
    sample: u128,
    /// The bit that tells the children apart, 0 for the lowest.
    bit: u32,
    /// Taken at every address below; sorted, as in the leaves.
    common: Vec<Port>,
    children: [Node; 2],
}

impl PortIndex {
    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Adds the address at `position`, if it is not there, and takes `ports` on it.
    pub(crate) fn take(&mut self, position: u128, ports: &[Port]) {
        let root = self.root.get_or_insert_with(|| Node::leaf(position));
        root.update(position, &mut |taken| {
            for port in ports {
                if let Err(at) = taken.binary_search(port) {
                    taken.insert(at, *port);
                }
            }
        });
    }

    /// Frees `ports` on the address at `position`; the address stays, even without any.
    pub(crate) fn free(&mut self, position: u128, ports: &[Port]) {
        let root = self.root.get_or_insert_with(|| Node::leaf(position));
        root.update(position, &mut |taken| {
            taken.retain(|port| ports.binary_search(port).is_err());
        });
    }

    /// Removes the address at `position`.
    pub(crate) fn remove(&mut self, position: u128) {
        self.root = self.root.take().and_then(|root| root.without(position));
    }

    /// The lowest position on which none of `ports` is taken.
    pub(crate) fn first_without(&self, ports: &[Port]) -> Option<u128> {
        self.root.as_ref()?.first_without(ports)
    }
}

impl Node {
    const fn leaf(position: u128) -> Self {
        Self::Leaf {
            position,
            taken: Vec::new(),
        }
    }

    fn taken(&self) -> &[Port] {
        match self {
            Self::Leaf { taken, .. } => taken,
            Self::Fork(fork) => &fork.common,
        }
    }

    /// Some position below, and the bits from which on positions below may differ.
    fn reach(&self) -> (u128, u32) {
        match self {
            Self::Leaf { position, .. } => (*position, 0),
            Self::Fork(fork) => (fork.sample, fork.bit + 1),
        }
    }

    fn update(&mut self, position: u128, change: &mut dyn FnMut(&mut Vec<Port>)) {
        let (sample, varying) = self.reach();
        if let Some(bit) = highest_difference(sample, position).filter(|bit| *bit >= varying) {
            let old = mem::replace(self, Self::leaf(position));
            let new = mem::replace(self, Self::leaf(position));
            let children = if position < sample { [new, old] } else { [old, new] };
            *self = Self::Fork(Box::new(Fork {
                sample,
                bit,
                common: Vec::new(),
                children,
            }));
        }
        match self {
            Self::Leaf { taken, .. } => change(taken),
            Self::Fork(fork) => {
                fork.children[side(position, fork.bit)].update(position, change);
                fork.recount();
            }
        }
    }

    fn without(self, position: u128) -> Option<Self> {
        match self {
            Self::Leaf { position: own, .. } if own == position => None,
            Self::Leaf { .. } => Some(self),
            Self::Fork(mut fork) => {
                let at = side(position, fork.bit);
                let child = mem::replace(&mut fork.children[at], Self::leaf(position));
                match child.without(position) {
                    Some(rest) => fork.children[at] = rest,
                    None => {
                        let [low, high] = fork.children;
                        return Some(if at == 0 { high } else { low });
                    }
                }
                fork.recount();
                Some(Self::Fork(fork))
            }
        }
    }

    fn first_without(&self, ports: &[Port]) -> Option<u128> {
        if ports.iter().any(|port| self.taken().binary_search(port).is_ok()) {
            return None;
        }
        match self {
            Self::Leaf { position, .. } => Some(*position),
            Self::Fork(fork) => fork.children.iter().find_map(|child| child.first_without(ports)),
        }
    }
}

impl Fork {
    fn recount(&mut self) {
        let [a, b] = [self.children[0].taken(), self.children[1].taken()];
        let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
        let common = few.iter().filter(|port| many.binary_search(port).is_ok());
        self.common = common.copied().collect();
    }
}

const fn side(position: u128, bit: u32) -> usize {
    ((position >> bit) & 1) as usize
}

/// The highest bit in which the two differ.
fn highest_difference(a: u128, b: u128) -> Option<u32> {
    (a ^ b).checked_ilog2()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use ferrolb_api::facts::Protocol;
    use proptest::prelude::*;

    use super::*;

    fn port(number: u16) -> Port {
        Port {
            protocol: Protocol::Tcp,
            number,
        }
    }

    #[test]
    fn the_lowest_position_with_all_ports_free_wins() {
        let mut index = PortIndex::default();
        index.take(u128::MAX, &[port(80)]);
        index.take(7, &[port(80), port(443)]);
        index.take(0, &[port(443)]);
        assert_eq!(index.first_without(&[port(80)]), Some(0));
        assert_eq!(index.first_without(&[port(443)]), Some(u128::MAX));
        assert_eq!(index.first_without(&[port(80), port(443)]), None);
        index.free(7, &[port(80), port(443)]);
        assert_eq!(index.first_without(&[port(80), port(443)]), Some(7));
        index.remove(7);
        assert_eq!(index.first_without(&[port(80), port(443)]), None);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take(u128, BTreeSet<u16>),
        Free(u128, BTreeSet<u16>),
        Remove(u128),
    }

    fn step() -> impl Strategy<Value = Step> {
        let position = prop_oneof![0u128..20, Just(u128::MAX), Just(1 << 127)];
        let ports = prop::collection::btree_set(0u16..5, 0..4);
        (position, ports, 0..5).prop_map(|(position, ports, kind)| match kind {
            0 => Step::Remove(position),
            1 => Step::Free(position, ports),
            _ => Step::Take(position, ports),
        })
    }

    fn sorted(ports: &BTreeSet<u16>) -> Vec<Port> {
        ports.iter().copied().map(port).collect()
    }

    proptest! {
        #[test]
        fn behaves_like_a_list_that_is_walked(
            steps in prop::collection::vec(step(), 0..80),
            wanted in prop::collection::btree_set(0u16..5, 0..4),
        ) {
            let mut index = PortIndex::default();
            let mut naive: BTreeMap<u128, BTreeSet<u16>> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Take(position, ports) => {
                        index.take(position, &sorted(&ports));
                        naive.entry(position).or_default().extend(ports);
                    }
                    Step::Free(position, ports) => {
                        index.free(position, &sorted(&ports));
                        naive.entry(position).or_default().retain(|p| !ports.contains(p));
                    }
                    Step::Remove(position) => {
                        index.remove(position);
                        naive.remove(&position);
                    }
                }
                let expected = naive.iter().find(|(_, taken)| taken.is_disjoint(&wanted)).map(|(p, _)| *p);
                prop_assert_eq!(index.first_without(&sorted(&wanted)), expected);
                prop_assert_eq!(index.is_empty(), naive.is_empty());
            }
        }
    }
}

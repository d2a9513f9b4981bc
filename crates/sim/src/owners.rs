//! Who answers, as clients see it, and for how long none or several did.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::BTreeMap;

/// What was seen of one address since it is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// In sum, how long nobody answered.
    pub none: Duration,
    /// The longest time in which nobody answered.
    pub longest_none: Duration,
    /// In sum, how long more than one answered.
    pub several: Duration,
    /// The longest time in which more than one answered.
    pub longest_several: Duration,
    none_now: Duration,
    several_now: Duration,
}

impl Record {
    fn add(&mut self, answers: usize, time: Duration) {
        match answers {
            0 => self.none += time,
            1 => {}
            _ => self.several += time,
        }
        let going_on = |is_so, before: Duration| if is_so { before + time } else { Duration::ZERO };
        self.none_now = going_on(answers == 0, self.none_now);
        self.several_now = going_on(answers > 1, self.several_now);
        self.longest_none = self.longest_none.max(self.none_now);
        self.longest_several = self.longest_several.max(self.several_now);
    }
}

/// What was seen of all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched(BTreeMap<Ipv4Addr, Record>);

impl Watched {
    /// For `time`, so many nodes have answered for `address`.
    pub(crate) fn add(&mut self, address: Ipv4Addr, answers: usize, time: Duration) {
        self.0.entry(address).or_default().add(answers, time);
    }

    /// The worst of each kind over all addresses.
    pub(crate) fn worst(&self) -> Record {
        let worse = |a: Record, b: &Record| Record {
            none: a.none.max(b.none),
            longest_none: a.longest_none.max(b.longest_none),
            several: a.several.max(b.several),
            longest_several: a.longest_several.max(b.longest_several),
            none_now: Duration::ZERO,
            several_now: Duration::ZERO,
        };
        self.0.values().fold(Record::default(), worse)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

//! Sees to it that solicitations for held IPv6 addresses reach this node: they go to groups, which a switch with MLD
//! snooping forwards only where they were reported (RFC 4541), and a network card hands on only when it was told to.
//!
//! The kernel does both for the groups that it is made a member of. But it walks all of an interface's groups, one after
//! another, for each multicast packet that comes in, whether for a member or not, before the packet reaches a socket. So it
//! gets the first groups, and the others are reported by this machine (RFC 3810) and let in all together
//! (`docs/design/0014-many-groups.md`).
//!
//! ```text
//!   first address of a group ──▶ fewer than 128 groups are the kernel's? ──yes──▶ Join
//!                                                                     └──no───▶ HearAll, once; Changed ─0..1 s─▶ Repeated …
//!   query ─────────────────────▶ Asked ──within a quarter of the time that it leaves──▶ the groups that it asks for
//! ```
//!
//! A querier of version 1 is answered in its version as long as it may be present (RFC 3810 section 8.2.1). Deviations: what is
//! pending when the version changes is not cancelled, but said in the new one; and a report of another host does not suppress
//! this node's (section 8.2.2: "MAY"), since a switch with snooping needs to hear one from each port.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::{Instant, SplitMix64};
use ferrolb_wire::mld::{MAX_RECORDS, Message, Query, Record, RecordKind, Version};

/// Groups that the kernel is made a member of: walking them takes it less than a microsecond.
pub(crate) const KERNEL_GROUPS: usize = 128;

/// Frames sent at once, and the pause before more: answers to questions do not wait behind reports, and 10,000 groups are
/// reported within 0.1 s, to a querier of version 1 within 7 s.
const FRAMES_PER_CALL: usize = 16;
const PAUSE: Duration = Duration::from_millis(10);

/// Unsolicited Report Interval: a change is reported again within it, in case that the report before was lost (RFC 3810 section
/// 9.11, RFC 2710 section 7.10).
const UNSOLICITED_REPORT_INTERVAL: Duration = Duration::from_secs(1);
const UNSOLICITED_REPORT_INTERVAL_V1: Duration = Duration::from_secs(10);
/// What a querier can ask for at most, in three bits.
const ROBUSTNESS_MAX: u8 = 7;

/// The groups of one interface.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    members: BTreeMap<Ipv6Addr, Member>,
    /// How many of them are the kernel's.
    joined: usize,
    changed: Queue,
    /// What was reported as changed, by how often it is still to be reported after the next time.
    repeated: [Queue; ROBUSTNESS_MAX as usize - 1],
    asked: Queue,
    querier: Querier,
    /// A querier of version 1 was heard; it does not understand others.
    version_1_until: Option<Instant>,
}

/// What a querier of version 2 has told, or the defaults (RFC 3810 sections 9.1 and 9.2).
#[derive(Debug)]
struct Querier {
    /// How often a change is reported in all.
    robustness: u8,
    interval: Duration,
}

impl Default for Querier {
    fn default() -> Self {
        Self {
            robustness: 2,
            interval: Duration::from_secs(125),
        }
    }
}

impl Querier {
    /// A robustness of 0 stands for the default, and 1 "SHOULD NOT" be used (sections 5.1.8 and 9.1), so both are 2 as in Linux.
    fn new(robustness: u8, interval: Duration) -> Self {
        Self {
            robustness: robustness.clamp(2, ROBUSTNESS_MAX),
            interval,
        }
    }

    /// Older Version Querier Present Timeout (section 9.12).
    fn older_is_present(&self, response: Duration) -> Duration {
        self.interval * self.robustness.into() + response
    }
}

#[derive(Debug)]
struct Member {
    /// How many present addresses belong to the group: it has 24 bits of them.
    addresses: u32,
    by: Membership,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    Kernel,
    Own,
}

/// What the kernel is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Join,
    Leave,
    /// Let all multicast frames in, or no longer.
    HearAll(bool),
}

/// Groups to be reported at one time.
#[derive(Debug, Default)]
struct Queue {
    groups: BTreeSet<Ipv6Addr>,
    due: Option<Instant>,
}

impl Queue {
    fn add(&mut self, groups: impl IntoIterator<Item = Ipv6Addr>, at: Instant) {
        self.groups.extend(groups);
        if !self.groups.is_empty() {
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    fn remove(&mut self, group: Ipv6Addr) {
        self.groups.remove(&group);
    }

    /// At most `limit` groups, if it is time; the next ones come after a pause.
    fn take(&mut self, now: Instant, limit: usize) -> Vec<Ipv6Addr> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let rest = self.groups.iter().nth(limit).copied();
        let left = rest.map_or_else(BTreeSet::new, |first| self.groups.split_off(&first));
        self.due = (!left.is_empty()).then(|| now + PAUSE);
        std::mem::replace(&mut self.groups, left).into_iter().collect()
    }
}

impl Listener {
    /// One more address of `group` is present.
    pub(crate) fn add(&mut self, now: Instant, group: Ipv6Addr) -> Option<Request> {
        if let Some(member) = self.members.get_mut(&group) {
            member.addresses += 1;
            return None;
        }
        let by = if self.joined < KERNEL_GROUPS {
            Membership::Kernel
        } else {
            Membership::Own
        };
        self.members.insert(group, Member { addresses: 1, by });
        match by {
            Membership::Kernel => {
                self.joined += 1;
                // The kernel reports what the machine may have been about to say that it has left.
                self.forget_change(group);
                Some(Request::Join)
            }
            Membership::Own => {
                self.note_change(now, group);
                (self.own_count() == 1).then_some(Request::HearAll(true))
            }
        }
    }

    /// One address of `group` less is present.
    pub(crate) fn remove(&mut self, now: Instant, group: Ipv6Addr) -> Option<Request> {
        let member = self.members.get_mut(&group)?;
        member.addresses -= 1;
        if member.addresses > 0 {
            return None;
        }
        match self.members.remove(&group)?.by {
            Membership::Kernel => {
                self.joined -= 1;
                Some(Request::Leave)
            }
            Membership::Own => {
                self.asked.remove(group);
                self.note_change(now, group);
                (self.own_count() == 0).then_some(Request::HearAll(false))
            }
        }
    }

    fn own_count(&self) -> usize {
        self.members.len() - self.joined
    }

    fn note_change(&mut self, now: Instant, group: Ipv6Addr) {
        self.forget_change(group);
        self.changed.add([group], now);
    }

    fn forget_change(&mut self, group: Ipv6Addr) {
        self.changed.remove(group);
        self.repeated.iter_mut().for_each(|queue| queue.remove(group));
    }

    /// A querier asks. The time is a part of what it leaves, because many groups take a while.
    pub(crate) fn hear(&mut self, now: Instant, query: &Query, random: &mut SplitMix64) {
        match query.version {
            Version::One => {
                self.version_1_until = Some(now + self.querier.older_is_present(query.max_response));
            }
            Version::Two { robustness, interval } => self.querier = Querier::new(robustness, interval),
        }
        let asked: Vec<Ipv6Addr> = match query.group {
            Some(group) => self.own(group).into_iter().collect(),
            None => self.own_groups().collect(),
        };
        if !asked.is_empty() {
            self.asked.add(asked, now + up_to(query.max_response / 4, random));
        }
    }

    fn own(&self, group: Ipv6Addr) -> Option<Ipv6Addr> {
        let member = self.members.get(&group)?;
        (member.by == Membership::Own).then_some(group)
    }

    fn own_groups(&self) -> impl Iterator<Item = Ipv6Addr> {
        let own = self.members.iter().filter(|(_, m)| m.by == Membership::Own);
        own.map(|(group, _)| *group)
    }

    /// The switch may have forgotten this node, as the kernel reports its groups again then.
    pub(crate) fn report_all(&mut self, now: Instant) {
        let own: Vec<_> = self.own_groups().collect();
        self.changed.add(own, now);
    }

    /// The socket is closed: nothing can be sent, and who asks again is answered again.
    pub(crate) fn fall_silent(&mut self) {
        (self.changed, self.repeated, self.asked) = Default::default();
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let queues = self.repeated.iter().chain([&self.changed, &self.asked]);
        queues.filter_map(|queue| queue.due).min()
    }

    /// What is to be sent now.
    pub(crate) fn reports(&mut self, now: Instant, random: &mut SplitMix64) -> Vec<Message> {
        let is_version_1 = self.version_1_until.is_some_and(|until| now < until);
        let groups_per_frame = if is_version_1 { 1 } else { MAX_RECORDS };
        let limit = FRAMES_PER_CALL * groups_per_frame;

        let changed = self.changes(now, limit, is_version_1, random);
        let answers = self.asked.take(now, limit);
        let changes = changed.into_iter().map(|group| self.change(group));
        let answers = answers.into_iter().map(|group| Record {
            kind: RecordKind::ModeIsExclude,
            group,
        });
        let records: Vec<Record> = changes.chain(answers).collect();
        if is_version_1 {
            records.into_iter().map(in_version_1).collect()
        } else {
            let frames = records.chunks(MAX_RECORDS);
            frames.map(|records| Message::Report(records.to_vec())).collect()
        }
    }

    /// Groups that have changed and are reported now; as often as the robustness says. The last reports come first, so that
    /// nothing is taken twice.
    fn changes(
        &mut self,
        now: Instant,
        limit: usize,
        is_version_1: bool,
        random: &mut SplitMix64,
    ) -> Vec<Ipv6Addr> {
        let interval = if is_version_1 {
            UNSOLICITED_REPORT_INTERVAL_V1
        } else {
            UNSOLICITED_REPORT_INTERVAL
        };
        let mut reported = self.repeated[0].take(now, limit);
        for left in 1..self.repeated.len() {
            let again = self.repeated[left].take(now, limit);
            self.repeated[left - 1].add(again.iter().copied(), now + up_to(interval, random));
            reported.extend(again);
        }
        let first = self.changed.take(now, limit);
        let left = usize::from(self.querier.robustness) - 2;
        self.repeated[left].add(first.iter().copied(), now + up_to(interval, random));
        reported.extend(first);
        reported
    }

    fn change(&self, group: Ipv6Addr) -> Record {
        let kind = if self.members.contains_key(&group) {
            RecordKind::ChangeToExclude
        } else {
            RecordKind::ChangeToInclude
        };
        Record { kind, group }
    }
}

fn in_version_1(record: Record) -> Message {
    match record.kind {
        RecordKind::ModeIsExclude | RecordKind::ChangeToExclude => Message::ReportV1(record.group),
        RecordKind::ChangeToInclude => Message::DoneV1(record.group),
    }
}

fn up_to(longest: Duration, random: &mut SplitMix64) -> Duration {
    let millis = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX);
    Duration::from_millis(u64::from(random.below(millis.saturating_add(1))))
}

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
//!                                                                     └──no───▶ HearAll, once; Changed ─0..1 s─▶ Repeated
//!   query ─────────────────────▶ Asked ──within a quarter of the time that it leaves──▶ the groups that it asks for
//! ```

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

/// Unsolicited Report Interval (RFC 3810 section 9.11): a change is reported again within it, in case that the first report
/// was lost (Robustness Variable 2, section 9.1).
const UNSOLICITED_REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Older Version Querier Present Timeout (RFC 3810 section 9.12), with the default intervals.
const OLDER_QUERIER_PRESENT: Duration = Duration::from_secs(260);

/// The groups of one interface.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    members: BTreeMap<Ipv6Addr, Member>,
    /// How many of them are the kernel's.
    joined: usize,
    changed: Queue,
    repeated: Queue,
    asked: Queue,
    /// A querier of version 1 was heard; it does not understand others.
    version_1_until: Option<Instant>,
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
                self.changed.remove(group);
                self.repeated.remove(group);
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
        self.repeated.remove(group);
        self.changed.add([group], now);
    }

    /// A querier asks. The time is a part of what it leaves, because many groups take a while.
    pub(crate) fn hear(&mut self, now: Instant, query: &Query, random: &mut SplitMix64) {
        if query.version == Version::One {
            self.version_1_until = Some(now + OLDER_QUERIER_PRESENT);
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
        let queues = [&self.changed, &self.repeated, &self.asked];
        queues.into_iter().filter_map(|queue| queue.due).min()
    }

    /// What is to be sent now.
    pub(crate) fn reports(&mut self, now: Instant, random: &mut SplitMix64) -> Vec<Message> {
        let is_version_1 = self.version_1_until.is_some_and(|until| now < until);
        let groups_per_frame = if is_version_1 { 1 } else { MAX_RECORDS };
        let limit = FRAMES_PER_CALL * groups_per_frame;

        let changed = self.changed.take(now, limit);
        let again_at = now + up_to(UNSOLICITED_REPORT_INTERVAL, random);
        self.repeated.add(changed.iter().copied(), again_at);
        let repeated = self.repeated.take(now, limit);
        let asked = self.asked.take(now, limit);

        let changes = changed
            .into_iter()
            .chain(repeated)
            .map(|group| self.change(group));
        let answers = asked.into_iter().map(|group| Record {
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

//! Who answers for which address: each node decides for itself, from what its part of the ring tells it.
//!
//! In a segment where all hear each other each address has exactly one owner once a fault has been noticed; in a partition each
//! side has one at most, and all together have one again soon after it has healed.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_gossip::{Config, Input, Member, Meta};
use ferrolb_plan::election::{Key, Rank};
use ferrolb_types::{Instant, NodeName, SplitMix64};

use crate::world::{MS, SECOND, Weather, World, address, name, with_seeds};

/// One that is killed, paused or cut off alone is noticed by its watchers (budget of issue: 700 ms with five nodes).
const DETECT: Duration = SECOND;
/// When several fail at once and no two watchers of one are left, SWIM decides.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Nodes that gave each other up call each other once a second.
const HEAL: Duration = Duration::from_secs(4);
/// A speaker goes on answering for so long after its goodbye.
const HAND_OVER: Duration = Duration::from_millis(100);
/// What a speaker waits for at its start before it acts alone, and how often it reads the pod list while it is young.
const PATIENCE: Duration = Duration::from_secs(5);
const YOUTH: Duration = Duration::from_secs(15);
const RETRY_YOUNG: Duration = Duration::from_millis(500);

const ADDRESSES: u8 = 12;

/// A ring with speakers around it: they read the pod list, claim nothing before they have joined, and elect.
struct Segment {
    world: World,
    /// By address, then by node.
    ranks: Vec<Vec<Rank>>,
    speakers: Vec<Speaker>,
    api_is_up: bool,
    random: SplitMix64,
}

/// What a speaker does beside its ring.
#[derive(Clone, Copy)]
struct Speaker {
    started: Instant,
    has_listed: bool,
    may_claim: bool,
    stops_at: Option<Instant>,
}

impl Segment {
    fn new(size: usize, seed: u64) -> Self {
        let world = World::ring(size, Config::lan(), seed);
        let speaker = Speaker {
            started: world.now,
            has_listed: true,
            may_claim: true,
            stops_at: None,
        };
        Self {
            ranks: (0..ADDRESSES)
                .map(|n| ranks(IpAddr::from([192, 0, 2, n]), size))
                .collect(),
            speakers: vec![speaker; size],
            api_is_up: true,
            random: SplitMix64::new(seed ^ 0x5eed),
            world,
        }
    }

    fn size(&self) -> usize {
        self.world.nodes.len()
    }

    fn run(&mut self, time: Duration) {
        let end = self.world.now + time;
        while self.world.now < end {
            let step = RETRY_YOUNG.min(end - self.world.now);
            self.read_pods();
            self.world.run(step);
            (0..self.size()).for_each(|node| self.observe(node));
        }
    }

    fn read_pods(&mut self) {
        if !self.api_is_up {
            return;
        }
        let pods: Vec<_> = (0..self.size()).map(address).collect();
        for node in 0..self.size() {
            let speaker = &mut self.speakers[node];
            if self.world.now - speaker.started < YOUTH {
                speaker.has_listed = true;
                self.world.tell(node, Input::PeersFound(pods.clone()));
            }
        }
    }

    fn observe(&mut self, node: usize) {
        let (now, ring) = (self.world.now, &mut self.world.nodes[node]);
        let speaker = &mut self.speakers[node];
        if speaker.stops_at.is_some_and(|at| at <= now) {
            ring.running = false;
        }
        let has_waited = now - speaker.started >= PATIENCE;
        if !speaker.may_claim && speaker.has_listed && (has_waited || !ring.members.is_empty()) {
            speaker.may_claim = true;
            self.tell_meta(node, Meta::default());
        }
    }

    fn start(&mut self, node: usize) {
        self.world.restart(node, Config::lan());
        self.speakers[node] = Speaker {
            started: self.world.now,
            has_listed: false,
            may_claim: false,
            stops_at: None,
        };
        let nowhere = Meta {
            subnets: Some(BTreeSet::new()),
            ..Meta::default()
        };
        self.tell_meta(node, nowhere);
    }

    fn tell_meta(&mut self, node: usize, meta: Meta) {
        self.world.tell(node, Input::MetaChanged(meta));
    }

    /// SIGTERM.
    fn stop(&mut self, node: usize) {
        self.world.tell(node, Input::LeaveRequested);
        self.speakers[node].stops_at = Some(self.world.now + HAND_OVER);
    }

    /// For each address, the nodes that answer for it.
    fn owners(&self) -> Vec<Vec<usize>> {
        let mut owners = vec![Vec::new(); self.ranks.len()];
        for node in (0..self.size()).filter(|node| self.answers(*node)) {
            let candidates = self.candidates(node);
            for (ranks, owners) in self.ranks.iter().zip(&mut owners) {
                let elected = candidates
                    .iter()
                    .min_by_key(|(node, lacks)| (*lacks, ranks[*node]));
                owners.extend(elected.map(|(node, _)| *node).filter(|elected| *elected == node));
            }
        }
        owners
    }

    fn answers(&self, node: usize) -> bool {
        let ring = &self.world.nodes[node];
        ring.running && !ring.is_paused() && self.speakers[node].may_claim
    }

    /// Who may be elected as `node` sees it, and whether it tells that it can announce nowhere.
    fn candidates(&self, node: usize) -> Vec<(usize, bool)> {
        let ring = &self.world.nodes[node];
        let lacks = |member: &Member| {
            let meta = member.meta.as_ref();
            meta.and_then(|meta| meta.subnets.as_ref())
                .is_some_and(BTreeSet::is_empty)
        };
        let members = ring.machine.members().into_iter();
        let electable = members.filter(|member| !ring.out.contains(&*member.name));
        electable
            .map(|member| (number(&member.name), lacks(&member)))
            .collect()
    }

    #[track_caller]
    fn assert_one_owner_each(&self, after: &str) {
        for (address, owners) in self.owners().into_iter().enumerate() {
            assert!(
                owners.len() == 1,
                "{after}: address {address} is answered for by {owners:?}"
            );
        }
    }

    #[track_caller]
    fn assert_one_owner_each_at_most(&self, side: impl Fn(usize) -> bool, after: &str) {
        for (address, mut owners) in self.owners().into_iter().enumerate() {
            owners.retain(|node| side(*node));
            assert!(
                owners.len() <= 1,
                "{after}: address {address} is answered for by {owners:?}"
            );
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).expect("a small number");
        usize::try_from(self.random.below(bound)).expect("a small number")
    }

    fn some_of_all(&mut self) -> BTreeSet<usize> {
        let count = 1 + self.below(self.size() - 1);
        let mut chosen = BTreeSet::new();
        while chosen.len() < count {
            let node = self.below(self.size());
            chosen.insert(node);
        }
        chosen
    }
}

/// The places of so many nodes in the election for `address`.
pub(crate) fn ranks(address: IpAddr, size: usize) -> Vec<Rank> {
    let ballot = Key::new(address);
    let rank = |node| ballot.rank(&NodeName::new(name(node)), 0);
    (0..size).map(rank).collect()
}

pub(crate) fn number(name: &str) -> usize {
    let digits = name.strip_prefix("node-").expect("names are made by `name`");
    digits.parse().expect("names are made by `name`")
}

#[test]
fn whoever_is_killed_has_a_successor_for_each_address_within_a_second() {
    with_seeds(0..3, |seed| {
        for size in [3, 4, 5, 10, 100] {
            let mut segment = Segment::new(size, seed);
            segment.assert_one_owner_each("all are there");
            let victim = segment.below(size);
            segment.world.kill(victim);
            segment.run(DETECT);
            segment.assert_one_owner_each("one is killed");
            segment.start(victim);
            segment.run(2 * DETECT);
            segment.assert_one_owner_each("it is back");
        }
    });
}

#[test]
fn rolling_restarts_leave_no_address_without_an_owner_and_none_with_two() {
    with_seeds(0..3, |seed| {
        let mut segment = Segment::new(7, seed);
        for node in 0..7 {
            segment.stop(node);
            segment.run(HAND_OVER);
            segment.assert_one_owner_each("one has left");
            segment.start(node);
            segment.run(2 * DETECT);
            segment.assert_one_owner_each("it is back");
        }
    });
}

#[test]
fn whoever_starts_while_the_api_server_is_away_claims_nothing() {
    with_seeds(0..3, |seed| {
        let mut segment = Segment::new(5, seed);
        segment.api_is_up = false;
        for node in [1, 3] {
            segment.world.kill(node);
            segment.run(DETECT);
            segment.start(node);
            segment.run(20 * SECOND);
            segment.assert_one_owner_each("one has restarted");
            assert!(!segment.speakers[node].may_claim);
        }
        segment.api_is_up = true;
        segment.start(1);
        segment.start(3);
        segment.run(2 * DETECT);
        segment.assert_one_owner_each("the API server is back");
        assert!(segment.world.is_one_ring() && segment.speakers.iter().all(|speaker| speaker.may_claim));
    });
}

#[test]
fn owners_are_unique_after_whatever_faults_one_after_the_other() {
    with_seeds(0..12, |seed| {
        let size = [3, 4, 5, 8][usize::try_from(seed % 4).expect("a small number")];
        let mut segment = Segment::new(size, seed);
        for round in 0..8 {
            let fault = segment.below(8);
            suffer(&mut segment, fault);
            segment.world.weather = Weather::FAIR;
            segment.world.cut.clear();
            segment.run(HEAL);
            segment.assert_one_owner_each(&format!("seed {seed}, round {round}, fault {fault} is over"));
        }
    });
}

/// One fault with what must hold during it. What is killed is started again.
fn suffer(segment: &mut Segment, fault: usize) {
    let victim = segment.below(segment.size());
    match fault {
        0 => {
            segment.world.kill(victim);
            segment.run(DETECT);
            segment.assert_one_owner_each("one is killed");
            segment.start(victim);
        }
        1 => {
            let killed = segment.some_of_all();
            killed.iter().for_each(|node| segment.world.kill(*node));
            segment.run(GIVE_UP);
            segment.assert_one_owner_each("several are killed");
            killed.iter().for_each(|node| segment.start(*node));
        }
        2 => {
            let side = segment.some_of_all();
            segment.world.partition(&side.iter().copied().collect::<Vec<_>>());
            for time in [DETECT, 10 * SECOND, GIVE_UP] {
                segment.run(time);
                segment.assert_one_owner_each_at_most(|node| side.contains(&node), "parted, this side");
                segment.assert_one_owner_each_at_most(|node| !side.contains(&node), "parted, that side");
            }
        }
        3 => {
            // Not heard by anybody, and hears all.
            let others = (0..segment.size()).filter(|other| *other != victim);
            segment.world.cut.extend(others.map(|other| (victim, other)));
            segment.run(DETECT);
            segment.assert_one_owner_each("one is not heard");
        }
        4 => {
            let time = MS * (200 + 100 * u32::try_from(segment.below(60)).expect("a small number"));
            segment.world.pause(victim, time);
            segment.run(time);
        }
        5 => {
            let jump = [100, 3_000, 600_000][segment.below(3)];
            segment.world.nodes[victim].ahead += MS * jump;
            segment.run(SECOND);
            segment.assert_one_owner_each("a clock has jumped");
        }
        6 => {
            segment.world.weather = Weather {
                loss_percent: 20,
                delay: (MS, 30 * MS),
            };
            segment.run(20 * SECOND);
            segment.assert_one_owner_each("packets are lost and late");
        }
        _ => {
            segment.api_is_up = false;
            segment.stop(victim);
            segment.run(HAND_OVER);
            segment.assert_one_owner_each("one has left while the API server is away");
            segment.api_is_up = true;
            segment.start(victim);
        }
    }
}

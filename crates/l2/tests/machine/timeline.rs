//! Recorded steps: what a take-over and a conflict look like, output by output, each with its milliseconds.

use ferrolb_api::resolved::Interfaces;
use ferrolb_l2::Input;
use ferrolb_types::Instant;
use ferrolb_wire::arp;

use crate::node::*;

/// A node and all that it did.
struct Story {
    node: Node,
    lines: Vec<String>,
}

impl Story {
    fn new() -> Self {
        Self {
            node: Node::new(quiet()),
            lines: Vec::new(),
        }
    }

    fn note(&mut self, lines: Vec<String>) {
        let millis = self.node.now.as_nanos() / 1_000_000;
        self.lines
            .extend(lines.into_iter().map(|line| format!("{millis} {line}")));
    }

    fn tell(&mut self, inputs: impl IntoIterator<Item = Input>) {
        let lines = self.node.tell_all(inputs);
        self.note(lines);
    }

    fn hear(&mut self, frame: &[u8]) {
        let lines = self.node.hear(ETH0, frame);
        self.note(lines);
    }

    fn run_until(&mut self, millis: u64) {
        let end = Instant::from_millis(millis);
        while let Some(at) = self.node.machine.next_deadline().filter(|at| *at <= end) {
            self.node.now = self.node.now.max(at);
            let lines = self.node.tick();
            self.note(lines);
        }
        self.node.now = end;
    }

    fn assert_is(&self, expected: &str) {
        let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
        assert!(
            self.lines == expected,
            "the story is now:\n{}",
            self.lines.join("\n")
        );
    }
}

#[test]
fn take_over_of_both_families() {
    let mut story = Story::new();
    story.tell([Input::LinkChanged(eth0())]);
    story.run_until(1000);
    story.tell([wanted(V4, Interfaces::All), wanted(V6, Interfaces::All)]);
    story.run_until(60_000);
    story.assert_is(
        "
        0 2 open IPv4
        0 2 open IPv6
        1000 2 watch 192.0.2.10
        1000 2 join ff02::1:ff00:10
        1000 2 watch 2001:db8::10
        1000 2 filter
        1000 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        1000 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        1000 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10
        1000 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:02 ff02::2  from fe80::10
        1050 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        1050 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        1050 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10
        1150 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        1150 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        1150 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10
        1500 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        1500 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        1500 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10
        2600 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        2600 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        2600 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10
        2600 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:02 ff02::2  from fe80::10
        3700 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        3700 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        3700 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10
        3700 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:02 ff02::2  from fe80::10
        4800 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        4800 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        4800 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10
        5900 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        5900 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        5900 2 send na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10
        ",
    );
}

#[test]
fn conflict_then_release() {
    let mut story = Story::new();
    story.tell([Input::LinkChanged(eth0()), wanted(V4, Interfaces::All)]);
    story.run_until(10_000);
    story.lines.clear();

    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    story.hear(&claim);
    story.run_until(10_100);
    story.hear(&claim);
    story.hear(&arp_question(V4).encode());
    story.run_until(11_000);
    story.tell([released(V4)]);
    story.run_until(60_000);
    story.hear(&claim);
    story.assert_is(
        "
        10000 2 conflict 192.0.2.10 by f0 defended
        10000 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        10000 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        10050 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        10050 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        10100 2 send arp reply 192.0.2.10 is 10 to c1 192.0.2.200
        10150 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        10150 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        10500 2 send arp request 192.0.2.10 is 10 to all 192.0.2.10
        10500 2 send arp reply 192.0.2.10 is 10 to all 192.0.2.10
        11000 2 unwatch 192.0.2.10
        11000 2 filter
        ",
    );
}

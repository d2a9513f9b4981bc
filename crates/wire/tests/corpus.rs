//! Fuzz targets `arp`, `ndp`, `mld`, `bfd_packet`, `ring_message`, `ring_envelope` on their committed corpora.

#[path = "../../../fuzz/entry/arp.rs"]
mod arp;
#[path = "../../../fuzz/entry/bfd_packet.rs"]
mod bfd_packet;
#[path = "../../../fuzz/entry/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/entry/mld.rs"]
mod mld;
#[path = "../../../fuzz/entry/ndp.rs"]
mod ndp;
#[path = "../../../fuzz/entry/ring_envelope.rs"]
mod ring_envelope;
#[path = "../../../fuzz/entry/ring_message.rs"]
mod ring_message;

/// Changed copies of each file.
const MUTANTS: u64 = 300;

#[test]
fn frames_of_arp() {
    corpus::every_file("arp", arp::run, MUTANTS);
}

#[test]
fn frames_of_neighbor_discovery() {
    corpus::every_file("ndp", ndp::run, MUTANTS);
}

#[test]
fn queries_of_multicast_listener_discovery() {
    corpus::every_file("mld", mld::run, MUTANTS);
}

#[test]
fn bfd_packets() {
    corpus::every_file("bfd_packet", bfd_packet::run, MUTANTS);
}

#[test]
fn messages_of_a_ring() {
    corpus::every_file("ring_message", ring_message::run, MUTANTS);
}

#[test]
fn datagrams_and_streams_of_a_ring() {
    corpus::every_file("ring_envelope", ring_envelope::run, MUTANTS);
}

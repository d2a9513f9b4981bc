//! Frames that come in: questions are answered, claims are noticed (layer2 6.4, 6.5, 10).

use core::net::{IpAddr, Ipv6Addr};

use ferrolb_types::{Instant, InterfaceIndex, MacAddr};
use ferrolb_wire::ethernet::TYPE_ARP;
use ferrolb_wire::ndp::{Message, Nonce, Solicitation};
use ferrolb_wire::{Frame, arp, ipv6, ndp};

use super::Machine;
use crate::link::NdpSource;
use crate::statistics::DropReason;
use crate::{Output, round};

impl Machine {
    /// The answer to `frame`, or why there is none.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        frame: &[u8],
        out: &mut Vec<Output>,
    ) -> Result<Frame, DropReason> {
        let interface = self.interfaces.get(&index).ok_or(DropReason::InterfaceClosed)?;
        if frame.get(12..14) == Some(&TYPE_ARP.to_be_bytes()) {
            let mac = interface.arp().ok_or(DropReason::InterfaceClosed)?;
            let packet = arp::Packet::decode(frame).map_err(|_| DropReason::Malformed)?;
            self.answer_arp(now, index, mac, &packet, out)
        } else {
            let source = interface.ndp().ok_or(DropReason::InterfaceClosed)?;
            let packet = ndp::Packet::decode(frame).map_err(|_| DropReason::Malformed)?;
            self.answer_ndp(now, index, source, &packet, out)
        }
    }

    /// Probes are answered like requests: "If a host receives an ARP Request whose target protocol address is (one of) its
    /// own IP address(es)", it replies, whoever asks (RFC 5227 section 2.1.1 relies on it).
    fn answer_arp(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        mac: MacAddr,
        packet: &arp::Packet,
        out: &mut Vec<Output>,
    ) -> Result<Frame, DropReason> {
        self.refuse_own(packet.ethernet.source)?;
        self.refuse_claim(now, index, packet.sender_ip.into(), packet.sender_mac, out)?;
        if packet.operation != arp::Operation::Request {
            return Err(DropReason::NotARequest);
        }
        let destination = packet.ethernet.destination;
        if destination != mac && destination != MacAddr::BROADCAST {
            return Err(DropReason::OtherDestination);
        }
        refuse_impossible(packet.sender_mac)?;
        if packet.sender_ip.is_unspecified() {
            let probe = Probe {
                address: packet.target_ip.into(),
                mac: packet.sender_mac,
                nonce: None,
            };
            self.refuse_probe(now, index, &probe, out)?;
        }
        self.count_answer(index, packet.target_ip.into())?;
        Ok(packet.reply_from(mac).encode())
    }

    fn answer_ndp(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        source: NdpSource,
        packet: &ndp::Packet,
        out: &mut Vec<Output>,
    ) -> Result<Frame, DropReason> {
        self.refuse_own(packet.ethernet.source)?;
        match packet.message {
            Message::Advertisement(said) => {
                let mac = said.target_link_layer.unwrap_or(packet.ethernet.source);
                self.refuse_claim(now, index, said.target.into(), mac, out)?;
                Err(DropReason::NotARequest)
            }
            Message::Solicitation(asked) => {
                let sender = sender_of(packet, &asked);
                self.refuse_claim(now, index, packet.ip.source.into(), sender, out)?;
                let destination = packet.ethernet.destination;
                if destination != source.mac && !destination.is_multicast() {
                    return Err(DropReason::OtherDestination);
                }
                refuse_impossible(sender)?;
                if packet.ip.source.is_unspecified() {
                    let probe = Probe {
                        address: asked.target.into(),
                        mac: sender,
                        nonce: asked.nonce,
                    };
                    self.refuse_probe(now, index, &probe, out)?;
                }
                self.count_answer(index, asked.target.into())?;
                Ok(advertisement(asked.target, source, packet.ip.source, sender))
            }
        }
    }

    /// Bridges and bonds can reflect what this node sends.
    fn refuse_own(&self, mac: MacAddr) -> Result<(), DropReason> {
        if self.own_macs.contains_key(&mac) {
            return Err(DropReason::OwnFrame);
        }
        Ok(())
    }

    /// Notices that `mac` claims `address`, if it is present here.
    fn refuse_claim(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        address: IpAddr,
        mac: MacAddr,
        out: &mut Vec<Output>,
    ) -> Result<(), DropReason> {
        let Some(held) = self.held.get_mut(&address) else {
            return Ok(());
        };
        let Some(presence) = held.presences.iter_mut().find(|p| p.interface == index) else {
            return Ok(());
        };
        if self.own_macs.contains_key(&mac) {
            return Err(DropReason::OwnFrame);
        }
        if self.peers.contains(&mac) {
            if presence.note_rival(now, address, &mut self.timers) {
                out.push(Output::ReportRival {
                    address,
                    interface: index,
                    mac,
                });
            }
            return Err(DropReason::PeerClaim);
        }
        held.counters.conflicts += 1;
        if let Some(reaction) = presence.dispute(now, address, &mut self.timers) {
            out.push(Output::ReportConflict {
                address,
                interface: index,
                mac,
                reaction,
            });
        }
        Err(DropReason::ForeignClaim)
    }

    /// "If [...] the host receives any ARP Probe where the packet's 'target IP address' is the address being probed for, and
    /// the packet's 'sender hardware address' is not the hardware address of any of the host's interfaces, then the host
    /// SHOULD similarly treat this as an address conflict" (RFC 5227 section 2.1.1); as RFC 4862 section 5.4.3, where a nonce
    /// tells the own probe (RFC 7527). In use, the address is defended by the answer. Another speaker may ask what it likes:
    /// the election decides.
    fn refuse_probe(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        probe: &Probe,
        out: &mut Vec<Output>,
    ) -> Result<(), DropReason> {
        let Probe { address, mac, nonce } = *probe;
        let Some(presence) = self.held.get_mut(&address).and_then(|held| held.presence(index)) else {
            return Ok(());
        };
        if presence.is_in_use() || self.peers.contains(&mac) {
            return Ok(());
        }
        if self.own_macs.contains_key(&mac) || presence.is_own(nonce) {
            return Err(DropReason::OwnFrame);
        }
        self.refuse_claim(now, index, address, mac, out)
    }

    /// The election has decided between this node and another speaker that claims the same address.
    pub(super) fn judge_rival(&mut self, now: Instant, address: IpAddr, prevails: bool) {
        let Some(held) = self.held.get_mut(&address.to_canonical()) else {
            return;
        };
        for presence in &mut held.presences {
            if prevails {
                presence.announce_again(now, address, &mut self.timers);
            } else {
                presence.yield_to_rival(now, address, &mut self.timers);
            }
        }
    }

    /// Counts a question for `address` and its answer, if it is present on the interface.
    fn count_answer(&mut self, index: InterfaceIndex, address: IpAddr) -> Result<(), DropReason> {
        let held = self.held.get_mut(&address).ok_or(DropReason::NotHeld)?;
        let presence = held.presence(index).ok_or(DropReason::OtherInterface)?;
        if !presence.is_in_use() {
            return Err(DropReason::NotInUse);
        }
        held.counters.requests_received += 1;
        held.counters.responses_sent += 1;
        Ok(())
    }
}

/// A question from somebody who is about to use the address.
struct Probe {
    address: IpAddr,
    mac: MacAddr,
    nonce: Option<Nonce>,
}

/// Where the answer goes. A unicast solicitation may lack the option (RFC 4861 section 7.2.2), since its sender is known;
/// then it is at the Ethernet source.
fn sender_of(packet: &ndp::Packet, asked: &Solicitation) -> MacAddr {
    asked.source_link_layer.unwrap_or(packet.ethernet.source)
}

/// "If the source of the solicitation is the unspecified address, the node MUST set the Solicited flag to zero and
/// multicast the advertisement to the all-nodes address" (RFC 4861 section 7.2.4): somebody else is about to use the
/// address.
fn advertisement(target: Ipv6Addr, source: NdpSource, asker: Ipv6Addr, receiver: MacAddr) -> Frame {
    if asker.is_unspecified() {
        round::unsolicited(target, source, ipv6::ALL_NODES, true)
    } else {
        round::solicited(target, source, asker, receiver)
    }
}

/// An answer to a group would reach hosts that did not ask.
fn refuse_impossible(mac: MacAddr) -> Result<(), DropReason> {
    if mac.is_multicast() || mac == MacAddr::ZERO {
        return Err(DropReason::InvalidSender);
    }
    Ok(())
}

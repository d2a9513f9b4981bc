//! Brings what is present in step with what is wanted and with the links.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_api::resolved::Interfaces;
use ferrolb_types::{Instant, InterfaceIndex, IpFamily};

use super::{Held, Machine, listen};
use crate::interface::Interface;
use crate::presence::Presence;
use crate::statistics::AddressCounters;
use crate::timer::{Timer, Timers};
use crate::{Claim, Output};

/// A filter is built from all watched addresses, which is some tenths of a millisecond of work for 10,000 and never less
/// than some system calls. Resting ten times as long leaves nine tenths of the thread to answers while addresses change.
const FILTER_REST: Duration = Duration::from_micros(500);
const FILTER_REST_PER_ADDRESS: Duration = Duration::from_micros(1);

/// A filter of so few addresses is short and exact at once.
const FEW_ADDRESSES: usize = 128;
/// The exact filter of many is a millisecond of work for the kernel, in which nothing is answered. While addresses change,
/// it comes so seldom that less than one answer in a hundred waits for it.
const REFINE_AFTER: Duration = Duration::from_millis(200);

const NOWHERE: Interfaces = Interfaces::Named(BTreeSet::new());

impl Machine {
    pub(super) fn want(
        &mut self,
        now: Instant,
        address: IpAddr,
        rule: Interfaces,
        claim: Claim,
        out: &mut Vec<Output>,
    ) {
        let address = address.to_canonical();
        if !is_announceable(address) {
            return;
        }
        let held = self.held.entry(address).or_insert_with(|| Held {
            rule: NOWHERE,
            claim: self.pace.needed(claim),
            presences: Vec::new(),
            counters: AddressCounters::default(),
        });
        if held.rule != rule {
            held.rule = rule;
            self.settle_address(now, address, out);
        }
    }

    pub(super) fn release(&mut self, now: Instant, address: IpAddr, out: &mut Vec<Output>) {
        let address = address.to_canonical();
        if let Some(held) = self.held.get_mut(&address) {
            held.rule = NOWHERE;
            self.settle_address(now, address, out);
            self.held.remove(&address);
        }
    }

    fn settle_address(&mut self, now: Instant, address: IpAddr, out: &mut Vec<Output>) {
        if let Some(held) = self.held.get_mut(&address) {
            for interface in self.interfaces.values_mut() {
                held.settle(now, address, interface, &mut self.timers, out);
            }
        }
    }

    /// Settles every address of `family` on one interface, in order of address.
    pub(super) fn settle_interface(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        family: IpFamily,
        out: &mut Vec<Output>,
    ) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let of_family = self.held.iter_mut().filter(|(a, _)| IpFamily::of(**a) == family);
        let mut held: Vec<(&IpAddr, &mut Held)> = of_family.collect();
        held.sort_unstable_by_key(|(address, _)| **address);
        for (&address, held) in held {
            held.settle(now, address, interface, &mut self.timers, out);
        }
    }

    /// Begins a burst for every address that is present on the interface.
    pub(super) fn announce_all(&mut self, now: Instant, index: InterfaceIndex, family: IpFamily) {
        let of_family = self.held.iter_mut().filter(|(a, _)| IpFamily::of(**a) == family);
        for (&address, held) in of_family {
            if let Some(presence) = held.presence(index) {
                presence.announce_again(now, address, &mut self.timers);
            }
        }
    }

    pub(super) fn apply_filter(&mut self, now: Instant, index: InterfaceIndex, out: &mut Vec<Output>) {
        if let Some(interface) = self.interfaces.get_mut(&index) {
            interface.filter_due = None;
            let addresses = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
            interface.filter_rests_until = now + FILTER_REST + FILTER_REST_PER_ADDRESS * addresses;
            out.push(Output::ApplyFilter { interface: index });
            if self.held.len() > FEW_ADDRESSES && interface.refine_due.is_none() {
                let (slot, timer) = (&mut interface.refine_due, Timer::Refine(index));
                self.timers.arm(slot, timer, now + REFINE_AFTER);
            }
        }
    }

    pub(super) fn refine_filter(&mut self, index: InterfaceIndex, out: &mut Vec<Output>) {
        if let Some(interface) = self.interfaces.get_mut(&index) {
            interface.refine_due = None;
            out.push(Output::RefineFilter { interface: index });
        }
    }
}

impl Held {
    /// Makes the address present on `interface`, or absent, if it has to be and is not.
    fn settle(
        &mut self,
        now: Instant,
        address: IpAddr,
        interface: &mut Interface,
        timers: &mut Timers,
        out: &mut Vec<Output>,
    ) {
        let index = interface.index();
        let open = interface.mac(IpFamily::of(address)).is_some();
        let wanted = open && self.rule.allow(&interface.link.name);
        match (self.presences.iter().position(|p| p.interface == index), wanted) {
            (None, true) => {
                // Not before the filter: who hears of the address may ask for it at once.
                let from = outdate_filter(now, interface, timers);
                let presence = Presence::begin(index, self.claim, from, address, timers);
                // Nearly every node has one interface or two.
                self.presences.reserve_exact(1);
                self.presences.push(presence);
                listen::listen_for(now, address, interface, timers, out);
                out.push(Output::WatchAddress {
                    interface: index,
                    address,
                });
            }
            (Some(at), false) => {
                self.presences.swap_remove(at).end(address, timers);
                if open {
                    outdate_filter(now, interface, timers);
                }
                out.push(Output::UnwatchAddress {
                    interface: index,
                    address,
                });
                listen::ignore(now, address, interface, timers, out);
            }
            _ => {}
        }
    }
}

/// Returns when the filter will fit again.
fn outdate_filter(now: Instant, interface: &mut Interface, timers: &mut Timers) -> Instant {
    if let Some(due) = interface.filter_due {
        return due;
    }
    let due = now.max(interface.filter_rests_until);
    timers.arm(
        &mut interface.filter_due,
        Timer::Filter(interface.link.index),
        due,
    );
    due
}

/// Whether a host can have `address`. The unspecified one is in every ARP probe, so holding it would make each of
/// them a claim.
const fn is_announceable(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback() || broadcast)
}

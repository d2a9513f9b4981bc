//! Groups of the interfaces: queries that come in, reports that go out.

use core::net::{IpAddr, Ipv6Addr};

use ferrolb_types::address::solicited_node_group;
use ferrolb_types::{Instant, InterfaceIndex};
use ferrolb_wire::mld::Query;

use super::Machine;
use crate::Output;
use crate::interface::Interface;
use crate::listener::{Listener, Request};
use crate::statistics::DropReason;
use crate::timer::{Timer, Timers};

impl Machine {
    /// A router or a switch asks for reports.
    pub(super) fn take_query(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        frame: &[u8],
    ) -> Result<(), DropReason> {
        let interface = self.interfaces.get_mut(&index);
        let interface = interface
            .filter(|interface| interface.ndp().is_some())
            .ok_or(DropReason::InterfaceClosed)?;
        let query = Query::decode(frame).map_err(|_| DropReason::Malformed)?;
        interface.listener.hear(now, &query, &mut self.random);
        arm(interface, &mut self.timers);
        Ok(())
    }

    pub(super) fn report_groups(&mut self, now: Instant, index: InterfaceIndex, out: &mut Vec<Output>) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        interface.report_due = None;
        if let Some(source) = interface.ndp() {
            for report in interface.listener.reports(now, &mut self.random) {
                out.push(Output::SendReport {
                    interface: index,
                    frame: report.encode(source.mac, source.link_local),
                });
            }
        }
        arm(interface, &mut self.timers);
    }

    /// The interface has another address, or had no carrier for a moment.
    pub(super) fn report_all_groups(&mut self, now: Instant, index: InterfaceIndex) {
        if let Some(interface) = self.interfaces.get_mut(&index) {
            interface.listener.report_all(now);
            arm(interface, &mut self.timers);
        }
    }

    /// The socket of Neighbor Discovery is closed.
    pub(super) fn stop_reporting(&mut self, index: InterfaceIndex) {
        if let Some(interface) = self.interfaces.get_mut(&index) {
            interface.listener.fall_silent();
            arm(interface, &mut self.timers);
        }
    }
}

/// `address` has become present on `interface`.
pub(super) fn listen_for(
    now: Instant,
    address: IpAddr,
    interface: &mut Interface,
    timers: &mut Timers,
    out: &mut Vec<Output>,
) {
    change(address, interface, timers, out, |listener, group| {
        listener.add(now, group)
    });
}

/// `address` is not present on `interface` any more.
pub(super) fn ignore(
    now: Instant,
    address: IpAddr,
    interface: &mut Interface,
    timers: &mut Timers,
    out: &mut Vec<Output>,
) {
    change(address, interface, timers, out, |listener, group| {
        listener.remove(now, group)
    });
}

fn change(
    address: IpAddr,
    interface: &mut Interface,
    timers: &mut Timers,
    out: &mut Vec<Output>,
    change: impl FnOnce(&mut Listener, Ipv6Addr) -> Option<Request>,
) {
    let IpAddr::V6(address) = address else { return };
    let group = solicited_node_group(address);
    let request = change(&mut interface.listener, group);
    arm(interface, timers);
    let interface = interface.index();
    out.extend(request.map(|request| match request {
        Request::Join => Output::JoinGroup { interface, group },
        Request::Leave => Output::LeaveGroup { interface, group },
        Request::HearAll(on) => Output::HearAllGroups { interface, on },
    }));
}

fn arm(interface: &mut Interface, timers: &mut Timers) {
    let (due, timer) = (
        interface.listener.next_deadline(),
        Timer::Report(interface.link.index),
    );
    if due != interface.report_due {
        match due {
            Some(at) => timers.arm(&mut interface.report_due, timer, at),
            None => timers.disarm(&mut interface.report_due, timer),
        }
    }
}

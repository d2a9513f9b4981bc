//! When the first frame about an address goes out.

use std::net::IpAddr;

use ferrolb_driver::Clock;
use ferrolb_l2::Output;
use ferrolb_types::Instant;
use ferrolb_wire::ndp::{self, Message};
use ferrolb_wire::{Frame, arp};
use tokio::sync::oneshot;

/// At most one address at a time; a later question takes the place of an earlier one.
#[derive(Default)]
pub(super) struct Follow(Option<(IpAddr, oneshot::Sender<Instant>)>);

impl Follow {
    pub(super) fn begin(&mut self, address: IpAddr, tell: oneshot::Sender<Instant>) {
        self.0 = Some((address, tell));
    }

    /// Notes what was just done.
    pub(super) fn observe(&mut self, done: &Output, clock: Clock) {
        let (Some((address, _)), Output::SendFrame { frame, .. }) = (&self.0, done) else {
            return;
        };
        if is_about(frame, *address)
            && let Some((_, tell)) = self.0.take()
        {
            // Whoever asked may have lost patience.
            let _unheard = tell.send(clock.now());
        }
    }
}

/// Whether `frame` tells where `address` is.
fn is_about(frame: &Frame, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => arp::Packet::decode(frame).is_ok_and(|packet| packet.sender_ip == v4),
        IpAddr::V6(v6) => ndp::Packet::decode(frame)
            .is_ok_and(|packet| matches!(packet.message, Message::Advertisement(said) if said.target == v6)),
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_types::{InterfaceIndex, MacAddr};

    use super::*;

    fn sent(address: &str) -> Output {
        Output::SendFrame {
            interface: InterfaceIndex(1),
            frame: arp::Packet::announcement(MacAddr([2, 0, 0, 0, 0, 1]), address.parse().unwrap()).encode(),
        }
    }

    #[test]
    fn the_first_frame_about_the_address_is_told_once_and_no_other() {
        let (clock, mut follow) = (Clock::start(), Follow::default());
        let (tell, mut told) = oneshot::channel();
        follow.begin("192.0.2.1".parse().unwrap(), tell);
        follow.observe(&sent("192.0.2.2"), clock);
        assert!(told.try_recv().is_err());
        follow.observe(&sent("192.0.2.1"), clock);
        assert!(told.try_recv().is_ok_and(|at| at <= clock.now()));
        follow.observe(&sent("192.0.2.1"), clock);
        assert!(follow.0.is_none());
    }
}

//! What a node announces and answers, and what it does about claims of others.

use core::net::IpAddr;

use ferrolb_claim::gives_way;
use ferrolb_l2::{Claim, Input as Layer2Input, Output as Layer2Output};
use ferrolb_plan::{Input as PlanInput, Output as PlanOutput};
use ferrolb_types::{Instant, MacAddr};
use ferrolb_wire::Frame;

use super::{ETH0, Effect, Node};

impl Node {
    pub(super) fn plan(&mut self, now: Instant, input: PlanInput, out: &mut Vec<Effect>) {
        let mut outputs = Vec::new();
        self.planner.handle(input, &mut outputs);
        for output in outputs {
            let told = match output {
                PlanOutput::Announce {
                    ip,
                    interfaces,
                    is_first_use,
                } => Layer2Input::AddressWanted {
                    address: ip,
                    interfaces,
                    claim: Claim::new(is_first_use),
                },
                PlanOutput::Withdraw { ip } => Layer2Input::AddressReleased { address: ip },
                _ => continue,
            };
            self.tell_layer2(now, told, out);
        }
    }

    pub(super) fn receive(&mut self, now: Instant, frame: &Frame, out: &mut Vec<Effect>) {
        let mut outputs = Vec::new();
        self.layer2.receive(now, ETH0, frame, &mut outputs);
        self.carry_out(now, outputs, out);
    }

    pub(super) fn tell_layer2(&mut self, now: Instant, input: Layer2Input, out: &mut Vec<Effect>) {
        let mut outputs = Vec::new();
        self.layer2.handle(now, input, &mut outputs);
        self.carry_out(now, outputs, out);
    }

    fn carry_out(&mut self, now: Instant, outputs: Vec<Layer2Output>, out: &mut Vec<Effect>) {
        for output in outputs {
            match output {
                Layer2Output::SendFrame { frame, .. } => out.push(Effect::Frame(frame)),
                Layer2Output::ReportRival { address, mac, .. } => self.judge(now, address, mac, out),
                Layer2Output::ReportConflict { .. } => self.conflicts += 1,
                _ => {}
            }
        }
    }

    fn judge(&mut self, now: Instant, address: IpAddr, mac: MacAddr, out: &mut Vec<Effect>) {
        if !gives_way(&self.planner, &self.acquaintances, address, mac) {
            return self.rivals.note(address, now);
        }
        let yields = Layer2Input::RivalJudged {
            address,
            prevails: false,
        };
        self.tell_layer2(now, yields, out);
    }
}

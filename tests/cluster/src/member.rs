//! Who is on the segment.

use std::ops::Deref;
use std::rc::Rc;

use anyhow::Result;
use ferrolb_tests_netns::segment::INTERFACE;
use ferrolb_tests_netns::{Host, Segment};
use ferrolb_types::IpNet;

/// A host on the segment; the segment lives as long as any of them.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    segment: Rc<Segment>,
    name: &'static str,
}

/// Connects hosts of these names to a new segment. Beside its usual addresses each has one in the network of
/// `examples/pool.yaml`.
pub(crate) fn connect<const N: usize>(names: [&'static str; N]) -> Result<[Member; N]> {
    let segment = Rc::new(Segment::new(&names)?);
    for (host, number) in segment.hosts().iter().zip(1..) {
        let (v4, v6): (IpNet, IpNet) = (
            format!("192.168.10.{number}/24").parse()?,
            format!("fd00:10::{number}/64").parse()?,
        );
        host.namespace.add_address(INTERFACE, v4)?;
        host.namespace.add_address(INTERFACE, v6)?;
    }
    Ok(names.map(|name| Member {
        segment: Rc::clone(&segment),
        name,
    }))
}

impl Deref for Member {
    type Target = Host;

    fn deref(&self) -> &Host {
        self.segment.host(self.name)
    }
}

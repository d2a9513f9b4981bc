//! The link monitor against the real kernel.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use ferrolb_netio::{Link, LinkChange, LinkMonitor, Namespace, VethEnd};
use ferrolb_tests_netns::{Segment, in_private_network, wait};
use ferrolb_types::{IpNet, MacAddr};
use tokio::runtime::Runtime;

/// A monitor with the runtime that it needs.
struct Watch {
    runtime: Runtime,
    monitor: LinkMonitor,
}

impl Watch {
    fn start(namespace: &Namespace) -> anyhow::Result<Self> {
        Self::open(namespace, LinkMonitor::open)
    }

    fn open(
        namespace: &Namespace,
        open: impl FnOnce() -> Result<LinkMonitor, ferrolb_netio::LinkError> + Send,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let monitor = namespace.run(|| {
            let _entered = runtime.enter();
            open()
        })??;
        Ok(Self { runtime, monitor })
    }

    fn next(&mut self) -> anyhow::Result<LinkChange> {
        let next = async { tokio::time::timeout(wait::PATIENCE, self.monitor.next()).await };
        Ok(self.runtime.block_on(next).context("no change came")??)
    }

    /// Reads changes until a link `fits`.
    fn until(&mut self, what: &str, fits: impl Fn(&Link) -> bool) -> anyhow::Result<Link> {
        loop {
            match self.next().with_context(|| what.to_owned())? {
                LinkChange::Applied(link) if fits(&link) => return Ok(link),
                _ => {}
            }
        }
    }

    fn until_removed(&mut self, link: &Link) -> anyhow::Result<()> {
        while self.next()? != LinkChange::Removed(link.index) {}
        Ok(())
    }

    /// Reads whatever comes until nothing comes any more for a moment.
    fn settle(&mut self) -> anyhow::Result<()> {
        let quiet = Duration::from_millis(300);
        let drain = async {
            while let Ok(change) = tokio::time::timeout(quiet, self.monitor.next()).await {
                change?;
            }
            Ok(())
        };
        self.runtime.block_on(drain)
    }
}

fn is(name: &str) -> impl Fn(&Link) -> bool {
    let name = name.to_owned();
    move |link| link.name.as_str() == name
}

/// Two namespaces with a veth pair between: `eth0` here, `peer` there.
fn pair() -> anyhow::Result<(Namespace, Namespace)> {
    let (here, there) = (Namespace::new()?, Namespace::new()?);
    connect(&here, &there, "eth0")?;
    Ok((here, there))
}

fn connect(here: &Namespace, there: &Namespace, name: &str) -> anyhow::Result<()> {
    let peer = VethEnd {
        namespace: there,
        name: &format!("peer-{name}"),
        mac: None,
    };
    Ok(Namespace::create_veth(
        VethEnd {
            namespace: here,
            name,
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
        },
        peer,
    )?)
}

#[test]
fn existing_links_are_reported_first() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let mut watch = Watch::start(&segment.host("n1").namespace)?;
        let mut names = Vec::new();
        for _ in 0..2 {
            if let LinkChange::Applied(link) = watch.next()? {
                names.push(link.name.to_string());
            }
        }
        ensure!(names == ["lo", "eth0"], "{names:?}");
        let table: Vec<_> = watch.monitor.table().links().cloned().collect();
        let eth0 = &table[1];
        let node = segment.host("n1");
        ensure!(
            eth0.mac == Some(node.mac) && eth0.link_local == Some(node.link_local),
            "{eth0:?}"
        );
        ensure!(
            eth0.up && eth0.carrier && eth0.broadcast && !eth0.noarp,
            "{eth0:?}"
        );
        ensure!(
            eth0.kind.as_deref() == Some("veth") && eth0.controller.is_none(),
            "{eth0:?}"
        );
        ensure!(eth0.addresses.contains(&"10.77.0.1/24".parse()?), "{eth0:?}");
        ensure!(
            table[0].mac.is_none() && !table[0].broadcast,
            "lo is not Ethernet: {:?}",
            table[0]
        );
        Ok(())
    });
}

#[test]
fn links_that_come_and_go_are_reported() {
    in_private_network(|| {
        let (here, there) = (Namespace::new()?, Namespace::new()?);
        let mut watch = Watch::start(&here)?;
        connect(&here, &there, "eth7")?;
        let added = watch.until("the new link", is("eth7"))?;
        here.delete_interface("eth7")?;
        watch.until_removed(&added)?;
        ensure!(
            watch
                .monitor
                .table()
                .links()
                .all(|link| link.index != added.index)
        );
        Ok(())
    });
}

#[test]
fn a_link_that_goes_down_and_up_is_reported_with_its_carrier() {
    in_private_network(|| {
        let (here, there) = pair()?;
        let mut watch = Watch::start(&here)?;
        watch.until("up", |link| is("eth0")(link) && link.up && link.carrier)?;
        here.set_down("eth0")?;
        watch.until("down", |link| is("eth0")(link) && !link.up)?;
        here.set_up("eth0")?;
        watch.until("up again", |link| is("eth0")(link) && link.up && link.carrier)?;
        there.set_down("peer-eth0")?;
        watch.until("carrier lost", |link| {
            is("eth0")(link) && link.up && !link.carrier
        })?;
        there.set_up("peer-eth0")?;
        watch.until("carrier back", |link| is("eth0")(link) && link.up && link.carrier)?;
        Ok(())
    });
}

#[test]
fn a_new_name_and_a_new_mac_are_reported_under_the_same_index() {
    in_private_network(|| {
        let (here, _there) = pair()?;
        let mut watch = Watch::start(&here)?;
        let before = watch.until("the link", is("eth0"))?;
        let mac = MacAddr([2, 0, 0, 0, 0, 0x99]);
        here.set_mac("eth0", mac)?;
        let changed = watch.until("the new mac", |link| link.mac == Some(mac))?;
        here.set_down("eth0")?;
        here.rename("eth0", "lan0")?;
        let renamed = watch.until("the new name", is("lan0"))?;
        ensure!(before.index == changed.index && changed.index == renamed.index);
        Ok(())
    });
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_removed() {
    in_private_network(|| {
        let (here, _there) = pair()?;
        here.create_bridge("br0", Default::default())?;
        let bridge = here.interface_index("br0")?;
        let mut watch = Watch::start(&here)?;
        let link = watch.until("the link", is("eth0"))?;
        here.set_controller("eth0", Some("br0"))?;
        watch.until("joined", |link| {
            is("eth0")(link) && link.controller == Some(bridge)
        })?;
        here.set_controller("eth0", None)?;
        loop {
            match watch.next()? {
                LinkChange::Removed(index) if index == link.index => bail!("reported as removed"),
                LinkChange::Applied(l) if l.index == link.index && l.controller.is_none() => return Ok(()),
                _ => {}
            }
        }
    });
}

#[test]
fn addresses_that_come_and_go_are_reported() {
    in_private_network(|| {
        let (here, _there) = pair()?;
        let mut watch = Watch::start(&here)?;
        for text in ["192.0.2.1/24", "2001:db8::1/64"] {
            let address = text.parse()?;
            here.add_address("eth0", address)?;
            watch.until("the address", |link| link.addresses.contains(&address))?;
            here.remove_address("eth0", address)?;
            watch.until("its end", |link| {
                is("eth0")(link) && !link.addresses.contains(&address)
            })?;
        }
        Ok(())
    });
}

#[test]
fn a_link_local_address_is_no_source_until_duplicate_address_detection_is_done() {
    in_private_network(|| {
        let (here, _there) = pair()?;
        here.set_down("eth0")?;
        for scope in ["all", "eth0"] {
            here.set_sysctl(&format!("ipv6/conf/{scope}/accept_dad"), "1")?;
        }
        let mut watch = Watch::start(&here)?;
        here.set_up("eth0")?;
        // The kernel says nothing about a tentative address, but lists it.
        let tentative = wait::until("the tentative address", || {
            let link = here.link("eth0")?;
            Ok(link.addresses.iter().any(is_link_local).then_some(link))
        })?;
        ensure!(tentative.link_local.is_none(), "{tentative:?}");
        let usable = watch.until("the usable address", |link| link.link_local.is_some())?;
        ensure!(usable.addresses == tentative.addresses);
        Ok(())
    });
}

fn is_link_local(address: &IpNet) -> bool {
    matches!(address, IpNet::V6(v6) if v6.addr().is_unicast_link_local())
}

#[test]
fn lost_notifications_are_made_good() {
    in_private_network(|| {
        let (here, there) = pair()?;
        let mut watch = Watch::open(&here, || LinkMonitor::with_receive_buffer(1))?;
        watch.settle()?;
        let before = watch.monitor.overruns();
        // Far more than the smallest buffer holds, while nobody reads.
        for number in 0..40 {
            connect(&here, &there, &format!("v{number}"))?;
        }
        for number in (0..40).step_by(2) {
            here.delete_interface(&format!("v{number}"))?;
        }
        here.rename("v1", "renamed")?;
        // The kernel adds link-local addresses a moment later.
        wait::until("the monitor to know what the kernel knows", || {
            watch.settle()?;
            let known: Vec<Link> = watch.monitor.table().links().cloned().collect();
            let real: Vec<Link> = here.links()?.links().cloned().collect();
            Ok((known == real).then_some(()))
        })?;
        ensure!(
            watch.monitor.overruns() > before,
            "the buffer was large enough for everything"
        );
        Ok(())
    });
}

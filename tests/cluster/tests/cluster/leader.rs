//! Several controllers: one writes, and the next one goes on where it stopped.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use ferrolb_tests_cluster::{Cluster, Program, Request, Roles, eventually};
use serde_json::{Value, json};

use crate::create_another;

/// Short, so that the tests are; long beside what a busy machine holds a process up.
const FLAGS: [&str; 3] = [
    "--leader-elect-lease-duration=6s",
    "--leader-elect-renew-deadline=4s",
    "--leader-elect-retry-period=1500ms",
];
const LEASE: Duration = Duration::from_secs(6);
const POOL: &str = r#"{"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
    "metadata": {"name": "many", "namespace": "metallb-system"}, "spec": {"addresses": ["10.64.0.0/16"]}}"#;

/// `spec` of the Lease.
fn lease(cluster: &Cluster) -> Result<Value> {
    let lease = cluster
        .plane
        .kubectl
        .get("lease", "metallb-system", "metallb-controller")?;
    Ok(lease["spec"].clone())
}

/// Waits until this one holds the Lease; since when it does, by its own clock, which is that of this machine.
fn until_held_by(cluster: &Cluster, name: &str) -> Result<SystemTime> {
    let spec = eventually("the Lease has its holder", || {
        let spec = lease(cluster)?;
        ensure!(spec["holderIdentity"] == name, "{spec}");
        Ok(spec)
    })?;
    rfc3339(&spec["acquireTime"])
}

/// Two that are ready, of which the first one leads.
fn pair(cluster: &Cluster) -> Result<[Program; 2]> {
    let flags = |name: &'static str| [&FLAGS[..], &[name]].concat();
    let first = cluster.start_replica(1, &flags("--pod-name=one"))?;
    until_held_by(cluster, "one")?;
    let second = cluster.start_replica(2, &flags("--pod-name=two"))?;
    cluster.plane.kubectl.apply_text(POOL)?;
    Ok([first, second])
}

/// Waits until this one leads and gives addresses; how long it took until it led.
fn take_over(cluster: &Cluster, name: &str, since: SystemTime) -> Result<Duration> {
    let took = until_held_by(cluster, name)?.duration_since(since)?;
    create_another(cluster, &format!("after-{name}"))?;
    Ok(took)
}

fn services(numbers: std::ops::Range<u32>) -> impl Iterator<Item = Value> {
    numbers.map(|number| {
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": format!("s{number}") },
                "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] } })
    })
}

/// The addresses of all Services; that one is given twice is an error at once.
fn assigned(cluster: &Cluster) -> Result<BTreeSet<String>> {
    let text = cluster.plane.kubectl.run([
        "get",
        "services",
        "-o",
        "jsonpath={range .items[*]}{.status.loadBalancer.ingress[0].ip}{\"\\n\"}{end}",
    ])?;
    let all: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let distinct: BTreeSet<String> = all.iter().map(|&address| address.to_owned()).collect();
    assert_eq!(distinct.len(), all.len(), "no address is given twice");
    Ok(distinct)
}

fn until_assigned(cluster: &Cluster, count: usize) -> Result<BTreeSet<String>> {
    eventually("so many Services have an address", || {
        let assigned = assigned(cluster)?;
        ensure!(assigned.len() >= count, "only {}", assigned.len());
        Ok(assigned)
    })
}

/// What was asked for with the token of this replica.
fn by(replica: &Program, request: &Request) -> bool {
    replica.credential() == Some(request.credential.as_str())
}

#[test]
fn a_leader_that_was_stopped_for_longer_than_the_lease_writes_nothing_when_it_goes_on() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let [first, second] = pair(cluster)?;
        cluster
            .plane
            .create_many("/api/v1/namespaces/default/services", services(0..300))?;
        until_assigned(cluster, 20)?;
        first.pause()?;
        let took = take_over(cluster, "two", wall())?;
        println!(
            "measure cluster/leader-stopped {:.2} s (lease {LEASE:?})",
            took.as_secs_f64()
        );
        until_assigned(cluster, 301)?;

        first.resume()?;
        eventually("the first one says that it stands by", || {
            ensure!(first.log()?.contains("stands by"));
            Ok(())
        })?;
        create_another(cluster, "last")?;
        until_assigned(cluster, 302)?;

        let requests = cluster.plane.audit.requests_of("controller")?;
        let writes = |request: &&Request| request.is_write() && request.resource != "leases";
        let since = requests.iter().position(|r| by(&second, r) && writes(&r));
        let after = requests[since.context("the second one wrote")?..]
            .iter()
            .filter(writes);
        let stale: Vec<&Request> = after.filter(|request| by(&first, request)).collect();
        assert!(stale.is_empty(), "{stale:#?}");
        let refused: Vec<&Request> = requests.iter().filter(|request| request.code == 403).collect();
        assert!(refused.is_empty(), "the shipped roles suffice: {refused:#?}");
        Ok(())
    })
}

#[test]
fn a_standby_follows_in_two_seconds_when_the_leader_leaves_and_within_the_lease_when_it_is_killed()
-> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let [first, second] = pair(cluster)?;
        create_another(cluster, "before")?;
        let before = cluster.plane.kubectl.get("service", "default", "before")?;
        let leaves = wall();
        assert!(first.stop()?.success(), "it ends cleanly");
        let took = take_over(cluster, "two", leaves)?;
        println!("measure cluster/leader-left {:.2} s", took.as_secs_f64());
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert_eq!(
            cluster.plane.kubectl.get("service", "default", "before")?,
            before,
            "nobody touched it"
        );

        let third = cluster.start_replica(3, &[&FLAGS[..], &["--pod-name=three"]].concat())?;
        eventually("the last renewal is a second old", || {
            let renewed = rfc3339(&lease(cluster)?["renewTime"])?;
            ensure!(
                wall()
                    .duration_since(renewed)
                    .is_ok_and(|age| age > Duration::from_secs(1))
            );
            Ok(())
        })?;
        let killed = wall();
        drop(second);
        let took = take_over(cluster, "three", killed)?;
        println!(
            "measure cluster/leader-killed {:.2} s (lease {LEASE:?})",
            took.as_secs_f64()
        );
        assert!(took < LEASE, "{took:?}");
        drop(third);
        Ok(())
    })
}

#[test]
fn a_standby_answers_webhooks_and_scrapes_and_says_who_leads() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let [_first, second] = pair(cluster)?;
        // The second replica alone is the endpoint of the webhooks.
        cluster.expose_webhooks_at(9502)?;
        let bad = POOL
            .replace("10.64.0.0/16", "10.65.0.1-10.65.0.300")
            .replace("many", "bad");
        let said = eventually("a webhook refuses a bad pool", || {
            match cluster.plane.kubectl.try_text(&bad) {
                Ok(_) => anyhow::bail!("the pool is accepted: the webhook was not asked"),
                Err(error) => Ok(format!("{error:#}")),
            }
        })?;
        assert!(said.contains("(InvalidAddress)"), "{said}");
        let get = |url: &str| cluster.page(url);
        assert_eq!(get("http://127.0.0.1:17502/readyz")?, "ok");
        let metrics = get("http://127.0.0.1:7502/metrics")?;
        for line in ["ferrolb_leader 0", "metallb_k8s_client_config_loaded_bool 1"] {
            assert!(
                metrics.lines().any(|l| l == line),
                "`{line}` is missing in\n{metrics}"
            );
        }
        let state: Value = serde_json::from_str(&get("http://127.0.0.1:7502/debug/state")?)?;
        let election = json!({ "standing": "standby", "identity": "two", "holder": "one" });
        assert_eq!(state["controller"]["election"], election, "{state}");
        assert!(second.stop()?.success());
        Ok(())
    })
}

#[test]
fn of_two_thousand_services_none_is_lost_and_none_doubled_when_the_controller_is_killed_three_times()
-> Result<()> {
    const COUNT: u32 = 2_000;
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.plane.kubectl.apply_text(POOL)?;
        // A container that is started again in its Pod.
        let start = || cluster.start_replica(1, &["--pod-name=one"]);
        cluster
            .plane
            .create_many("/api/v1/namespaces/default/services", services(0..COUNT))?;
        let mut held = BTreeSet::new();
        for share in 1..=3 {
            let controller = start()?;
            let now = until_assigned(cluster, held.len() + 100)?;
            drop(controller);
            let lost: Vec<_> = held.difference(&now).collect();
            assert!(lost.is_empty(), "{lost:?} are gone");
            println!("killed for the {share}. time with {} assigned", now.len());
            held = now;
        }
        let controller = start()?;
        let all = until_assigned(cluster, COUNT as usize)?;
        assert!(held.is_subset(&all));
        assert_eq!(all.len(), COUNT as usize);
        assert!(controller.stop()?.success());
        Ok(())
    })
}

#[test]
fn without_the_right_to_leases_a_controller_writes_unelected_and_says_so_once() -> Result<()> {
    Cluster::run(Roles::Reference, |cluster| {
        let controller = cluster.start_controller()?;
        cluster.plane.kubectl.apply_text(POOL)?;
        create_another(cluster, "first")?;

        let asked = || -> Result<Vec<Request>> {
            let requests = cluster.plane.audit.requests_of("controller")?;
            Ok(requests.into_iter().filter(|r| r.resource == "leases").collect())
        };
        let refused = asked()?;
        assert!(
            !refused.is_empty() && refused.iter().all(|request| request.code == 403),
            "MetalLB's role has no Leases: {refused:#?}"
        );
        assert!(lease(cluster).is_err(), "nobody made one");
        create_another(cluster, "second")?;
        assert_eq!(asked()?, refused, "it does not ask again");
        let warnings = controller.log()?.matches("there is no leader election").count();
        assert_eq!(warnings, 1, "{}", controller.log()?);
        assert!(controller.stop()?.success(), "nothing is given back on exit");
        Ok(())
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with a time that another process wrote"
)]
fn wall() -> SystemTime {
    SystemTime::now()
}

fn rfc3339(text: &Value) -> Result<SystemTime> {
    let time: jiff::Timestamp = text.as_str().unwrap_or_default().parse()?;
    Ok(time.into())
}

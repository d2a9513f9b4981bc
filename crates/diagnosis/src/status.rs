//! How things stand: who leads, which node answers for which address, what is left in the pools.
//!
//! Nothing here is computed that could be asked: owners are what speakers say, or what they report in ServiceL2Status. What the
//! election says is put beside it, so that a difference is seen.

mod document;
mod speaker;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use ferrolb_plan::report::{Options, Plan};
use ferrolb_types::IpNet;

use crate::cluster::component_of;
use crate::roles::Process;

pub use document::{
    API_VERSION, Address, AddressState, Leader, Node, Ring, RingView, SpeakerHealth, Status, Waiting,
};
pub use speaker::Speaker;

/// What a cluster's state is made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Everything that was listed, with kinds.
    pub objects: Vec<Value>,
    /// Kinds that could not be listed, as plurals, and why.
    pub unreadable: BTreeMap<&'static str, String>,
    /// What the speaker of each node that was asked says, or why there is no answer.
    pub speakers: BTreeMap<String, Result<Speaker, String>>,
    /// The Lease of the controllers.
    pub lease: String,
    /// The API server's time, in seconds since 1970.
    pub now: Option<i64>,
}

impl Status {
    /// Puts it together.
    #[must_use]
    pub fn of(sources: &Sources, options: &Options) -> Self {
        let plan = Plan::draw_up(sources.objects.clone(), options);
        let addresses = addresses(sources, &plan);
        Self {
            api_version: API_VERSION,
            leader: leader(sources),
            controllers: controllers(sources),
            nodes: nodes(sources, &addresses),
            ring: ring(sources),
            addresses,
            waiting: plan
                .services
                .iter()
                .filter(|s| s.state == "pending")
                .map(waiting)
                .collect(),
            pools: plan.pools,
            unknown: unknown(sources),
        }
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn leader(sources: &Sources) -> Option<Leader> {
    let lease =
        of_kind(&sources.objects, "Lease").find(|lease| text(lease, "/metadata/name") == sources.lease)?;
    let holder = text(lease, "/spec/holderIdentity");
    let age = seconds(text(lease, "/spec/renewTime"))
        .zip(sources.now)
        .map(|(renewed, now)| now - renewed);
    let duration = lease
        .pointer("/spec/leaseDurationSeconds")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    Some(Leader {
        lease: sources.lease.clone(),
        holder: holder.to_owned(),
        renewed_seconds_ago: age,
        is_current: !holder.is_empty() && age.is_none_or(|age| age <= duration),
        transitions: lease
            .pointer("/spec/leaseTransitions")
            .and_then(Value::as_i64)
            .unwrap_or_default(),
    })
}

/// Of `2026-11-26T07:51:18.000000Z`, as Leases have it; seconds since 1970.
fn seconds(time: &str) -> Option<i64> {
    let number = |range: core::ops::Range<usize>| time.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let of_day = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let is_utc = time.ends_with('Z') && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_utc.then(|| days(year, month, day) * 86_400 + of_day)
}

/// Days since 1970 in the proleptic Gregorian calendar: years begin in March, so that leap days end them.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn controllers(sources: &Sources) -> Vec<String> {
    let pods = of_kind(&sources.objects, "Pod").filter(|pod| component_of(pod) == Some(Process::Controller));
    pods.filter(|pod| is_true(pod, "Ready"))
        .map(|pod| text(pod, "/metadata/name").to_owned())
        .collect()
}

fn is_true(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .any(|c| c["type"] == kind && c["status"] == "True")
}

fn nodes(sources: &Sources, addresses: &[Address]) -> Vec<Node> {
    let speakers: BTreeMap<&str, &Value> = of_kind(&sources.objects, "Pod")
        .filter(|pod| component_of(pod) == Some(Process::Speaker))
        .map(|pod| (text(pod, "/spec/nodeName"), pod))
        .collect();
    let alerts = alerts(sources);
    let node = |object: &Value| {
        let name = text(object, "/metadata/name");
        let pod = speakers.get(name).copied();
        let state = sources.speakers.get(name).and_then(|state| state.as_ref().ok());
        Node {
            name: name.to_owned(),
            ready: is_true(object, "Ready"),
            speaker: health(sources, pod),
            image: pod
                .map(|pod| text(pod, "/spec/containers/0/image").to_owned())
                .unwrap_or_default(),
            addresses: addresses
                .iter()
                .filter(|a| a.owners.iter().any(|owner| owner == name))
                .count(),
            ring_members: state.and_then(|speaker| speaker.ring_members),
            frozen: state.map(|speaker| speaker.frozen.clone()).unwrap_or_default(),
            alerts: alerts.get(name).cloned().unwrap_or_default(),
        }
    };
    let mut nodes: Vec<Node> = of_kind(&sources.objects, "Node").map(node).collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}

fn health(sources: &Sources, pod: Option<&Value>) -> SpeakerHealth {
    match pod {
        Some(pod) if is_true(pod, "Ready") => SpeakerHealth::Ready,
        Some(_) => SpeakerHealth::NotReady,
        None if sources.unreadable.contains_key("pods") => SpeakerHealth::Unknown,
        None => SpeakerHealth::None,
    }
}

/// What speakers report to be wrong, by node: conditions that stand only while something is.
fn alerts(sources: &Sources) -> BTreeMap<&str, Vec<String>> {
    let mut alerts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for state in of_kind(&sources.objects, "ConfigurationState") {
        let Some(node) = text(state, "/metadata/name").strip_prefix("speaker-") else {
            continue;
        };
        let conditions = state["status"]["conditions"].as_array().into_iter().flatten();
        let standing = conditions.filter(|c| c["status"] == "True" && !text(c, "/type").ends_with("Valid"));
        let lines = standing.flat_map(|c| text(c, "/message").lines().map(str::to_owned));
        alerts.entry(node).or_default().extend(lines);
        if state["status"]["result"] == "Invalid" {
            let summary = text(state, "/status/errorSummary")
                .lines()
                .next()
                .unwrap_or_default();
            alerts.entry(node).or_default().push(summary.to_owned());
        }
    }
    alerts
}

fn ring(sources: &Sources) -> Option<Ring> {
    let asked = sources.speakers.iter();
    let views: Vec<RingView> = asked
        .filter_map(|(node, speaker)| {
            let speaker = speaker.as_ref().ok()?;
            Some(RingView {
                node: node.clone(),
                members: speaker.ring_members?,
                out: speaker.ring_out,
            })
        })
        .collect();
    let first = views.first()?;
    let agree = views
        .iter()
        .all(|view| (view.members, view.out) == (first.members, first.out));
    Some(Ring { agree, views })
}

/// What is known of an address from its owners.
#[derive(Default)]
struct Held {
    owners: BTreeSet<String>,
    interfaces: BTreeSet<String>,
    is_disputed: bool,
}

fn addresses(sources: &Sources, plan: &Plan) -> Vec<Address> {
    let elected: BTreeMap<&str, &str> = plan
        .nodes
        .iter()
        .flat_map(|node| node.l2.iter().map(|l2| (&*l2.ip, &*node.name)))
        .collect();
    let mut silences: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for silent in plan.nodes.iter().flat_map(|node| &node.not_announced) {
        silences.entry(&silent.service).or_default().insert(silent.reason);
    }
    let routes = plan
        .nodes
        .iter()
        .flat_map(|node| node.bgp.sessions.iter().flat_map(|session| &session.routes));
    let routed: BTreeSet<IpNet> = routes.filter_map(|route| route.prefix.parse().ok()).collect();
    let reported = reported(sources);
    let mut found: BTreeMap<core::net::IpAddr, Address> = BTreeMap::new();
    for service in &plan.services {
        let key = format!("{}/{}", service.namespace, service.name);
        for ip in &service.ips {
            let Ok(parsed) = ip.parse::<core::net::IpAddr>() else {
                continue;
            };
            let address = found.entry(parsed).or_insert_with(|| {
                let held = held(sources, ip, reported.get(&*key));
                let elected = elected.get(&**ip).copied().unwrap_or_default();
                let mut address = address(ip, &service.pool, held, elected, silences.get(&*key));
                if address.state == AddressState::NotAnnounced
                    && routed.iter().any(|net| net.contains(&parsed))
                {
                    address.state = AddressState::Routed;
                }
                address
            });
            address.services.push(key.clone());
        }
    }
    found.into_values().collect()
}

fn address(ip: &str, pool: &str, held: Held, elected: &str, silences: Option<&BTreeSet<&str>>) -> Address {
    let owners: Vec<String> = held.owners.into_iter().collect();
    let state = match &*owners {
        _ if held.is_disputed => AddressState::Conflict,
        [] if elected.is_empty() => AddressState::NotAnnounced,
        [] => AddressState::NotReported,
        [one] if elected.is_empty() || one == elected => AddressState::Announced,
        [_] => AddressState::NotElected,
        _ => AddressState::SeveralOwners,
    };
    let silent = state == AddressState::NotAnnounced;
    let reasons = silences.into_iter().flatten().filter(|_| silent);
    Address {
        ip: ip.to_owned(),
        services: Vec::new(),
        pool: pool.to_owned(),
        owners,
        elected: elected.to_owned(),
        interfaces: held.interfaces.into_iter().collect(),
        state,
        reasons: reasons.map(|reason| (*reason).to_owned()).collect(),
    }
}

/// The speakers themselves know best; who was not asked has a status object.
fn held(sources: &Sources, ip: &str, reported: Option<&(String, Vec<String>)>) -> Held {
    let mut held = Held::default();
    for (node, speaker) in &sources.speakers {
        let Ok(speaker) = speaker else { continue };
        held.is_disputed |= speaker.disputed.contains(ip);
        if speaker.announced.contains(ip) {
            held.owners.insert(node.clone());
        }
    }
    let Some((node, interfaces)) = reported else {
        return held;
    };
    let was_asked = sources.speakers.get(node).is_some_and(Result::is_ok);
    if !was_asked {
        held.owners.insert(node.clone());
    }
    if held.owners.contains(node) {
        held.interfaces.extend(interfaces.iter().cloned());
    }
    held
}

/// Node and interfaces that ServiceL2Status names, by Service.
fn reported(sources: &Sources) -> BTreeMap<String, (String, Vec<String>)> {
    let entry = |object: &Value| {
        let service = format!(
            "{}/{}",
            text(object, "/status/serviceNamespace"),
            text(object, "/status/serviceName")
        );
        let interfaces = object["status"]["interfaces"].as_array().into_iter().flatten();
        let interfaces = interfaces.map(|interface| text(interface, "/name").to_owned());
        (
            service,
            (text(object, "/status/node").to_owned(), interfaces.collect()),
        )
    };
    let objects = of_kind(&sources.objects, "ServiceL2Status");
    objects
        .filter(|object| !text(object, "/status/node").is_empty())
        .map(entry)
        .collect()
}

fn waiting(service: &ferrolb_plan::report::Service) -> Waiting {
    Waiting {
        service: format!("{}/{}", service.namespace, service.name),
        reason: service.reason.clone(),
        message: service.message.clone(),
    }
}

/// What could not be found out, and what is therefore missing.
fn unknown(sources: &Sources) -> Vec<String> {
    let mut unknown: Vec<String> = sources
        .unreadable
        .iter()
        .map(|(kind, why)| format!("{kind} cannot be listed: {why}"))
        .collect();
    let silent: Vec<(&String, &String)> = sources
        .speakers
        .iter()
        .filter_map(|(node, state)| Some((node, state.as_ref().err()?)))
        .collect();
    if let [(node, why), ..] = &*silent {
        let others = silent.len() - 1;
        let more = if others == 0 {
            String::new()
        } else {
            format!(" and {others} more")
        };
        unknown.push(format!(
            "the speaker on {node}{more} could not be asked, so its view of the ring is missing and its owners are those that \
             ServiceL2Status names: {why}"
        ));
    }
    unknown
}

#[cfg(test)]
mod tests;

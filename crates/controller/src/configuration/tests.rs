use std::borrow::Cow;

use ferrolb_api::decode;
use ferrolb_api::metallb::{BgpPeer, L2Advertisement};
use ferrolb_types::ObjectKey;
use serde_json::{Value, json};

use super::*;

fn configuration() -> Configuration {
    let mut configuration = Configuration::new(&"lb".into(), BgpMode::Native);
    for kind in KINDS {
        configuration.know(kind);
    }
    configuration.lead(None);
    configuration
}

fn object<T: Object + Into<Change>>(name: &str, spec: &Value) -> Change {
    let meta = json!({ "name": name, "namespace": "lb" });
    decode::<T>(&json!({ "metadata": meta, "spec": spec }))
        .unwrap()
        .into()
}

fn apply(configuration: &mut Configuration, change: Change) {
    let uid = format!("uid-{}", change.id().unwrap().name);
    configuration.apply(uid.into(), change);
}

fn apply_pool(configuration: &mut Configuration, name: &str, addresses: &[&str]) {
    apply(
        configuration,
        object::<IpAddressPool>(name, &json!({ "addresses": addresses })),
    );
}

fn delete(configuration: &mut Configuration, name: &str) {
    let (kind, key) = (Cow::Borrowed(IpAddressPool::KIND), ObjectKey::new("lb", name));
    configuration.apply(Box::default(), Change::Deleted { kind, key });
}

fn id(name: &str) -> ObjectId {
    ObjectId::new(IpAddressPool::KIND, name)
}

#[test]
fn a_problem_is_told_once_and_its_end_too() {
    let mut configuration = configuration();
    apply_pool(&mut configuration, "a", &["192.0.2.0/99"]);
    apply_pool(&mut configuration, "b", &["198.51.100.0/28"]);
    let first = configuration.settle();
    assert!(first.is_stale);
    let [
        News::Problems {
            id: about,
            uid,
            problems,
            is_new: true,
        },
    ] = &first.news[..]
    else {
        panic!("{:?}", first.news)
    };
    assert_eq!((about, &**uid, problems.len()), (&id("a"), "uid-a", 1));
    assert!(configuration.settle().news.is_empty());
    apply_pool(&mut configuration, "a", &["192.0.2.0/28"]);
    let repaired = configuration.settle();
    assert_eq!(repaired.news, [News::Repaired(id("a"))]);
    assert!(!repaired.is_stale);
}

#[test]
fn a_refused_pool_keeps_its_last_version_or_else_is_named_with_what_can_be_read() {
    let mut configuration = configuration();
    apply_pool(&mut configuration, "a", &["192.0.2.0/28"]);
    apply_pool(&mut configuration, "b", &["198.51.100.0/28", "oops"]);
    let pools = configuration.settle().pools.expect("they are new");
    assert!(pools.accepted.contains_key("a"));
    assert_eq!(pools.refused["b"], ["198.51.100.0/28".parse().unwrap()]);
    apply_pool(&mut configuration, "a", &["oops"]);
    assert_eq!(
        configuration.settle().pools,
        None,
        "nothing is different for the engine"
    );
    let pools = configuration.pools();
    assert!(pools.accepted.contains_key("a") && !pools.refused.contains_key("a"));
}

#[test]
fn a_refused_pool_that_is_edited_into_another_refused_one_is_news_for_the_engine() {
    let mut configuration = configuration();
    apply_pool(&mut configuration, "a", &["198.51.100.0/28", "oops"]);
    configuration.settle();
    apply_pool(&mut configuration, "a", &["192.0.2.0/28", "oops"]);
    let pools = configuration.settle().pools.expect("other prefixes are refused");
    assert_eq!(pools.refused["a"], ["192.0.2.0/28".parse().unwrap()]);
}

#[test]
fn a_deleted_pool_takes_its_problems_along() {
    let mut configuration = configuration();
    apply_pool(&mut configuration, "a", &["oops"]);
    configuration.settle();
    delete(&mut configuration, "a");
    let resolution = configuration.settle();
    assert!(resolution.news.is_empty() && !resolution.is_stale);
    assert!(resolution.pools.expect("it is gone").refused.is_empty());
}

#[test]
fn a_standby_tells_nothing_and_a_leader_what_no_other_leader_has_told() {
    let standby = || {
        let mut configuration = Configuration::new(&"lb".into(), BgpMode::Native);
        for kind in KINDS {
            configuration.know(kind);
        }
        apply_pool(&mut configuration, "a", &["oops"]);
        let resolution = configuration.settle();
        assert!(resolution.news.is_empty() && resolution.report.is_none() && resolution.is_stale);
        configuration
    };
    let is_new = |news: &[News]| matches!(news, [News::Problems { is_new: true, .. }]);
    let mut first = standby();
    first.lead(Some(Told::default()));
    assert!(is_new(&first.settle().news));
    let mut next = standby();
    next.lead(Some(first.told.clone()));
    let news = next.settle().news;
    assert!(news.len() == 1 && !is_new(&news), "{news:?}");
}

#[test]
fn problems_wait_until_every_kind_is_known() {
    let mut configuration = Configuration::new(&"lb".into(), BgpMode::Native);
    configuration.lead(None);
    let advertisement = object::<L2Advertisement>("adv", &json!({ "ipAddressPools": ["a"] }));
    apply(&mut configuration, advertisement);
    for kind in KINDS {
        assert!(configuration.settle().news.is_empty(), "{kind}");
        if kind == IpAddressPool::KIND {
            apply_pool(&mut configuration, "a", &["oops"]);
        }
        configuration.know(kind);
    }
    let news = configuration.settle().news;
    assert_eq!(news.len(), 2, "{news:?}");
}

#[test]
fn a_refused_peer_is_told_and_leaves_addresses_alone() {
    let mut configuration = configuration();
    apply_pool(&mut configuration, "a", &["192.0.2.0/28"]);
    configuration.settle();
    apply(
        &mut configuration,
        object::<BgpPeer>("tor", &json!({ "myASN": 0 })),
    );
    let resolution = configuration.settle();
    assert!(!resolution.is_stale && resolution.pools.is_none());
    assert!(
        matches!(&resolution.news[..], [News::Problems { id, .. }] if *id == ObjectId::new("BGPPeer", "tor"))
    );
}

/// Another process, which knows only what this one wanted to be stored.
fn restarted(before: &mut Configuration, wanted: &Wanted) -> Configuration {
    let text = |key| wanted.annotations.get(key).map_or("", String::as_str);
    let mut next = configuration();
    next.restore(
        Kept::decode(text(annotations::LAST_ACCEPTED)),
        Told::decode(text(annotations::TOLD)),
    );
    assert!(before.settle().news.is_empty());
    next
}

#[test]
fn a_restart_amid_a_refused_edit_changes_no_pool_and_tells_nothing_again() {
    let mut before = configuration();
    apply_pool(&mut before, "a", &["192.0.2.0/28"]);
    before.settle();
    apply_pool(&mut before, "a", &["oops"]);
    let wanted = before.settle().report.expect("it is refused");
    assert!(!wanted.verdict.is_valid());

    let mut after = restarted(&mut before, &wanted);
    apply_pool(&mut after, "a", &["oops"]);
    after.list_complete(IpAddressPool::KIND);
    let resolution = after.settle();
    assert_eq!(resolution.pools, Some(before.pools()));
    assert!(
        matches!(&resolution.news[..], [News::Problems { is_new: false, .. }]),
        "{:?}",
        resolution.news
    );
    assert_eq!(resolution.report, Some(wanted), "the next restart finds the same");

    apply_pool(&mut after, "a", &["192.0.2.0/28"]);
    let repaired = after.settle().report.expect("it is repaired");
    assert!(repaired.verdict.is_valid() && repaired.annotations.values().all(String::is_empty));
}

#[test]
fn what_is_refused_elsewhere_is_not_the_controllers_verdict() {
    let mut configuration = configuration();
    let first = configuration.settle().report.expect("the first report");
    assert_eq!(first.verdict, Verdict::default());
    apply(
        &mut configuration,
        object::<BgpPeer>("tor", &json!({ "myASN": 0 })),
    );
    let report = configuration.settle().report.expect("an event was told");
    assert!(report.verdict.is_valid());
    assert!(report.annotations[annotations::TOLD].contains("BGPPeer/tor"));
}

#[test]
fn nothing_is_reported_when_nothing_is_different() {
    let mut configuration = configuration();
    assert!(configuration.settle().report.is_some());
    apply_pool(&mut configuration, "a", &["192.0.2.0/28"]);
    assert!(configuration.settle().report.is_none());
}

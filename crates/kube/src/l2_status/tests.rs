//! What is written, for what is there and what is wanted.

use ferrolb_types::ObjectKey;
use serde_json::{Value, json};

use super::OnInterfaces;
use super::book::{Book, Due};
use super::record::Record;

const POD: &str = "pod-1";

fn web() -> ObjectKey {
    ObjectKey::new("default", "web")
}

fn object(name: &str, node: &str, status: &Value) -> Record {
    serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "namespace": "metallb-system",
            "labels": {
                "metallb.io/node": node,
                "metallb.io/service-name": "web",
                "metallb.io/service-namespace": "default",
            },
            "ownerReferences": [{ "uid": POD }],
        },
        "status": status,
    }))
    .unwrap()
}

fn status(node: &str, interfaces: &[&str]) -> Value {
    let interfaces: Vec<Value> = interfaces.iter().map(|name| json!({ "name": name })).collect();
    json!({ "node": node, "serviceName": "web", "serviceNamespace": "default", "interfaces": interfaces })
}

fn on(interfaces: &[&str]) -> Option<OnInterfaces> {
    Some(interfaces.iter().map(|name| (*name).into()).collect())
}

/// A book of node `n1` in which the Service is wanted as given and the objects exist.
fn book(wanted: Option<OnInterfaces>, objects: Vec<Record>) -> Book {
    let mut book = Book::new("n1".into(), Some(POD.into()));
    for record in objects {
        book.observe(&record);
    }
    book.want(web(), wanted);
    book
}

fn due(book: &mut Book) -> Option<Due> {
    book.next(|_| true).map(|(service, due)| {
        assert_eq!(service, web());
        due
    })
}

#[test]
fn an_announced_service_without_object_gets_one_and_then_its_status() {
    let mut book = book(on(&["eth1", "eth0"]), vec![]);
    assert_eq!(due(&mut book), Some(Due::Create));
    assert_eq!(due(&mut book), None, "not before something is observed");
    book.observe(&object("l2-a", "n1", &Value::Null));
    let wanted = serde_json::from_value(status("n1", &["eth0", "eth1"])).unwrap();
    assert_eq!(due(&mut book), Some(Due::Status("l2-a".into(), wanted)));
    book.observe(&object("l2-a", "n1", &status("n1", &["eth0", "eth1"])));
    assert_eq!(due(&mut book), None);
}

#[test]
fn an_object_that_is_as_wanted_is_left_alone_whatever_the_order_of_interfaces() {
    let mut book = book(
        on(&["eth0", "eth1"]),
        vec![object("l2-a", "n1", &status("n1", &["eth1", "eth0"]))],
    );
    assert_eq!(due(&mut book), None);
}

#[test]
fn the_owner_deletes_the_objects_of_others_and_its_duplicates() {
    let own = |name| object(name, "n1", &status("n1", &[]));
    let mut book = book(
        on(&[]),
        vec![object("l2-0", "n2", &status("n2", &[])), own("l2-a"), own("l2-b")],
    );
    assert_eq!(due(&mut book), Some(Due::Delete("l2-0".into())));
    book.forget("l2-0");
    assert_eq!(due(&mut book), Some(Due::Delete("l2-b".into())));
    book.forget("l2-b");
    assert_eq!(due(&mut book), None);
}

#[test]
fn who_does_not_announce_deletes_its_own_objects_only() {
    let mut book = book(
        None,
        vec![
            object("l2-0", "n2", &status("n2", &[])),
            object("l2-a", "n1", &status("n1", &[])),
        ],
    );
    assert_eq!(due(&mut book), Some(Due::Delete("l2-a".into())));
    book.forget("l2-a");
    assert_eq!(due(&mut book), None);
}

#[test]
fn a_deleted_own_object_is_made_again() {
    let mut book = book(on(&[]), vec![object("l2-a", "n1", &status("n1", &[]))]);
    assert_eq!(due(&mut book), None);
    book.forget("l2-a");
    assert_eq!(due(&mut book), Some(Due::Create));
}

#[test]
fn an_object_of_the_last_pod_is_given_to_the_present_one() {
    let mut record = object("l2-a", "n1", &status("n1", &[]));
    record.metadata.owners[0].uid = "pod-0".into();
    assert_eq!(
        due(&mut book(on(&[]), vec![record])),
        Some(Due::Adopt("l2-a".into()))
    );
}

#[test]
fn a_status_with_other_names_cannot_be_changed_so_the_object_goes() {
    let mut book = book(on(&[]), vec![object("l2-a", "n1", &status("n2", &[]))]);
    assert_eq!(due(&mut book), Some(Due::Delete("l2-a".into())));
}

#[test]
fn an_object_without_labels_is_nobodys() {
    let mut record = object("l2-a", "n1", &status("n1", &[]));
    record.metadata.common.labels = Default::default();
    assert_eq!(due(&mut book(None, vec![record])), None);
}

#[test]
fn a_version_from_before_the_last_write_changes_nothing() {
    let version = |number: &str, interfaces: &[&str]| {
        let mut record = object("l2-a", "n1", &status("n1", interfaces));
        record.metadata.common.resource_version = number.into();
        record
    };
    let mut book = book(on(&["eth0"]), vec![version("9", &["eth0"]), version("8", &[])]);
    assert_eq!(due(&mut book), None);
}

#[test]
fn a_failed_write_is_due_again() {
    let mut book = book(on(&[]), vec![]);
    assert_eq!(due(&mut book), Some(Due::Create));
    book.unsettle(web());
    assert_eq!(due(&mut book), Some(Due::Create));
    assert_eq!(book.next(|_| false), None, "unless it may not be written about");
}

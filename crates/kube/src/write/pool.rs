//! What the controller writes into IPAddressPools: counters into the status, reservations into an annotation.

use ferrolb_api::Reservations;
use ferrolb_api::annotations::RESERVATIONS;
use ferrolb_api::metallb::IpAddressPoolStatus;
use serde_json::{Value, json};

use super::keeper::{Keeper, Part};
use super::status::member;

/// Keeps the counters in the status of pools as wanted.
pub type PoolStatusWriter = Keeper<Counters>;

/// Keeps the reservations of pools as wanted. Administrators edit them too, so a write fails on a version that was not
/// seen.
pub type ReservationWriter = Keeper<ReservationList>;

/// `status` of a pool.
#[derive(Debug)]
pub struct Counters;

/// Annotation `ferrolb.io/reservations` of a pool; absent when nothing is reserved.
#[derive(Debug)]
pub struct ReservationList;

impl Part for Counters {
    type Value = IpAddressPoolStatus;
    const SUBRESOURCE: &'static str = "status";
    const IS_SHARED: bool = false;
    const NAME: &'static str = "status";

    fn patch(value: &IpAddressPoolStatus) -> Value {
        json!({ "status": value })
    }

    fn edit(object: &mut Value, value: &IpAddressPoolStatus) {
        if let Some(object) = object.as_object_mut() {
            object.insert("status".into(), json!(value));
        }
    }
}

impl Part for ReservationList {
    type Value = Reservations;
    /// The API server drops what a write to the status of a custom resource says of annotations.
    const SUBRESOURCE: &'static str = "";
    const IS_SHARED: bool = true;
    const NAME: &'static str = "reservations";

    fn patch(value: &Reservations) -> Value {
        json!({ "metadata": { "annotations": { RESERVATIONS: text(value) } } })
    }

    fn edit(object: &mut Value, value: &Reservations) {
        if let Some(annotations) = member(object, &["metadata", "annotations"]) {
            match text(value) {
                Some(text) => annotations.insert(RESERVATIONS.into(), text.into()),
                None => annotations.remove(RESERVATIONS),
            };
        }
    }
}

fn text(value: &Reservations) -> Option<String> {
    (!value.is_empty()).then(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::Arc;

    use ferrolb_types::PoolName;

    use super::*;
    use crate::script::{Answer, Script};

    const SECOND: Duration = Duration::from_secs(1);

    fn status(assigned_ipv4: i64) -> IpAddressPoolStatus {
        IpAddressPoolStatus {
            assigned_ipv4,
            available_ipv4: 10 - assigned_ipv4,
            ..IpAddressPoolStatus::default()
        }
    }

    fn stored() -> Answer {
        Answer::Json(200, json!({ "metadata": { "resourceVersion": "6" } }))
    }

    fn writer(answers: impl IntoIterator<Item = Answer>) -> (PoolStatusWriter, Arc<Script>) {
        let (client, script) = Script::client(answers);
        (PoolStatusWriter::new(client, "lb".into()), script)
    }

    async fn run_for(writer: &PoolStatusWriter, time: Duration) {
        let _ = tokio::time::timeout(time, writer.run()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn many_changes_are_one_write_per_second_and_the_last_one_counts() {
        let (writer, script) = writer([stored(), stored(), stored()]);
        let pool = PoolName::from("office");
        writer.observed(&pool, None, "5");
        writer.want(&pool, Some(status(1)));
        run_for(&writer, SECOND / 4).await;
        for assigned in 2..9 {
            writer.want(&pool, Some(status(assigned)));
            run_for(&writer, SECOND / 16).await;
        }
        assert_eq!(script.asked().len(), 1);
        run_for(&writer, 10 * SECOND).await;
        let asked = script.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(
            asked[1].what,
            "PATCH /apis/metallb.io/v1beta1/namespaces/lb/ipaddresspools/office/status?"
        );
        let want = json!({ "assignedIPv4": 8, "assignedIPv6": 0, "availableIPv4": 2, "availableIPv6": 0 });
        assert_eq!(asked[1].body, json!({ "status": want }));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_written_while_the_object_says_the_same_or_is_unknown() {
        let (writer, script) = writer([stored()]);
        writer.want(&"unknown".into(), Some(status(1)));
        writer.observed(&"office".into(), Some(status(1)), "5");
        writer.want(&"office".into(), Some(status(1)));
        run_for(&writer, 10 * SECOND).await;
        assert!(script.asked().is_empty());
        writer.observed(&"office".into(), Some(status(7)), "5");
        run_for(&writer, 10 * SECOND).await;
        assert_eq!(script.asked().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn where_patch_is_forbidden_the_whole_object_is_put() {
        let object =
            json!({ "metadata": { "resourceVersion": "5" }, "spec": { "addresses": ["192.0.2.0/24"] } });
        let (writer, script) = writer([Answer::status(403, "no"), Answer::Json(200, object), stored()]);
        writer.observed(&"office".into(), None, "5");
        writer.want(&"office".into(), Some(status(3)));
        run_for(&writer, 10 * SECOND).await;
        let put = &script.asked()[2].body;
        assert_eq!(put["status"]["assignedIPv4"], json!(3));
        assert_eq!(put["spec"]["addresses"], json!(["192.0.2.0/24"]));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_repeated_ever_more_slowly_and_a_deleted_pool_is_left_alone() {
        let (writer, script) = writer((0..99).map(|_| Answer::status(500, "trouble")));
        writer.observed(&"office".into(), None, "5");
        writer.want(&"office".into(), Some(status(3)));
        run_for(&writer, 60 * SECOND).await;
        let first = script.asked().len();
        assert!((4..=8).contains(&first), "{first}");
        writer.forget(&"office".into());
        run_for(&writer, 600 * SECOND).await;
        assert_eq!(script.asked().len(), first);
    }

    fn reservations(text: &str) -> Reservations {
        text.parse().expect("well-formed")
    }

    #[tokio::test(start_paused = true)]
    async fn reservations_go_into_an_annotation_of_the_version_that_was_seen() {
        let (client, script) = Script::client([Answer::status(409, "modified"), stored(), stored()]);
        let writer = ReservationWriter::new(client, "lb".into());
        let pool = PoolName::from("office");
        let list = reservations(r#"{"shop/front":["192.0.2.10"]}"#);
        writer.observed(&pool, Some(Reservations::default()), "5");
        writer.want(&pool, Some(list.clone()));
        let wait = |time| tokio::time::timeout(time, writer.run());
        let _ = wait(SECOND / 2).await;
        let asked = script.asked();
        assert_eq!(
            asked[0].what,
            "PATCH /apis/metallb.io/v1beta1/namespaces/lb/ipaddresspools/office?"
        );
        let annotations = json!({ RESERVATIONS: list.to_string() });
        let metadata = json!({ "resourceVersion": "5", "annotations": annotations });
        assert_eq!(asked[0].body, json!({ "metadata": metadata }));

        // Another writer came first: its version is what the next attempt rests on.
        writer.observed(&pool, Some(Reservations::default()), "7");
        let _ = wait(10 * SECOND).await;
        assert_eq!(script.asked().len(), 2);
        assert_eq!(script.asked()[1].body["metadata"]["resourceVersion"], json!("7"));

        writer.want(&pool, Some(Reservations::default()));
        let _ = wait(10 * SECOND).await;
        assert_eq!(
            script.asked()[2].body["metadata"]["annotations"][RESERVATIONS],
            Value::Null
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_forbids_it_is_asked_again_ever_more_slowly() {
        let (client, script) = Script::client((0..99).map(|_| Answer::status(403, "no")));
        let writer = ReservationWriter::new(client, "lb".into());
        writer.observed(&"office".into(), Some(Reservations::default()), "5");
        writer.want(&"office".into(), Some(reservations(r#"{"a/b":["192.0.2.10"]}"#)));
        let _ = tokio::time::timeout(600 * SECOND, writer.run()).await;
        let asked = script.asked().len();
        assert!((4..=40).contains(&asked), "{asked}");
    }
}

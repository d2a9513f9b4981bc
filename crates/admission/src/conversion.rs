//! ConversionReview, versions `v1` and `v1beta1` (api-and-config 1.10).
//!
//! The answer echoes the version of the request, holds the objects in their order, and is all or nothing.

use ferrolb_api::convert;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Malformed;

const VERSIONS: [&str; 2] = ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"];
const KIND: &str = "ConversionReview";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<Request>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Request {
    uid: String,
    #[serde(rename = "desiredAPIVersion")]
    desired_api_version: String,
    objects: Vec<Value>,
}

/// The answer to the body of a request to `/convert`.
///
/// # Errors
/// When the body is no ConversionReview with a request; the answer is HTTP status 400.
pub fn answer(body: &[u8]) -> Result<Value, Malformed> {
    let envelope: Envelope = serde_json::from_slice(body)
        .map_err(|error| Malformed(format!("the body is no `{KIND}`: {error}")))?;
    let Envelope {
        api_version,
        kind,
        request,
    } = envelope;
    if kind != KIND || !VERSIONS.contains(&&*api_version) {
        return Err(Malformed(format!(
            "the body is `{kind}` of `{api_version}`; send `{KIND}` of `{}` or `{}`",
            VERSIONS[0], VERSIONS[1]
        )));
    }
    let request = request.ok_or_else(|| Malformed(format!("the `{KIND}` has no `request`")))?;
    Ok(json!({ "apiVersion": api_version, "kind": kind, "response": response(&request) }))
}

fn response(request: &Request) -> Value {
    let wanted = &request.desired_api_version;
    let converted: Result<Vec<Value>, String> = request
        .objects
        .iter()
        .map(|object| convert(object, wanted).map_err(|error| format!("{}: {error}", called(object))))
        .collect();
    match converted {
        Ok(objects) => {
            json!({ "uid": request.uid, "convertedObjects": objects, "result": { "status": "Success" } })
        }
        Err(message) => {
            json!({ "uid": request.uid, "convertedObjects": [], "result": { "status": "Failure", "message": message } })
        }
    }
}

/// `namespace/name`, as far as the object tells.
fn called(object: &Value) -> String {
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(version: &str, to: &str, objects: &[Value]) -> Value {
        let request = json!({ "uid": "u", "desiredAPIVersion": to, "objects": objects });
        let body = json!({ "apiVersion": version, "kind": KIND, "request": request });
        answer(body.to_string().as_bytes()).unwrap()
    }

    fn old_peer(name: &str) -> Value {
        json!({ "apiVersion": "metallb.io/v1beta1", "kind": "BGPPeer",
                "metadata": { "name": name, "namespace": "lb", "uid": "1", "managedFields": [{ "manager": "kubectl" }] },
                "spec": { "myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1" } })
    }

    #[test]
    fn the_answer_has_the_version_of_the_request_and_the_order_of_its_objects() {
        for version in VERSIONS {
            let answer = review(version, "metallb.io/v1beta2", &[old_peer("b"), old_peer("a")]);
            assert_eq!(
                (answer["apiVersion"].as_str(), answer["kind"].as_str()),
                (Some(version), Some(KIND))
            );
            assert!(answer.get("request").is_none());
            let response = &answer["response"];
            assert_eq!(
                (&response["uid"], &response["result"]["status"]),
                (&json!("u"), &json!("Success"))
            );
            let objects = response["convertedObjects"].as_array().unwrap();
            let names: Vec<_> = objects
                .iter()
                .map(|o| o["metadata"]["name"].as_str().unwrap())
                .collect();
            assert_eq!(names, ["b", "a"]);
            assert_eq!(objects[0]["apiVersion"], "metallb.io/v1beta2");
            assert_eq!(
                objects[0]["metadata"],
                old_peer("b")["metadata"],
                "metadata is copied whole"
            );
            assert_eq!(objects[0]["spec"]["holdTime"], "0s");
        }
    }

    #[test]
    fn one_object_that_cannot_be_converted_fails_all_and_is_named() {
        let mut bad = old_peer("bad");
        bad["spec"]["peerASN"] = json!("many");
        let answer = review(VERSIONS[0], "metallb.io/v1beta2", &[old_peer("a"), bad]);
        let response = &answer["response"];
        assert_eq!(response["convertedObjects"], json!([]));
        assert_eq!(response["result"]["status"], "Failure");
        let message = response["result"]["message"].as_str().unwrap();
        assert!(
            message.starts_with("lb/bad: cannot convert: ") && message.contains("spec.peerASN"),
            "{message}"
        );
    }

    #[test]
    fn other_kinds_and_versions_fail_with_a_reason() {
        let pool = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": { "name": "a" } });
        for (to, object) in [
            ("metallb.io/v1beta2", pool),
            ("metallb.io/v9", old_peer("a")),
            ("", json!(7)),
        ] {
            let answer = review(VERSIONS[1], to, &[object]);
            assert_eq!(answer["response"]["result"]["status"], "Failure", "{to}");
        }
    }

    #[test]
    fn what_is_no_review_is_malformed() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1"}"#,
        ] {
            assert!(answer(body.as_bytes()).is_err(), "{body}");
        }
    }
}

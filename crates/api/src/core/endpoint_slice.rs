//! EndpointSlice: where a Service could be served.

use core::fmt;
use std::sync::Arc;

use ferrolb_types::{NamespaceName, NodeName, ObjectKey};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::ObjectMeta;
use crate::annotations::SERVICE_NAME;
use crate::facts::SliceFacts;
use crate::meta::{null_as_default, object};

/// An EndpointSlice; ports, zones and hints are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EndpointSlice {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// The endpoints.
    #[serde(deserialize_with = "null_as_default")]
    pub endpoints: Vec<Endpoint>,
}

/// One of [`EndpointSlice::endpoints`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Whether `addresses` holds any; which ones does not matter, so they are not kept.
    #[serde(rename = "addresses", deserialize_with = "is_non_empty_list")]
    pub has_address: bool,
    /// Its conditions.
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: Conditions,
    /// The node that hosts it, if that is known.
    pub node_name: Option<NodeName>,
}

/// Conditions of an [`Endpoint`]; `terminating` is never read (layer2 3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Ready for traffic; absent means yes.
    pub ready: Option<bool>,
    /// Still able to serve, whether terminating or not.
    pub serving: Option<bool>,
}

impl Conditions {
    /// Whether the endpoint can serve (layer2 3.4).
    #[must_use]
    pub fn can_serve(self) -> bool {
        self.ready.unwrap_or(true) || self.serving.unwrap_or(false)
    }
}

impl EndpointSlice {
    /// Reduces the object to what decisions need.
    #[must_use]
    pub fn observe(&self) -> SliceFacts {
        let serving = || self.endpoints.iter().filter(|e| e.conditions.can_serve());
        let mut nodes: Vec<NodeName> = serving().filter_map(|e| e.node_name.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        SliceFacts {
            key: self.metadata.key(),
            service: self.service(),
            any_serving: serving().next().is_some(),
            any_serving_with_address: serving().any(|e| e.has_address),
            serving_nodes: nodes.into(),
        }
    }

    fn service(&self) -> Option<ObjectKey> {
        let name = self.metadata.labels.get(SERVICE_NAME)?;
        let namespace = NamespaceName::new(Arc::clone(&self.metadata.namespace));
        Some(ObjectKey::new(namespace, name))
    }
}

/// Counts without keeping: a slice may hold a thousand endpoints.
fn is_non_empty_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct NonEmpty;

    impl<'de> Visitor<'de> for NonEmpty {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of addresses")
        }

        fn visit_unit<E>(self) -> Result<bool, E> {
            Ok(false)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
            let mut any = false;
            while items.next_element::<IgnoredAny>()?.is_some() {
                any = true;
            }
            Ok(any)
        }
    }

    deserializer.deserialize_any(NonEmpty)
}

object!(EndpointSlice: "discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", Namespaced);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::from_yaml;

    fn observe(endpoints: &str) -> SliceFacts {
        let text = format!(
            "{{metadata: {{name: web-x, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}, \
             addressType: IPv4, endpoints: {endpoints}, ports: [{{port: 80}}]}}"
        );
        from_yaml::<EndpointSlice>(&text).observe()
    }

    #[test]
    fn readiness_follows_the_table() {
        for (conditions, expected) in [
            ("{}", true),
            ("{serving: false}", true),
            ("{ready: null, serving: false}", true),
            ("{ready: true, serving: false}", true),
            ("{ready: false, serving: true, terminating: true}", true),
            ("{ready: false, serving: false}", false),
            ("{ready: false}", false),
        ] {
            let facts = observe(&format!("[{{addresses: [10.0.0.1], conditions: {conditions}}}]"));
            assert_eq!(facts.any_serving, expected, "{conditions}");
            assert_eq!(facts.any_serving_with_address, expected, "{conditions}");
        }
    }

    #[test]
    fn serving_nodes_are_sorted_and_named_once() {
        let facts = observe(
            "[{addresses: [a], nodeName: n2}, {addresses: [b], nodeName: n1}, {addresses: [c], nodeName: n2}, \
              {addresses: [d], nodeName: n3, conditions: {ready: false}}, {addresses: [e]}]",
        );
        assert_eq!(*facts.serving_nodes, ["n1", "n2"].map(NodeName::from));
    }

    #[test]
    fn an_endpoint_without_address_serves_in_layer_2_only() {
        for endpoint in ["[{addresses: []}]", "[{addresses: null}]", "[{}]"] {
            let facts = observe(endpoint);
            assert!(facts.any_serving && !facts.any_serving_with_address, "{endpoint}");
        }
    }

    #[test]
    fn a_slice_belongs_to_the_service_of_its_label_and_namespace() {
        assert_eq!(observe("null").service, Some(ObjectKey::from_text("shop/web")));
        let orphan: EndpointSlice = from_yaml("{metadata: {name: x, namespace: shop}}");
        assert_eq!(orphan.observe().service, None);
        assert!(!orphan.observe().any_serving);
    }
}

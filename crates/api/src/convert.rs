//! BGPPeer between its two versions (api-and-config 1.10).
//!
//! The older version has fewer fields, so going there and back loses some. Timers that the older version leaves out are
//! written as `0s`, which the newer one reads as "never": this is what the reference does.

use serde_json::{Map, Value, json};

use crate::metallb::{
    BgpPeer, BgpPeerSpec, BgpPeerSpecV1Beta1, BgpPeerV1Beta1, LabelSelector, LabelSelectorRequirement,
    NodeSelector, NodeSelectorExpression,
};
use crate::{GoDuration, Object, Problem, decode};

/// Why an object cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// A kind with one version only, or none of ours.
    #[error("cannot convert `{kind}` of `{api_version}`; only BGPPeer of `metallb.io` has two versions")]
    Kind {
        /// As the object says.
        kind: String,
        /// As the object says.
        api_version: String,
    },
    /// A version that there is not.
    #[error("cannot convert to `{0}`; use `metallb.io/v1beta1` or `metallb.io/v1beta2`")]
    Version(String),
    /// The object does not decode.
    #[error("cannot convert: {0}")]
    Decode(Box<Problem>),
}

/// Converts a whole BGPPeer; metadata is copied as it is, the status becomes empty.
///
/// # Errors
/// [`ConvertError`]; an object that the schema accepts always converts.
pub fn convert(object: &Value, to: &str) -> Result<Value, ConvertError> {
    let text = |key| {
        object
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (from, kind) = (text("apiVersion"), text("kind"));
    let (old, new) = (BgpPeerV1Beta1::api_version(), BgpPeer::api_version());
    if kind != BgpPeer::KIND || !(from == old || from == new) {
        return Err(ConvertError::Kind {
            kind,
            api_version: from,
        });
    }
    if to != old && to != new {
        return Err(ConvertError::Version(to.to_owned()));
    }
    if from == to {
        return Ok(object.clone());
    }
    let spec = if from == old {
        let peer: BgpPeerV1Beta1 = decode(object).map_err(ConvertError::Decode)?;
        json!(to_v1beta2(&peer.spec))
    } else {
        let peer: BgpPeer = decode(object).map_err(ConvertError::Decode)?;
        json!(to_v1beta1(&peer.spec))
    };
    let mut out = Map::new();
    out.insert("apiVersion".into(), to.into());
    out.insert("kind".into(), kind.into());
    out.insert(
        "metadata".into(),
        object.get("metadata").cloned().unwrap_or_else(|| json!({})),
    );
    out.insert("spec".into(), spec);
    out.insert("status".into(), json!({}));
    Ok(Value::Object(out))
}

/// The spec in the newer version.
#[must_use]
pub fn to_v1beta2(old: &BgpPeerSpecV1Beta1) -> BgpPeerSpec {
    BgpPeerSpec {
        my_asn: old.my_asn,
        peer_asn: Some(old.peer_asn).filter(|asn| *asn != 0),
        peer_address: Some(old.peer_address.clone()).filter(|address| !address.is_empty()),
        source_address: old.source_address.clone(),
        // 0 is left out, so that the default of the newer version applies.
        peer_port: old.peer_port.filter(|port| *port != 0),
        hold_time: Some(canonical(old.hold_time.as_deref())),
        keepalive_time: Some(canonical(old.keepalive_time.as_deref())),
        router_id: old.router_id.clone(),
        node_selectors: old
            .node_selectors
            .iter()
            .flatten()
            .map(to_label_selector)
            .collect(),
        password: old.password.clone(),
        bfd_profile: old.bfd_profile.clone(),
        ebgp_multi_hop: old.ebgp_multi_hop,
        ..BgpPeerSpec::default()
    }
}

/// The spec in the older version, without what that cannot hold.
#[must_use]
pub fn to_v1beta1(new: &BgpPeerSpec) -> BgpPeerSpecV1Beta1 {
    BgpPeerSpecV1Beta1 {
        my_asn: new.my_asn,
        peer_asn: new.peer_asn.unwrap_or(0),
        peer_address: new.peer_address.clone().unwrap_or_default(),
        source_address: new.source_address.clone(),
        peer_port: new.peer_port,
        hold_time: Some(canonical(new.hold_time.as_deref())),
        keepalive_time: Some(canonical(new.keepalive_time.as_deref())),
        router_id: new.router_id.clone(),
        node_selectors: Some(new.node_selectors.iter().map(to_node_selector).collect()),
        password: new.password.clone(),
        bfd_profile: new.bfd_profile.clone(),
        ebgp_multi_hop: new.ebgp_multi_hop,
    }
}

/// A malformed duration is kept as it is: whoever resolves it names the field.
fn canonical(text: Option<&str>) -> String {
    let text = text.unwrap_or("0s");
    text.parse::<GoDuration>()
        .map_or_else(|_| text.to_owned(), |d| d.to_string())
}

fn to_label_selector(old: &NodeSelector) -> LabelSelector {
    let expression = |e: &NodeSelectorExpression| LabelSelectorRequirement {
        key: e.key.clone(),
        operator: e.operator.clone(),
        values: e.values.clone(),
    };
    LabelSelector {
        match_labels: old.match_labels.clone(),
        match_expressions: old.match_expressions.iter().map(expression).collect(),
    }
}

fn to_node_selector(new: &LabelSelector) -> NodeSelector {
    let expression = |e: &LabelSelectorRequirement| NodeSelectorExpression {
        key: e.key.clone(),
        operator: e.operator.clone(),
        values: e.values.clone(),
    };
    NodeSelector {
        match_labels: new.match_labels.clone(),
        match_expressions: new.match_expressions.iter().map(expression).collect(),
    }
}

#[cfg(test)]
mod tests;

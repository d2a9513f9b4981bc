//! The CustomResourceDefinitions of all kinds: one source for installation, `ferrolb crds`, the embedded API server and
//! the reference pages.
//!
//! ```
//! let names: Vec<&str> = ferrolb_api::crds::all().iter().map(|crd| crd.name).collect();
//! assert_eq!(names.first(), Some(&"bfdprofiles.metallb.io"));
//! ```

/// One CustomResourceDefinition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crd {
    /// `plural.group`, the object's name.
    pub name: &'static str,
    /// The kind that it defines.
    pub kind: &'static str,
    /// The manifest, one YAML document.
    pub yaml: &'static str,
}

macro_rules! crds {
    ($($plural:literal: $kind:literal),* $(,)?) => {
        &[$(Crd {
            name: concat!($plural, ".metallb.io"),
            kind: $kind,
            yaml: include_str!(concat!("../crds/", $plural, ".yaml")),
        }),*]
    };
}

/// All of them, by name.
#[must_use]
pub const fn all() -> &'static [Crd] {
    crds![
        "bfdprofiles": "BFDProfile",
        "bgpadvertisements": "BGPAdvertisement",
        "bgppeers": "BGPPeer",
        "communities": "Community",
        "configurationstates": "ConfigurationState",
        "ipaddresspools": "IPAddressPool",
        "l2advertisements": "L2Advertisement",
        "servicebgpstatuses": "ServiceBGPStatus",
        "servicel2statuses": "ServiceL2Status",
    ]
}

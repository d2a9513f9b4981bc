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
    /// The manifest, one YAML document.
    pub yaml: &'static str,
}

macro_rules! crds {
    ($($plural:literal),* $(,)?) => {
        &[$(Crd {
            name: concat!($plural, ".metallb.io"),
            yaml: include_str!(concat!("../crds/", $plural, ".yaml")),
        }),*]
    };
}

/// All of them, by name.
#[must_use]
pub const fn all() -> &'static [Crd] {
    crds![
        "bfdprofiles",
        "bgpadvertisements",
        "bgppeers",
        "communities",
        "configurationstates",
        "ipaddresspools",
        "l2advertisements",
        "servicebgpstatuses",
        "servicel2statuses",
    ]
}

//! Reason words: one CamelCase word for each cause, with what it means and what to do.
//!
//! They are part of the interface: scripts match them, `ferrolb explain WORD` and the reference page print this table.
//! A [`Reason`] can only be made here, so no problem carries a word that is not listed.

use core::fmt;

/// A cause with a documented name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    word: &'static str,
    meaning: &'static str,
    remedy: &'static str,
}

impl Reason {
    /// The word itself.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.word
    }

    /// What it means, in one line.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.meaning
    }

    /// What to do about it, in one line.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        self.remedy
    }

    /// The reason of this name, whatever the case of its letters.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        ALL.iter().copied().find(|r| r.word.eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word)
    }
}

macro_rules! reasons {
    ($($name:ident = $word:literal, $meaning:literal, $remedy:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: Reason = Reason { word: $word, meaning: $meaning, remedy: $remedy };
        )*

        /// Every reason, in the order of the reference page.
        pub const ALL: &[Reason] = &[$($name),*];
    };
}

reasons! {
    // any object
    INVALID_FIELD = "InvalidField",
        "a field holds a value of another type than it has",
        "write a value of the type that the message names; text that looks like a number needs quotes";
    UNKNOWN_FIELD = "UnknownField",
        "the kind has no field of this name, so an API server would drop it",
        "correct the spelling or the indentation, or remove the field";
    INVALID_VALUE = "InvalidValue",
        "a field holds a text that is none of those it takes",
        "write one of the values that the message lists";
    MISSING_FIELD = "MissingField",
        "a field that is required has no value",
        "add the field that the message names";
    OUT_OF_RANGE = "OutOfRange",
        "a number lies outside the bounds of its field",
        "choose a value within the bounds that the message gives";
    CONFLICTING_FIELDS = "ConflictingFields",
        "two fields of one object exclude each other",
        "keep one of the two fields";
    DEPRECATED_FIELD = "DeprecatedField",
        "a field is deprecated and has no effect",
        "remove the field";
    DEPRECATED_VERSION = "DeprecatedVersion",
        "the object is written in a deprecated version of its kind",
        "write it in the version that the message names; mind that unset timers of the old version mean zero";
    DUPLICATE_ENTRY = "DuplicateEntry",
        "a list names the same thing twice",
        "remove one of the two entries";
    DUPLICATE_NAME = "DuplicateName",
        "two objects of one kind have the same name",
        "rename one of them";
    INVALID_SELECTOR = "InvalidSelector",
        "a label selector is not one that Kubernetes accepts",
        "use valid label keys and values and one of the operators In, NotIn, Exists, DoesNotExist";
    OTHER_NAMESPACE = "OtherNamespace",
        "the object lies outside the namespace that is read, so it does not count",
        "move it to the namespace of the controller, or name its namespace with --namespace";
    REFERENCE_WOULD_REFUSE = "ReferenceWouldRefuse",
        "accepted here, though MetalLB in the same BGP mode refuses it",
        "nothing, unless the manifests must also work with MetalLB; --strict turns this into an error";

    // pools
    NO_ADDRESSES = "NoAddresses",
        "a pool lists no addresses",
        "add prefixes or ranges to spec.addresses";
    INVALID_ADDRESS = "InvalidAddress",
        "a text is not the address, prefix or range that its field takes",
        "write addresses like 192.0.2.1, prefixes like 192.0.2.0/24, ranges like 192.0.2.10-192.0.2.20";
    INVALID_RANGE = "InvalidRange",
        "a range ends before it begins, or begins and ends in different families",
        "write the lower address first; give each family a range of its own";
    OVERLAPPING_ADDRESSES = "OverlappingAddresses",
        "two entries of pools share addresses; the older pool keeps them and the newer one is refused",
        "take the shared addresses out of one of the entries";

    // advertisements
    UNKNOWN_POOL = "UnknownPool",
        "a pool is named that does not exist, so the name has no effect",
        "create the pool or correct the name";
    POOL_REFUSED = "PoolRefused",
        "a pool is named whose object is refused, so it hands out nothing",
        "repair the pool; its own problems say how";
    UNKNOWN_PEER = "UnknownPeer",
        "a BGP peer is named that does not exist, so the name has no effect",
        "create the BGPPeer or correct the name";
    INVALID_COMMUNITY = "InvalidCommunity",
        "a BGP community has parts that are no numbers of its form",
        "write 64512:1 with numbers up to 65535, or large:64512:1:2 with numbers up to 4294967295";
    UNKNOWN_COMMUNITY = "UnknownCommunity",
        "a community is neither a literal nor an alias of an accepted Community object",
        "create the alias, or write the community itself";
    AGGREGATION_TOO_SHORT = "AggregationTooShort",
        "routes would cover more addresses than an entry of the pool has",
        "raise the aggregation length to the one that the message gives, or select other pools";
    CONFLICTING_LOCAL_PREF = "ConflictingLocalPref",
        "two advertisements give the same route different local preferences; the older one stands",
        "use one value, or let the two differ in aggregation length, peers, nodes or service selectors";
    ECHO_WITH_IPV6 = "EchoWithIPv6",
        "an IPv6 pool is announced to a peer whose BFD profile uses echo mode, which exists for IPv4 only",
        "announce the pool to other peers, or switch echo mode off in the profile";

    SHARED_IP_WITH_SERVICE_SELECTOR = "SharedIPWithServiceSelector",
        "a Service asks for a shared address while an advertisement that selects Services covers it",
        "remove serviceSelectors from the advertisement, or allow-shared-ip from the Service";

    // peers, BFD profiles, communities
    INVALID_DURATION = "InvalidDuration",
        "a text is not a duration",
        "write one like 90s, 1m30s or 500ms";
    INVALID_TIMERS = "InvalidTimers",
        "hold time and keepalive time do not fit together or the protocol",
        "use a hold time of 0s or from 3s to 65535s and a keepalive time of at most a third of it";
    FAMILY_MISMATCH = "FamilyMismatch",
        "source and peer address are of different families, so the session cannot come up",
        "use two addresses of one family";
    DUPLICATE_PEER = "DuplicatePeer",
        "two peers of one node have the same address or interface, port, VRF and source; the older one stands",
        "remove one of them, or restrict them to different nodes with nodeSelectors";
    CONFLICTING_PEERS = "ConflictingPeers",
        "two peers of one node differ where the BGP daemon allows one value only; the older one stands",
        "give both the same router ID, and the same local AS within one VRF, or restrict them to different nodes";
    SECRET_MISSING = "SecretMissing",
        "the Secret with the password of a peer does not exist",
        "create it in the controller's namespace with type kubernetes.io/basic-auth and key password";
    INVALID_SECRET = "InvalidSecret",
        "the Secret with the password of a peer has another type or lacks the key",
        "use type kubernetes.io/basic-auth and key password";
    UNKNOWN_BFD_PROFILE = "UnknownBFDProfile",
        "a peer names a BFD profile that does not exist or is refused",
        "create or repair the BFDProfile, or correct the name";
    DUPLICATE_ALIAS = "DuplicateAlias",
        "two Community entries define the same alias; the older object stands",
        "rename or remove one of the entries";

    // Services
    POOL_EXHAUSTED = "PoolExhausted",
        "every pool that the Service may use has no free address left",
        "add addresses to a pool, release some, or let Services share one";
    NO_MATCHING_POOL = "NoMatchingPool",
        "no pool may be used by the Service",
        "create a pool, or check autoAssign and serviceAllocation of those that exist";
    ADDRESS_IN_USE = "AddressInUse",
        "the address that is asked for belongs to another Service",
        "ask for another one, or share it: same sharing key, different ports";
    SHARING_CONFLICT = "SharingConflict",
        "the address cannot be shared with those who have it: key, ports or traffic policy do not fit",
        "use the same key in allow-shared-ip, different ports, and with policy Local the same selector";
    FAMILY_UNAVAILABLE = "FamilyUnavailable",
        "no pool that the Service may use has addresses of its family",
        "add addresses of that family to a pool, or change ipFamilies of the Service";
    REQUESTED_FAMILY_MISMATCH = "RequestedFamilyMismatch",
        "the addresses asked for are not of the families of the Service",
        "ask for one address for each family that the Service has";
    NOT_ENOUGH_CLUSTER_IPS = "NotEnoughClusterIPs",
        "the Service lacks the cluster addresses that its family policy needs",
        "check that the cluster is dual stack, or change ipFamilyPolicy";
    MALFORMED_REQUEST = "MalformedRequest",
        "what the Service asks for cannot be read or contradicts itself",
        "correct the annotation or field that the message names";
    ADDRESS_NOT_IN_POOL = "AddressNotInPool",
        "the address that is asked for is in no pool that the Service may use",
        "ask for another address, add it to a pool, or name the right pool";
    INVALID_CLUSTER_IPS = "InvalidClusterIPs",
        "the cluster addresses of the Service are no addresses, or more than one of a family",
        "headless Services cannot have an address; create the others anew, the cluster gives them cluster addresses";
    POOL_MISSING = "PoolMissing",
        "the pool that an address came from is not there; the Service keeps the address",
        "create the pool again, or delete the Service";
    STATUS_REFUSED = "StatusRefused",
        "the API server does not store the status of the Service",
        "check the role of the controller, admission webhooks and policies";

    // nodes
    NO_SPEAKER = "NoSpeaker",
        "no speaker runs on the node, so it announces nothing",
        "start the speaker there, or leave it if that is meant";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_camel_case_and_unique() {
        let mut seen = BTreeSet::new();
        for reason in ALL {
            let word = reason.word();
            assert!(word.starts_with(|c: char| c.is_ascii_uppercase()), "{word}");
            assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
            assert!(seen.insert(word.to_ascii_lowercase()), "{word} is listed twice");
        }
    }

    #[test]
    fn texts_are_one_line_in_the_style_of_messages() {
        for reason in ALL {
            for text in [reason.meaning(), reason.remedy()] {
                assert!(
                    !text.is_empty() && !text.contains('\n') && !text.ends_with('.'),
                    "{reason}: {text}"
                );
            }
            let first = reason.meaning().chars().next();
            assert!(first.is_some_and(char::is_lowercase), "{reason}");
        }
    }

    #[test]
    fn reasons_are_found_in_any_case() {
        assert_eq!(Reason::find("overlappingaddresses"), Some(OVERLAPPING_ADDRESSES));
        assert_eq!(Reason::find("Nonsense"), None);
    }
}

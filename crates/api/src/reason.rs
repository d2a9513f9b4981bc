//! Reason words: one word for each cause, with what it means and what to do.
//!
//! They are part of the interface: scripts match them, `ferrolb explain WORD` and `docs/reference/reasons.md` print this
//! table. A [`Reason`] can only be made here, so no problem carries a word that is not listed. The words of events and of
//! withdrawals are spelled as MetalLB spells them.

use core::fmt;

/// A cause with a documented name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    word: &'static str,
    group: Group,
    meaning: &'static str,
    remedy: &'static str,
    example: &'static str,
}

/// Where a reason is met; in the order of the reference page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Problems that objects of several kinds can have.
    AnyObject,
    /// Problems of pools.
    Pools,
    /// Problems of advertisements.
    Advertisements,
    /// Problems of peers, BFD profiles and communities.
    Peers,
    /// Why a Service has no address, or not the one that it asks for.
    Services,
    /// Problems of nodes.
    Nodes,
    /// Why a node does not announce a Service.
    Withdrawals,
    /// Reasons of Kubernetes events.
    Events,
}

impl Group {
    /// Every group, in the order of the reference page.
    pub const ALL: [Self; 8] = [
        Self::AnyObject,
        Self::Pools,
        Self::Advertisements,
        Self::Peers,
        Self::Services,
        Self::Nodes,
        Self::Withdrawals,
        Self::Events,
    ];

    /// A heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::AnyObject => "Any object",
            Self::Pools => "Pools",
            Self::Advertisements => "Advertisements",
            Self::Peers => "Peers, BFD profiles, communities",
            Self::Services => "Services without the address they want",
            Self::Nodes => "Nodes",
            Self::Withdrawals => "Services that a node does not announce",
            Self::Events => "Events",
        }
    }

    /// Where its words are seen, in one line.
    #[must_use]
    pub const fn seen_in(self) -> &'static str {
        match self {
            Self::AnyObject | Self::Pools | Self::Advertisements | Self::Peers => {
                "problems of `ferrolb plan` and `check`, refusals by the webhook, ConfigurationState"
            }
            Self::Nodes => {
                "problems of `ferrolb plan` and `check`, findings of `ferrolb doctor`, events and ConfigurationState of a speaker"
            }
            Self::Services => {
                "`reason` of Services in `ferrolb plan` and `explain`, metric label `reason` of waiting Services"
            }
            Self::Withdrawals => "`notAnnounced` in `ferrolb plan`, `reason` in the log of a speaker",
            Self::Events => "`kubectl describe`, `kubectl get events`",
        }
    }
}

impl Reason {
    /// The word itself.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.word
    }

    /// Where it is met.
    #[must_use]
    pub const fn group(self) -> Group {
        self.group
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

    /// Lines that show what to write or to look at; empty where the word is enough.
    #[must_use]
    pub const fn example(self) -> &'static str {
        self.example
    }

    /// The reason of this name: spelled so, else whatever the case of its letters.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        let exact = ALL.iter().find(|r| r.word == word);
        exact
            .or_else(|| ALL.iter().find(|r| r.word.eq_ignore_ascii_case(word)))
            .copied()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word)
    }
}

macro_rules! reasons {
    ($([$group:ident] $($name:ident = $word:literal, $meaning:literal, $remedy:literal $(, $example:literal)?;)*)*) => {
        $($(
            #[doc = $meaning]
            pub const $name: Reason = Reason {
                word: $word,
                group: Group::$group,
                meaning: $meaning,
                remedy: $remedy,
                example: concat!($($example)?),
            };
        )*)*

        /// Every reason, in the order of the reference page.
        pub const ALL: &[Reason] = &[$($($name),*),*];
    };
}

reasons! {
    [AnyObject]
    INVALID_FIELD = "InvalidField",
        "a field holds a value of another type than it has",
        "write a value of the type that the message names; text that looks like a number needs quotes";
    UNKNOWN_FIELD = "UnknownField",
        "the kind has no field of this name, so an API server would drop it",
        "correct the spelling or the indentation, or remove the field",
        "spec:\n  autoAsign: true    # dropped: the field is autoAssign";
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
        "use valid label keys and values and one of the operators In, NotIn, Exists, DoesNotExist",
        "matchExpressions:\n- key: rack\n  operator: In       # In and NotIn need values, Exists and DoesNotExist take none\n  values: [a, b]";
    OTHER_NAMESPACE = "OtherNamespace",
        "the object lies outside the namespace that is read, so it does not count",
        "move it to the namespace of the controller, or name its namespace with --namespace";
    REFERENCE_WOULD_REFUSE = "ReferenceWouldRefuse",
        "accepted here, though MetalLB in the same BGP mode refuses it",
        "nothing, unless the manifests must also work with MetalLB; --strict turns this into an error",
        "bfdProfile: fast     # MetalLB refuses it with METALLB_BGP_TYPE=native, the built-in stack has BFD";

    [Pools]
    NO_ADDRESSES = "NoAddresses",
        "a pool lists no addresses",
        "add prefixes or ranges to spec.addresses";
    INVALID_ADDRESS = "InvalidAddress",
        "a text is not the address, prefix or range that its field takes",
        "write addresses like 192.0.2.1, prefixes like 192.0.2.0/24, ranges like 192.0.2.10-192.0.2.20";
    INVALID_RANGE = "InvalidRange",
        "a range ends before it begins, or begins and ends in different families",
        "write the lower address first; give each family a range of its own",
        "addresses:\n- 192.0.2.20-192.0.2.10    # write 192.0.2.10-192.0.2.20";
    OVERLAPPING_ADDRESSES = "OverlappingAddresses",
        "two entries of pools share addresses; the older pool keeps them and the newer one is refused",
        "take the shared addresses out of one of the entries",
        "pool a: 192.0.2.0/24\npool b: 192.0.2.128/25      # inside a: refused if b is the newer one";
    NODE_ADDRESS_IN_POOL = "NodeAddressInPool",
        "the pool has the address of a node; a Service that gets it takes the traffic of the node, or the node that of the Service",
        "take the address of the node out of the pool",
        "kubectl get nodes -o wide    # INTERNAL-IP";

    [Advertisements]
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
        "raise the aggregation length to the one that the message gives, or select other pools",
        "pool:          192.0.2.0/28\nadvertisement: aggregationLength: 24    # covers 240 foreign addresses; at least 28";
    CONFLICTING_LOCAL_PREF = "ConflictingLocalPref",
        "two advertisements give the same route different local preferences; the older one stands",
        "use one value, or let the two differ in aggregation length, peers, nodes or service selectors",
        "advertisement a: localPref: 100\nadvertisement b: localPref: 200          # same pool, same peer, same length";
    ECHO_WITH_IPV6 = "EchoWithIPv6",
        "an IPv6 pool is announced to a peer whose BFD profile uses echo mode, which exists for IPv4 only",
        "announce the pool to other peers, or switch echo mode off in the profile";
    SHARED_IP_WITH_SERVICE_SELECTOR = "SharedIPWithServiceSelector",
        "a Service asks for a shared address while an advertisement that selects Services covers it",
        "remove serviceSelectors from the advertisement, or allow-shared-ip from the Service";
    NO_ADVERTISEMENT = "NoAdvertisement",
        "no advertisement announces the addresses of the pool, so Services get them and nobody can reach them",
        "create an L2Advertisement, or a BGPAdvertisement and a BGPPeer, that selects the pool";
    SELECTS_NOTHING = "SelectsNothing",
        "the advertisement selects no pool or no node, so it announces nothing",
        "correct its names and selectors, or label pools and nodes";

    [Peers]
    INVALID_DURATION = "InvalidDuration",
        "a text is not a duration",
        "write one like 90s, 1m30s or 500ms";
    INVALID_TIMERS = "InvalidTimers",
        "hold time and keepalive time do not fit together or the protocol",
        "use a hold time of 0s or from 3s to 65535s and a keepalive time of at most a third of it",
        "holdTime: 90s\nkeepaliveTime: 30s    # at most a third of the hold time";
    FAMILY_MISMATCH = "FamilyMismatch",
        "source and peer address are of different families, so the session cannot come up",
        "use two addresses of one family";
    DUPLICATE_PEER = "DuplicatePeer",
        "two peers of one node have the same address or interface, port, VRF and source; the older one stands",
        "remove one of them, or restrict them to different nodes with nodeSelectors",
        "peer a: peerAddress: 198.51.100.1, nodeSelectors: rack=a\npeer b: peerAddress: 198.51.100.1, nodeSelectors: rack=b    # fine: no node has both";
    CONFLICTING_PEERS = "ConflictingPeers",
        "two peers of one node differ where the BGP daemon allows one value only; the older one stands",
        "give both the same router ID, and the same local AS within one VRF, or restrict them to different nodes";
    SECRET_MISSING = "SecretMissing",
        "the Secret with the password of a peer does not exist",
        "create it in the controller's namespace with type kubernetes.io/basic-auth and key password",
        "kubectl create secret generic tor -n metallb-system --type=kubernetes.io/basic-auth --from-literal=password=...";
    INVALID_SECRET = "InvalidSecret",
        "the Secret with the password of a peer has another type or lacks the key",
        "use type kubernetes.io/basic-auth and key password";
    UNKNOWN_BFD_PROFILE = "UnknownBFDProfile",
        "a peer names a BFD profile that does not exist or is refused",
        "create or repair the BFDProfile, or correct the name";
    DUPLICATE_ALIAS = "DuplicateAlias",
        "two Community entries define the same alias; the older object stands",
        "rename or remove one of the entries";
    EXTRAS_IGNORED = "ExtrasIgnored",
        "the ConfigMap bgpextras holds raw configuration for FRR, which does not run here",
        "say it with BGPPeer and BGPAdvertisement, or with an FRRConfiguration in mode frr-k8s, and empty the ConfigMap";

    [Services]
    POOL_EXHAUSTED = "PoolExhausted",
        "every pool that the Service may use has no free address left",
        "add addresses to a pool, release some, or let Services share one",
        "kubectl get ipaddresspools -n metallb-system -o wide    # assigned and available addresses of each pool";
    NO_MATCHING_POOL = "NoMatchingPool",
        "no pool may be used by the Service",
        "create a pool, or check autoAssign and serviceAllocation of those that exist",
        "ferrolb explain svc/web    # says for each pool what keeps it from serving the Service";
    ADDRESS_IN_USE = "AddressInUse",
        "the address that is asked for belongs to another Service",
        "ask for another one, or share it: same sharing key, different ports",
        "kubectl get services -A | grep 192.0.2.5";
    SHARING_CONFLICT = "SharingConflict",
        "the address cannot be shared with those who have it: key, ports or traffic policy do not fit",
        "use the same key in allow-shared-ip, different ports, and with policy Local the same selector",
        "metadata:\n  annotations:\n    metallb.io/allow-shared-ip: web    # the same on both Services\nspec:\n  ports:\n  - port: 443                          # not a port that the other one has";
    FAMILY_UNAVAILABLE = "FamilyUnavailable",
        "no pool that the Service may use has addresses of its family",
        "add addresses of that family to a pool, or change ipFamilies of the Service",
        "ipFamilies: [IPv6]    # while every pool has IPv4 addresses only";
    REQUESTED_FAMILY_MISMATCH = "RequestedFamilyMismatch",
        "the addresses asked for are not of the families of the Service",
        "ask for one address for each family that the Service has",
        "ipFamilyPolicy: RequireDualStack\nmetallb.io/loadBalancerIPs: 192.0.2.5,2001:db8::5    # one of each";
    NOT_ENOUGH_CLUSTER_IPS = "NotEnoughClusterIPs",
        "the Service lacks the cluster addresses that its family policy needs",
        "check that the cluster is dual stack, or change ipFamilyPolicy",
        "kubectl get service web -o jsonpath={.spec.clusterIPs}";
    MALFORMED_REQUEST = "MalformedRequest",
        "what the Service asks for cannot be read or contradicts itself",
        "correct the annotation or field that the message names",
        "metallb.io/loadBalancerIPs: 192.0.2.5, 192.0.2.6    # one address, or one of each family";
    ADDRESS_NOT_IN_POOL = "AddressNotInPool",
        "the address that is asked for is in no pool that the Service may use",
        "ask for another address, add it to a pool, or name the right pool";
    ADDRESS_RESERVED = "AddressReserved",
        "the address that is asked for is reserved for Services that carry another ferrolb.io/reserve-as",
        "ask for another address, carry that name, or remove the reservation from ferrolb.io/reservations of the pool";
    ADDRESS_RESTING = "AddressResting",
        "the address that is asked for was released a short time ago; ferrolb.io/release-delay of its pool keeps it unused",
        "wait: the Service gets the address when the delay is over";
    NAMESPACE_CONFINED = "NamespaceConfined",
        "the annotation ferrolb.io/pools of the namespace does not admit the pools that could serve the Service",
        "ask for a pool or an address within the fence, or let an administrator change the annotation of the Namespace";
    NAMESPACE_UNKNOWN = "NamespaceUnknown",
        "the Namespace of the Service has not been seen yet, so neither has which pools it may use",
        "nothing if it lasts a moment; otherwise check that the controller may watch Namespaces";
    QUOTA_REACHED = "QuotaReached",
        "as many Services of the namespace have addresses of the pool as its ferrolb.io/max-per-namespace allows",
        "delete a Service, use another pool, or let an administrator raise the number";
    INVALID_CLUSTER_IPS = "InvalidClusterIPs",
        "the cluster addresses of the Service are no addresses, or more than one of a family",
        "headless Services cannot have an address; create the others anew, the cluster gives them cluster addresses";
    POOL_MISSING = "PoolMissing",
        "the pool that an address came from is not there; the Service keeps the address",
        "create the pool again, or delete the Service";
    STATUS_REFUSED = "StatusRefused",
        "the API server does not store the status of the Service",
        "check the role of the controller, admission webhooks and policies";

    [Nodes]
    NO_SPEAKER = "NoSpeaker",
        "no speaker runs on the node, so it announces nothing",
        "start the speaker there, or leave it if that is meant";
    STRICT_ARP_MISSING = "StrictArpMissing",
        "kube-proxy in IPVS mode gives the node every address of a Service, and the kernel of the node answers for them",
        "set ipvs.strictARP to true in the ConfigMap kube-system/kube-proxy and restart kube-proxy",
        "kubectl get configmap -n kube-system kube-proxy -o yaml | grep strictARP\nsysctl net.ipv4.conf.all.arp_ignore    # 1 where it is in force";
    ADDRESS_ON_NODE = "AddressOnNode",
        "an interface of the node has the address of a Service, and the kernel answers for it whichever node owns it",
        "remove the address from the interface, or take it out of the pool",
        "ip address show to 192.0.2.5";
    REVERSE_PATH_FILTER = "ReversePathFilter",
        "the node drops what clients beyond the segment send to an address, since it would answer them by another interface",
        "set rp_filter of the interface and of all to 2, or route the answers back by that interface",
        "sysctl net.ipv4.conf.eth1.rp_filter net.ipv4.conf.all.rp_filter    # the larger one counts";
    NO_USABLE_INTERFACE = "NoUsableInterface",
        "the node has no interface that addresses can be announced on by layer 2",
        "bring an interface up, or correct the exclusion file and --interfaces of the speaker",
        "ip -br link";

    [Withdrawals]
    SERVICE_DELETED = "serviceDeleted",
        "the Service is gone",
        "nothing";
    NOT_LOAD_BALANCER = "notLoadBalancer",
        "the Service is not of type LoadBalancer any more",
        "nothing, unless the type was changed by mistake";
    OTHER_CLASS = "otherClass",
        "the load balancer class of the Service is not the one that is served here",
        "give the controller and the speakers the same --lb-class, or correct spec.loadBalancerClass",
        "a Service without a class is served when --lb-class is empty, one with a class when both are equal";
    NO_IP_ALLOCATED = "noIPAllocated",
        "the Service has no address",
        "see why with ferrolb explain svc/NAME";
    INVALID_IP = "invalidIP",
        "the status of the Service holds something that is no address, like a host name",
        "find out who else writes the status; two load balancer controllers need a spec.loadBalancerClass each";
    IP_NOT_ALLOWED = "ipNotAllowed",
        "no single pool contains all addresses of the Service",
        "repair the pool that the addresses came from, or let the Service have others",
        "two addresses of one Service must lie in one pool, also with two families";
    ADDRESSES_CHANGED = "loadBalancerIPChanged",
        "the Service has other addresses than were announced, so the old ones are withdrawn",
        "nothing: the new ones are announced";
    INTERNAL_ERROR_WITHDRAWAL = "internalError",
        "what is announced does not fit the configuration in force",
        "report it, with the log of the speaker around it";
    NOT_OWNER = "notOwner",
        "another node answers for the address, or none can (layer 2); no BGPAdvertisement covers this node (BGP)",
        "nothing if another node is named; else see what keeps each node out with ferrolb explain svc/NAME",
        "nodes that cannot be elected: no live speaker, network unavailable, label exclude-from-external-load-balancers,\n\
         no advertisement for the node, policy Local without a ready endpoint there";
    NO_MATCHING_ADVERTISEMENT = "noMatchingAdvertisement",
        "no advertisement of the pool covers the Service on this node",
        "create an L2Advertisement or a BGPAdvertisement, or widen its pools, serviceSelectors or nodeSelectors",
        "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: all, namespace: metallb-system}";
    SHARED_IP_WITHDRAWAL = "sharedIPWithServiceSelector",
        "the Service asks for a shared address while an advertisement that selects Services covers it",
        "remove serviceSelectors from the advertisement, or allow-shared-ip from the Service";
    CONFLICTING_ADVERTISEMENTS = "conflictingAdvertisements",
        "two advertisements give the route of the Service different local preferences",
        "use one value, or let the two differ in aggregation length, peers, nodes or service selectors";
    NODE_NETWORK_UNAVAILABLE = "nodeNetworkUnavailable",
        "the node has condition NetworkUnavailable",
        "look at the network plugin of the node; the condition is its own",
        "kubectl get node NAME -o jsonpath='{.status.conditions[?(@.type==\"NetworkUnavailable\")]}'";
    NODE_EXCLUDED = "nodeLabeledExcludeBalancers",
        "the node carries label node.kubernetes.io/exclude-from-external-load-balancers, whatever its value",
        "remove the label, or give the speakers --ignore-exclude-lb",
        "kubectl label node NAME node.kubernetes.io/exclude-from-external-load-balancers-    # kubeadm sets it";
    NO_LOCAL_ENDPOINTS = "noLocalEndpoints",
        "the external traffic policy is Local, and no endpoint on the node can serve",
        "nothing if other nodes have one; else see why the pods are not ready, or use policy Cluster";
    NO_ENDPOINTS = "noEndpoints",
        "the Service has no endpoint that can serve",
        "check that its selector matches pods and that they are ready",
        "kubectl get endpointslices -l kubernetes.io/service-name=NAME";

    [Events]
    EVENT_IP_ALLOCATED = "IPAllocated",
        "the Service was given an address, or the address of its second family",
        "nothing";
    EVENT_ADDITIONAL_ASSIGN_FAILED = "AdditionalAssignFailed",
        "a Service that prefers two families keeps one address, since its pool has none of the other family",
        "add addresses of that family to the pool; the Service gets one as soon as there is one";
    EVENT_CLEAR_ASSIGNMENT = "ClearAssignment",
        "the Service lost its address, which it may not have any longer",
        "the event says what changed: a pool, a sharing key, a port or a selector";
    EVENT_ALLOCATION_FAILED = "AllocationFailed",
        "no address could be given; the Service waits",
        "the event names the cause; ferrolb explain svc/NAME says what would help";
    EVENT_LOAD_BALANCER_FAILED = "LoadBalancerFailed",
        "what the Service asks for cannot be read; it keeps the address that it has",
        "correct the annotation or field that the event names";
    EVENT_NOT_ENOUGH_CLUSTER_IPS = "not enough clusterips",
        "the Service requires two families and has one cluster address",
        "check that the cluster is dual stack, or change ipFamilyPolicy";
    EVENT_INGRESS_FAMILY = "nolbIPsIPFamily",
        "the addresses in the status of the Service are none, or more than one of a family",
        "find out who else writes the status; the Service gets new addresses";
    EVENT_CLUSTER_FAMILY = "noclusterIPsIPFamily",
        "the cluster addresses of the Service are none, or more than one of a family",
        "create the Service anew; the cluster gives it cluster addresses";
    EVENT_INTERNAL_ERROR = "InternalError",
        "the allocation contradicts itself",
        "report it, with the log of the controller around it";
    EVENT_DEPRECATED_ANNOTATION = "deprecatedAnnotation",
        "the Service uses an annotation that begins with metallb.universe.tf/, which works and is deprecated",
        "write metallb.io/ instead",
        "kubectl annotate service web metallb.universe.tf/address-pool- metallb.io/address-pool=a";
    EVENT_RESERVATION_FAILED = "ReservationFailed",
        "the pool keeps as many reservations as it can, so the addresses of the Service are not reserved",
        "remove entries that are no longer needed from ferrolb.io/reservations of the pool";
    EVENT_STATUS_REFUSED = "StatusRefused",
        "the API server does not store the address in the status of the Service",
        "check the role of the controller, admission webhooks and policies";
    EVENT_NODE_ASSIGNED = "nodeAssigned",
        "a node announces the Service from now on; the message names the node and the protocol",
        "nothing";
    EVENT_ANNOUNCE_FAILED = "announceFailed",
        "the node that is elected has none of the interfaces that the advertisement names",
        "correct interfaces in the L2Advertisement, or select nodes that have them";
    EVENT_ADDRESS_CONFLICT = "addressConflict",
        "a host outside the cluster claims the address too",
        "take the address away from that host, or out of the pool; the event names its hardware address",
        "arping -D -I eth0 192.0.2.5    # from another host: does anybody else answer?";
    EVENT_OWNERSHIP_FROZEN = "ownershipFrozen",
        "more than half of the nodes are not ready at once, so endpoints that vanish withdraw no address",
        "see why the nodes are not ready: most often the API server cannot be reached from them";
    EVENT_GOSSIP_UNREACHABLE = "gossipUnreachable",
        "the speaker of the node cannot reach another speaker by gossip; two nodes that do not see each other may both announce",
        "open the port of --ml-bindport (7946), TCP and UDP, between the nodes, and give all speakers the same key",
        "nc -zv 192.0.2.11 7946    # from the node that tells it";
    EVENT_NODE_ISOLATED = "nodeIsolated",
        "the speaker of the node hears neither another speaker nor its gateway, and stops announcing as --isolation=stop asks",
        "see what is wrong with the link of the node: cable, switch port, VLAN, firewall of the port of gossip",
        "arping -I eth0 192.0.2.1    # on the node: does its gateway answer?";
    EVENT_NODE_TRAP = "nodeTrap",
        "a setting of the node keeps addresses from being answered for, or has others than their owner answer for them",
        "the message says what and where; ferrolb doctor on the node tells it again",
        "kubectl exec -n metallb-system SPEAKER-POD -- /ferrolb doctor";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_of_problems_are_camel_case() {
        let of_problem = |r: &&Reason| !matches!(r.group(), Group::Withdrawals | Group::Events);
        for word in ALL.iter().filter(of_problem).map(|r| r.word()) {
            assert!(word.starts_with(|c: char| c.is_ascii_uppercase()), "{word}");
            assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
        }
    }

    #[test]
    fn words_are_unique_where_they_are_met() {
        let place = |r: &Reason| r.group().max(Group::Nodes);
        let mut seen = BTreeSet::new();
        for reason in ALL {
            let word = reason.word().to_ascii_lowercase();
            assert!(seen.insert((place(reason), word)), "{reason} is listed twice");
        }
    }

    #[test]
    fn every_group_has_reasons_and_they_stand_together() {
        let mut groups: Vec<Group> = ALL.iter().map(|r| r.group()).collect();
        groups.dedup();
        assert_eq!(groups, Group::ALL);
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

    /// The words that scripts for MetalLB match: controller 4.4, operations 7.7, layer2 3.1 and bgp 1.1.
    #[test]
    fn events_and_withdrawals_of_the_reference_are_listed() {
        let events = [
            "IPAllocated",
            "AdditionalAssignFailed",
            "ClearAssignment",
            "AllocationFailed",
            "LoadBalancerFailed",
            "not enough clusterips",
            "nolbIPsIPFamily",
            "noclusterIPsIPFamily",
            "InternalError",
            "deprecatedAnnotation",
            "nodeAssigned",
            "announceFailed",
        ];
        let withdrawals = [
            "serviceDeleted",
            "notLoadBalancer",
            "noIPAllocated",
            "invalidIP",
            "ipNotAllowed",
            "internalError",
            "loadBalancerIPChanged",
            "notOwner",
            "noMatchingAdvertisement",
            "sharedIPWithServiceSelector",
            "conflictingAdvertisements",
            "nodeNetworkUnavailable",
            "nodeLabeledExcludeBalancers",
            "noLocalEndpoints",
            "noEndpoints",
        ];
        let listed = |group, word: &str| ALL.iter().any(|r| r.group() == group && r.word() == word);
        for word in events {
            assert!(listed(Group::Events, word), "{word}");
        }
        for word in withdrawals {
            assert!(listed(Group::Withdrawals, word), "{word}");
        }
    }

    #[test]
    fn reasons_are_found_in_any_case() {
        assert_eq!(Reason::find("overlappingaddresses"), Some(OVERLAPPING_ADDRESSES));
        assert_eq!(
            Reason::find("sharedIPWithServiceSelector"),
            Some(SHARED_IP_WITHDRAWAL)
        );
        assert_eq!(Reason::find("Nonsense"), None);
    }
}

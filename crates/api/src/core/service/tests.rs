use super::*;
use crate::core::from_yaml;
use crate::meta::Object;

fn observe(text: &str) -> ServiceFacts {
    from_yaml::<Service>(text).observe()
}

fn request_of(annotations: &str) -> Request {
    observe(&format!(
        "{{metadata: {{name: web, annotations: {annotations}}}}}"
    ))
    .request
}

const FULL: &str = "
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  uid: 6f1c
  resourceVersion: '42'
  creationTimestamp: '2024-05-01T10:00:00Z'
  labels: {app: web}
  annotations:
    metallb.io/ip-allocated-from-pool: public
    metallb.universe.tf/allow-shared-ip: web
    unrelated: x
  managedFields: [{manager: kubectl}]
spec:
  type: LoadBalancer
  loadBalancerClass: ferrolb.io/test
  clusterIP: 10.96.0.9
  clusterIPs: [10.96.0.9, 'fd00:96::9']
  ipFamilyPolicy: PreferDualStack
  ipFamilies: [IPv4, IPv6]
  externalTrafficPolicy: Local
  selector: {tier: front, app: web}
  ports:
  - {name: https, port: 443, targetPort: 8443, protocol: TCP, nodePort: 30443}
  - {name: quic, port: 443, protocol: UDP}
  - {name: plain, port: 80}
status:
  loadBalancer:
    ingress:
    - {ip: 192.0.2.10, ipMode: VIP}
    - {ip: '2001:db8::10'}
    - {hostname: lb.example.com}
    - {ip: nonsense}
";

#[test]
fn every_fact_is_taken_from_its_field() {
    let facts = observe(FULL);
    assert_eq!(facts.key.to_string(), "shop/web");
    assert_eq!((&*facts.uid, &*facts.resource_version), ("6f1c", "42"));
    assert_eq!(&*facts.created_at, "2024-05-01T10:00:00Z");
    assert_eq!(facts.labels.get("app"), Some("web"));
    assert!(facts.is_load_balancer && facts.local_traffic_only);
    assert_eq!(facts.class.as_deref(), Some("ferrolb.io/test"));
    assert_eq!(facts.cluster_ips, ["10.96.0.9", "fd00:96::9"].map(Box::from));
    assert_eq!(facts.family_policy, FamilyPolicy::PreferDualStack);
    assert_eq!(facts.families, [IpFamily::V4, IpFamily::V6]);
    assert_eq!(&*facts.pod_selector, "app=web,tier=front");
    assert_eq!(facts.pool_annotation.as_deref(), Some("public"));
    assert_eq!(
        facts.deprecated_annotations,
        ["metallb.universe.tf/allow-shared-ip"].map(Box::from)
    );
}

#[test]
fn a_service_that_is_being_deleted_is_like_any_other() {
    let name = "metadata:\n  name: web\n";
    let deleted = "metadata:\n  name: web\n  deletionTimestamp: '2024-05-01T11:00:00Z'\n";
    let text = FULL.replace(name, deleted);
    assert_ne!(text, FULL);
    assert_eq!(observe(&text), observe(FULL));
}

#[test]
fn ports_keep_their_order_and_default_to_tcp() {
    let port = |protocol, number| Port { protocol, number };
    let expected = [
        port(Protocol::Tcp, 443),
        port(Protocol::Udp, 443),
        port(Protocol::Tcp, 80),
    ];
    assert_eq!(observe(FULL).ports, expected);
}

#[test]
fn ingress_entries_are_told_apart() {
    let facts = observe(FULL);
    let expected = [
        Ingress::Address("192.0.2.10".parse().unwrap()),
        Ingress::Address("2001:db8::10".parse().unwrap()),
        Ingress::Hostname("lb.example.com".into()),
        Ingress::Malformed("nonsense".into()),
    ];
    assert_eq!(facts.ingress, expected);
    assert_eq!(facts.addresses().count(), 2);
}

#[test]
fn a_bare_service_wants_nothing() {
    let facts = observe("{metadata: {name: web, namespace: shop}}");
    assert!(!facts.is_load_balancer && !facts.local_traffic_only);
    assert_eq!(facts.request, Request::default());
    assert_eq!(facts.family_policy, FamilyPolicy::SingleStack);
    assert!(facts.cluster_ips.is_empty() && facts.ports.is_empty() && facts.ingress.is_empty());
}

#[test]
fn null_is_like_absent() {
    let facts = observe(
        "{metadata: {name: web, labels: null, annotations: null, creationTimestamp: null}, \
          spec: {type: LoadBalancer, clusterIP: null, clusterIPs: null, ipFamilies: null, ipFamilyPolicy: null, \
          ports: null, selector: null, loadBalancerIP: null, loadBalancerClass: null}, \
          status: {loadBalancer: {ingress: null}}}",
    );
    assert_eq!(
        facts,
        ServiceFacts {
            is_load_balancer: true,
            ..observe("{metadata: {name: web}}")
        }
    );
}

#[test]
fn the_single_cluster_address_stands_in_for_the_list() {
    assert_eq!(
        observe("{spec: {clusterIP: None}}").cluster_ips,
        ["None"].map(Box::from)
    );
    let both = observe("{spec: {clusterIP: 10.0.0.1, clusterIPs: ['fd00::1']}}");
    assert_eq!(both.cluster_ips, ["fd00::1"].map(Box::from));
}

#[test]
fn the_current_key_wins_over_the_deprecated_one_even_when_empty() {
    let both = request_of(
        "{metallb.io/address-pool: '', metallb.universe.tf/address-pool: old, \
          metallb.io/loadBalancerIPs: '', metallb.universe.tf/loadBalancerIPs: 192.0.2.1, \
          metallb.io/allow-shared-ip: '', metallb.universe.tf/allow-shared-ip: key}",
    );
    assert_eq!(
        both,
        Request {
            has_sharing_annotation: true,
            ..Request::default()
        }
    );
}

#[test]
fn deprecated_keys_are_read_when_they_stand_alone() {
    let old = request_of(
        "{metallb.universe.tf/address-pool: old, metallb.universe.tf/loadBalancerIPs: 192.0.2.1, \
          metallb.universe.tf/allow-shared-ip: key}",
    );
    assert_eq!(
        (&*old.pool, &*old.addresses, &*old.sharing_key),
        ("old", "192.0.2.1", "key")
    );
    assert!(old.has_sharing_annotation);
}

#[test]
fn the_deprecated_allocation_record_asks_for_a_pool_only_without_a_pool_key() {
    let record = "metallb.universe.tf/ip-allocated-from-pool: production-pool";
    assert_eq!(&*request_of(&format!("{{{record}}}")).pool, "production-pool");
    for (other, pool) in [
        ("metallb.io/address-pool: other", "other"),
        ("metallb.universe.tf/address-pool: other", "other"),
        ("metallb.io/address-pool: ''", ""),
    ] {
        assert_eq!(
            &*request_of(&format!("{{{record}, {other}}}")).pool,
            pool,
            "{other}"
        );
    }
}

#[test]
fn the_controllers_own_record_is_no_request() {
    let facts = observe("{metadata: {annotations: {metallb.io/ip-allocated-from-pool: public}}}");
    assert_eq!(facts.request, Request::default());
    assert!(facts.deprecated_annotations.is_empty());
}

#[test]
fn the_kind_is_where_an_api_server_has_it() {
    assert_eq!(
        (Service::api_version().as_str(), Service::PLURAL),
        ("v1", "services")
    );
    assert_eq!(crate::core::EndpointSlice::api_version(), "discovery.k8s.io/v1");
}

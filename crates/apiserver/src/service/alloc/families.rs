//! `ipFamilyPolicy` and `ipFamilies`: what a Service says, and what follows from its addresses and from the cluster.

use core::net::IpAddr;

use serde_json::{Map, Value, json};

use super::{Allocators, family_name, net_family, texts};
use crate::error::Cause;
use crate::object::{object_at, root_mut};
use crate::service::{is_headless, spec_list, spec_str};

impl Allocators {
    /// Fills both in.
    pub(super) fn families(&self, service: &mut Value) -> Result<(), Vec<Cause>> {
        let dual = self.networks.len() > 1;
        let mut families: Vec<String> = texts(spec_list(service, "ipFamilies"));
        for ip in texts(spec_list(service, "clusterIPs"))
            .iter()
            .skip(families.len())
        {
            if let Ok(ip) = ip.parse::<IpAddr>() {
                families.push(family_name(&ip).to_owned());
            }
        }
        let policy = match spec_str(service, "ipFamilyPolicy") {
            "" if families.len() == 2 => "RequireDualStack",
            "" if is_headless(service) && selectorless(service) && families.is_empty() => "RequireDualStack",
            "" => "SingleStack",
            given => given,
        }
        .to_owned();
        if policy == "RequireDualStack" && !dual && !(is_headless(service) && selectorless(service)) {
            let why = "this cluster is not configured for dual-stack services";
            return Err(vec![Cause::invalid("spec.ipFamilyPolicy", &json!(policy), why)]);
        }
        self.check_families(&families)?;
        agree(&families, spec_list(service, "clusterIPs"))?;
        self.complete_families(&mut families, policy != "SingleStack" && dual);
        let spec = object_at(root_mut(service), "spec");
        spec.insert("ipFamilyPolicy".to_owned(), policy.into());
        spec.insert("ipFamilies".to_owned(), json!(families));
        Ok(())
    }

    fn check_families(&self, families: &[String]) -> Result<(), Vec<Cause>> {
        let missing = families
            .iter()
            .enumerate()
            .find(|(_, f)| self.network(f).is_none());
        match missing {
            None => Ok(()),
            Some((i, family)) => {
                let why = "not configured on this cluster";
                let field = format!("spec.ipFamilies[{i}]");
                Err(vec![Cause::invalid(field, &json!(family), why)])
            }
        }
    }

    fn complete_families(&self, families: &mut Vec<String>, both: bool) {
        let configured = self.networks.iter().map(|n| net_family(&n.net));
        for family in configured {
            let wanted = families.is_empty() || (both && families.len() < 2);
            if wanted && !families.iter().any(|f| f == family) {
                families.push(family.to_owned());
            }
        }
    }
}

/// Addresses are of the families at the same places.
fn agree(families: &[String], ips: &[Value]) -> Result<(), Vec<Cause>> {
    for (i, (family, ip)) in families.iter().zip(ips).enumerate() {
        let parsed = ip.as_str().and_then(|ip| ip.parse::<IpAddr>().ok());
        if parsed.is_some_and(|ip| family_name(&ip) != family) {
            let why = format!("expected an {family} value as indicated by `ipFamilies[{i}]`");
            return Err(vec![Cause::invalid(format!("spec.clusterIPs[{i}]"), ip, &why)]);
        }
    }
    Ok(())
}

fn selectorless(service: &Value) -> bool {
    service["spec"]["selector"].as_object().is_none_or(Map::is_empty)
}

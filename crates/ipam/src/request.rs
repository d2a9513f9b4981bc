//! What a Service asks for, read from its annotations and `spec.loadBalancerIP` (controller 5).

use core::net::IpAddr;

use ferrolb_api::facts::{Request, ServiceFacts};
use ferrolb_api::{ReservationError, ReservationKey};
use ferrolb_types::address::parse_address;
use ferrolb_types::{AddressError, PoolName};

use crate::record::Addresses;

/// A request that makes sense in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Any address of any pool.
    Anything,
    /// Any address of this pool.
    Pool(PoolName),
    /// These addresses, IPv4 first; if a pool is named they must be in it.
    Addresses {
        wanted: Addresses,
        pool: Option<PoolName>,
    },
}

/// Why a request makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("addresses are asked for by annotation `loadBalancerIPs` and by `spec.loadBalancerIP`; keep one")]
    BothForms,
    #[error("in annotation `loadBalancerIPs`: {0}")]
    Annotation(AddressError),
    #[error("in `spec.loadBalancerIP`: {0}")]
    Field(AddressError),
    #[error("annotation `loadBalancerIPs` asks for `{0}`; ask for one address, or for one of each family")]
    Count(Box<str>),
    #[error("in annotation `ferrolb.io/reserve-as`: {0}")]
    ReserveAs(ReservationError),
}

impl Wish {
    pub(crate) fn parse(request: &Request) -> Result<Self, RequestError> {
        let pool = (!request.pool.is_empty()).then(|| PoolName::from(&*request.pool));
        let wanted = match (request.addresses.is_empty(), request.load_balancer_ip.is_empty()) {
            (true, true) => return Ok(pool.map_or(Self::Anything, Self::Pool)),
            (false, false) => return Err(RequestError::BothForms),
            (false, true) => listed(&request.addresses)?,
            (true, false) => {
                let addr = parse_address(&request.load_balancer_ip).map_err(RequestError::Field)?;
                Addresses::One([addr])
            }
        };
        Ok(Self::Addresses { wanted, pool })
    }
}

/// The name that a Service reserves its addresses under, if it does.
pub(crate) fn reservation_of(facts: &ServiceFacts) -> Result<Option<ReservationKey>, RequestError> {
    let name = &*facts.request.reserve_as;
    if name.is_empty() {
        return Ok(None);
    }
    let key = ReservationKey::new(facts.key.namespace.clone(), name);
    key.map(Some).map_err(RequestError::ReserveAs)
}

/// Parts separated by commas, spaces around them ignored; one, or two of different families.
fn listed(text: &str) -> Result<Addresses, RequestError> {
    let too_many = || RequestError::Count(text.into());
    // Two are allowed, a third is enough to refuse: a value of any length costs little.
    let parsed: Vec<IpAddr> = text
        .split(',')
        .take(3)
        .map(|part| parse_address(part.trim()).map_err(RequestError::Annotation))
        .collect::<Result<_, _>>()?;
    let wanted = Addresses::from_slice(&parsed).ok_or_else(too_many)?;
    Ok(wanted.ipv4_first())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(addresses: &str, field: &str) -> Result<Wish, RequestError> {
        Wish::parse(&Request {
            addresses: addresses.into(),
            load_balancer_ip: field.into(),
            ..Request::default()
        })
    }

    fn wanted(texts: &[&str]) -> Wish {
        let parsed: Vec<IpAddr> = texts.iter().map(|t| t.parse().unwrap()).collect();
        Wish::Addresses {
            wanted: Addresses::from_slice(&parsed).unwrap(),
            pool: None,
        }
    }

    #[test]
    fn spaces_around_listed_addresses_are_ignored() {
        assert_eq!(
            parse(" 2001:db8::5 , 203.0.113.5 ", ""),
            Ok(wanted(&["203.0.113.5", "2001:db8::5"]))
        );
        assert_eq!(parse("::ffff:203.0.113.5", ""), Ok(wanted(&["203.0.113.5"])));
    }

    #[test]
    fn spaces_in_the_field_are_not() {
        assert!(matches!(parse("", " 1.2.3.4"), Err(RequestError::Field(_))));
    }

    #[test]
    fn malformed_requests_are_refused() {
        for text in ["1.2.3.4,", ",", "1.2.3.4/32", "fe80::1%eth0", "01.2.3.4", "web"] {
            assert!(
                matches!(parse(text, ""), Err(RequestError::Annotation(_))),
                "{text}"
            );
        }
        for text in ["1.2.3.4,1.2.3.5", "1.2.3.4,1.2.3.4", "1.2.3.4,::1,1.2.3.5"] {
            assert!(matches!(parse(text, ""), Err(RequestError::Count(_))), "{text}");
        }
        assert_eq!(parse("1.2.3.4", "1.2.3.4"), Err(RequestError::BothForms));
    }
}

//! What the API server holds, read for each review: a watch may lag behind, and two objects applied in a row would not
//! see each other.

use ferrolb_admission::{Existing, Needs};
use ferrolb_api::core::Node;
use ferrolb_api::facts::NodeFacts;
use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, IpAddressPool, L2Advertisement,
};
use ferrolb_api::{Change, Object, Problem};
use ferrolb_kube::{Client, Error, object};

/// Reads it.
pub(crate) async fn read(client: &Client, namespace: &str, needs: Needs) -> Result<Existing, Error> {
    let (pools, l2, bgp, peers, profiles, communities, nodes) = futures::try_join!(
        changes::<IpAddressPool>(client, namespace),
        changes::<L2Advertisement>(client, namespace),
        changes::<BgpAdvertisement>(client, namespace),
        changes::<BgpPeer>(client, namespace),
        changes::<BfdProfile>(client, namespace),
        changes::<Community>(client, namespace),
        nodes(client, needs),
    )?;
    Ok(Existing {
        objects: [pools, l2, bgp, peers, profiles, communities].concat(),
        nodes,
    })
}

async fn changes<T: Object + Into<Change>>(client: &Client, namespace: &str) -> Result<Vec<Change>, Error> {
    let objects = object::list::<T>(client, namespace).await?;
    let change = |object: Result<T, Box<Problem>>| {
        object.map_or_else(|problem| Change::Undecodable(*problem), Into::into)
    };
    Ok(objects.into_iter().map(change).collect())
}

/// None where they are not needed or the role does not show them.
async fn nodes(client: &Client, needs: Needs) -> Result<Option<Vec<NodeFacts>>, Error> {
    if !needs.nodes {
        return Ok(None);
    }
    match object::list::<Node>(client, "").await {
        Ok(nodes) => Ok(Some(
            nodes.into_iter().flatten().map(|node| node.observe()).collect(),
        )),
        Err(error @ Error::Forbidden { .. }) => {
            tracing::debug!(op = "webhook", %error, "peers and advertisements are not compared node by node");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

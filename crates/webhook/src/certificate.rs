//! The certificate that is shown, exchanged while serving.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

/// Gets the certificate to show.
pub(crate) type Shown = watch::Receiver<Option<Arc<CertifiedKey>>>;
/// Sets it.
pub(crate) type Show = watch::Sender<Option<Arc<CertifiedKey>>>;

/// Shows whatever is current; a peer that comes before there is any is sent away.
#[derive(Debug)]
pub(crate) struct Current(pub(crate) Shown);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().clone()
    }
}

/// Whether both show the same certificate.
pub(crate) fn same(a: Option<&Arc<CertifiedKey>>, b: &CertifiedKey) -> bool {
    a.is_some_and(|a| a.cert == b.cert)
}

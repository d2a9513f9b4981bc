//! Conversion by webhook: a CRD's `spec.conversion` (`apiextensions.k8s.io/v1`).
//!
//! ```text
//!   read:   objects ─▶ which lack a form in this version? ─▶ ConversionReview ─▶ kept with the object ─▶ shown
//!           (locked)                                          (not locked)        (`forms`)
//!   write:  current ─▶ prepared as for a read ─▶ draft ─▶ ConversionReview ─▶ admission ─▶ commit
//!                                               (locked)    (not locked)
//! ```
//!
//! An object never changes once it is stored, so its form in another version is asked for once and kept with it, as the
//! watch cache of a real server does. Forms belong to the webhook that made them: a CRD that is written anew (with
//! another `caBundle`, say) begins without any.

mod forms;
mod hook;
mod review;
mod run;

pub(crate) use forms::Forms;
pub(crate) use hook::{Hook, read};
pub(crate) use run::{prepare, shown, stored};

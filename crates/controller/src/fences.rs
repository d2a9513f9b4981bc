//! Namespaces whose fence (annotation `ferrolb.io/pools`) cannot be read: each is told once.

use std::collections::BTreeMap;

use ferrolb_api::Problem;
use ferrolb_types::NamespaceName;

/// A fence that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MalformedFence {
    /// UID of the Namespace.
    pub(crate) uid: Box<str>,
    /// What is wrong with it.
    pub(crate) problem: Problem,
}

/// The malformed fences that there are.
#[derive(Debug, Default)]
pub(crate) struct MalformedFences(BTreeMap<NamespaceName, MalformedFence>);

impl MalformedFences {
    /// What is to be told of a Namespace with this fence, if it is news.
    pub(crate) fn note(
        &mut self,
        name: &NamespaceName,
        fence: Option<MalformedFence>,
    ) -> Option<MalformedFence> {
        let Some(fence) = fence else {
            self.forget(name);
            return None;
        };
        let known = self.0.insert(name.clone(), fence.clone());
        (known.as_ref() != Some(&fence)).then_some(fence)
    }

    /// The Namespace is gone.
    pub(crate) fn forget(&mut self, name: &NamespaceName) {
        self.0.remove(name);
    }

    /// All of them, for who begins to tell.
    pub(crate) fn all(&self) -> impl Iterator<Item = MalformedFence> + '_ {
        self.0.values().cloned()
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_api::core::Namespace;

    use super::*;

    #[test]
    fn a_malformed_fence_is_told_once_and_again_when_it_is_another_or_comes_back() {
        let mut fences = MalformedFences::default();
        let mut is_told = |text: &str| {
            let mut namespace = Namespace::default();
            namespace.metadata.annotations = [(ferrolb_api::annotations::POOLS, text)].into_iter().collect();
            let fence = namespace.problem().map(|problem| MalformedFence {
                uid: "1".into(),
                problem,
            });
            fences.note(&"team".into(), fence).is_some()
        };
        assert!(is_told("A!"));
        assert!(!is_told("A!"));
        assert!(is_told("B!"));
        assert!(!is_told("a, b"));
        assert!(is_told("B!"));
    }
}

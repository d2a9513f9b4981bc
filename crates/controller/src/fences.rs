//! Namespaces whose fence (annotation `ferrolb.io/pools`) cannot be read: each is told once.

use std::collections::BTreeMap;

use ferrolb_api::facts::{Fence, NamespaceFacts};
use ferrolb_types::NamespaceName;

/// The malformed fences that were told, each with the place that cannot be read.
#[derive(Debug, Default)]
pub(crate) struct MalformedFences(BTreeMap<NamespaceName, Box<str>>);

impl MalformedFences {
    /// What is to be told of a Namespace that looks like this, if it is news.
    pub(crate) fn note(&mut self, facts: &NamespaceFacts) -> Option<Box<str>> {
        let Fence::Malformed(wrong) = &facts.fence else {
            self.0.remove(&facts.name);
            return None;
        };
        let told = self.0.insert(facts.name.clone(), wrong.clone());
        (told.as_ref() != Some(wrong)).then(|| wrong.clone())
    }

    /// The Namespace is gone.
    pub(crate) fn forget(&mut self, name: &NamespaceName) {
        self.0.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_types::Labels;

    use super::*;

    #[test]
    fn a_malformed_fence_is_told_once_and_again_when_it_is_another_or_comes_back() {
        let mut fences = MalformedFences::default();
        let mut is_told = |fence: Fence| {
            let (name, labels) = ("team".into(), Labels::default());
            fences.note(&NamespaceFacts { name, labels, fence }).is_some()
        };
        let malformed = |text: &str| Fence::Malformed(text.into());
        assert!(is_told(malformed("A!")));
        assert!(!is_told(malformed("A!")));
        assert!(is_told(malformed("B!")));
        assert!(!is_told(Fence::Open));
        assert!(is_told(malformed("B!")));
    }
}

//! Whether a node is out for elections, from what is said about it.
//!
//! | It is | and | then it is |
//! |---|---|---|
//! | in | two do not hear it | out |
//! | in | one does not hear it, and there is no other | out, on a lone word |
//! | in | one does not hear it, has said so for 300 ms, and nobody says that it does | out, on a lone word |
//! | out on a lone word | somebody says that it hears it, or the one has taken it back | in |
//! | out | of those who did not hear it none is left that counts, and one says that it hears it or their words are old | in |
//!
//! So no node flaps while its watchers disagree. Words of those that are out themselves do not count against others: they are on the
//! far side of a partition, or dead.

use core::time::Duration;

use ferrolb_types::Instant;

/// Words that put a node out.
const QUORUM: usize = 2;
/// For how long a lone accusation waits for somebody to contradict it: six times 50 ms, the times at which that is said.
pub(crate) const LONE_WORD_STANDS: Duration = Duration::from_millis(300);

/// Why a node is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    Lone,
    Quorum,
}

/// What is said about a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// How many do not hear it, of those that count.
    pub(crate) accusers: usize,
    /// Since when the first of them says so.
    pub(crate) since: Option<Instant>,
    /// One that counts says that it hears it.
    pub(crate) is_contradicted: bool,
    /// Somebody's last word is that it does not hear it, whether it counts or not.
    pub(crate) is_accused: bool,
}

impl Evidence {
    /// Whether the node is out now that was so before, and that so many `others` could hear.
    pub(crate) fn judge(&self, before: Option<Ground>, others: usize, now: Instant) -> Option<Ground> {
        if self.accusers >= QUORUM {
            return Some(Ground::Quorum);
        }
        let is_lone_word_enough = others <= 1 || self.ripens().is_some_and(|at| at <= now);
        match before {
            None => (self.accusers == 1 && is_lone_word_enough).then_some(Ground::Lone),
            Some(Ground::Lone) if self.is_contradicted => None,
            _ if self.accusers == 0 && (self.is_contradicted || !self.is_accused) => None,
            out => out,
        }
    }

    /// When a lone word counts, if nobody contradicts it.
    pub(crate) fn ripens(&self) -> Option<Instant> {
        let since = self.since.filter(|_| !self.is_contradicted)?;
        Some(since + LONE_WORD_STANDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: Instant = Instant::from_millis(1000);

    const fn accused(accusers: usize, is_contradicted: bool) -> Evidence {
        Evidence {
            accusers,
            since: if accusers > 0 { Some(SAID) } else { None },
            is_contradicted,
            is_accused: accusers > 0,
        }
    }

    #[test]
    fn two_words_put_a_node_out_at_once_and_one_where_there_is_only_one_other() {
        for (accusers, others, out) in [
            (2, 5, true),
            (1, 5, false),
            (1, 1, true),
            (0, 1, false),
            (0, 0, false),
        ] {
            let judged = accused(accusers, true).judge(None, others, SAID);
            assert_eq!(judged.is_some(), out, "{accusers} of {others}");
        }
    }

    #[test]
    fn one_word_puts_it_out_when_it_has_stood_uncontradicted() {
        let ripe = SAID + LONE_WORD_STANDS;
        let lone = accused(1, false);
        assert_eq!(lone.ripens(), Some(ripe));
        assert_eq!(lone.judge(None, 5, ripe), Some(Ground::Lone));
        assert_eq!(lone.judge(None, 5, SAID), None);
        assert_eq!(accused(1, true).judge(None, 5, ripe), None);
        assert_eq!(accused(1, true).ripens(), None);
    }

    #[test]
    fn one_that_is_out_on_a_lone_word_comes_back_when_it_is_contradicted() {
        assert_eq!(accused(1, true).judge(Some(Ground::Lone), 5, SAID), None);
        assert_eq!(accused(0, false).judge(Some(Ground::Lone), 5, SAID), None);
        assert_eq!(
            accused(1, false).judge(Some(Ground::Lone), 5, SAID),
            Some(Ground::Lone)
        );
    }

    #[test]
    fn one_that_is_out_by_a_quorum_comes_back_when_no_word_is_left() {
        let out = Some(Ground::Quorum);
        assert_eq!(accused(1, true).judge(out, 5, SAID), out);
        assert_eq!(accused(0, true).judge(out, 5, SAID), None);
        assert_eq!(accused(0, false).judge(out, 5, SAID), None);
    }

    #[test]
    fn words_that_do_not_count_any_more_keep_it_out_until_they_are_old_or_contradicted() {
        for ground in [Ground::Lone, Ground::Quorum] {
            let stale = Evidence {
                is_accused: true,
                ..Evidence::default()
            };
            assert_eq!(stale.judge(Some(ground), 5, SAID), Some(ground));
            let heard = Evidence {
                is_contradicted: true,
                ..stale
            };
            assert_eq!(heard.judge(Some(ground), 5, SAID), None);
            assert_eq!(stale.judge(None, 5, SAID), None);
        }
    }
}

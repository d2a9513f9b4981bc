//! What the metrics of a speaker tell: they can be had through the API server, while its debug state answers only on its host.

use std::collections::BTreeSet;

/// A speaker as it sees itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Speaker {
    /// Addresses that it announces by layer 2.
    pub announced: BTreeSet<String>,
    /// Addresses that another host keeps it from answering for.
    pub disputed: BTreeSet<String>,
    /// Why it withdraws nothing at the moment.
    pub frozen: Vec<String>,
    /// How many speakers it sees in the ring, itself among them; none without gossip, and of MetalLB's speakers.
    pub ring_members: Option<usize>,
    /// How many of them it does not count as candidates.
    pub ring_out: usize,
}

impl Speaker {
    /// Reads metrics in the text format of Prometheus; what is not known is passed over.
    #[must_use]
    pub fn read(metrics: &str) -> Self {
        let mut speaker = Self::default();
        for line in metrics.lines().filter(|line| !line.starts_with('#')) {
            if let Some((series, value)) = line.rsplit_once(' ') {
                speaker.note(series, value);
            }
        }
        speaker
    }

    fn note(&mut self, series: &str, value: &str) {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let count = value.parse::<usize>().ok().filter(|count| *count > 0);
        let Some(count) = count else { return };
        match name {
            "metallb_speaker_announced" if label(labels, "protocol") == Some("layer2") => {
                self.announced.extend(label(labels, "ip").map(str::to_owned));
            }
            "ferrolb_layer2_address_yielded" => {
                self.disputed.extend(label(labels, "ip").map(str::to_owned));
            }
            "ferrolb_ownership_frozen" => self.frozen.extend(label(labels, "cause").map(str::to_owned)),
            "ferrolb_ring_members" => self.ring_members = Some(count),
            "ferrolb_ring_out_for_elections" => self.ring_out = count,
            _ => {}
        }
    }
}

/// The value of a label; those that matter hold neither quotes nor backslashes.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|pair| {
        let (key, value) = pair.trim_end_matches('}').split_once('=')?;
        (key.trim() == name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_read_and_the_rest_is_passed_over() {
        let text = "# HELP ferrolb_ring_members x\n# TYPE ferrolb_ring_members gauge\nferrolb_ring_members 5\n\
                    ferrolb_ring_out_for_elections 1\nferrolb_ownership_frozen{cause=\"apiServerAway\"} 1\n\
                    ferrolb_ownership_frozen{cause=\"nodesNotReady\"} 0\n\
                    metallb_speaker_announced{ip=\"192.0.2.1\",node=\"n1\",protocol=\"layer2\",service=\"a/b\"} 1\n\
                    metallb_speaker_announced{ip=\"192.0.2.2\",node=\"n1\",protocol=\"bgp\",service=\"a/b\"} 1\n\
                    ferrolb_layer2_address_yielded{ip=\"2001:db8::1\"} 1\nsomething else\n\nprocess_seconds 1.5\n";
        let speaker = Speaker::read(text);
        assert_eq!(speaker.announced, ["192.0.2.1".to_owned()].into());
        assert_eq!(speaker.disputed, ["2001:db8::1".to_owned()].into());
        assert_eq!(
            (&*speaker.frozen, speaker.ring_members, speaker.ring_out),
            (&["apiServerAway".to_owned()][..], Some(5), 1)
        );
        assert_eq!(
            Speaker::read("ferrolb_ring_members 0\n").ring_members,
            None,
            "without gossip"
        );
    }
}

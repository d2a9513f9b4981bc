//! Wall-clock time as it stands in objects.

use jiff::Timestamp;

/// `2006-01-02T15:04:05Z`, the form of `metav1.Time`.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads either form of time.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// How long ago, as kubectl prints it: `5s`, `3m20s`, `2d3h`, `400d`.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - since.as_second();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |a: i64, unit_a: &str, b: i64, unit_b: &str| match b {
        0 => format!("{a}{unit_a}"),
        _ => format!("{a}{unit_a}{b}{unit_b}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => pair(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if days < 8 => pair(days, "d", hours % 24, "h"),
        _ if days < 365 * 2 => format!("{days}d"),
        _ if days < 365 * 8 => pair(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short_as_kubectl_has_them() {
        let ago = |s: i64| {
            age(
                Timestamp::from_second(1_000_000_000).unwrap(),
                Timestamp::from_second(1_000_000_000 + s).unwrap(),
            )
        };
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (3_600, "60m"),
            (4 * 3_600 + 120, "4h2m"),
            (10 * 3_600, "10h"),
            (50 * 3_600, "2d2h"),
            (20 * 86_400, "20d"),
            (800 * 86_400, "2y70d"),
            (-5, "<invalid>"),
        ];
        for (seconds, text) in cases {
            assert_eq!(ago(seconds), text);
        }
    }

    #[test]
    fn seconds_have_no_fraction() {
        assert_eq!(
            seconds("2026-01-02T03:04:05.678Z".parse().unwrap()),
            "2026-01-02T03:04:05Z"
        );
    }
}

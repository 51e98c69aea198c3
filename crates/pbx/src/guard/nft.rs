//! Bans as a script for `nft -f`: a table of our own whose sets the kernel empties by itself as bans end.
//!
//! The exchange runs as an ordinary user and changes no packet filter; whoever may can let a timer do
//! `tollgate ban export | nft -f -`.

use store::Ban;

/// The script. Replaces what an earlier one made and touches nothing else.
#[must_use]
pub fn script(bans: &[Ban], wall_ms: i64) -> String {
    let elements = |v6: bool| {
        let all: Vec<String> = bans
            .iter()
            .filter(|ban| ban.source.contains(':') == v6)
            .filter_map(|ban| {
                let left = u64::try_from(ban.until.saturating_sub(wall_ms)).ok()? / 1000;
                // The source is what `guard::text` wrote; anything else does not reach a packet filter.
                (left > 0 && super::parse(&ban.source).is_ok()).then(|| format!("{} timeout {left}s", ban.source))
            })
            .collect();
        if all.is_empty() { String::new() } else { format!("\n    elements = {{ {} }}", all.join(", ")) }
    };
    let set = |name: &str, kind: &str, flags: &str, v6: bool| {
        format!("  set {name} {{\n    type {kind}\n    flags {flags}{}\n  }}\n", elements(v6))
    };
    format!(
        "table inet tollgate\ndelete table inet tollgate\ntable inet tollgate {{\n{}{}  chain input {{\n    type filter hook input \
         priority -10; policy accept;\n    ip saddr @banned4 drop\n    ip6 saddr @banned6 drop\n  }}\n}}\n",
        set("banned4", "ipv4_addr", "timeout", false),
        set("banned6", "ipv6_addr", "interval, timeout", true),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ban_is_an_element_with_the_time_that_is_left() {
        let ban =
            |source: &str, until| Ban { source: source.to_owned(), since: 0, until, times: 1, why: "x".to_owned() };
        let bans =
            [ban("192.0.2.1", 61_000), ban("2001:db8::/64", 3_601_000), ban("192.0.2.9", 900), ban("; drop", 61_000)];
        let script = script(&bans, 1_000);
        assert!(script.contains("elements = { 192.0.2.1 timeout 60s }"), "{script}");
        assert!(script.contains("elements = { 2001:db8::/64 timeout 3600s }"), "{script}");
        assert!(!script.contains("192.0.2.9") && !script.contains("; drop"), "{script}");
        assert!(!super::script(&[], 0).contains("elements"));
    }
}

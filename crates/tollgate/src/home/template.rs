//! The configuration that a fresh home starts with. It says what `Config::fresh` says, so that deleting any part of it changes nothing.

/// The text, with comments worth reading.
pub(crate) const TEXT: &str = r##"# tollgate: the configuration of this telephone exchange.
#
# What you leave out means what a fresh install has, and this file says just that: delete any section and
# nothing changes. After an edit:   kill -HUP <process>   or   systemctl reload tollgate
# A mistake changes nothing; it is reported with its line. To look before you leap:   tollgate check
# Secrets never stand here. A phone gets a new one with:   tollgate extension rotate 204

[system]
name = "tollgate"
country = "US"          # tones, emergency numbers, and what counts as national, mobile, premium: US, GB, DE ...
language = "en"         # of the voice prompts
# timezone = "America/New_York"   # for schedules; left out: the machine's own

[sip]
# Where calls and phones come in. Left out: port 5060 of every address, UDP and TCP, 5061 for TLS, IPv4 and IPv6.
# udp = ["0.0.0.0:5060", "[::]:5060"]
# tcp = ["0.0.0.0:5060", "[::]:5060"]
# tls = ["0.0.0.0:5061", "[::]:5061"]
# Behind a router that forwards port 5060 and the ports below: its public address, so that callers' sound
# finds its way back.
# public_address = "203.0.113.5"

[media]
ports = "16384-32767"   # UDP ports for sound, two for each side of a call; forward these too

# Anybody on the internet may call. Whatever number he dials, he arrives here and nowhere else.
[strangers]
answer = "menu:attendant"   # or "refuse"
max_calls = 20              # at one time
per_source = 3              # at one time from one address

# Whoever gives wrong secrets is slowed down, then shut out, four times as long each further time.
# [bans]
# on = true
# after = 10                # failed log-ins within an hour
# first_minutes = 10
# longest_minutes = 10080   # a week
# never = ["203.0.113.7", "198.51.100.0/24"]

# Phones. "may" lists what one may call besides the house: toll-free, local, national, mobile, international,
# premium, satellite. Emergency numbers need no permission. Nothing leaves before there is a trunk and a route.
[extension.200]
name = "Office"
may = ["internal", "toll-free", "local", "national"]

[extension.204]
name = "Home"
may = ["internal", "toll-free", "local", "national"]

# A group rings several phones. ring = "in-order" rings one after the other, "seconds" each.
[group.222]
name = "Everybody"
members = ["200", "204"]
ring = "all"
seconds = 20
then = "mailbox:204"

# Messages: each phone has a mailbox of its own number, opened by its PIN. A phone dials *97 for its own, *98 for another.
# [voicemail]
# own = "*97"
# any = "*98"
# longest = 180               # seconds; a silent message, or one shorter than "shortest = 1", is not kept
# review = true               # a caller may hear his message, speak it again, mark it as urgent
# remote = false              # true: * in the greeting asks for the PIN, from any telephone in the world
#
# [mailbox.300]               # one without a phone
# name = "Sales"

# What happens that you should know: tollgate events lists it; here it comes to you. Try it with: tollgate notify test
# [notify]
# webhook = "https://example.net/hook"   # signed: tollgate notify secret

# What a caller hears. Where a key leads: extension:N, group:N, menu:NAME, mailbox:N, directory, closed, hangup.
[menu.attendant]
greeting = "welcome"
keys = { 0 = "directory", 1 = "group:222" }
dial = "2XX"                # extensions and groups that can be dialled at once
timeout = "extension:204"   # whoever presses nothing
invalid = "again"

# TLS shows the certificate in cert/, which nobody has signed. Your own, taken over by SIGHUP whenever it is new:
# [tls]
# certificate = "/etc/letsencrypt/live/pbx.example.net/fullchain.pem"
# key = "/etc/letsencrypt/live/pbx.example.net/privkey.pem"

# A line to the outside: a provider or a gateway box. The route says who may use it and what to dial.
# Who may call what is decided by the gate for every single call; "tollgate reach" shows what that comes to.
#
# [trunk.itsp]
# kind = "register"                # or "address": known by its address; "gateway": a box in our own network
# host = "sip.provider.example"
# username = "5551234"
# secret = "store:itsp"            # tollgate trunk secret itsp
# caller_id = "+12025550100"
#
# [route.national]
# dial = "_9NXXNXXXXXX"            # 9, then ten digits
# strip = 1                        # the 9 goes
# trunks = ["itsp"]
#
# [did."+12025550100"]             # who calls this number over the trunk ...
# trunk = "itsp"
# to = "menu:attendant"            # ... arrives here

# What paid calls may cost, whoever makes them. Each phone on its own; 20 means 20.00 of your currency.
[policy]
calls_at_once = 2
money_per_call = 10
money_per_day = 20
"##;

#[cfg(test)]
mod tests {
    use super::TEXT;
    use crate::config_file::read;
    use pbx::config::Config;

    #[test]
    fn the_text_says_what_a_fresh_install_has() {
        match read("tollgate.toml", TEXT) {
            Ok(read) => assert_eq!(read.config, Config::fresh()),
            Err(broken) => panic!("{}", broken.fault()),
        }
    }

    #[test]
    fn what_is_commented_out_can_be_used_as_it_stands() {
        let text: String = TEXT
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(code) if code.starts_with('[') => code,
                Some(code) if code.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => code,
                _ if line.starts_with('#') => "",
                _ => line,
            })
            .fold(String::new(), |text, line| text + line + "\n");
        match read("tollgate.toml", &text) {
            Ok(read) => assert!(read.config.trunks.contains_key("itsp")),
            Err(broken) => panic!("{}", broken.fault()),
        }
    }
}

//! `[mail]`: the server that carries messages to their owners.

use std::net::IpAddr;

use super::SecretRef;
use super::tree::Table;
use super::words;

/// `[mail]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The SMTP server.
    pub server: String,
    /// Its port; 587 for `starttls`, 465 for `tls`.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Name to log in with; none: without logging in.
    pub username: Option<String>,
    /// Where the password is.
    pub secret: Option<SecretRef>,
    /// Sender of all mail.
    pub from: String,
    /// Certificates (PEM, relative to the home) that the server's is signed by, instead of the public ones.
    pub ca: Option<String>,
}

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS after STARTTLS (RFC 3207), or no mail.
    StartTls,
    /// TLS from the beginning (RFC 8314).
    Tls,
    /// None: to a server on this machine only.
    None,
}

/// Reads `[mail]`, if it is written.
pub(super) fn read(root: &Table<'_>) -> Option<Mail> {
    let written = root.has("mail");
    let table = root.table("mail");
    if !written {
        return None;
    }
    let security = |text: &str| match text {
        "starttls" => Ok(MailSecurity::StartTls),
        "tls" => Ok(MailSecurity::Tls),
        "none" => Ok(MailSecurity::None),
        _ => Err("\"starttls\", \"tls\" or, for a server on this machine, \"none\"".to_owned()),
    };
    let security = table.parse("security", security).unwrap_or(MailSecurity::StartTls);
    let usual = match security {
        MailSecurity::StartTls => 587,
        MailSecurity::Tls => 465,
        MailSecurity::None => 25,
    };
    let mail = Mail {
        server: table.parse("server", words::token).unwrap_or_default(),
        port: table.number("port", 1..=65_535).and_then(|port| u16::try_from(port).ok()).unwrap_or(usual),
        security,
        username: table.parse("username", words::text),
        secret: table.parse("secret", SecretRef::parse),
        from: table.parse("from", address).unwrap_or_default(),
        ca: table.parse("ca", words::text),
    };
    for (key, value, example) in
        [("server", &mail.server, "smtp.example.net"), ("from", &mail.from, "telephone@example.net")]
    {
        if !table.has(key) && value.is_empty() {
            table.problem(&[key], format!("mail needs this, like {key} = \"{example}\""));
        }
    }
    let here = mail.server.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) || mail.server == "localhost";
    if security == MailSecurity::None && !here {
        table.problem(
            &["security"],
            "without TLS to this machine only: messages and passwords are nobody else's business",
        );
    }
    if mail.username.is_some() != mail.secret.is_some() {
        table
            .problem(&["username"], "username and secret belong together: secret = \"env:VARIABLE\" or \"store:NAME\"");
    }
    table.finish();
    Some(mail)
}

/// An address of a mailbox in the internet's sense (RFC 5321 §4.1.2, without its quoted forms).
pub(super) fn address(text: &str) -> Result<String, String> {
    let good = text.split_once('@').is_some_and(|(local, domain)| {
        let local_good = (1..=64).contains(&local.len())
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        local_good && domain.len() <= 253 && domain.split('.').all(label)
    });
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?} is no address; for example \"you@example.net\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_addresses_and_carry_nothing_else() {
        for good in ["you@example.net", "a.b+c@x-y.example", "root@localhost"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in
            ["", "you", "@x", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: c@d", "a@-b", "<a@b>", ".a@b", "a..b@c", "a@b,c@d"]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}

//! One conversation with the mail server, over TLS that is checked, and its troubles in plain words.

use crate::home::Home;
use crate::limits::MAIL_PATIENCE;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use pbx::config::{Mail, MailSecurity, SecretRef};
use std::fmt;
use store::Store;
use zeroize::Zeroizing;

/// Why a mail did not go out.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// In words for the owner.
    pub(crate) why: String,
    /// Trying again would not help.
    pub(crate) for_good: bool,
}

impl Trouble {
    pub(crate) fn for_good(why: String) -> Self {
        Self { why, for_good: true }
    }

    fn for_now(why: String) -> Self {
        Self { why, for_good: false }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Hands a mail to the server; when it returns, the server has taken it.
pub(crate) async fn send(home: &Home, store: &Store, mail: &Mail, message: lettre::Message) -> Result<(), Trouble> {
    let server = format!("{}:{}", mail.server, mail.port);
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.server)
        .port(mail.port)
        .tls(tls(home, mail)?)
        .hello_name(ClientId::Domain("tollgate.invalid".to_owned()))
        .timeout(Some(MAIL_PATIENCE));
    if let (Some(username), Some(reference)) = (&mail.username, &mail.secret) {
        let secret = secret(home, store, reference).await?;
        builder = builder.credentials(Credentials::new(username.clone(), secret.as_str().to_owned()));
    }
    let sent = tokio::time::timeout(MAIL_PATIENCE * 2, builder.build().send(message)).await;
    match sent {
        Ok(Ok(_)) => Ok(()),
        Err(_) => Err(Trouble::for_now(format!("the mail server {server} is too slow"))),
        Ok(Err(error)) => Err(told(&server, &error)),
    }
}

fn told(server: &str, error: &lettre::transport::smtp::Error) -> Trouble {
    let mut why = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        why = format!("{why}: {inner}");
        source = inner.source();
    }
    let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect();
    let said = error.status().map(u16::from);
    match said {
        // Wrong name or password, or not allowed yet: the owner mends it, the mail waits.
        Some(530 | 534 | 535 | 538) => {
            Trouble::for_now(format!("the mail server {server} refuses our name and password: {why}"))
        }
        Some(_) if error.is_permanent() => Trouble::for_good(format!("the mail server {server} refuses it: {why}")),
        Some(_) => Trouble::for_now(format!("the mail server {server} does not take it now: {why}")),
        None if error.is_tls() => Trouble::for_now(format!("no safe connection to the mail server {server}: {why}")),
        None => Trouble::for_now(format!(
            "the mail server {server} cannot be reached or does not speak as it should: {why}"
        )),
    }
}

fn tls(home: &Home, mail: &Mail) -> Result<Tls, Trouble> {
    if mail.security == MailSecurity::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(mail.server.clone());
    if let Some(ca) = &mail.ca {
        let path = home.path().join(ca);
        let pem = std::fs::read(&path).map_err(|error| Trouble::for_now(format!("{}: {error}", path.display())))?;
        let certificate =
            Certificate::from_pem(&pem).map_err(|error| Trouble::for_now(format!("{}: {error}", path.display())))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters =
        parameters.build_rustls().map_err(|error| Trouble::for_now(format!("TLS cannot be set up: {error}")))?;
    Ok(match mail.security {
        MailSecurity::Tls => Tls::Wrapper(parameters),
        // INVARIANT: a server that offers no TLS gets neither mail nor password.
        MailSecurity::StartTls | MailSecurity::None => Tls::Required(parameters),
    })
}

async fn secret(_home: &Home, _store: &Store, reference: &SecretRef) -> Result<Zeroizing<String>, Trouble> {
    match reference {
        SecretRef::Env(variable) => std::env::var(variable).map(Zeroizing::new).map_err(|_| {
            Trouble::for_now(format!("the mail server's password is not in the environment variable {variable}"))
        }),
        SecretRef::Store(name) => Err(Trouble::for_now(format!("there is no secret {name} in the store"))),
    }
}

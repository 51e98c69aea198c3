//! What a trunk's answer means, in words for its owner.

use sip::{Credentials, Response};

/// What a final answer to REGISTER or OPTIONS (or to an INVITE) means. Without a response the status stands for silence (408)
/// or a lost connection (503).
#[must_use]
pub fn in_words(status: u16, response: Option<&Response>, register: bool) -> String {
    let said = response.map_or(String::new(), |r| format!(" ({status} {})", r.reason()));
    if response.is_none() {
        return match status {
            503 => "the connection was lost".to_owned(),
            _ => "it does not answer: wrong address, port or transport, or a firewall between".to_owned(),
        };
    }
    format!("{}{said}", meaning(status, register))
}

/// What became of a call that failed with this status; 0 where there was none.
#[must_use]
pub fn status_in_words(status: u16) -> String {
    match status {
        0 => "it did not come about".to_owned(),
        401 | 407 => "it wants a password for calls and has none from us that fits: see secret, realm".to_owned(),
        504 => "it does not answer calls".to_owned(),
        status => format!("{} ({status})", meaning(status, false)),
    }
}

fn meaning(status: u16, register: bool) -> String {
    match status {
        200..300 if register => "registered".to_owned(),
        200..300 => "answers".to_owned(),
        401 | 407 if register => {
            "it refuses our user name or secret: correct username, auth_user or the secret".to_owned()
        }
        401 | 407 => "answers, and wants a password".to_owned(),
        403 if register => {
            "it forbids us to register: the account is closed, or it does not know our address".to_owned()
        }
        403 => "it forbids the call: the account may not, or it does not know our address or number".to_owned(),
        404 if register => "it does not know our user name".to_owned(),
        404 | 604 => "it does not know the number: is number_format right?".to_owned(),
        484 => "the number is not whole: is number_format right?".to_owned(),
        423 => "it wants longer registrations".to_owned(),
        415 | 488 | 606 => "it speaks none of the codecs that we offer: see codecs".to_owned(),
        302 | 301 | 300 | 305 => "it sends us elsewhere, and that is never followed: name that host instead".to_owned(),
        408 | 480 => "it says that nobody is there".to_owned(),
        486 | 600 => "busy".to_owned(),
        503 => "it says that it is out of service".to_owned(),
        500..600 => "it has trouble of its own".to_owned(),
        _ => "it refuses".to_owned(),
    }
}

/// A challenge of another realm than ours, which got no answer.
#[must_use]
pub fn refused_realm(response: &Response, credentials: Option<&Credentials>) -> Option<String> {
    let header = match response.status() {
        401 => "WWW-Authenticate",
        407 => "Proxy-Authenticate",
        _ => return None,
    };
    let Some(credentials) = credentials else {
        return Some("it wants a password and has none from us: tollgate trunk secret".to_owned());
    };
    let ours = credentials.realm()?;
    let asked = response.header(header)?;
    (!asked.contains(&format!("\"{ours}\"")))
        .then(|| format!("it asks for the password of another realm than {ours:?}: it was not given (see realm)"))
}

//! The public address of the exchange, where it stands behind a router: set by hand, asked of a STUN server, or learned from
//! what a trunk says of where our packets come from. Followed when it changes: Contact and SDP for peers outside the local
//! networks, and the registrations at trunks.

use crate::exchange::serve::Running;
use crate::exchange::start;
use crate::exchange::wall;
use crate::net::sip_io::Ask;
use crate::net::stun;
use pbx::config::Config;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How often a STUN server is asked: a line that comes back with a new address is reachable again within this time.
const LOOK: Duration = Duration::from_secs(30);

/// Follows the public address until the task is dropped.
pub(crate) async fn follow(running: Arc<Running>) {
    let mut seen = running.phones.public();
    let mut told = running.exchange.snapshot.load().config.sip.public_address;
    loop {
        let config = Arc::clone(&running.exchange.snapshot.load().config);
        if config.sip.public_address.is_none()
            && let Some((host, port)) = &config.sip.stun
            && let Some(ip) = look(host, *port).await
        {
            running.phones.learned(ip);
        }
        let _ = seen.borrow_and_update();
        let public = now(&running, &config);
        if public != told {
            told = public;
            take_over(&running, &config).await;
            running.trunks_changed.notify_one();
            if let Some(public) = public {
                tracing::info!(%public, "the public address");
                running.store.event(wall(), "public-address", &format!("peers outside are told {public}"));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            changed = seen.changed() => if changed.is_err() { return },
            () = running.public_changed.notified() => {}
        }
    }
}

/// What counts: what was set by hand before what was learned.
fn now(running: &Running, config: &Config) -> Option<IpAddr> {
    config.sip.public_address.or_else(|| *running.phones.public().borrow())
}

/// From now on peers outside the local networks are told where we are, in signalling and for sound.
pub(crate) async fn take_over(running: &Running, config: &Config) {
    let public = now(running, config);
    running.media.configure(|ports| ports.set_public(public, config.sip.local_networks.clone()));
    let _ = running.signalling.send(Ask::Advertise(start::advertise(config, public))).await;
}

async fn look(host: &str, port: u16) -> Option<IpAddr> {
    let found = tokio::time::timeout(Duration::from_secs(5), tokio::net::lookup_host((host, port))).await;
    let server = match found {
        Ok(Ok(mut addresses)) => addresses.next()?,
        Ok(Err(error)) => {
            tracing::warn!(host, %error, "the STUN server cannot be found");
            return None;
        }
        Err(_) => return None,
    };
    match stun::ask(server).await {
        Ok(ip) => Some(ip),
        Err(error) => {
            tracing::warn!(host, error, "the STUN server tells nothing: the public address stays as it was");
            None
        }
    }
}

//! HTTP on loopback: `GET /metrics` for a monitoring system, `GET /healthz` for whoever restarts us, and the portal for people.
//! Numbers come from a [`Source`]; what the portal sees and does goes through a [`desk::Desk`]. The text format is in `metrics`,
//! the connections are in `listen`, the pages in `portal`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod desk;
pub mod limits;
mod listen;
mod metrics;
mod portal;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::net::TcpListener;

pub use metrics::{Kind, Metric, Sample};
pub use portal::Portal;

/// Whom we ask; implemented over `pbx::control`. Both are called for every request and must not block.
pub trait Source: Send + Sync + 'static {
    /// All numbers of this moment.
    fn metrics(&self) -> Vec<Metric>;
    /// Can calls be handled?
    fn healthy(&self) -> bool;
}

/// Serves until `end` resolves; connections that are on are finished, for [`limits::LIFE`] at most.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`] where the listener is not on a loopback address: nothing here asks who you are.
/// Else what the socket says.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    portal: Option<Arc<Portal>>,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_for(listener, source, portal, limits::LIFE, end).await
}

/// The same with another life of connections.
///
/// # Errors
/// As [`serve`].
#[doc(hidden)]
pub async fn serve_for(
    listener: TcpListener,
    source: Arc<dyn Source>,
    portal: Option<Arc<Portal>>,
    life: Duration,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "metrics are served on a loopback address only"));
    }
    let service = router(source, portal, address.port()).into_make_service_with_connect_info::<listen::Peer>();
    axum::serve(listen::Bounded::new(listener, life), service).with_graceful_shutdown(end).await
}

fn router(source: Arc<dyn Source>, portal: Option<Arc<Portal>>, port: u16) -> Router {
    let numbers = Router::new()
        .route("/metrics", any(metrics))
        .route("/healthz", any(healthz))
        .route_layer(from_fn(only_questions))
        .with_state(source);
    let all = match portal {
        Some(portal) => numbers.merge(portal::router(portal)),
        None => numbers,
    };
    all.layer(from_fn(move |request: Request, next: Next| gatekeeper(port, request, next)))
        .layer(map_response(harmless))
}

async fn metrics(State(source): State<Arc<dyn Source>>) -> Response {
    let text = metrics::render(&source.metrics());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn healthz(State(source): State<Arc<dyn Source>>) -> Response {
    let (status, text) =
        if source.healthy() { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "unhealthy\n") };
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Only those who meant us: a page of another site that had its name resolved to 127.0.0.1 (DNS
/// rebinding) sends its own name as Host.
async fn gatekeeper(port: u16, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(HOST).iter();
    let ours = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(|host| is_ours(host, port)),
        _ => false,
    };
    if !ours {
        return (StatusCode::MISDIRECTED_REQUEST, "this is not the host you asked for\n").into_response();
    }
    next.run(request).await
}

/// Numbers are read, never written.
async fn only_questions(request: Request, next: Next) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], "only questions here\n").into_response();
    }
    next.run(request).await
}

fn is_ours(host: &str, port: u16) -> bool {
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    if let Ok(address) = host.parse::<SocketAddr>() {
        return is_loopback(address.ip()) && address.port() == port;
    }
    let (name, named_port) = match host.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => (name, digits.parse::<u16>().ok()),
        _ => (host, Some(80)),
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    named_port == Some(port) && (name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(is_loopback))
}

/// Nothing but our own files runs or shows on a page, nobody frames it, nothing of it is kept or told to others.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

async fn harmless(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_with_our_port_are_ours() {
        let check = |host: &str, expected: bool| assert_eq!(is_ours(host, 8081), expected, "{host}");
        check("127.0.0.1:8081", true);
        check("127.0.0.9:8081", true);
        check("LocalHost:8081", true);
        check("[::1]:8081", true);
        check("127.0.0.1", false);
        check("127.0.0.1:80", false);
        check("localhost", false);
        check("evil.example:8081", false);
        check("localhost.evil.example:8081", false);
        check("10.0.0.1:8081", false);
        check("", false);
        check(":8081", false);
        check("::1", false);
        assert!(is_ours("localhost", 80) && is_ours("[::1]", 80));
    }
}

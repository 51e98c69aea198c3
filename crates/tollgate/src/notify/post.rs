//! One HTTP/1.1 POST (RFC 9112) to the owner's webhook, signed: nothing is followed, nothing but the status is read.

use crate::limits::NOTICE_PATIENCE;
use crate::net::tls::{Peer, Trust, in_words};
use hmac::{Hmac, Mac as _};
use pbx::config::Url;
use sha2::Sha256;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Bytes of an answer that are looked at: its first line.
const ANSWER: usize = 256;

/// What stands in the header `X-Tollgate-Signature`: `t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY` under the secret.
pub(super) fn signature(secret: &str, body: &str, now: i64) -> String {
    let seconds = now.div_euclid(1000);
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// Posts; done when the other side said 2xx.
pub(super) async fn post(url: &Url, ca: Option<&Path>, body: &str, secret: &str, now: i64) -> Result<(), String> {
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tollgate/{}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nX-Tollgate-Signature: {}\r\nConnection: close\r\n\r\n{body}",
        url.path,
        host(url),
        env!("CARGO_PKG_VERSION"),
        body.len(),
        signature(secret, body, now),
    );
    let talk = async {
        let stream = TcpStream::connect((url.host.as_str(), url.port))
            .await
            .map_err(|error| format!("{url} cannot be reached: {error}"))?;
        if !url.tls {
            return converse(stream, &request).await;
        }
        let trust = ca.map_or(Trust::Public, |path| Trust::Authority(path.to_path_buf()));
        let peer = Peer::new(&url.host, &trust)?;
        let secure = TlsConnector::from(peer.config).connect(peer.name, stream).await;
        converse(secure.map_err(|error| format!("no safe connection to {url}: {}", in_words(&error)))?, &request).await
    };
    let status = tokio::time::timeout(NOTICE_PATIENCE, talk).await.map_err(|_| format!("{url} is too slow"))??;
    if (200..300).contains(&status) { Ok(()) } else { Err(format!("{url} answered with {status}")) }
}

fn host(url: &Url) -> String {
    let bare = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
    if url.port == if url.tls { 443 } else { 80 } { bare } else { format!("{bare}:{}", url.port) }
}

/// The status of the answer.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Result<u16, String> {
    let broken = |error: std::io::Error| format!("the connection broke: {error}");
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut head = Vec::with_capacity(ANSWER);
    while head.len() < ANSWER && !head.contains(&b'\n') {
        let mut byte = [0; 1];
        if stream.read(&mut byte).await.map_err(broken)? == 0 {
            break;
        }
        head.extend_from_slice(&byte);
    }
    let line = String::from_utf8_lossy(&head);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse().ok());
    status.ok_or_else(|| "what answered speaks no HTTP".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn the_signature_is_hmac_sha_256_over_time_and_body() {
        // openssl: printf '%s' '1767268800.{}' | openssl dgst -sha256 -hmac secret
        let expected = "t=1767268800,v1=749c0398f327aa9439449258320a5b0b40eb6e9a9a811060256a40212ab46c0f";
        let one = signature("secret", "{}", 1_767_268_800_123);
        assert_eq!(one, expected);
        assert_ne!(one, signature("secret", "{} ", 1_767_268_800_123));
        assert_ne!(one, signature("other", "{}", 1_767_268_800_123));
        assert_ne!(one, signature("secret", "{}", 1_767_268_801_123));
    }

    async fn answered(answer: &'static [u8]) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/hook", listener.local_addr().unwrap())).unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4_096];
            let length = stream.read(&mut asked).await.unwrap();
            stream.write_all(answer).await.unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        };
        let (posted, asked) = tokio::join!(post(&url, None, "{}", "secret", 0), server);
        assert!(asked.starts_with("POST /hook HTTP/1.1\r\nHost: 127.0.0.1:"), "{asked}");
        assert!(asked.contains("X-Tollgate-Signature: t=0,v1=") && asked.ends_with("\r\n\r\n{}"), "{asked}");
        posted
    }

    #[tokio::test]
    async fn only_a_good_status_counts_and_nothing_is_followed() {
        assert_eq!(answered(b"HTTP/1.1 204 No Content\r\n\r\n").await, Ok(()));
        assert!(
            answered(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n").await.unwrap_err().contains("302")
        );
        assert!(answered(b"HTTP/1.0 500 No\r\n\r\n").await.unwrap_err().contains("500"));
        assert!(answered(b"SSH-2.0-x\r\n").await.unwrap_err().contains("no HTTP"));
        assert!(answered(&[b'x'; 4_096]).await.is_err());
        assert!(answered(b"").await.is_err());
    }
}

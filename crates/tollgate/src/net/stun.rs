//! Asks a STUN server where our packets come from (RFC 8489): a Binding request, its XOR-MAPPED-ADDRESS, nothing else.
//!
//! An answer counts only from the server's own address and with the transaction's 96 random bits, so that nobody on the way but
//! the server tells us who we are.

use crate::exchange::random;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];
/// First wait for an answer, doubled at each repetition (RFC 8489 §6.2.1).
const RTO: Duration = Duration::from_millis(500);
/// Requests in all: an answer that takes longer than seven seconds comes with the next look.
const TRIES: u32 = 4;

/// Our address as the server sees it.
pub(crate) async fn ask(server: SocketAddr) -> Result<IpAddr, String> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await.map_err(|error| error.to_string())?;
    let bytes = random().map_err(|fault| fault.message)?;
    let id: [u8; 12] = bytes.first_chunk().copied().unwrap_or_default();
    let request = request(id);
    let mut wait = RTO;
    let mut buffer = [0; 1500];
    for _ in 0..TRIES {
        socket.send_to(&request, server).await.map_err(|error| error.to_string())?;
        let until = tokio::time::Instant::now() + wait;
        while let Ok(got) = tokio::time::timeout_at(until, socket.recv_from(&mut buffer)).await {
            // A port that is closed comes back as an error: the next try may find it open.
            let Ok((length, from)) = got else { break };
            if from == server
                && let Some(ip) = buffer.get(..length).and_then(|answer| mapped(answer, id))
            {
                return Ok(ip);
            }
        }
        tokio::time::sleep_until(until).await;
        wait *= 2;
    }
    Err(format!("{server} does not answer"))
}

fn request(id: [u8; 12]) -> Vec<u8> {
    [&BINDING_REQUEST[..], &[0, 0], &COOKIE, &id].concat()
}

/// The address in a success response to the request with this id.
fn mapped(answer: &[u8], id: [u8; 12]) -> Option<IpAddr> {
    let (head, mut rest) = answer.split_at_checked(20)?;
    let length = usize::from(u16::from_be_bytes([*head.get(2)?, *head.get(3)?]));
    if head.get(..2)? != BINDING_SUCCESS || head.get(4..8)? != COOKIE || head.get(8..)? != id || rest.len() != length {
        return None;
    }
    while let Some((head, after)) = rest.split_at_checked(4) {
        let length = usize::from(u16::from_be_bytes([*head.get(2)?, *head.get(3)?]));
        let value = after.get(..length)?;
        if head.get(..2)? == XOR_MAPPED_ADDRESS {
            return address(value, id);
        }
        rest = after.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn address(value: &[u8], id: [u8; 12]) -> Option<IpAddr> {
    let key = [&COOKIE[..], &id].concat();
    let plain: Vec<u8> = value.get(4..)?.iter().zip(key).map(|(byte, key)| byte ^ key).collect();
    match value.get(1)? {
        1 => Some(<[u8; 4]>::try_from(plain).ok()?.into()),
        2 => Some(<[u8; 16]>::try_from(plain).ok()?.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 §2.2 and §2.3: the vectors of the standard, their first attributes left in place.
    const ID: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn response(attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
        [&BINDING_SUCCESS[..], &length, &COOKIE, &ID, attributes].concat()
    }

    const SOFTWARE: &[u8] = b"\x80\x22\x00\x0btest vector\x20";

    #[test]
    fn the_standards_vectors_are_read() {
        let four = [SOFTWARE, b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"].concat();
        assert_eq!(mapped(&response(&four), ID), Some("192.0.2.1".parse().unwrap()));
        let six = b"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
        assert_eq!(
            mapped(&response(&[SOFTWARE, six].concat()), ID),
            Some("2001:db8:1234:5678:11:2233:4455:6677".parse().unwrap())
        );
    }

    #[test]
    fn what_is_no_answer_of_ours_says_nothing() {
        let four = [SOFTWARE, b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"].concat();
        let good = response(&four);
        assert_eq!(mapped(&good, [0; 12]), None, "another transaction");
        for cut in 0..good.len() {
            assert_eq!(mapped(&good[..cut], ID), None, "cut at {cut}");
        }
        let mut other = good.clone();
        other[1] = 0x11;
        assert_eq!(mapped(&other, ID), None, "an error response");
        assert_eq!(mapped(&response(b"\x00\x20\xff\xff\x00\x01"), ID), None, "a length beyond the end");
        assert_eq!(mapped(&response(b"\x00\x20\x00\x06\x00\x01\xa1\x47\xe1\x12\x00\x00"), ID), None, "half an address");
    }

    #[tokio::test]
    async fn only_the_server_answers() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = server.local_addr().unwrap();
        let asked = tokio::spawn(ask(at));
        let mut buffer = [0; 100];
        let (length, from) = server.recv_from(&mut buffer).await.unwrap();
        assert_eq!((length, &buffer[..2]), (20, &BINDING_REQUEST[..]));
        let id: [u8; 12] = buffer[8..20].try_into().unwrap();
        let answer = |ip: [u8; 4]| {
            let xored: Vec<u8> = ip.iter().zip(COOKIE).map(|(byte, key)| byte ^ key).collect();
            [&BINDING_SUCCESS[..], &[0, 12], &COOKIE, &id, b"\x00\x20\x00\x08\x00\x01\x00\x00", &xored].concat()
        };
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        stranger.send_to(&answer([6, 6, 6, 6]), from).await.unwrap();
        server.send_to(b"\x01\x01\x00\x00 nonsense", from).await.unwrap();
        server.send_to(&answer([198, 51, 100, 7]), from).await.unwrap();
        assert_eq!(asked.await.unwrap(), Ok("198.51.100.7".parse().unwrap()));
    }
}

//! RTCP (RFC 3550 §6): sender and receiver reports, the name of the source, and goodbye.

use crate::limits::{MAX_PACKET, MAX_RTCP_BLOCKS};
use crate::rtp::ReportBlock;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
/// The item type of a canonical name (§6.5.1).
const CNAME: u8 = 1;

/// What a sender says of itself (§6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// Now, as 32.32 bits of seconds. Only differences count here.
    pub ntp: u64,
    /// Now, in ticks of the stream.
    pub rtp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// One packet of a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// SR, or RR when there is no sender information.
    Report {
        /// Who reports.
        ssrc: u32,
        /// What it sent.
        sender: Option<SenderInfo>,
        /// What it heard.
        blocks: Vec<ReportBlock>,
    },
    /// SDES with its canonical name, all that we read of it.
    Description {
        /// Whose.
        ssrc: u32,
        /// The name, as UTF-8 as it can be.
        cname: String,
    },
    /// The streams that end.
    Bye {
        /// Which.
        ssrcs: Vec<u32>,
    },
    /// APP, feedback and what else there is.
    Other(u8),
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

fn block_at(bytes: &[u8]) -> Option<ReportBlock> {
    let lost = u32_at(bytes, 4)?;
    Some(ReportBlock {
        ssrc: u32_at(bytes, 0)?,
        fraction_lost: (lost >> 24) as u8,
        // 24 bits with a sign.
        lost: ((lost << 8) as i32) >> 8,
        highest: u32_at(bytes, 8)?,
        jitter: u32_at(bytes, 12)?,
        last_sr: u32_at(bytes, 16)?,
        delay: u32_at(bytes, 20)?,
    })
}

/// Reads a compound packet. `None` for what is none: the first must be a report (§6.1), lengths must add up.
pub fn parse(bytes: &[u8]) -> Option<Vec<Packet>> {
    if bytes.len() > MAX_PACKET {
        return None;
    }
    let mut packets = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if packets.len() >= MAX_RTCP_BLOCKS {
            return None;
        }
        let &[flags, kind, high, low] = rest.first_chunk::<4>()?;
        let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        let (packet, after) = rest.split_at_checked(length)?;
        rest = after;
        if flags >> 6 != 2 || (packets.is_empty() && !matches!(kind, SENDER_REPORT | RECEIVER_REPORT)) {
            return None;
        }
        let mut body = packet.get(4..)?;
        if flags & 0x20 != 0 {
            let padding = usize::from(*body.last()?);
            body = body.get(..body.len().checked_sub(padding)?)?;
        }
        packets.push(one(kind, usize::from(flags & 0x1F), body)?);
    }
    (!packets.is_empty()).then_some(packets)
}

fn one(kind: u8, count: usize, body: &[u8]) -> Option<Packet> {
    let count = count.min(MAX_RTCP_BLOCKS);
    match kind {
        SENDER_REPORT | RECEIVER_REPORT => {
            let ssrc = u32_at(body, 0)?;
            let sender = kind == SENDER_REPORT;
            let info = if sender {
                Some(SenderInfo {
                    ntp: (u64::from(u32_at(body, 4)?) << 32) | u64::from(u32_at(body, 8)?),
                    rtp: u32_at(body, 12)?,
                    packets: u32_at(body, 16)?,
                    octets: u32_at(body, 20)?,
                })
            } else {
                None
            };
            let start = if sender { 24 } else { 4 };
            let blocks = (0..count).map(|index| block_at(body.get(start + index * 24..)?)).collect::<Option<_>>()?;
            Some(Packet::Report { ssrc, sender: info, blocks })
        }
        DESCRIPTION if count == 0 => Some(Packet::Other(kind)),
        DESCRIPTION => {
            let ssrc = u32_at(body, 0)?;
            Some(Packet::Description { ssrc, cname: cname(body.get(4..)?).unwrap_or_default() })
        }
        BYE => {
            let ssrcs = (0..count).map(|index| u32_at(body, index * 4)).collect::<Option<_>>()?;
            Some(Packet::Bye { ssrcs })
        }
        other => Some(Packet::Other(other)),
    }
}

/// The canonical name among the items of the first chunk.
fn cname(mut items: &[u8]) -> Option<String> {
    loop {
        let &[kind, length] = items.first_chunk::<2>()?;
        let text = items.get(2..2 + usize::from(length))?;
        match kind {
            0 => return None,
            CNAME => return Some(String::from_utf8_lossy(text).into_owned()),
            _ => items = items.get(2 + usize::from(length)..)?,
        }
    }
}

fn head(out: &mut Vec<u8>, count: usize, kind: u8, words: usize) {
    out.push(0x80 | (count as u8 & 0x1F));
    out.push(kind);
    out.extend_from_slice(&(words as u16).to_be_bytes());
}

/// Appends our compound: SR or RR with at most one block, SDES, and BYE if this is the last.
pub fn write(
    out: &mut Vec<u8>,
    ssrc: u32,
    sender: Option<&SenderInfo>,
    block: Option<&ReportBlock>,
    cname: &str,
    bye: bool,
) {
    let blocks = usize::from(block.is_some());
    let (kind, words) = if sender.is_some() { (SENDER_REPORT, 6) } else { (RECEIVER_REPORT, 1) };
    head(out, blocks, kind, words + blocks * 6);
    out.extend_from_slice(&ssrc.to_be_bytes());
    if let Some(sender) = sender {
        out.extend_from_slice(&sender.ntp.to_be_bytes());
        for word in [sender.rtp, sender.packets, sender.octets] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
    if let Some(block) = block {
        let lost = (u32::from(block.fraction_lost) << 24) | (block.lost as u32 & 0x00FF_FFFF);
        for word in [block.ssrc, lost, block.highest, block.jitter, block.last_sr, block.delay] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
    let name = cname.as_bytes().get(..cname.len().min(255)).unwrap_or_default();
    // The items end with at least one zero, up to the next word.
    let words = 1 + (2 + name.len()) / 4 + 1;
    let start = out.len();
    head(out, 1, DESCRIPTION, words);
    out.extend_from_slice(&ssrc.to_be_bytes());
    out.push(CNAME);
    out.push(name.len() as u8);
    out.extend_from_slice(name);
    out.resize(start + 4 + words * 4, 0);
    if bye {
        head(out, 1, BYE, 1);
        out.extend_from_slice(&ssrc.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 5,
        fraction_lost: 200,
        lost: -3,
        highest: 70_000,
        jitter: 33,
        last_sr: 0x1234_5678,
        delay: 65_536,
    };
    const SENDER: SenderInfo = SenderInfo { ntp: 0x0102_0304_0506_0708, rtp: 9, packets: 10, octets: 1600 };

    #[test]
    fn what_is_written_is_read_back() {
        for name in ["", "a", "ab", "abc", "abcd", "abcdef@tollgate"] {
            for (sender, block, bye) in [
                (Some(&SENDER), Some(&BLOCK), true),
                (Some(&SENDER), None, false),
                (None, Some(&BLOCK), false),
                (None, None, true),
            ] {
                let mut bytes = Vec::new();
                write(&mut bytes, 77, sender, block, name, bye);
                assert_eq!(bytes.len() % 4, 0);
                let mut expected = vec![
                    Packet::Report { ssrc: 77, sender: sender.copied(), blocks: block.copied().into_iter().collect() },
                    Packet::Description { ssrc: 77, cname: name.to_owned() },
                ];
                if bye {
                    expected.push(Packet::Bye { ssrcs: vec![77] });
                }
                assert_eq!(parse(&bytes), Some(expected));
            }
        }
    }

    #[test]
    fn a_compound_starts_with_a_report_and_adds_up() {
        let mut bye = Vec::new();
        head(&mut bye, 1, BYE, 1);
        bye.extend_from_slice(&[0, 0, 0, 1]);
        assert_eq!(parse(&bye), None);
        let mut report = Vec::new();
        write(&mut report, 1, Some(&SENDER), Some(&BLOCK), "name", false);
        for length in 0..report.len() {
            // Only the cut between the report and the description is a whole compound.
            assert_eq!(parse(&report[..length]).is_some(), length == 52, "{length}");
        }
        assert_eq!(parse(&[]), None);
    }

    #[test]
    fn a_compound_has_at_most_so_many_packets() {
        let empty = [0x80, RECEIVER_REPORT, 0, 1, 0, 0, 0, 1];
        assert!(parse(&empty.repeat(MAX_RTCP_BLOCKS)).is_some());
        assert!(parse(&empty.repeat(MAX_RTCP_BLOCKS + 1)).is_none());
        assert!(parse(&vec![0; MAX_PACKET + 4]).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_broken_report_parses_or_not(flip in 0usize..76, value in any::<u8>()) {
            let mut bytes = Vec::new();
            write(&mut bytes, 77, Some(&SENDER), Some(&BLOCK), "abcdef", true);
            if let Some(byte) = bytes.get_mut(flip) {
                *byte = value;
            }
            let _ = parse(&bytes);
        }
    }
}

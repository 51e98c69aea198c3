//! What the telephone of a drill sends as sound: silence in packets of 20 ms, and keys as telephone events (RFC 4733).

use media::event::{Sender, Step};
use media::rtp::Header;
use media::sdp::Negotiated;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// How long a key is held: 40 ms are enough for ITU-T Q.24, twice as much for a packet that is lost.
const HELD_MS: u32 = 80;

/// Samples of a packet of 20 ms at 8 kHz.
const SAMPLES: u32 = 160;

/// One way of sound.
pub(super) struct Voice {
    socket: UdpSocket,
    to: SocketAddr,
    silence: Vec<u8>,
    payload_type: u8,
    events: Option<u8>,
    pressed: mpsc::Receiver<char>,
    waiting: VecDeque<char>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl Voice {
    pub(super) fn new(socket: UdpSocket, agreed: Negotiated, pressed: mpsc::Receiver<char>) -> Self {
        let mut silence = Vec::with_capacity(320);
        if let Some(codec) = agreed.codec.codec() {
            let samples = codec.rate().hz() as usize / 50;
            codec.encoder().encode(&vec![0; samples], &mut silence);
        }
        let port = u32::from(socket.local_addr().map_or(0, |at| at.port()));
        Self {
            socket,
            to: agreed.remote,
            silence,
            payload_type: agreed.pt_out,
            events: agreed.dtmf.map(|(_, out)| out),
            pressed,
            waiting: VecDeque::new(),
            // Unlike those of the other lines; it need not be a secret on a machine's own loopback.
            ssrc: 0xD111_0000 | port,
            sequence: 1,
            timestamp: 1,
        }
    }

    /// Until nobody can press a key any more.
    pub(super) async fn speak(mut self) {
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut key: Option<(Sender, u32)> = None;
        loop {
            clock.tick().await;
            loop {
                match self.pressed.try_recv() {
                    Ok(pressed) => self.waiting.push_back(pressed),
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => return,
                }
            }
            if key.is_none()
                && let Some(pressed) = self.waiting.pop_front()
            {
                key = Sender::new(pressed, HELD_MS, 8_000).map(|sender| (sender, self.timestamp));
            }
            let step = key.as_mut().map(|(sender, since)| (sender.step(), *since));
            match (step, self.events) {
                (Some((Step::Packet { payload, first }, since)), Some(events)) => {
                    self.send(events, first, since, &payload.bytes()).await;
                }
                (Some((Step::Done, _)), _) => key = None,
                (Some((Step::Pause, _)), _) => {}
                (Some(_), None) | (None, _) => {
                    let silence = std::mem::take(&mut self.silence);
                    self.send(self.payload_type, false, self.timestamp, &silence).await;
                    self.silence = silence;
                }
            }
            self.timestamp = self.timestamp.wrapping_add(SAMPLES);
            // What the exchange says is not listened to: what it does is seen directly.
            let mut heard = [0; 2_048];
            while self.socket.try_recv(&mut heard).is_ok() {}
        }
    }

    async fn send(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) {
        let header = Header { payload_type, marker, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        let mut packet = Vec::with_capacity(12 + payload.len());
        header.write(&mut packet);
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        if let Err(error) = self.socket.send_to(&packet, self.to).await {
            tracing::trace!(%error, "a packet of a drill was not sent");
        }
    }
}

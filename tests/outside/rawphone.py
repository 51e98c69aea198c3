"""A telephone of our own whose every octet a test can see and alter: UDP or TCP, IPv4 or IPv6,
digest SHA-256 and MD5, RTP G.711 with RFC 4733 digits. The real telephones: baresip.py, linphone.py, sipp.py.
"""
import array
import random
import re
import socket
import struct
import threading
import time

import procs
from message import Msg, digest, param, uri_of
from procs import until
from sound import DECODE, g711_decode, g711_encode, load, write_wav


def host(ip):
    """An address as it stands in a URI."""
    return "[%s]" % ip if ":" in ip else ip


class RawPhone:
    """A SIP user agent. `exchange` is (ip, port) of whom it talks to.

    auto: answers BYE, CANCEL, OPTIONS, INFO, REFER, NOTIFY and re-INVITE of its calls by itself.
    `trace` holds (time, '>' or '<', octets); `algorithm` picks a challenge ("MD5")."""

    def __init__(self, user, password="", exchange=("127.0.0.1", 5060), ip=None, transport="udp", codecs=(0, 8),
                 algorithm=None, domain=None, port=0):
        self.ip = ip or ("::1" if ":" in exchange[0] else procs.address())
        self.user, self.password, self.proxy, self.transport = user, password, exchange, transport
        self.domain = domain or host(exchange[0])
        self.codecs, self.algorithm, self.auto, self.closed = codecs, algorithm, True, False
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.sock = socket.socket(procs.family(self.ip), kind)
        self.sock.bind((self.ip, port))
        if transport == "tcp":
            self.sock.settimeout(5)
            self.sock.connect(exchange)
            self.sock.settimeout(None)
        self.port = self.sock.getsockname()[1]
        self.contact = "sip:%s@%s:%d%s" % (user, host(self.ip), self.port, ";transport=tcp" if transport == "tcp" else "")
        self.aor = "sip:%s@%s" % (user, self.domain)
        self.trace, self.responses, self.requests, self.notifies, self._replied = [], [], [], [], {}
        self.calls, self.incoming, self.cond = {}, [], threading.Condition()
        self.rang = 0                                      # INVITEs that began a call, retransmissions not counted
        self._reader = threading.Thread(target=self._loop if transport == "udp" else self._stream, daemon=True)
        self._reader.start()

    # -- transport
    def send_raw(self, data, dest=None):
        """Send octets (or a Msg) as they are."""
        data = bytes(data)
        self.trace.append((time.time(), ">", data))
        if self.transport == "tcp":
            self.sock.sendall(data)
        else:
            self.sock.sendto(data, dest or self.proxy)

    def exchange(self, data, timeout=2, dest=None):
        """Send octets or a Msg once; return the first response to it but 100 Trying, or None. Octets that are no message
        have no branch: there any response counts."""
        start, branch = len(self.responses), param(data.get("via"), "branch") if isinstance(data, Msg) else ""
        self.send_raw(data, dest)
        try:
            return until(self.cond, timeout, "response", lambda: [
                r for r in self.responses[start:] if branch in r.get("via") and r.status != 100])[0]
        except TimeoutError:
            return None

    def _loop(self):
        while True:
            try:
                data, addr = self.sock.recvfrom(65535)
            except OSError:
                return
            self._take(data, addr)

    def _stream(self):
        buf = b""
        while True:
            try:
                chunk = self.sock.recv(65535)
            except OSError:
                chunk = b""
            if not chunk:
                self.closed = True
                return
            buf += chunk
            while True:
                buf = buf.lstrip(b"\r\n")
                head, sep, rest = buf.partition(b"\r\n\r\n")
                if not sep:
                    break
                m = re.search(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d+)", head, re.I | re.M)
                size = int(m.group(1)) if m else 0
                if len(rest) < size:
                    break
                self._take(head + sep + rest[:size], self.proxy)
                buf = rest[size:]

    def _take(self, data, addr):
        self.trace.append((time.time(), "<", data))
        if not data.strip():
            return
        m = Msg.parse(data)
        m.source, m.wire = addr, data
        with self.cond:
            (self.responses if m.status else self.requests).append(m)
            try:
                if not m.status:
                    self._serve(m, addr)
                elif m.status // 100 == 2 and "INVITE" in m.get("cseq"):
                    c = self.calls.get(m.get("call-id"))
                    if c and c.acked and not c.mute_acks:         # retransmitted 2xx
                        self.send_raw(c.acked, c.acked_to)
            except Exception as e:                                # keep the loop alive on odd input
                self.trace.append((time.time(), "!", repr(e).encode()))
            self.cond.notify_all()

    def reply(self, req, code, reason="OK", headers=(), body=b"", tag="", addr=None):
        """Answer a request."""
        h = [["Via", v] for v in req.all("via")] + [["Record-Route", v] for v in req.all("record-route")]
        to = req.get("to") + (";tag=" + tag if tag and "tag=" not in req.get("to") else "")
        h += [["From", req.get("from")], ["To", to], ["Call-ID", req.get("call-id")], ["CSeq", req.get("cseq")]]
        raw = bytes(Msg("SIP/2.0 %d %s" % (code, reason), h + [list(x) for x in headers], body))
        self._replied[req.get("via"), req.get("cseq")] = raw, addr
        self.send_raw(raw, addr or self.proxy)

    def _serve(self, m, addr):
        seen = self._replied.get((m.get("via"), m.get("cseq")))
        if seen and m.method != "ACK":
            return self.send_raw(*seen)
        call, ok = self.calls.get(m.get("call-id")), lambda *a, **k: self.reply(m, *a, addr=addr, **k)
        if m.method == "ACK":
            if call:
                call.got_ack = True
                call.remote_sdp(m.body)
        elif not self.auto:
            return
        elif m.method == "INVITE" and not call:
            call = Call(self, m.get("from"), m, addr)
            self.rang += 1
            ok(100, "Trying")
            self.on_call(call)
        elif m.method in ("INVITE", "UPDATE"):
            call.remote_sdp(m.body)
            body = call.sdp(call.mirror) if m.method == "INVITE" or m.body else b""
            kind = [["Content-Type", "application/sdp"]] if body else []
            ok(200, headers=[["Contact", "<%s>" % self.contact]] + kind, body=body)
            call.reinvites += 1
        elif m.method == "CANCEL":
            ok(200)
            if call and not call.answered:
                self.reply(call.invite, 487, "Request Terminated", tag=call.tag, addr=call.addr)
                call.finish("CANCEL")
        elif m.method in ("OPTIONS", "NOTIFY") or call:
            ok(202 if m.method == "REFER" else 200, "Accepted" if m.method == "REFER" else "OK")
            if m.method == "BYE":
                call.finish("BYE")
            elif m.method == "NOTIFY":
                self.notifies.append(m)
            elif m.method == "REFER":
                call.refer_to = uri_of(m.get("refer-to"))
            elif m.method == "INFO":
                found = re.search(rb"^\s*(?:Signal\s*=\s*)?([0-9*#A-D])\s*$", m.body, re.M)
                call.digits += found.group(1).decode() if found else ""
        else:
            ok(481, "Call/Transaction Does Not Exist")

    def on_call(self, call):
        """A new incoming call (called with the lock held)."""
        self.incoming.append(call)

    # -- requests
    def build(self, method, uri, call=None, headers=(), body=b"", cseq=None):
        """A request as a Msg, to be altered and sent. headers replace those of the same name (value None: leave out)."""
        cid = call.call_id if call else "%016x@outside" % random.getrandbits(64)
        me = call.local if call else "<%s>;tag=%x" % (self.aor, random.getrandbits(32))
        to = call.remote if call else "<%s>" % uri
        via = "SIP/2.0/%s %s:%d;rport;branch=z9hG4bK%016x" % (
            self.transport.upper(), host(self.ip), self.port, random.getrandbits(64))
        h = [["Via", via], ["Max-Forwards", "70"], ["From", me], ["To", to], ["Call-ID", cid],
             ["CSeq", "%d %s" % (cseq or 1, method)], ["Contact", "<%s>" % self.contact], ["User-Agent", "rawphone"]]
        h += [["Route", r] for r in (call.routes if call else ())]
        given = {n.lower() for n, _ in headers}
        h = [x for x in h if x[0].lower() not in given] + [list(x) for x in headers if x[1] is not None]
        return Msg("%s %s SIP/2.0" % (method, uri), h, body)

    def transact(self, m, timeout=10, dest=None, on_provisional=None):
        """Send a request with retransmission; return its final response (non-2xx to INVITE is ACKed)."""
        branch, wait, end, seen = param(m.get("via"), "branch"), 0.5, time.monotonic() + timeout, 0

        def mine():
            return [r for r in self.responses
                    if param(r.get("via"), "branch") == branch and r.get("cseq").endswith(m.method)][seen:]
        self.send_raw(m, dest)
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("%s: no final response within %ss" % (m.start, timeout))
            try:
                new = until(self.cond, min(wait, left), m.start, mine)
            except TimeoutError:
                if not seen and self.transport == "udp":
                    self.send_raw(m, dest)
                wait = min(wait * 2, 4)
                continue
            for r in new:
                seen += 1
                if r.status >= 200:
                    if m.method == "INVITE" and r.status >= 300:
                        keep = ("via", "max-forwards", "from", "call-id", "route")
                        ack = Msg("ACK" + m.start[6:], [h for h in m.headers if h[0].lower() in keep])
                        self.send_raw(ack.set("To", r.get("to")).set("CSeq", m.get("cseq").replace("INVITE", "ACK")), dest)
                    return r
                if on_provisional:
                    on_provisional(r)

    def request(self, method, uri, call=None, headers=(), body=b"", timeout=10, dest=None, on_provisional=None, on_send=None):
        """Send a request and answer one digest challenge; return the final response."""
        m = self.build(method, uri, call, headers, body, call.next_cseq() if call else 1)
        for attempt in (0, 1):
            if on_send:
                on_send(m)
            r = self.transact(m, timeout, dest, on_provisional)
            if r.status not in (401, 407) or attempt or not self.password:
                return r
            value = self.authorize(r, method, uri)
            again = self.build(method, uri, call, headers, body, call.next_cseq() if call else 2)
            again.set("Call-ID", m.get("call-id")).set("From", m.get("from"))
            m = again.set("Authorization" if r.status == 401 else "Proxy-Authorization", value)

    def authorize(self, challenged, method, uri, **changes):
        """The answer to a 401 or 407; SHA-256 is preferred unless `algorithm` says otherwise."""
        name = "WWW-Authenticate" if challenged.status == 401 else "Proxy-Authenticate"
        offers = [c for c in challenged.all(name) if not self.algorithm or param_of(c, "algorithm") == self.algorithm]
        if not offers:
            raise ValueError("no challenge for %s in %r" % (self.algorithm, challenged.all(name)))
        offers.sort(key=lambda c: "SHA-256" not in c.upper())
        return digest(offers[0], method, uri, changes.get("user", self.user), changes.get("password", self.password))

    def registrar(self):
        """The URI a REGISTER goes to."""
        return "sip:%s:%d" % (host(self.proxy[0]), self.proxy[1])

    def register(self, expires=600, timeout=10, headers=()):
        """REGISTER; returns the final response."""
        return self.request("REGISTER", self.registrar(), timeout=timeout,
                            headers=[["To", "<%s>" % self.aor], ["Expires", str(expires)]] + list(headers))

    def dial(self, uri, headers=(), sdp=None, dest=None, timeout=30):
        """Start a call in the background; see Call.wait_answer(). A bare number gets the domain."""
        if not uri.startswith("sip:"):
            uri = "sip:%s@%s:%d" % (uri, host(self.proxy[0]), self.proxy[1])
        call = Call(self, "<%s>" % uri)
        threading.Thread(target=call.run, args=(uri, list(headers), sdp, dest, timeout), daemon=True).start()
        return call

    def wait_call(self, timeout=10):
        """Next incoming call."""
        return until(self.cond, timeout, "incoming call at " + self.user, lambda: self.incoming and self.incoming.pop(0))

    def close(self):
        """Close sockets."""
        for c in list(self.calls.values()):
            c.finish("closed")
        self.closed = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        self._reader.join(1)                               # the port is free once nobody reads from it any more

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.close()


def param_of(challenge, name):
    """A parameter of a challenge (quoted or not)."""
    m = re.search(r'%s\s*=\s*"?([^",\s]+)' % name, challenge)
    return m.group(1) if m else ("MD5" if name == "algorithm" else "")


class Call:
    """One dialog of a RawPhone, with its RTP. After the call: digits, samples, packets, ended."""

    def __init__(self, phone, remote, invite=None, addr=None):
        self.phone, self.remote, self.invite, self.addr = phone, remote, invite, addr
        self.tag = "%x" % random.getrandbits(40)
        self.call_id = invite.get("call-id") if invite else "%016x@outside" % random.getrandbits(64)
        self.local = (invite.get("to") if invite else "<%s>" % phone.aor) + ";tag=" + self.tag
        self.target = uri_of(invite.get("contact")) if invite else ""
        self.routes = invite.all("record-route") if invite else []
        self.cseq, self.final, self.ended, self.got_ack, self.answered = 0, None, "", False, False
        self.acked = self.acked_to = self.refer_to = self.remote_rtp = None
        self.mute_acks, self.reinvites, self.failed = False, 0, None
        self.provisional, self.packets, self.digits, self.samples = [], [], "", array.array("h")
        self.pt, self.tel_pt, self.mirror, self.remote_dir, self._version = phone.codecs[0], 101, "sendrecv", "", 0
        self.offer_events = True
        self.ssrc, self.seq, self.ts, self._send = random.getrandbits(32), random.getrandbits(15), 0, threading.Lock()
        self._events = set()
        self.rtp = socket.socket(procs.family(phone.ip), socket.SOCK_DGRAM)
        self.rtp.bind((phone.ip, 0))
        self.rtp_port = self.rtp.getsockname()[1]
        phone.calls[self.call_id] = self
        if invite:
            self.remote_sdp(invite.body)
        threading.Thread(target=self._rtp_loop, daemon=True).start()

    # -- signalling
    def next_cseq(self):
        """Number of the next request of this dialog."""
        self.cseq += 1
        return self.cseq

    def sdp(self, direction="sendrecv", ip=None, port=None):
        """An offer or answer; ip and port other than ours make it a lie."""
        self._version += 1
        names = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}
        at = "IN IP%s %s" % ("6" if ":" in self.phone.ip else "4", ip or self.phone.ip)
        kinds = [str(c) for c in self.phone.codecs] + ([str(self.tel_pt)] if self.offer_events else [])
        lines = ["v=0", "o=- %d %d %s" % (self.ssrc, self._version, at), "s=outside", "c=" + at, "t=0 0",
                 "m=audio %d RTP/AVP %s" % (port or self.rtp_port, " ".join(kinds))]
        lines += ["a=rtpmap:%d %s" % (c, names[c]) for c in self.phone.codecs if c in names]
        if self.offer_events:
            lines += ["a=rtpmap:%d telephone-event/8000" % self.tel_pt, "a=fmtp:%d 0-16" % self.tel_pt]
        return ("\r\n".join(lines + ["a=ptime:20", "a=" + direction]) + "\r\n").encode()

    def remote_sdp(self, body):
        """Take address, codec, event payload type and direction from the peer's SDP."""
        text = body.decode("utf-8", "replace")
        m, c = re.search(r"^m=audio (\d+) \S+ ([\d ]+)", text, re.M), re.findall(r"^c=IN IP[46] (\S+)", text, re.M)
        if not m or not c:
            return
        self.remote_rtp = (c[-1], int(m.group(1)))
        self.pt = next((p for p in map(int, m.group(2).split()) if p in self.phone.codecs), self.pt)
        self.remote_events = re.findall(r"^a=rtpmap:(\d+) telephone-event/8000", text, re.M)
        self.tel_pt = int((self.remote_events or [self.tel_pt])[0])
        self.remote_dir = (re.findall(r"^a=(sendrecv|sendonly|recvonly|inactive)", text, re.M) or ["sendrecv"])[-1]
        self.mirror = {"sendonly": "recvonly", "recvonly": "sendonly"}.get(self.remote_dir, self.remote_dir)

    def _dest(self):
        m = re.match(r"sip:(?:[^@]*@)?(\[[0-9a-fA-F:]+\]|[\d.]+)(?::(\d+))?", uri_of(self.routes[0]) if self.routes else self.target)
        return (m.group(1).strip("[]"), int(m.group(2) or 5060)) if m else self.phone.proxy

    def _invite(self, uri, headers, body, dest, timeout):
        sent = []

        def provisional(r):
            with self.phone.cond:
                self.provisional.append(r)
                if r.body:
                    self.remote_sdp(r.body)
                self.phone.cond.notify_all()
        r = self.phone.request("INVITE", uri, self, headers + [["Content-Type", "application/sdp"]] * bool(body), body,
                               timeout, dest, provisional, lambda m: (sent.append(m), setattr(self, "sent", m)))
        if r.status // 100 == 2:
            self.remote, self.target = r.get("to"), uri_of(r.get("contact")) or uri
            self.routes = self.routes or r.all("record-route")[::-1]
            self.remote_sdp(r.body)
            ack = self.phone.build("ACK", self.target, self, cseq=int(sent[-1].get("cseq").split()[0]))
            self.acked, self.acked_to = bytes(ack), self._dest()
            if not self.mute_acks:
                self.phone.send_raw(self.acked, self.acked_to)
        return r

    def run(self, uri, headers, sdp, dest, timeout):
        """Body of RawPhone.dial()'s thread."""
        try:
            final = self._invite(uri, headers, self.sdp() if sdp is None else sdp, dest, timeout)
        except (TimeoutError, OSError) as e:
            final = Msg("SIP/2.0 408 " + str(e))
        except Exception as e:
            final = Msg("SIP/2.0 999 " + repr(e))
        with self.phone.cond:
            self.final, self.answered = final, final.status // 100 == 2
            self.phone.cond.notify_all()

    def wait_answer(self, timeout=15):
        """The final response to our INVITE."""
        return until(self.phone.cond, timeout, "answer", lambda: self.final)

    def wait_ok(self, timeout=15):
        """Until our INVITE is answered with 200; returns the call."""
        r = self.wait_answer(timeout)
        if r.status != 200:
            raise AssertionError("call of %s refused: %s" % (self.phone.user, r.start))
        return self

    def wait_status(self, code, timeout=10):
        """A provisional response with this code (180, 183)."""
        return until(self.phone.cond, timeout, "status %d" % code, lambda: [r for r in self.provisional if r.status == code])[0]

    def greeted(self, timeout=15):
        """Until the attendant has answered and begun to speak; returns the call."""
        self.wait_ok(timeout)
        self.wait_sound(0.3, timeout)
        return self

    def wait_end(self, timeout=15):
        """Until the peer ends the call; returns 'BYE' or 'CANCEL'."""
        return until(self.phone.cond, timeout, "end of call at " + self.phone.user, lambda: self.ended)

    def wait_digits(self, digits, timeout=10):
        """Until these digits have been received."""
        return until(self.phone.cond, timeout, "digits " + digits, lambda: digits in self.digits)

    def wait_sound(self, seconds, timeout=10):
        """Until so many seconds of RTP have been received."""
        return procs.poll("%s s of RTP at %s" % (seconds, self.phone.user), lambda: len(self.samples) >= seconds * 8000, timeout, 0.05)

    def ring(self, code=180, reason="Ringing", body=b""):
        """Answer the incoming INVITE with a provisional response or a refusal."""
        h = [["Contact", "<%s>" % self.phone.contact]] + [["Content-Type", "application/sdp"]] * bool(body)
        self.phone.reply(self.invite, code, reason, h, body, tag=self.tag, addr=self.addr)

    def refuse(self, code=486, reason="Busy Here", headers=()):
        """A final refusal of the incoming INVITE."""
        self.phone.reply(self.invite, code, reason, list(headers), tag=self.tag, addr=self.addr)
        self.answered = True

    def answer(self, headers=(), body=None, timeout=5):
        """200 OK, repeated until the ACK comes."""
        h = [["Contact", "<%s>" % self.phone.contact], ["Content-Type", "application/sdp"]] + list(headers)
        self.answered, end, wait = True, time.monotonic() + timeout, 0.5
        self.phone.reply(self.invite, 200, "OK", h, self.sdp(self.mirror) if body is None else body, self.tag, self.addr)
        while not self.got_ack:
            try:
                until(self.phone.cond, min(wait, max(0, end - time.monotonic())), "ACK", lambda: self.got_ack)
            except TimeoutError:
                if time.monotonic() >= end:
                    raise
                self.phone.send_raw(*self.phone._replied[self.invite.get("via"), self.invite.get("cseq")])
                wait *= 2
        return self

    def send(self, method, headers=(), body=b"", timeout=5):
        """A request within the dialog; returns the final response."""
        return self.phone.request(method, self.target, self, headers, body, timeout, self._dest())

    def reinvite(self, direction="sendrecv", timeout=5, sdp=None):
        """Re-INVITE: "sendonly" or "inactive" holds, "sendrecv" resumes."""
        return self._invite(self.target, [], self.sdp(direction) if sdp is None else sdp, self._dest(), timeout)

    def info(self, digits, ms=160, kind="application/dtmf-relay"):
        """Digits by SIP INFO; returns the last response."""
        for d in digits:
            body = b"Signal=%s\r\nDuration=%d\r\n" % (d.encode(), ms) if "relay" in kind else d.encode()
            r = self.send("INFO", [["Content-Type", kind]], body)
        return r

    def cancel(self):
        """CANCEL our unanswered INVITE; returns the response to the CANCEL."""
        keep = ("via", "max-forwards", "from", "to", "call-id", "route")
        m = Msg("CANCEL" + self.sent.start[6:], [h for h in self.sent.headers if h[0].lower() in keep])
        return self.phone.transact(m.set("CSeq", self.sent.get("cseq").replace("INVITE", "CANCEL")), 5)

    def hangup(self):
        """BYE; returns the response."""
        r = self.send("BYE")
        self.finish("hangup")
        return r

    def finish(self, reason):
        """Mark as ended and close RTP."""
        with self.phone.cond:
            self.ended = self.ended or reason
            self.phone.cond.notify_all()
        try:
            self.rtp.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.rtp.close()

    # -- media
    def _rtp_loop(self):
        base = ssrc = None
        while True:
            try:
                data, source = self.rtp.recvfrom(4096)
            except OSError:
                return
            if self.ended:
                return
            self.packets.append((time.time(), source, data))
            if len(data) < 13 or data[0] >> 6 != 2:
                continue
            ts, src = struct.unpack(">II", data[4:12])
            pt, pay = data[1] & 127, data[12 + 4 * (data[0] & 15):]
            if pt == self.tel_pt and pt not in DECODE and (src, ts) not in self._events and pay[0] < 16:
                self._events.add((src, ts))
                with self.phone.cond:
                    self.digits += "0123456789*#ABCD"[pay[0]]
                    self.phone.cond.notify_all()
            elif pt in DECODE:
                off = (ts - base) & 0xffffffff if src == ssrc else -1
                if not 0 <= off < len(self.samples) + 480000:       # new source, or timestamps jumped
                    base, ssrc, off = ts - len(self.samples), src, len(self.samples)
                self.samples.extend([0] * (off - len(self.samples)))
                self.samples[off:off + len(pay)] = g711_decode(pay, pt)

    def packet(self, payload, pt=None, marker=False, ts=None, sock=None):
        """Send one RTP packet (from another socket: sock)."""
        self.seq = self.seq + 1 & 0xffff
        head = struct.pack(">BBHII", 128, (self.pt if pt is None else pt) | marker << 7, self.seq,
                           (self.ts if ts is None else ts) & 0xffffffff, self.ssrc)
        try:
            (sock or self.rtp).sendto(head + payload, self.remote_rtp)
        except OSError:
            pass                                                    # the call ended in between

    def play(self, heard):
        """Speak a WAV file (8 kHz) or samples; returns when all is sent."""
        rate, s = load(heard)
        if rate != 8000:
            raise ValueError("8 kHz wanted: sox in.wav -r 8000 -c 1 out.wav")
        data, due = g711_encode(s, self.pt), time.monotonic()
        for i in range(0, len(data), 160):
            with self._send:                        # a digit goes first; the voice goes on after it
                if self.ended:
                    return
                self.packet(data[i:i + 160], marker=i == 0)
                self.ts += 160
            due = max(due + 0.02, time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))

    def speak(self, heard):
        """play() in the background."""
        t = threading.Thread(target=self.play, args=(heard,), daemon=True)
        t.start()
        return t

    def dtmf(self, digits, on=0.1, gap=0.1):
        """RFC 4733 events: every 20 ms one packet, the last one three times."""
        with self._send:
            for d in digits:
                steps, code = max(1, round(on / 0.02)), "0123456789*#ABCD".index(d)
                for k in [*range(1, steps + 1), steps, steps]:
                    self.packet(struct.pack(">BBH", code, 10 | (k == steps) << 7, k * 160), self.tel_pt, k == 1)
                    time.sleep(0.02 if k < steps else 0)
                self.ts += int((on + gap) * 8000)
                time.sleep(gap)

    def heard(self, path=None):
        """Write what was received to a WAV; returns its path."""
        return write_wav(path or procs.tempdir("heard") + "/heard.wav", self.samples)

"""Attacks on signalling, credentials and sound, and the races of ordinary calls."""
import random
import re
import socket
import struct
import time

import procs
import sound
from exchange import Exchange
from message import Msg, digest
from meter import Meter
from parts import closed_records, hears, hears_not, nobody_rang, talk
from sipp import Sipp

NO = (400, 401, 403)             # what a request that proves nothing gets


def _bare(phone, method, uri, user, authorization=None, **fixed):
    """A request whose every varying part is given, so that answers can be compared."""
    h = [["From", "<sip:%s@%s>;tag=%s" % (user, phone.domain, fixed.get("tag", "t1"))], ["To", "<sip:%s@%s>" % (user, phone.domain)],
         ["Via", "SIP/2.0/UDP %s:%d;rport;branch=z9hG4bK%016x" % (phone.ip, phone.port, random.getrandbits(64))],
         ["Call-ID", "%s@compare" % fixed.get("id", "%08x" % random.getrandbits(32))]]
    if authorization:
        h.append(["Authorization", authorization])
    return phone.build(method, uri, headers=h)


def _shape(m, *names):
    """An answer without what varies by nature: tags, branches, nonces, Call-IDs, the user's name and dates."""
    text = m.wire.decode("utf-8", "replace")
    text = re.sub(r"(branch=|tag=|Call-ID: |i: )[^;\r\n>]+", r"\1*", text)
    text = re.sub(r'(nonce|opaque)="([^"]*)"', lambda f: '%s=<%d>' % (f.group(1), len(f.group(2))), text)
    text = re.sub(r"Date: [^\r\n]+", "Date: *", text)
    text = re.sub(r"127(\.\d+){3}(:\d+)?|rport=\d+", "*", text)
    for n in names:
        text = text.replace("sip:%s@" % n, "sip:USER@")
    return text


def test_unknown_users_are_answered_like_known_ones():
    """Known and unknown users: REGISTER, INVITE, OPTIONS, SUBSCRIBE, with and without wrong credentials: the same bytes."""
    known = [str(200 + n) for n in range(10)]
    unknown = [str(800 + n) for n in range(10)]
    with Exchange(users=known) as x, x.raw("204", register=True):
        times = {True: [], False: []}
        for method in ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE"):
            for credentials in (False, True):
                shapes = {}
                for users in zip(known, unknown):
                    for user in users:
                        # An address for each: the tenth failure of one shuts it out.
                        with x.stranger(domain=x.ip) as s:
                            uri = s.registrar() if method == "REGISTER" else "sip:%s@%s:%d" % ((user,) + x.sip)
                            auth = None
                            if credentials:
                                first = s.exchange(_bare(s, "REGISTER", s.registrar(), user))
                                auth = digest(first.all("WWW-Authenticate")[0], method, uri, user, "wrong")
                            m = _bare(s, method, uri, user, auth)
                            begin = time.perf_counter()
                            branch = re.search("branch=([^;]+)", m.get("via")).group(1)
                            s.send_raw(m)
                            r = procs.until(s.cond, 5, method + " answered", lambda: next(
                                (r for r in s.responses if branch in r.get("via") and r.status >= 200), None))
                            times[user in known].append(time.perf_counter() - begin)
                            if method == "INVITE" and r.status >= 200:
                                ack = s.build("ACK", uri, headers=[["Via", m.get("via")], ["Call-ID", m.get("call-id")], ["From", m.get("from")],
                                                                   ["To", r.get("to")]], cseq=1)
                                s.send_raw(ack)
                            shapes.setdefault(_shape(r, *users), []).append(user)
                if method == "INVITE" and not credentials:
                    continue            # a stranger's call: what is said there does not depend on the user (d_money)
                assert len(shapes) == 1, "%s%s differs:\n%s" % (method, " with credentials" if credentials else "", "\n----\n".join(shapes))
        median = {k: sorted(v)[len(v) // 2] for k, v in times.items()}
        assert 0.5 < median[True] / median[False] < 2, median


def test_digest():
    """SHA-256 is offered first, MD5 works too; a replayed answer, a wrong URI, a foreign nonce, a forged user are refused."""
    with Exchange() as x, x.raw("204", register=False) as p:
        r = p.exchange(p.build("REGISTER", p.registrar(), headers=[["To", "<%s>" % p.aor]]))
        offers = r.all("WWW-Authenticate")
        assert r.status == 401 and len(offers) >= 2 and "SHA-256" in offers[0] and "MD5" in offers[1], offers
        assert all(re.search(r'qop="?auth', o) for o in offers) and all('realm="%s"' % x.realm in o for o in offers), offers
        for algorithm in ("SHA-256", "MD5"):
            p.algorithm = algorithm
            assert p.register().status == 200, algorithm
        p.algorithm = None

        def attempt(auth, phone=p, uri=None):
            return phone.transact(phone.build("REGISTER", uri or p.registrar(), headers=[
                ["To", "<%s>" % p.aor], ["Authorization", auth]]), 5).status
        challenge = p.exchange(p.build("REGISTER", p.registrar(), headers=[["To", "<%s>" % p.aor]])).all("WWW-Authenticate")[0]
        good = digest(challenge, "REGISTER", p.registrar(), "204", p.password)
        assert attempt(good) == 200
        assert attempt(good) in NO, "a replayed digest answer was accepted"
        second = digest(challenge, "REGISTER", p.registrar(), "204", p.password, nc=2)
        assert attempt(second) == 200, "the next nonce count was refused"
        assert attempt(digest(challenge, "REGISTER", p.registrar(), "204", p.password, nc=1)) in NO
        with x.raw("204", register=False) as thief:
            third = digest(challenge, "REGISTER", p.registrar(), "204", p.password, nc=3)
            assert attempt(third, thief) in NO, "a nonce was accepted from another address"
        assert attempt(digest(challenge, "REGISTER", "sip:other@%s" % x.ip, "204", p.password, nc=4)) in NO
        assert attempt(digest(challenge, "INVITE", p.registrar(), "204", p.password, nc=5)) in NO
        assert attempt(digest(challenge, "REGISTER", p.registrar(), "204", "wrong", nc=6)) in NO
        assert attempt(digest(challenge, "REGISTER", p.registrar(), "200", x.secrets["200"], nc=7)) in NO, "200 registered 204"
        assert attempt(re.sub(r'nonce="[^"]*"', 'nonce="%s"' % ("0" * 48), good)) in NO
        assert attempt(re.sub(r"qop=auth, nc=\S+ cnonce=\S+,?", "", good)) in NO
        for junk in ("", "Digest", "Digest " + "x" * 2000, "Basic MjA0Og==", 'Digest username="204', "Digest " + ",".join('a="b"' for _ in range(500))):
            assert attempt(junk) in NO, junk[:30]
        assert x.alive(0.5)


def test_a_failed_challenge_is_no_strangers_call():
    """An INVITE with wrong credentials, or from a registered phone's flow without any, is challenged and never becomes a stranger's call."""
    with Exchange() as x, x.raw("204") as p, x.raw("200") as q:
        m = p.build("INVITE", "sip:911@%s:%d" % x.sip)
        r = p.transact(m, 5)
        assert r.status == 401, "an INVITE on a registered flow: %s" % r.start
        with x.stranger() as s:
            auth = digest(r.all("WWW-Authenticate")[0], "INVITE", "sip:200@%s:%d" % x.sip, "204", "guess")
            r = s.transact(s.build("INVITE", "sip:200@%s:%d" % x.sip, headers=[["Authorization", auth]]), 5)
            assert r.status in (401, 403), r.start
        nobody_rang(q)
        assert x.wait_idle()


def test_secrets_are_nowhere():
    """No secret stands in the home in clear, in the log or on the wire; files are private."""
    import os
    import stat
    with Exchange(env={"TOLLGATE_LOG": "debug"}) as x, x.raw("204") as p:
        p.dial("200", timeout=5).wait_answer(6)
        for d, _, files in os.walk(x.home):
            assert stat.S_IMODE(os.stat(d).st_mode) == 0o700, d
            for f in files:
                path = os.path.join(d, f)
                mode = os.lstat(path).st_mode
                assert stat.S_ISSOCK(mode) or stat.S_IMODE(mode) & 0o077 == 0 or f.endswith((".toml", ".crt", ".pem")), (path, oct(mode))
                if stat.S_ISREG(mode):
                    data = open(path, "rb").read()
                    assert not any(s.encode() in data for s in x.secrets.values()), "a secret stands in " + path
        assert not any(s in x.output() for s in x.secrets.values()), "a secret stands in the log"


def test_answers_go_where_the_request_came_from():
    """Lies in Via (host, port, maddr, received, rport), Contact, From and Route send nothing to anybody else."""
    with Exchange() as x, x.stranger() as s:
        victim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        victim.bind((procs.address(), 0))
        victim.settimeout(0.2)
        at = "%s:%d" % victim.getsockname()
        host, port = victim.getsockname()
        vias = ["SIP/2.0/UDP %s;branch=z9hG4bK%d", "SIP/2.0/UDP %s;branch=z9hG4bK%d;maddr=" + host,
                "SIP/2.0/UDP %s;branch=z9hG4bK%d;received=" + host, "SIP/2.0/UDP %s;branch=z9hG4bK%d;rport=" + str(port) + ";received=" + host,
                "SIP/2.0/UDP %s;branch=z9hG4bK%d;rport;maddr=" + host + ";ttl=1", "SIP/2.0/TCP %s;branch=z9hG4bK%d"]
        for n, via in enumerate(vias):
            for method in ("OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "BOGUS", "BYE"):
                m = s.build(method, "sip:x@%s:%d" % x.sip, headers=[["Via", via % (at, random.getrandbits(40))], ["Contact", "<sip:v@%s>" % at],
                                                                 ["From", "<sip:v@%s>;tag=9" % at]])
                r = s.exchange(m, 2)
                assert r is not None, "%s with Via %s: no answer to the source" % (method, via)
                got = r.get("via")
                assert "received=%s" % s.ip in got or host not in got.split(";")[0], got
        call = s.dial("x", headers=[["Contact", "<sip:v@%s>" % at]], sdp=b"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\n" % (
            host.encode(), host.encode(), port))
        call.wait_ok()
        try:
            data = victim.recv(4096)
            # RTP to an address that the offer names is what RFC 3264 asks for, but only a trickle until somebody is there
            assert data[0] >> 6 == 2 and not data.startswith(b"SIP"), data[:200]
        except socket.timeout:
            pass
        sip = []
        end = time.monotonic() + 3
        packets = 0
        while time.monotonic() < end:
            try:
                data = victim.recv(4096)
                packets += 1
                if data[0] >> 6 != 2:
                    sip.append(data)
            except socket.timeout:
                pass
        assert not sip, sip[0][:300]
        victim.close()


def test_sound_of_strangers_is_not_heard():
    """RTP and RTCP from other addresses to the ports of a call are neither heard nor do they steal its sound."""
    with Exchange() as x, x.raw("204") as b, x.stranger() as s:
        call = s.dial("x").greeted()
        call.dtmf("204")
        other = b.wait_call()
        other.answer()
        talk(call, other, 1)
        thieves = []
        for _ in range(3):
            t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            t.bind((procs.address(), 0))
            t.settimeout(0.05)
            thieves.append(t)
        evil = sound.g711_encode(sound.sine(1900, 3), 0)
        start = len(call.samples), len(other.samples)
        a, c = call.speak(sound.sine(1000, 3)), other.speak(sound.sine(440, 3))
        for i in range(0, len(evil), 160):
            for n, t in enumerate(thieves):
                ssrc = (other.ssrc, call.ssrc, 1)[n]
                head = struct.pack(">BBHII", 128, 0, i // 160 & 0xffff, i, ssrc)
                for port in (call.remote_rtp, other.remote_rtp):
                    t.sendto(head + evil[i:i + 160], port)
                    t.sendto(struct.pack(">BBHI", 0x81, 203, 1, ssrc), (port[0], port[1] + 1))      # RTCP BYE
                    t.sendto(struct.pack(">BBHIIBBH", 128, 101, i, i, ssrc, 1, 0x8a, 800)[:16], port)   # a digit
            time.sleep(0.018)
        a.join(10)
        c.join(10)
        for t in thieves:
            try:
                got = t.recv(2048)
                raise AssertionError("a thief was sent %r" % got[:20])
            except socket.timeout:
                pass
            t.close()
        for mine, hz, who in ((call.samples[start[0]:], 440, "the stranger"), (other.samples[start[1]:], 1000, "204")):
            hears(mine, hz, 3, who)
            hears_not(mine, 1900, who)
        assert not call.digits and not other.digits, (call.digits, other.digits)
        call.hangup()
        other.wait_end()
        x.wait_idle()


def test_cancel_against_answer():
    """CANCEL crosses the 200 at forty different moments: each call ends on both sides and nothing is left."""
    with Exchange() as x, x.raw("200") as a, x.raw("204") as b:
        outcome = {200: 0, 487: 0}
        for n in range(40):
            call = a.dial("204")
            other = b.wait_call()
            import threading
            t = threading.Thread(target=lambda: _quiet(other.answer), daemon=True)
            if n % 2:
                t.start()
                time.sleep(n * 0.0005)
                call.cancel()
            else:
                c = threading.Thread(target=lambda: _quiet(call.cancel), daemon=True)
                c.start()
                time.sleep(n * 0.0005)
                t.start()
                c.join(6)
            final = call.wait_answer(10)
            assert final.status in (200, 487), final.start
            outcome[final.status] += 1
            if final.status == 200:
                call.hangup()
            assert other.wait_end(8) in ("BYE", "CANCEL")
            t.join(6)
        x.wait_idle()
        test_cancel_against_answer.note = "  (%d answered, %d cancelled)" % (outcome[200], outcome[487])


def _quiet(f):
    try:
        f()
    except Exception:
        pass


def test_digits_in_three_ways():
    """A digit by RFC 4733, by SIP INFO (both kinds), and as a tone where no event type was agreed: each rings 200."""
    with Exchange() as x, x.raw("200") as one:
        def ways(call):
            yield lambda: call.dtmf("200")
            yield lambda: call.info("200")
            yield lambda: call.info("200", kind="application/dtmf")
        for n in range(3):
            with x.stranger() as s:
                call = s.dial("x").greeted()
                call.speak(sound.sine(1000, 1))
                list(ways(call))[n]()
                one.wait_call(8).refuse()
                time.sleep(0.2)
                if not call.ended:
                    call.hangup()
        with x.stranger() as s:
            call = _without_events(s)
            assert "telephone-event" not in call.final.body.decode(), call.final.body
            call.play(sound.dtmf_samples("200", 0.08, 0.08))
            one.wait_call(8).refuse()
            if not call.ended:
                call.hangup()
        with x.stranger() as s:             # tones count only where no event type was agreed
            call = s.dial("x").wait_ok()
            before = one.rang
            call.play(sound.dtmf_samples("200", 0.08, 0.08))
            time.sleep(1)
            assert one.rang == before, "a tone was taken for a digit although events were agreed"
            call.hangup()
        x.wait_idle()


def _without_events(s):
    from rawphone import Call
    uri = "sip:x@%s:%d" % s.proxy
    call = Call(s, "<%s>" % uri)
    call.offer_events = False
    call.run(uri, [], None, None, 10)
    return call.greeted()


def test_digits_go_through():
    """Digits pressed in a call are passed on to the other phone, once each, both ways, also INFO to RFC 4733."""
    with Exchange() as x, x.raw("200") as a, x.raw("204") as b:
        call = a.dial("204")
        other = b.wait_call()
        other.answer()
        call.wait_ok()
        call.speak(sound.sine(1000, 6))
        other.speak(sound.sine(440, 6))
        time.sleep(0.3)
        call.dtmf("0123456789*#")
        other.dtmf("42")
        other.wait_digits("0123456789*#")
        call.wait_digits("42")
        call.info("7")
        other.wait_digits("#7")
        time.sleep(0.5)
        assert other.digits == "0123456789*#7" and call.digits == "42", (other.digits, call.digits)
        call.hangup()
        x.wait_idle()


def test_reinvite_and_update():
    """Re-INVITE and UPDATE that move the sound to another port are followed; glare and bad offers leave the call alone."""
    with Exchange() as x, x.raw("200") as a, x.raw("204") as b:
        call = a.dial("204")
        other = b.wait_call()
        other.answer()
        call.wait_ok()
        talk(call, other, 1)
        old = call.rtp
        call.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        call.rtp.bind((a.ip, 0))
        call.rtp_port = call.rtp.getsockname()[1]
        import threading
        threading.Thread(target=call._rtp_loop, daemon=True).start()
        assert call.reinvite("sendrecv").status == 200
        old.close()
        time.sleep(0.2)
        talk(call, other, 2)
        r = call.reinvite(sdp=b"v=0\r\no=- 1 9 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 9 RTP/AVP 99\r\na=rtpmap:99 nonsense/8000\r\n")
        assert r.status in (488, 606), r.start
        talk(call, other, 1)
        r = call.send("UPDATE", [["Content-Type", "application/sdp"]], call.sdp("sendrecv"))
        assert r.status == 200, r.start
        talk(call, other, 1)
        r = call.reinvite(sdp=b"")                      # without an offer: the 200 brings one
        assert r.status in (200, 488), r.start
        assert call.send("OPTIONS").status == 200
        call.hangup()
        other.wait_end()
        x.wait_idle()


def test_lost_packets():
    """Retransmitted INVITE, lost ACK, lost BYE answer: one call, one record, an orderly end."""
    with Exchange() as x, x.raw("200") as a, x.raw("204") as b:
        call = a.dial("204")
        other = b.wait_call()
        for _ in range(3):
            a.send_raw(call.sent)
        time.sleep(0.3)
        assert b.rang == 1, "a retransmitted INVITE rang %d times" % b.rang
        call.mute_acks = True
        other.answer()
        call.wait_ok()
        time.sleep(1.8)
        oks = [d for _, way, d in a.trace if way == "<" and d.startswith(b"SIP/2.0 200") and b"INVITE" in d]
        assert len(oks) >= 2, "2xx is not sent again"
        a.send_raw(call.acked, call.acked_to)
        time.sleep(1)
        n = sum(1 for _, way, d in a.trace if way == "<" and d.startswith(b"SIP/2.0 200") and b"INVITE" in d)
        time.sleep(2.5)
        m = sum(1 for _, way, d in a.trace if way == "<" and d.startswith(b"SIP/2.0 200") and b"INVITE" in d)
        assert n == m, "2xx is sent again after the ACK"
        b.auto = False
        call.hangup()
        time.sleep(2)
        byes = [r for r in b.requests if r.method == "BYE"]
        assert len(byes) >= 2, "BYE without an answer is not sent again"
        b.auto = True
        x.wait_idle(45)
        assert len(x.calls()) == 2


def test_malformed_messages():
    """Broken, huge, empty and strange messages by UDP and TCP: no crash, no state, OPTIONS still answered."""
    with Exchange() as x, x.stranger() as s:
        good = bytes(s.build("OPTIONS", "sip:x@%s:%d" % x.sip))
        rnd = random.Random(7)
        junk = [b"", b"\r\n\r\n", b"\0" * 100, b"SIP/2.0 200 OK\r\n\r\n", b"INVITE\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", good[:40], good.replace(b"\r\n", b"\n"),
                good.replace(b"Content-Length: 0", b"Content-Length: 99999"), good.replace(b"Content-Length: 0", b"Content-Length: -1"),
                good.replace(b"CSeq: 1", b"CSeq: 99999999999999"), good.replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE"),
                good.replace(b"Max-Forwards: 70", b"Max-Forwards: 0"), good.replace(b"Via:", b"Via :"), good.replace(b"sip:x@", b"sip:" + b"x" * 60000 + b"@"),
                good.replace(b"Max-Forwards: 70\r\n", b"X: y\r\n" * 5000), b"\xff" * 65000]
        for _ in range(3000):
            m = bytearray(good)
            for _ in range(rnd.randrange(1, 6)):
                m[rnd.randrange(len(m))] = rnd.randrange(256)
            junk.append(bytes(m))
        for n, m in enumerate(junk):
            if len(m) < 65500:
                s.send_raw(m)
            if n % 20 == 0:
                time.sleep(0.02)            # one source may send 1,000 packets a second
        time.sleep(0.5)
        for m in junk[:60]:
            with socket.socket() as t:
                t.bind((procs.address(), 0))
                t.connect(x.sip)
                t.settimeout(0.05)
                try:
                    t.sendall(m)
                    t.recv(100)
                except OSError:
                    pass
        assert x.alive(0.5) and x.proc.poll() is None
        with x.raw("204"):
            pass
        x.wait_idle(45)


def test_reinvite_right_after_the_answer():
    """A phone that offers anew in the moment it answers, or is answered, keeps its call: both hear each other afterwards."""
    with Exchange() as x, x.raw("204") as p, x.raw("200") as q:
        for who in ("caller", "called", "both"):
            call = p.dial("200")
            ring = q.wait_call()
            ring.answer()
            statuses = []
            if who in ("called", "both"):
                statuses.append(ring.reinvite(timeout=8).status)        # the ACK may still be on its way
            call.wait_ok()
            if who in ("caller", "both"):
                statuses.append(call.reinvite(timeout=8).status)
            if not all(s == 200 for s in statuses):
                assert set(statuses) <= {200, 491, 500}, (who, statuses)   # RFC 3261 section 14.2: try again a little later
                time.sleep(2.5)
                assert (call if who == "caller" else ring).reinvite(timeout=8).status == 200, (who, statuses)
            talk(call, ring, 2)
            call.hangup()
            assert ring.wait_end(5) == "BYE"
        x.wait_idle()


def test_a_trunk_by_tcp():
    """204 dials out over a trunk by TCP (sipp): one connection, the right number, sound there and back, and the end is heard."""
    provider = Sipp("uas", calls=2, transport="t1", extra=["-rtp_echo"])
    more = ('[trunk.stream]\nkind = "address"\nhost = "%s:%d"\ntransport = "tcp"\nhealth = 0\n\n'
            '[route.stream]\ndial = "_8NXXNXXXXXX"\nstrip = 1\ntrunks = ["stream"]\nfor = ["extensions"]\n') % (provider.ip, provider.port)
    with Exchange(more=more) as x, x.raw("204") as p:
        provider.start()
        procs.poll("sipp listens", lambda: any(":%04X " % provider.port in n for n in open("/proc/net/tcp")), 10)
        for _ in range(2):
            call = p.dial("82025550123").wait_ok()
            start = len(call.samples)
            call.play(sound.sine(1000, 3))
            time.sleep(0.3)
            hears(call.samples[start:], 1000, 2.5, "204, by the trunk's echo")
            call.hangup()
        result = provider.wait(20)
        assert result["ok"] == 2 and not result["failed"], (result, provider.text()[-600:])
        x.wait_idle()
        out = [r for r in closed_records(x, 4) if r["trunk"] == "stream"]
        assert len(out) == 2 and all(r["permit"] and r["disposition"] == "answered" and r["to"].endswith("2025550123") for r in out), out


def test_scanner():
    """100 unknown INVITEs a second without ACK, and a scanner's OPTIONS: no phone rings, phones still call, CPU stays small."""
    with Exchange(max_calls=20, per_source=5) as x, x.raw("200") as a, x.raw("204") as b, x.stranger("scanner") as s:
        begin, cpu = time.monotonic(), x.cpu()
        for n in range(500):
            s.send_raw(s.build("INVITE", "sip:%d@%s:%d" % (n, x.ip, x.port), headers=[["User-Agent", "friendly-scanner"], [
                "Content-Type", "application/sdp"]], body=b"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n" % (
                    s.ip.encode(), s.ip.encode())))
            if n == 250:
                call = a.dial("204")
                ring = b.wait_call()
                ring.answer()
                call.wait_ok()
                talk(call, ring, 1)
                call.hangup()
                ring.wait_end()
            time.sleep(0.01)
        took, used = time.monotonic() - begin, x.cpu() - cpu
        assert b.rang == 1 and a.rang == 0, (a.rang, b.rang)
        assert used / took < 0.3, "%.0f %% of a core for a scanner" % (100 * used / took)
        answered = sum(1 for r in s.responses if r.status == 200)
        x.wait_idle(60)
        test_scanner.note = "  (%.1f %% of a core; %d messages back)" % (100 * used / took, answered)


def test_others_may_not_end_a_call():
    """BYE, re-INVITE, CANCEL and REFER for a call that is on, from somebody else with guessed tags, do nothing."""
    with Exchange() as x, x.raw("200") as a, x.raw("204") as b, x.stranger() as s:
        call = a.dial("204")
        other = b.wait_call()
        other.answer()
        call.wait_ok()
        for method in ("BYE", "INVITE", "CANCEL", "REFER", "INFO", "UPDATE"):
            r = s.exchange(s.build(method, call.target or "sip:204@%s:%d" % x.sip, headers=[
                ["Call-ID", call.call_id], ["From", "<sip:200@%s>;tag=guess" % x.ip], ["To", "<sip:204@%s>;tag=guess" % x.ip],
                ["Refer-To", "<sip:911@%s>" % x.ip]], cseq=99), 2)
            assert r is not None and r.status in (401, 403, 405, 481, 501, 400, 404), "%s: %s" % (method, r and r.start)
        talk(call, other, 1)
        call.hangup()
        other.wait_end()
        x.wait_idle()


test_digits_in_three_ways.limit = test_cancel_against_answer.limit = 200
test_scanner.alone = True


def test_keep_alives_are_answered():
    """RFC 5626: two line ends on a stream are answered by one, also when they come apart, and messages go on behind them; a datagram of them is not."""
    with Exchange() as x:
        ask = ("OPTIONS sip:%s:%d SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKkeep;rport\r\nMax-Forwards: 9\r\nFrom: <sip:k@h>;tag=1\r\n"
               "To: <sip:h>\r\nCall-ID: keep\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" % x.sip).encode()
        with socket.create_connection(x.sip, timeout=5) as s:
            for _ in range(3):
                s.sendall(b"\r\n\r\n")
                assert s.recv(100) == b"\r\n"
            s.sendall(b"\r\n")
            s.settimeout(0.3)
            try:
                assert not s.recv(100), "half a keep-alive was answered"
                raise AssertionError("half a keep-alive closed the stream")
            except TimeoutError:
                pass
            s.settimeout(5)
            s.sendall(b"\r\n")
            assert s.recv(100) == b"\r\n"
            s.sendall(ask)
            assert s.recv(4000).startswith(b"SIP/2.0 "), "the stream carries messages still"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)
            s.sendto(b"\r\n\r\n", x.sip)
            try:
                raise AssertionError("a datagram without a message was answered: %r" % s.recv(100))
            except TimeoutError:
                pass

"""The outside lines: registering, TLS, name servers, numbers, failing over, and providers who mean harm."""
import json
import os
import re
import signal
import socket
import ssl
import threading
import time

import procs
import sound
from exchange import Exchange
from kamailio import DOMAIN, LINE, NUMBER, SECRET, WORLD, Authority, Kamailio
from message import digest
from meter import TONE, Meter
from nameserver import A, NAPTR, SRV, NameServer
from parts import closed_records, hears, leg, talk
from rawphone import RawPhone

# 9-1-202… goes to the trunks that a test names.
ROUTE = """
[route.test]
dial = "_8NXXNXXXXXX"
strip = 1
trunks = [%s]
for = ["extensions"]
"""


def _register(transport, more=""):
    return """
[trunk.itsp]
kind = "register"
host = "%s"
%s
username = "%s"
secret = "store:itsp"
caller_id = "%s"
%s

[did."%s"]
trunk = "itsp"
to = "extension:204"
""" % (DOMAIN, transport, LINE, NUMBER, more, NUMBER) + ROUTE % '"itsp"'


def _both_ways(x, p, world, dialled="82025550123"):
    """A call out and a call in over the trunk, sound both ways in each."""
    out = p.dial(dialled)
    there = world.wait_call()
    there.answer()
    out.wait_ok()
    talk(out, there, 2)
    assert "From: " in there.invite.wire.decode() and NUMBER in there.invite.get("from"), there.invite.get("from")
    out.hangup()
    assert there.wait_end() == "BYE"
    call = world.dial("sip:%s@%s" % (NUMBER, DOMAIN), dest=world.proxy)
    ring = p.wait_call()
    ring.answer()
    call.wait_ok()
    talk(call, ring, 2)
    ring.hangup()
    assert call.wait_end() == "BYE"
    x.wait_idle()


def test_registers_and_calls_over_udp_tcp_and_tls():
    """Against kamailio: registers with digest, calls out and in with sound both ways; the place is found by NAPTR, SRV and A; the secret is nowhere."""
    ca = Authority()
    with Kamailio(*ca.sign(DOMAIN)) as kam:
        host = "edge.provider.test"
        zone = {(DOMAIN, NAPTR): [(50, 50, "SIP+D2U", "_sip._udp." + DOMAIN)], ("_sip._udp." + DOMAIN, SRV): [(10, 5, kam.port, host)],
                ("_sip._tcp." + DOMAIN, SRV): [(10, 5, kam.port, host)], ("_sips._tcp." + DOMAIN, SRV): [(10, 5, kam.tls, host)],
                (host, A): [kam.ip]}
        for transport, more in (("", ""), ('transport = "tcp"', ""), ('transport = "tls"', 'tls_ca = "%s"' % ca.ca)):
            with NameServer(zone) as dns, Exchange(more=_register(transport, more), sip_more='dns = ["%s"]' % dns.at) as x, \
                    RawPhone(WORLD, SECRET, (kam.ip, kam.port), domain=DOMAIN) as world, x.raw("204") as p:
                assert x.trunk("itsp")["state"] == "down" and "tollgate trunk secret itsp" in x.trunk("itsp")["why"], x.trunk("itsp")
                x.cli("trunk", "secret", "itsp", text=SECRET + "\n")
                at = x.wait_trunk("itsp")["at"]
                assert at == "%s %s:%d" % (re.sub(r'.*"(\w+)"', r"\1", transport) or "udp", kam.ip, kam.tls if "tls" in transport else kam.port), at
                assert world.register().status == 200
                _both_ways(x, p, world)
                assert (DOMAIN, NAPTR) in dns.asked or transport, dns.asked
                records = closed_records(x, 4)
                assert leg(records, direction="out", origin="extension:204")["permit"], records
                assert leg(records, direction="in", origin="trunk:itsp")
                tried = x.json("trunk", "test", "itsp")
                assert all(s["fine"] for s in tried) and {"name", "question", "registration"} <= {s["step"] for s in tried}, tried
                x.stop()
                assert world.dial("sip:%s@%s" % (NUMBER, DOMAIN), dest=world.proxy).wait_answer().status in (404, 480), \
                    "the provider still sends calls to an exchange that has ended"
                for folder, _, files in os.walk(os.path.dirname(x.home)):
                    for name in files:
                        if name != "control.sock":
                            assert SECRET.encode() not in open(os.path.join(folder, name), "rb").read(), "the secret stands in " + name


def test_what_is_over_is_taken_back():
    """A reload that takes a trunk away, or registers elsewhere, ends the registration; after a kill -9 a call over a stream gets its BYE over a new one."""
    ca = Authority()
    with Kamailio(*ca.sign(DOMAIN)) as kam:
        zone = {("_sip._tcp." + DOMAIN, SRV): [(10, 5, kam.port, "edge.test")], ("edge.test", A): [kam.ip]}
        with NameServer(zone) as dns, Exchange(more=_register('transport = "tcp"'), sip_more='dns = ["%s"]' % dns.at) as x, \
                RawPhone(WORLD, SECRET, (kam.ip, kam.port), domain=DOMAIN) as world, x.raw("204") as p:
            x.cli("trunk", "secret", "itsp", text=SECRET + "\n")
            x.wait_trunk("itsp")
            assert world.register().status == 200
            call = p.dial("82025550123")
            there = world.wait_call()
            there.answer()
            call.wait_ok()
            time.sleep(0.5)
            x.kill()
            x.start()
            assert there.wait_end(10) == "BYE"
            call.finish("lost")
            x.wait_trunk("itsp")
            assert p.register().status == 200

            def reaches():
                back = world.dial("sip:%s@%s" % (NUMBER, DOMAIN), dest=world.proxy)
                status = back.wait_answer().status
                if status == 200:
                    back.hangup()
                return status
            p.on_call = lambda ring: threading.Thread(target=ring.answer, daemon=True).start()
            assert reaches() == 200
            with open(x.home + "/tollgate.toml") as f:
                text = f.read()
            for change in (lambda t: t.replace('username = "%s"' % LINE, 'username = "other"'), lambda t: t[:t.index("\n[trunk.itsp]")]):
                with open(x.home + "/tollgate.toml", "w") as f:
                    f.write(change(text))
                x.proc.send_signal(signal.SIGHUP)
                procs.poll("the provider sends no more calls", lambda: reaches() in (404, 480), 10, 0.3)
                with open(x.home + "/tollgate.toml", "w") as f:
                    f.write(text)
                x.proc.send_signal(signal.SIGHUP)
                procs.poll("the provider sends calls again", lambda: reaches() == 200, 10, 0.3)
            x.wait_idle()


def test_a_call_each_way_for_the_owner():
    """`trunk test --call` with one of the trunk's own numbers: the call goes out under a permit of the extension that pays, comes back in, and sound arrives."""
    ca = Authority()
    with Kamailio(*ca.sign(DOMAIN)) as kam:
        with NameServer({("_sip._udp." + DOMAIN, SRV): [(10, 5, kam.port, "edge.test")], ("edge.test", A): [kam.ip]}) as dns, Exchange(
                more=_register('transport = "udp"'), sip_more='dns = ["%s"]' % dns.at) as x, x.raw("204") as p:
            x.cli("trunk", "secret", "itsp", text=SECRET)
            x.wait_trunk("itsp")
            said = []
            t = threading.Thread(target=lambda: said.append(x.cli("trunk", "test", "itsp", "--call", NUMBER, "--as", "204", "--json", ok=False, timeout=60)))
            t.start()
            ring = p.wait_call(30)
            ring.answer()
            ring.speak(sound.sine(1000, 6))
            t.join(60)
            steps = {s["step"]: s for s in json.loads(said[0])}
            assert steps["call out"]["fine"] and "PCM" in steps["call out"]["said"] and "sound arrived" in steps["call out"]["said"], steps
            assert steps["call in"]["fine"] and NUMBER in steps["call in"]["said"], steps
            x.wait_idle()
            assert [r for r in x.calls() if r["permit"] and r["trunk"] == "itsp" and r["direction"] == "out"], x.calls()
            refused = json.loads(x.cli("trunk", "test", "itsp", "--call", "911", "--as", "204", "--json", ok=False, timeout=60))
            assert not refused[-1]["fine"] and "emergency" in refused[-1]["said"], refused


def test_what_a_trunk_is_sent():
    """Prefix, national format, codecs in their order, caller ID in From and P-Asserted-Identity, Privacy, and all of it to the outbound proxy."""
    with Meter() as proxy, Exchange(more='''
[trunk.wire]
host = "sip.carrier.test"
outbound_proxy = "%s:%d"
transport = "udp"
username = "me"
caller_id = "+12025550100"
identity = "pai"
number_format = "national"
prefix = "55"
codecs = ["g722", "pcma"]
health = 0

[dialplan]
files = ["extensions.conf"]
''' % (proxy.ip, proxy.port) + ROUTE % '"wire"', start=False) as x:
        with open(x.home + "/extensions.conf", "w") as f:
            f.write("[from-internal]\ninclude => outbound\nexten => 71,1,Set(CALLERID(pres)=prohib)\n same => n,Goto(outbound,82025550123,1)\n")
        x.start()
        x.rotate("204")
        with x.raw("204") as p:
            for dialled, hidden in (("82025550123", False), ("71", True)):
                p.dial(dialled).wait_ok().hangup()
                number, invite = proxy.seen[-1]
                wire = invite.wire.decode()
                assert number == "5512025550123" and "@sip.carrier.test" in invite.start, invite.start
                assert re.search(r"m=audio \d+ RTP/AVP 9 8 \d+\r\n", wire), "the order of the codecs: " + wire
                assert "12025550100" in invite.get("p-asserted-identity"), wire
                assert (invite.get("privacy") or "") == ("id" if hidden else ""), wire
                assert ("anonymous" in invite.get("from")) == hidden and ("12025550100" in invite.get("from")) != hidden, invite.get("from")
                assert not hidden or "204" not in invite.get("contact").split("@")[0], invite.get("contact")
            x.wait_idle()


def test_what_a_trunk_and_a_box_say():
    """auth_user answers the challenge; prefix_in is taken off; a box in our own network is dialled like a telephone, has one line, and calls in."""
    more = '''
[trunk.itsp]
host = "%s:%d"
transport = "udp"
username = "me"
auth_user = "name-for-the-password"
secret = "env:ITSP_SECRET"
realm = "itsp"
prefix_in = "55"
health = 0
[did."+12025550100"]
trunk = "itsp"
to = "extension:204"
[trunk.box]
kind = "gateway"
host = "%s:%d"
transport = "udp"
health = 0
entry = "extension:200"
[route.box]
dial = "_7NXXNXXXXXX"
strip = 1
trunks = ["box"]
for = ["extensions"]
'''

    def behave(call):
        if call.invite.get("authorization"):
            call.answer()
        else:
            call.refuse(401, "Unauthorized", _challenge("itsp"))

    class Again(Provider):
        def _serve(self, m, addr):
            if m.method == "INVITE" and m.get("authorization"):
                self.calls.pop(m.get("call-id"), None)
            super()._serve(m, addr)

    with Again(behave) as evil, Meter() as box, Exchange(more=more % (evil.ip, evil.port, box.ip, box.port) + ROUTE % '"itsp"',
                                                         env={"ITSP_SECRET": "s3cret-of-itsp"}) as x, x.raw("204") as p, x.raw("200") as q:
        evil.proxy = box.proxy = x.sip
        p.dial("82025550123").wait_ok().hangup()
        said = evil.sent("INVITE")[-1]
        assert 'username="name-for-the-password"' in said.get("authorization") and "me@" in said.get("from") + said.get("contact"), said.wire
        back = evil.dial("sip:5512025550100@%s:%d" % x.sip, dest=x.sip)
        p.wait_call().answer()
        back.wait_ok().hangup()
        # with another prefix it is no number of ours: it goes where the trunk's other callers go, and rings nobody by itself
        back = evil.dial("sip:5712025550100@%s:%d" % x.sip, dest=x.sip)
        back.wait_ok()
        assert (p.rang, q.rang) == (1, 0)
        back.hangup()
        x.wait_idle()
        line = p.dial("72025550123").wait_ok()
        assert box.numbers() == ["12025550123"], box.numbers()
        assert q.dial("72025550124").wait_answer().status >= 400 and len(box.seen) == 1, "the box has one line"
        line.hangup()
        x.wait_idle()
        back = box.dial("sip:anything@%s:%d" % x.sip, dest=x.sip)
        q.wait_call().answer()
        back.wait_ok().hangup()
        x.wait_idle()


def test_sipp_as_a_provider():
    """Ten calls to a sipp that answers as a provider: each gets one INVITE under a permit of its own, its ACK and its BYE."""
    from sipp import Sipp
    sipp = Sipp("uas", calls=10)
    with Exchange(more='\n[trunk.itsp]\nhost = "%s:%d"\ntransport = "udp"\nhealth = 0\nmax_calls = 3\n' % (sipp.ip, sipp.port) + ROUTE % '"itsp"') as x, \
            x.raw("204") as p:
        sipp.start()
        x.wait_trunk("itsp", "unknown")
        for n in range(5):
            calls = [p.dial("82025550123").wait_ok() for _ in range(2)]
            for call in calls:
                call.hangup()
            x.wait_idle()
        result = sipp.wait(20)
        assert result["rc"] == 0 and result["ok"] == 10 and not result["failed"], result
        permits = [r["permit"] for r in x.calls() if r["direction"] == "out"]
        assert len(permits) == len(set(permits)) == 10, permits


class Liar:
    """A TLS server that counts what it is told after the handshake."""

    def __init__(self, certificate, key):
        self.heard, self.ip = b"", procs.address()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.context, self.sock = context, socket.create_server((self.ip, 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self._loop, daemon=True).start()

    def _loop(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(conn,), daemon=True).start()

    def _serve_one(self, conn):
        conn.settimeout(5)
        try:
            with self.context.wrap_socket(conn, server_side=True) as tls:
                self.heard += tls.recv(4096)
        except (OSError, ValueError):
            pass

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.sock.close()


def test_certificates_of_trunks():
    """A trunk with an expired certificate, one for another name, one of an unknown authority or another fingerprint is told nothing, and its owner why."""
    ca, other = Authority(), Authority()
    good, key = ca.sign(DOMAIN)
    print_of = "openssl x509 -in %s -noout -fingerprint -sha256" % good
    fingerprint = os.popen(print_of).read().strip().split("=")[-1]
    cases = (("expired", ca.sign(DOMAIN, expired=True), 'tls_ca = "%s"' % ca.ca, "expired"),
             ("name", ca.sign("other.test"), 'tls_ca = "%s"' % ca.ca, "another name"),
             ("unknown", (good, key), 'tls_ca = "%s"' % other.ca, "nobody we know"),
             ("public", (good, key), "", "nobody we know"),
             ("pinned", (good, key), 'tls_fingerprint = "%s"' % fingerprint.replace("A", "B").replace("0", "1"), "another fingerprint"),
             ("right", (good, key), 'tls_fingerprint = "%s"' % fingerprint, ""))
    servers = {name: Liar(*files) for name, files, _, _ in cases}
    more = ""
    for name, _, how, _ in cases:
        more += '\n[trunk.%s]\nhost = "%s"\nport = %d\ntransport = "tls"\n%s\n' % (name, DOMAIN, servers[name].port, how)
    # One name for all of them: each listens on its own port of one address.
    ip = procs.address()
    for server in servers.values():
        server.sock.close()
        server.sock, server.ip = socket.create_server((ip, server.port)), ip
        threading.Thread(target=server._loop, daemon=True).start()
    zone = {(DOMAIN, A): [ip]}
    more += ROUTE % ", ".join('"%s"' % name for name, _, _, why in cases if why)
    with NameServer(zone) as dns, Exchange(more=more, sip_more='dns = ["%s"]' % dns.at) as x, x.raw("204") as p:
        for name, _, _, why in cases:
            if why:
                assert why in x.wait_trunk(name, "down")["why"], (name, x.trunk(name))
                if name in ("expired", "name"):
                    steps = json.loads(x.cli("trunk", "test", name, "--json", ok=False))
                    assert steps[-1]["step"] == "TLS" and not steps[-1]["fine"] and why in steps[-1]["said"], steps
        procs.poll("the pinned one is told something", lambda: servers["right"].heard.startswith(b"OPTIONS"), 10)
        assert p.dial("82025550123").wait_answer(10).status >= 400
        for name, _, _, why in cases:
            assert not why or servers[name].heard == b"", (name, servers[name].heard)
    for server in servers.values():
        server.__exit__()


class Provider(RawPhone):
    """A provider's machine whose behaviour is a function of the call."""

    def __init__(self, behave, **kw):
        super().__init__("provider", exchange=("127.0.0.1", 9), **kw)
        self.behave, self.taken = behave, []

    def on_call(self, call):
        self.taken.append(call)
        threading.Thread(target=self._run, args=(call,), daemon=True).start()

    def _run(self, call):
        try:
            self.behave(call)
        except (TimeoutError, OSError):
            pass

    def sent(self, method):
        """Requests of this method that came, retransmissions counted once."""
        seen = {}
        for m in self.requests:
            if m.method == method:
                seen.setdefault((m.get("via"), m.get("cseq")), m)
        return list(seen.values())


def _address(p, more=""):
    return '\n[trunk.itsp]\nhost = "%s:%d"\nusername = "me"\nsecret = "env:ITSP_SECRET"\nrealm = "itsp"\ntransport = "udp"\nhealth = 0\n%s\n' % (
        p.ip, p.port, more) + ROUTE % '"itsp"'


def _challenge(realm, kind="WWW-Authenticate"):
    return [[kind, 'Digest realm="%s", nonce="%x", algorithm=MD5, qop="auth"' % (realm, time.monotonic_ns())]]


def _no_leak(provider, realms):
    """No request answers a challenge of another realm than ours, none inside a dialog answers any."""
    for m in provider.requests:
        for value in m.all("authorization") + m.all("proxy-authorization"):
            realm = re.search(r'realm="([^"]*)"', value).group(1)
            assert realm in realms and m.method == "INVITE" and "tag=" not in m.get("to"), (m.start, value)


def test_hostile_provider():
    """302, REFER, challenges of other realms and inside the call, wrong descriptions, an endless 183, a 200 after CANCEL: calls end, nothing is followed, no secret leaks."""
    state = {}
    with Provider(lambda call: state["behave"](call)) as evil, Meter() as meter, \
            Exchange(meter=meter, more=_address(evil), env={"ITSP_SECRET": "s3cret-of-itsp"}) as x, x.raw("204") as p:
        x.wait_trunk("itsp", "unknown")

        def refused(behave, statuses=range(400, 700)):
            state["behave"], before = behave, len(evil.taken)
            r = p.dial("82025550123").wait_answer(12)
            assert r.status in statuses, r.start
            assert len(evil.taken) == before + 1, "%d INVITEs" % (len(evil.taken) - before)
        refused(lambda c: c.refuse(302, "Moved", [["Contact", "<sip:912025550123@%s:%d>" % (meter.ip, meter.port)],
                                                  ["Contact", "<sip:911@%s:%d>" % x.sip]]))
        refused(lambda c: c.refuse(401, "Unauthorized", _challenge("evil")))
        refused(lambda c: c.refuse(407, "Auth", _challenge("", "Proxy-Authenticate")))

        def after_ringing(call):
            call.ring()
            time.sleep(0.2)
            call.refuse(401, "Unauthorized", _challenge("itsp"))
        refused(after_ringing)
        assert not any(m.all("authorization") + m.all("proxy-authorization") for m in evil.requests), "an answer to a stranger's challenge"

        # Our own realm, before anything rings: answered, for this INVITE and its URI alone.
        def honest(call):
            if not call.invite.all("authorization"):
                call.phone.calls.pop(call.call_id, None)
                return call.refuse(401, "Unauthorized", _challenge("itsp"))
            value = call.invite.get("authorization")
            wanted = digest('Digest realm="itsp", nonce="%s", algorithm=MD5' % re.search(r'nonce="(\w+)"', value).group(1), "INVITE",
                            call.invite.start.split(" ")[1], "me", "s3cret-of-itsp")
            state["right"] = 'uri="%s"' % call.invite.start.split(" ")[1] in value and "response=" in wanted
            call.answer()
            call.play(sound.sine(TONE, 2))
        state["behave"] = honest
        call = p.dial("82025550123").wait_ok()
        assert state["right"]
        provider_leg = evil.taken[-1]
        # He asks us to transfer, then challenges our BYE.
        r = provider_leg.send("REFER", [["Refer-To", "<sip:912025550123@%s:%d>" % (meter.ip, meter.port)]])
        assert r.status >= 400, r.start
        evil.auto = False
        call.hangup()
        bye = procs.poll("BYE", lambda: evil.sent("BYE"), 5)[-1]
        evil.reply(bye, 401, "Unauthorized", _challenge("itsp"), addr=bye.source)
        evil.auto = True
        x.wait_idle()
        time.sleep(0.5)
        assert len(evil.sent("BYE")) == 1, [m.get("authorization") for m in evil.sent("BYE")]

        # Descriptions that nothing can be made of: acknowledged and hung up.
        for body in (b"", b"v=0\r\nnonsense\r\n", b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 99\r\n"
                     b"a=rtpmap:99 speex/8000\r\n", b"v=0\r\n" + b"a=x\r\n" * 3000):
            byes = len(evil.sent("BYE"))
            refused(lambda c, body=body: c.answer(body=body))
            procs.poll("BYE after a wrong description", lambda: len(evil.sent("BYE")) == byes + 1, 5)
            x.wait_idle()

        # An endless 183, and a CANCEL that is ignored, then answered with 200 all the same.
        def endless(call):
            evil.auto = False
            for _ in range(20):
                call.ring(183, "Session Progress", call.sdp())
                if evil.sent("CANCEL"):
                    break
                time.sleep(0.1)
            evil.reply(evil.sent("CANCEL")[-1], 200, addr=call.addr)
            time.sleep(0.5)
            evil.auto = True
            call.answer()
        state["behave"] = endless
        byes, call = len(evil.sent("BYE")), p.dial("82025550123")
        call.wait_status(183)
        time.sleep(0.5)
        call.cancel()
        assert call.wait_answer().status == 487
        procs.poll("ACK and BYE for the late 200", lambda: evil.taken[-1].got_ack and len(evil.sent("BYE")) == byes + 1, 10)
        x.wait_idle()
        _no_leak(evil, {"itsp"})
        assert meter.seen == [], meter.numbers()
        assert "s3cret-of-itsp" not in x.output()


def test_the_next_trunk_is_tried():
    """A trunk that is silent, refuses, is full or is no longer there: the next one gets the call, each by a permit of its own; busy goes nowhere else."""
    state = {"mode": "silent"}

    def first(call):
        if state["mode"] != "silent":
            call.refuse(state["mode"], "No")
    with Provider(first) as one, Meter() as two, Exchange(meter=two, more='\n[trunk.one]\nhost = "%s:%d"\nhealth = 5\nmax_calls = 1\n' % (
            one.ip, one.port) + ROUTE % '"one", "meter"') as x, x.raw("204") as p:
        x.wait_trunk("one")
        one._serve = lambda m, addr, serve=one._serve: None if state["mode"] == "silent" and m.method == "INVITE" else serve(m, addr)
        begin = time.monotonic()
        call = p.dial("82025550123").wait_ok(15)
        assert 5 < time.monotonic() - begin < 10, time.monotonic() - begin
        hears(procs.poll("sound", lambda: len(call.samples) > 16000 and call.samples, 10), TONE, 1.5, "204")
        call.hangup()
        x.wait_idle()
        # Two permits, two trunks; the first one's record says that nobody answered.
        records = [r for r in closed_records(x, 3) if r["direction"] == "out"]
        assert [r["trunk"] for r in sorted(records, key=lambda r: r["leg"])] == ["one", "meter"], records
        assert len({r["permit"] for r in records}) == 2 and all(r["permit"] for r in records), records
        for mode in (503, 500, 404):
            state["mode"], before = mode, len(two.seen)
            call = p.dial("82025550123").wait_ok(10)
            call.hangup()
            x.wait_idle()
            assert len(two.seen) == before + 1, mode
        state["mode"], before = 486, len(two.seen)
        assert p.dial("82025550123").wait_answer().status == 486
        assert len(two.seen) == before, "busy is not asked elsewhere"
        # The first one goes away altogether: noticed, told, and not even tried; then it comes back.
        state["mode"], one.auto = "silent", False
        x.wait_trunk("one", "down", 40)
        before, begin = len(one.requests), time.monotonic()
        call = p.dial("82025550123").wait_ok(10)
        assert time.monotonic() - begin < 3
        call.hangup()
        assert not [m for m in one.requests[before:] if m.method == "INVITE"]
        one.auto = True
        x.wait_trunk("one", "up", 30)
        import sqlite3
        with sqlite3.connect("file:%s/tollgate.db?mode=ro" % x.home, uri=True) as db:
            told = [k for k, in db.execute("SELECT kind FROM events WHERE kind LIKE 'trunk-%' ORDER BY id")]
        assert told == ["trunk-down", "trunk-up"], told


test_the_next_trunk_is_tried.limit = 170


def test_numbers_lead_where_their_owner_wants():
    """Each of the trunk's numbers leads to its extension, group, menu, mailbox or nowhere; others to the trunk's entry; numbers are kept by `tollgate did`."""
    more = '\n[trunk.itsp]\nhost = "%s"\nnumber_format = "national"\nidentity = "pai"\nentry = "menu:attendant"\nhealth = 0\n'
    more += "\n".join('[did."+120255501%02d"]\ntrunk = "itsp"\nto = "%s"' % d for d in (
        (1, "extension:200"), (2, "group:222"), (3, "menu:attendant"), (4, "mailbox:204"), (5, "closed"), (6, "hangup")))
    with Provider(lambda c: None) as itsp, Exchange(more=more % itsp.ip) as x, x.raw("200") as a, x.raw("204") as b:
        itsp.proxy = x.sip
        x.wait_trunk("itsp", "unknown")

        def call(user, headers=(), to=None):
            h = list(headers) + ([["To", "<sip:%s@x>" % to]] if to else [])
            return itsp.dial("sip:%s@%s:%d" % ((user,) + x.sip), headers=h, dest=x.sip)
        c = call("2025550101", [["P-Asserted-Identity", '"Al" <sip:2025550177@itsp>']])
        ring = a.wait_call()
        assert "+12025550177" in ring.invite.get("from") and not b.rang, ring.invite.get("from")
        ring.answer()
        c.wait_ok().hangup()
        c = call("+12025550102")
        for ring in (a.wait_call(), b.wait_call()):
            assert ring.invite
        c.cancel()
        for user, heard in (("12025550103", True), ("+12025550104", True), ("+12025550105", True), ("5551234", True)):
            c = call(user).wait_ok()
            c.wait_sound(0.3)
            c.hangup()
        assert call("+12025550106").wait_answer().status >= 400
        x.wait_idle()
        path = {r["to"]: " ".join(r["path"]) for r in closed_records(x, 9) if r["direction"] == "in"}
        for number, place in (("+12025550103", "attendant"), ("+12025550104", "mailboxes"), ("+12025550105", "closed"), ("5551234", "attendant")):
            found = [text for to, text in path.items() if to.endswith(number.lstrip("+"))]
            assert found and place in found[0], (number, path)
        # Feature codes, inside numbers and the outside are no numbers of the trunk's.
        rang = a.rang, b.rang
        for user in ("204", "*43", "911", "82025550123", "912025550123"):
            c = call(user)
            if c.wait_answer().status == 200:
                c.hangup()
        assert (a.rang, b.rang) == rang
        x.wait_idle()
        # By the command line, while it runs.
        x.cli("did", "add", "+12025550109", "--to", "extension:204", "--trunk", "itsp")
        assert {"number": "+12025550109", "trunk": "itsp", "to": "extension:204"} in x.json("did", "list")
        c = call("+12025550109")
        b.wait_call().answer()
        c.wait_ok().hangup()
        x.cli("did", "remove", "+12025550109")
        assert "+12025550109" not in x.cli("did", "list")


def test_only_a_trusted_trunk_says_who_calls():
    """P-Asserted-Identity and Remote-Party-ID of strangers and of a trunk without identity = "pai" are ignored; a hidden caller stays hidden."""
    more = '\n[trunk.plain]\nhost = "%s"\nhealth = 0\nentry = "extension:204"\n[trunk.asserted]\nhost = "%s"\nhealth = 0\nidentity = "pai"\nentry = "extension:204"\n'
    lie = [["P-Asserted-Identity", '"The bank" <sip:+12025550199@bank>'], ["Remote-Party-ID", '"The bank" <sip:+12025550199@bank>;party=calling']]
    with Provider(lambda c: None) as plain, Provider(lambda c: None) as asserted, Exchange(more=more % (plain.ip, asserted.ip)) as x, x.raw("204") as p:
        plain.proxy = asserted.proxy = x.sip
        x.wait_trunk("plain", "unknown")

        def shown(phone, headers):
            c = phone.dial("sip:1@%s:%d" % x.sip, headers=headers, dest=x.sip)
            ring = p.wait_call()
            wire = ring.invite.wire.decode()
            c.cancel()
            x.wait_idle()
            return ring.invite.get("from"), wire
        who, wire = shown(plain, lie)
        assert "bank" not in wire and "5550199" not in wire and "provider" in who, wire
        who, wire = shown(asserted, lie)
        assert "+12025550199" in who and "P-Asserted" not in wire, wire
        who, wire = shown(asserted, lie + [["Privacy", "id"]])
        assert "anonymous" in who and "5550199" not in wire and "bank" not in wire, wire
        with x.stranger() as s:
            c = s.dial("x", headers=lie).greeted()
            c.dtmf("204")
            c.speak(sound.sine(1000, 3))
            ring = p.wait_call(12)
            assert "bank" not in ring.invite.wire.decode(), ring.invite.wire
            c.hangup()
        x.wait_idle()


def test_telephones_under_tls():
    """baresip and Linphone register by TLS with the home's own certificate and call each other; a new certificate is shown after SIGHUP; silent handshakes hinder nobody."""
    with Exchange(tls=True) as x:
        silent = [socket.create_connection(x.tls, 2) for _ in range(10)]

        def shown():
            context = ssl._create_unverified_context()
            with socket.create_connection(x.tls, 5) as s, context.wrap_socket(s) as tls:
                assert tls.version() in ("TLSv1.2", "TLSv1.3"), tls.version()
                return tls.getpeercert(True)
        first = None
        with x.baresip("204", transport="tls", exchange=x.tls) as b, x.linphone("200", transport="tls", exchange=x.tls) as lin:
            phones = x.json("extension", "list")
            assert all("tls:" in str(p) for p in phones), phones
            lin.dial("204")
            b.wait_for("CALL_INCOMING")
            b.answer()
            lin.wait_state("StreamsRunning")
            b.wait_for("CALL_ESTABLISHED")
            b.hangup()
            x.wait_idle()
            for s in silent:
                s.close()

            def shown_again():
                try:
                    return shown()
                except OSError:                              # the places of the silent ones are not free yet
                    return None
            first = procs.poll("a handshake after the silent ones", shown_again, 6)
            certificate, key = Authority().sign("exchange.test")
            for source, name in ((certificate, "certificate.pem"), (key, "key.pem")):
                with open(source) as f, open(x.home + "/cert/" + name, "w") as g:
                    g.write(f.read())
            os.kill(x.proc.pid, 1)
            procs.poll("the new certificate", lambda: shown() != first, 10)
            # Calls still go over the connections that stand.
            b.dial("200")
            lin.wait_state("IncomingReceived")
            b.hangup()
            x.wait_idle()
        # A certificate that cannot be used changes nothing.
        second = shown()
        with open(x.home + "/cert/key.pem", "w") as g:
            g.write("nonsense")
        os.kill(x.proc.pid, 1)
        procs.poll("the complaint", lambda: "key.pem" in x.output(), 10)
        assert shown() == second
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            old = ssl._create_unverified_context()
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = old.maximum_version = version
            try:
                with socket.create_connection(x.tls, 5) as s, old.wrap_socket(s):
                    raise AssertionError("%s is spoken" % version)
            except (ssl.SSLError, OSError):
                pass

"""Routers in between: the exchange behind one, a phone behind another, the provider outside."""
import re
import socket
import threading
import time

import netns
import procs
import sound
from exchange import TOML, Exchange
from meter import TONE, Meter
from parts import hears, talk

RTP = (30000, 30199)


class Provider(Meter):
    """Says in its answers where a request really came from (RFC 3581), as every provider does."""

    def reply(self, req, code, reason="OK", headers=(), body=b"", tag="", addr=None):
        """Answer a request, its Via stamped."""
        at = next(i for i, h in enumerate(req.headers) if h[0].lower() == "via")
        if "received=" not in req.headers[at][1]:
            ip, port = req.source
            req.headers[at][1] = req.headers[at][1].replace(";rport", ";rport=%d;received=%s" % (port, ip))
        super().reply(req, code, reason, headers, body, tag, addr)


class Stun(threading.Thread):
    """A STUN server at 198.51.100.10:3478 (RFC 8489): tells the asker's address."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("198.51.100.10", 3478))
        self.asked = 0
        self.start()

    def run(self):
        """Serve."""
        while True:
            try:
                data, (ip, port) = self.sock.recvfrom(2048)
            except OSError:
                return
            self.asked += 1
            cookie = data[4:8]
            xored = bytes(a ^ b for a, b in zip(socket.inet_aton(ip), cookie))
            attribute = b"\x00\x20\x00\x08\x00\x01" + bytes(a ^ b for a, b in zip(port.to_bytes(2, "big"), cookie)) + xored
            self.sock.sendto(b"\x01\x01" + len(attribute).to_bytes(2, "big") + data[4:20] + attribute, (ip, port))


def exchange(world, provider, public):
    """The exchange at 10.1.0.2:5060, its RTP ports those that are forwarded."""
    toml = re.sub(r'ports = "[^"]*"', 'ports = "%d-%d"' % RTP, TOML)
    with world.inside("x"):
        x = Exchange(ip="10.1.0.2", meter=provider, toml=toml, start=False, sip_more='public_address = "%s"' % public,
                     more='[did."+12025550100"]\ntrunk = "meter"\nto = "extension:204"\n')
        text = open(x.home + "/tollgate.toml").read().replace("10.1.0.2:%d" % x.port, "10.1.0.2:5060")
        with open(x.home + "/tollgate.toml", "w") as f:
            f.write(text)
        x.port, x.sip = 5060, ("10.1.0.2", 5060)
        x.start()
    x.rotate("204")
    return x


def paid(world, phone, provider):
    """204 calls outside: sound both ways through both routers."""
    count = len(provider.taken)
    with world.inside("h"):
        call = phone.dial("92025550123").wait_ok()
    start = len(call.samples)
    call.play(sound.sine(1000, 2))
    time.sleep(0.2)
    hears(call.samples[start:], TONE, 2, "the phone behind its router")
    hears(provider.taken[count].samples, 1000, 2, "the provider")
    return call


def did(world, phone, provider, public):
    """The provider calls our number: it rings behind the other router, sound both ways."""
    with world.inside("net"):
        call = provider.dial("sip:12025550100@%s:5060" % public, dest=(public, 5060))
    ring = phone.wait_call(10)
    ring.answer()
    call.wait_ok()
    talk(call, ring, 1.5)
    ring.hangup()
    assert call.wait_end() == "BYE"


def test_three_houses():
    """A phone and the exchange behind routers of their own, the provider outside: calls and sound both ways, the phone's way
    is kept open, and all of it again after the exchange's address has changed in between."""
    netns.must()
    with netns.World(RTP) as world:
        with world.inside("net"):
            stun, provider = Stun(), Provider(ip="198.51.100.10", port=5070)
        with provider, exchange(world, provider, "stun:198.51.100.10") as x:
            procs.poll("the address is learned", lambda: "198.51.100.2" in x.output(), 15)
            with world.inside("h"):
                phone = x.raw("204", ip="10.2.0.2", exchange=("198.51.100.2", 5060))
            with phone:
                registered = time.monotonic()
                call = paid(world, phone, provider)
                invite = provider.seen[0][1].wire.decode()
                assert "Contact: <sip:" in invite and "@198.51.100.2:5060" in invite and "c=IN IP4 198.51.100.2" in invite, invite
                assert "10.1.0.2" not in invite, "the inside address is told outside: " + invite
                call.hangup()
                assert provider.taken[0].wait_end() == "BYE", "the BYE reaches us at the address that Contact named"
                did(world, phone, provider, "198.51.100.2")
                procs.poll("the phone is asked for, so that its router keeps the way open",
                           lambda: [r for r in phone.requests if r.method == "OPTIONS"], 32)
                kept = time.monotonic() - registered
                world.move(22)
                procs.poll("the new address is learned", lambda: "198.51.100.22" in x.output(), 45)
                phone.proxy = ("198.51.100.22", 5060)           # its name server tells it so
                with world.inside("h"):
                    assert phone.register().status == 200
                call = paid(world, phone, provider)
                invite = provider.seen[-1][1].wire.decode()
                assert "@198.51.100.22:5060" in invite and "c=IN IP4 198.51.100.22" in invite, invite
                call.hangup()
                did(world, phone, provider, "198.51.100.22")
                assert any("198.51.100.22" in e["text"] for e in x.json("events", "--kind", "public-address"))
                assert stun.asked >= 2
                test_three_houses.note = "  (asked for after %.0f s)" % kept
        stun.sock.close()


def test_what_the_provider_sees_is_believed():
    """public_address = "auto": the answer of a trunk tells where we are, and the next call says so; one from a phone does not."""
    netns.must()
    with netns.World(RTP) as world:
        with world.inside("net"):
            provider = Provider(ip="198.51.100.10", port=5070)
        with provider, exchange(world, provider, "auto") as x:
            with world.inside("x"):
                phone = x.raw("204", ip="10.1.0.2")
            with phone:
                with world.inside("x"):
                    phone.dial("92025550123").wait_ok().hangup()
                procs.poll("the address is learned", lambda: "198.51.100.2" in x.output(), 10)
                with world.inside("x"):
                    call = phone.dial("92025550123").wait_ok()
                start = len(call.samples)
                call.play(sound.sine(1000, 1.5))
                hears(call.samples[start:], TONE, 1.5, "the phone")
                invite = provider.seen[-1][1].wire.decode()
                assert "@198.51.100.2:5060" in invite and "c=IN IP4 198.51.100.2" in invite, invite
                told = call.final.wire.decode()
                assert "198.51.100" not in told, "a phone of the house is told the inside address: " + told
                call.hangup()


test_three_houses.limit = 200

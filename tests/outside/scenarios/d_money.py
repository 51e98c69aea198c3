"""Nothing a stranger dials reaches the paid trunk; what 204 may dial does, once and right."""
import random
import re
import time

import procs
import sound
from exchange import Exchange
from message import Msg
from meter import TONE, Meter
from parts import all_of, closed_records, hears, leg, nobody_rang

NUMBERS = ["911", "9911", "112", "0", "919005551234", "19005551234", "9-1-900-555-1234", "912025550123", "+12025550123",
           "9011442079460000", "011442079460000", "9011", "+44900123456", "918765551234", "91010321912025550123", "411"]
USERS = ["200", "204", "222", "meter", "attendant", "from-internal", "directory", "Phone%20204"]
TRICKS = ["300&trunk", "300&PJSIP/meter/912025550123", "300%26PJSIP%2Fmeter%2F912025550123", "204%26meter", "%2A72", "*72", "*2",
          "_X.", "_9NXXNXXXXXX", "_.", "s", "S", "i", "t", "h", "o", "a", "e", "T", "100,30,T", "100%2C30%2CT", "200,30,G(from-internal^911^1)",
          "${EXTEN}", "${${X}}", "$[1+1]", "$(touch%20x)", "../../etc/passwd", "%2e%2e%2f", "%00", "204%00", "911%00", "9-1-1", "9%2011",
          "911;phone-context=+1", "911;npdi", "tel:911", "204@meter", "meter/911", "SIP/meter/911", "Local/911@from-internal", "911%40from-internal",
          "9" * 79, "9" * 80, "9" * 81, "9" * 255, "9" * 4096, "1" + "9" * 80, "%39%31%31", "%39%31%39%30%30%35%35%35%31%32%33%34", "911 ", " 911", "９１１"]
KEYS = ["911", "9911#", "919005551234", "9011442079460000", "912025550123#", "*72911", "#1911", "**", "4", "4911#", "0911", "09",
        "*2911", "80", "299911", "#", "*", "2009", "9" * 60]
PLANTED = "900555"


def _call(x, meter, user, keys=None, wait=0.0, refer=None):
    """One stranger's call to `user`, keyed while the greeting plays (wait=0) or later."""
    with x.stranger(random.choice(["stranger", "204", "200", "911", "+12025550100", "meter"])) as s:
        uri = "sip:%s@%s:%d" % ((user,) + x.sip) if user else "sip:%s:%d" % x.sip
        call = s.dial(uri, timeout=12)
        r = call.wait_answer(15)
        if r.status != 200:
            assert r.status >= 400, "%r got %s" % (user, r.start)
            return r.status
        call.speak(sound.sine(1000, 12))
        if keys:
            call.greeted()
            time.sleep(wait)
            call.dtmf(keys, on=0.06, gap=0.06)
        time.sleep(0.8)
        if not call.ended:
            call.hangup()
        return 200


def test_stranger_dials_anything():
    """As the called number: emergency, premium, abroad, every user, 80 digits and all the tricks: the meter sees nothing."""
    with Meter() as meter, Exchange(meter=meter) as x, x.raw("200") as one, x.raw("204") as two:
        statuses = {}

        def job(user):
            return lambda: statuses.__setitem__(user, _call(x, meter, user))
        all_of([job(u) for u in NUMBERS + USERS + TRICKS + [""]], at_once=10)
        assert meter.seen == [], meter.numbers()
        nobody_rang(one, two)
        assert statuses["911"] == statuses["204"] == statuses["4711" if "4711" in statuses else "s"], statuses
        assert x.alive(0.5)
        x.wait_idle()
        # and with the names of users in other forms, and by another host's name
        with x.stranger() as s:
            for uri in ("sip:911@meter", "sip:911@%s:%d" % (meter.ip, meter.port), "sips:911@%s:%d" % x.sip, "tel:911", "tel:+19005551234"):
                s.exchange(s.build("INVITE", uri, headers=[["Content-Type", "application/sdp"]], body=b""), 1)
            for route in ("<sip:%s:%d;lr>" % (meter.ip, meter.port), "<sip:meter;lr>"):
                s.exchange(s.build("INVITE", "sip:911@%s:%d" % x.sip, headers=[["Route", route]]), 1)
            for name in ("P-Asserted-Identity", "Remote-Party-ID", "P-Preferred-Identity", "Diversion", "History-Info"):
                s.exchange(s.build("INVITE", "sip:912025550123@%s:%d" % x.sip, headers=[[name, "<sip:204@%s>" % x.ip]]), 1)
            for method in ("MESSAGE", "REFER", "SUBSCRIBE", "PUBLISH", "NOTIFY", "UPDATE", "INFO", "BYE", "PRACK"):
                r = s.exchange(s.build(method, "sip:911@%s:%d" % x.sip, headers=[["Refer-To", "<sip:911@%s>" % x.ip], ["Event", "refer"]]), 1)
                assert r is None or r.status >= 400, "%s from a stranger: %s" % (method, r.start)
        assert meter.seen == [], meter.numbers()
        x.wait_idle(45)


def test_stranger_keys_anything():
    """The same keyed while the greeting plays and after it; transfers asked for in the call: the meter sees nothing."""
    with Meter() as meter, Exchange(meter=meter) as x:
        jobs = [lambda k=k, w=w: _call(x, meter, "attendant", k, w) for k in KEYS for w in (0.2, 6.0)]
        all_of(jobs, at_once=10)
        assert meter.seen == [], meter.numbers()
        with x.raw("204") as two, x.stranger() as s:
            call = s.dial("x").greeted()
            call.dtmf("204")
            ring = two.wait_call()
            ring.answer()
            call.dtmf("#1911*2911##911")
            call.info("#911")
            for to in ("sip:911@%s:%d" % x.sip, "sip:912025550123@%s:%d" % (meter.ip, meter.port), "tel:911"):
                r = call.send("REFER", [["Refer-To", "<%s>" % to], ["Referred-By", "<sip:204@%s>" % x.ip]])
                assert r.status >= 400 or not meter.seen, r.start
            time.sleep(1)
            assert meter.seen == [], meter.numbers()
            if not call.ended:
                call.hangup()
        # a phone in the house that sends the stranger on to a paid number
        with x.raw("204") as two, x.stranger() as s:
            call = s.dial("x").greeted()
            call.dtmf("204")
            ring = two.wait_call()
            ring.refuse(302, "Moved", [["Contact", "<sip:912025550123@%s:%d>" % x.sip], ["Contact", "<sip:911%%2F@%s:%d>" % (meter.ip, meter.port)]])
            time.sleep(1.5)
            assert meter.seen == [], meter.numbers()
        x.wait_idle(30)


def test_extension_dials_out():
    """204 dials 9-202-555-0123: exactly one INVITE, the right number, sound both ways, a permit in the record."""
    with Meter() as meter, Exchange(meter=meter) as x, x.raw("204") as p:
        call = p.dial("92025550123").wait_ok()
        time.sleep(0.3)
        start = len(call.samples)
        call.play(sound.sine(1000, 4))
        time.sleep(0.2)
        assert [re.sub(r"^\+?1", "", n) for n in meter.numbers()] == ["2025550123"], meter.numbers()
        hears(call.samples[start:], TONE, 4, "204")
        hears(meter.taken[0].samples, 1000, 4, "the trunk")
        invite = meter.seen[0][1]
        wire = invite.wire.decode("utf-8", "replace")
        for secret in (p.ip + ":", call.call_id, "rawphone", "Authorization"):
            assert secret not in wire, "%r of the inside leg stands in the INVITE to the trunk" % secret
        call.hangup()
        assert meter.taken[0].wait_end(5) == "BYE"
        x.wait_idle()
        out = leg(closed_records(x, 2), direction="out")
        assert out["trunk"] == "meter" and out["permit"] and out["origin"] == "extension:204", out
        assert out["disposition"] == "answered" and out["hangup_side"] == "other" and out["rtp"]["packets_in"] > 150, out
        call = p.dial("912025550123").wait_ok()
        meter.taken[1].send("BYE")
        assert call.wait_end(5) == "BYE"
        assert len(meter.seen) == 2
        x.wait_idle()


def test_extension_is_refused_what_it_may_not():
    """Premium, 1-876, abroad, 1010xxx and what cannot be classified: refused, no INVITE; 911 goes out, once."""
    with Meter() as meter, Exchange(meter=meter) as x, x.raw("204") as p:
        for number in ("919005551234", "99005551234", "99765551234", "918765551234", "98765551234", "918095551234", "912845551234",
                       "9011442079460000", "9011882161234567", "9101032112025550123", "9011999", "99999999999", "9", "919", "92025550123&911",
                       "9-1-900-555-1234", "91900555123456789", "_9NXXNXXXXXX", "9%32025550123x"):
            r = p.dial(number).wait_answer(10)
            assert r.status >= 400, "%s: %s" % (number, r.start)
        assert meter.seen == [], meter.numbers()
        x.wait_idle()
        records = closed_records(x, 19)
        assert sum(r["disposition"] == "refused" for r in records) >= 8, [(r["to"], r["disposition"]) for r in records]
        assert not any(r["permit"] for r in records), records
        call = p.dial("911").wait_ok()
        time.sleep(0.5)
        assert meter.numbers() == ["911"], meter.numbers()
        call.hangup()
        x.wait_idle()


def test_rights_of_one_are_not_those_of_another():
    """An extension that may only call inside cannot dial out, 911 excepted; forged From and caller names change nothing."""
    with Meter() as meter, Exchange(meter=meter, may=("internal",)) as x, x.raw("204") as p, x.raw("200") as q:
        assert p.dial("92025550123").wait_answer().status >= 400
        for name in ('"911" <sip:200@%s>', '"!="x"|" <sip:2025550123@%s>', "<sip:200@%s>;party=calling"):
            call = p.dial("92025550123", headers=[["From", name % x.ip + ";tag=%x" % random.getrandbits(32)]])
            assert call.wait_answer().status >= 400
        assert meter.seen == [], meter.numbers()
        call = p.dial("911").wait_ok()
        call.hangup()
        assert meter.numbers() == ["911"]
        x.wait_idle()


def test_the_trunk_is_known_by_its_address_alone():
    """A call from the trunk's address is the trunk's and may start nothing paid; one from another address never is."""
    with Meter() as meter, Exchange(meter=meter) as x, x.raw("204") as p:
        for user in ("911", "92025550123", "912025550123", "2025550100", "*72", "204"):
            call = meter.dial("sip:%s@%s:%d" % ((user,) + x.sip), dest=x.sip, timeout=8)
            r = call.wait_answer(10)
            if r.status == 200:
                call.dtmf("911#92025550123#", on=0.06, gap=0.06)
                call.hangup()
        assert meter.seen == [], meter.numbers()
        x.wait_idle(30)
        assert not any(r["permit"] and r["trunk"] and r["direction"] == "out" for r in x.calls())


def test_early_media():
    """The trunk's announcement before the answer is heard by 204; the call is answered only when the trunk answers."""
    with Meter(mode="early") as meter, Exchange(meter=meter) as x, x.raw("204") as p:
        call = p.dial("92025550123")
        call.wait_status(183)
        call.wait_sound(1.5)
        assert call.final is None, "answered while the trunk had only begun"
        hears(call.samples[:12000], TONE, 1, "204 before the answer")
        call.wait_ok()
        call.hangup()
        x.wait_idle()


def test_trunk_refuses_or_does_not_answer():
    """The trunk's refusals reach the phone as such, a CANCEL reaches the trunk, and each attempt is one INVITE."""
    with Meter(mode=486) as meter, Exchange(meter=meter) as x, x.raw("204") as p:
        for status, wanted in ((486, (486,)), (404, (404,)), (503, (480, 500, 502, 503)), (302, range(400, 700)), (603, (403, 480, 603))):
            meter.mode, before = status, len(meter.seen)
            r = p.dial("92025550123").wait_answer(10)
            assert r.status in wanted, "trunk %d, phone %s" % (status, r.start)
            assert len(meter.seen) == before + 1, (status, meter.numbers())
        meter.mode = "ring"
        call = p.dial("92025550123")
        call.wait_status(180)
        call.cancel()
        assert call.wait_answer().status == 487
        assert meter.taken[-1].wait_end(5) == "CANCEL"
        x.wait_idle()


test_stranger_dials_anything.limit = test_stranger_keys_anything.limit = 200         # the longest: they begin first

"""A stranger calls, hears the attendant, presses 1, and the phones in the house ring."""
import time

import sound
from exchange import Exchange
from parts import before_tone, closed_records, hears, hears_not, leg, nobody_rang


def _stranger_to_group(hangs_up):
    with Exchange() as x, x.baresip("200", mic=sound.sine(440, 120)) as one, \
            x.baresip("204", mic=sound.sine(700, 120)) as two, x.baresip("stranger", mic=sound.sine(1000, 120)) as caller:
        begin = time.time()
        caller.dial("4711")
        caller.wait_for("CALL_ESTABLISHED")
        time.sleep(3)
        caller.dtmf("1")
        one.wait_for("CALL_INCOMING")
        two.wait_for("CALL_INCOMING")
        two.answer()
        two.wait_for("CALL_ESTABLISHED")
        one.wait_for("CALL_CLOSED")
        time.sleep(10.3)
        assert len(x.channels()) >= 1
        (caller if hangs_up == "caller" else two).hangup()
        caller.wait_for("CALL_CLOSED")
        two.wait_for("CALL_CLOSED")
        time.sleep(0.3)
        heard = caller.heard_samples()
        assert sound.speech_like(before_tone(heard, 700)), "the stranger heard no speech before he was connected"
        hears(heard, 700, 10, "the stranger")
        hears_not(heard, 1000, "the stranger")
        hears(two.heard_samples(), 1000, 10, "204")
        hears_not(two.heard_samples(), 700, "204")
        x.wait_idle()
        records = closed_records(x, 3)
        assert len(records) == 3 and len({r["call_id"] for r in records}) == 1, records
        come = leg(records, direction="in")
        assert come["origin"] == "stranger:" + caller.ip and come["to"] == "4711" and come["from"] == "stranger", come
        assert come["disposition"] == "answered" and come["answered_at"] and come["permit"] is None, come
        assert any("attendant" in p for p in come["path"]), come["path"]
        assert come["rtp"]["packets_in"] > 500 and come["rtp"]["packets_out"] > 500, come["rtp"]
        assert come["rtp"]["lost"] == 0, come["rtp"]
        assert abs(come["at"] / 1000 - begin) < 5 and come["ended_at"] - come["answered_at"] > 12000, come
        went = leg(records, direction="out", to=lambda v: "204" in v)
        assert went["disposition"] == "answered" and went["permit"] and went["origin"] == come["origin"], went
        assert (come["codec"] or "").upper() == (went["codec"] or "").upper() == "PCMU", (come["codec"], went["codec"])
        quiet = leg(records, direction="out", to=lambda v: "200" in v)
        assert quiet["answered_at"] is None and quiet["permit"] and quiet["permit"] != went["permit"], quiet
        sides = ("party", "other") if hangs_up == "caller" else ("other", "party")
        assert (come["hangup_side"], went["hangup_side"]) == sides, (come["hangup_side"], went["hangup_side"])
        assert come["cause"] == went["cause"] == 16, (come["cause"], went["cause"])


def test_stranger_rings_the_group_and_hangs_up():
    """baresip as a stranger hears speech, presses 1, two baresips ring, one answers; tones both ways; he hangs up."""
    _stranger_to_group("caller")


def test_stranger_rings_the_group_and_204_hangs_up():
    """The same, and the phone in the house hangs up."""
    _stranger_to_group("callee")


def test_nobody_is_rung_without_ack_and_sound():
    """A caller without RTP and digits, one without ACK, and one that sends junk for RTP: no phone rings."""
    with Exchange() as x, x.raw("200") as one, x.raw("204") as two, x.stranger("silent") as silent, \
            x.stranger("noack") as noack, x.stranger("junk") as junk:
        a, c = silent.dial("200"), junk.dial("1")
        b = noack.dial("204")
        b.mute_acks = True
        for call in (a, b, c):
            call.wait_ok()
        a.wait_sound(1)
        b.speak(sound.sine(1000, 6))
        time.sleep(1)
        b.dtmf("1")
        end = time.monotonic() + 40
        while time.monotonic() < end and not all(call.ended for call in (a, b, c)):
            if not c.ended:
                c.rtp.sendto(b"not RTP at all", c.remote_rtp)
            time.sleep(0.2)
        nobody_rang(one, two)
        assert sound.speech_like(a.samples), "the silent caller heard no greeting"
        oks = [d for _, way, d in noack.trace if way == "<" and d.startswith(b"SIP/2.0 200") and b"INVITE" in d]
        assert len(oks) >= 8, "2xx without ACK was sent %d times" % len(oks)
        for call in (a, c):
            if not call.ended:
                call.hangup()
        x.wait_idle(40)
        nobody_rang(one, two)


def test_attendant_by_keys():
    """2XX direct, an invalid key says so and asks again, silence (with sound on the line) rings 204, 4 does not exist."""
    with Exchange() as x, x.raw("200") as one, x.raw("204") as two:
        with x.stranger() as s:
            call = s.dial("anything").greeted()
            call.speak(sound.sine(1000, 20))
            call.wait_sound(1)
            call.dtmf("200")
            ringing = one.wait_call(10)
            ringing.answer()
            call.wait_sound(2)
            call.hangup()
            assert ringing.wait_end(5) == "BYE"
            assert two.rang == 0
        with x.stranger() as s:
            call = s.dial("anything").wait_ok()
            talker = call.speak(sound.sine(1000, 3))
            call.wait_sound(1)
            call.dtmf("4")
            heard = len(call.samples)
            talker.join(10)
            time.sleep(3)
            assert one.rang == 1 and two.rang == 0, "4 rang somebody"
            assert not call.ended, "an invalid key ended the call"
            assert sound.sound_in(call.samples[heard:]) > 1, "nothing was said after an invalid key"
            begin = time.monotonic()
            call.speak(sound.sine(1000, 60))
            ringing = two.wait_call(60)         # silence: after the greeting and its time-out
            assert time.monotonic() - begin > 2
            call.hangup()
            assert ringing.wait_end(5) == "CANCEL"
        x.wait_idle()


def test_caller_who_gives_up_stops_the_ringing():
    """The stranger hangs up while the phones ring: all of them stop; records say nobody answered."""
    with Exchange() as x, x.raw("200") as one, x.raw("204") as two, x.stranger() as s:
        call = s.dial("x").greeted()
        call.dtmf("1")
        rings = [one.wait_call(), two.wait_call()]
        for r in rings:
            r.ring()
        time.sleep(1)
        call.hangup()
        assert [r.wait_end(5) for r in rings] == ["CANCEL", "CANCEL"]
        x.wait_idle()
        for r in closed_records(x, 3):
            assert r["direction"] == "in" or r["disposition"] == "no-answer", r


def test_everyone_busy_or_nobody_there():
    """When each phone refuses, or none is registered, the stranger's call goes on in an orderly way and ends."""
    with Exchange() as x, x.stranger() as s:
        call = s.dial("x").greeted()
        call.dtmf("1")
        time.sleep(1.5)
        if not call.ended:
            call.hangup()
        x.wait_idle()
        with x.raw("200") as one, x.raw("204") as two, x.stranger() as t:
            call = t.dial("x").greeted()
            call.dtmf("1")
            one.wait_call().refuse(486)
            two.wait_call().refuse(603, "Decline")
            time.sleep(1)
            if not call.ended:
                call.hangup()
            x.wait_idle()

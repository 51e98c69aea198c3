"""The buttons of real phones: calls that are sent on, blind and attended, and what nobody gains by it (attacks 20 to 27)."""
import re
import threading
import time

import procs
import sound
from exchange import Exchange
from meter import Meter
from parts import hears, talk

HOUSE = ("200", "204", "205")
NATIONAL = "92025550123"


def up(a, b, dialled=None):
    """A call from raw phone a to raw phone b that is answered: (a's call, b's call)."""
    call = a.dial(dialled or b.user)
    ring = b.wait_call()
    ring.answer()
    return call.wait_ok(), ring


def refer(x, call, to, replaces=None, timeout=5):
    """Ask by REFER that the other party goes to `to`; returns the response."""
    uri = "sip:%s@%s:%d" % ((to,) + x.sip)
    if replaces:
        uri += "?Replaces=" + re.sub(r"[^A-Za-z0-9.-]", lambda m: "%%%02X" % ord(m.group()), replaces)
    return call.send("REFER", [["Refer-To", "<%s>" % uri], ["Referred-By", "<%s>" % call.phone.aor]], timeout=timeout)


def tag(value):
    """The tag of a From or To."""
    return re.search(r";tag=([^;>]+)", value).group(1)


def dialog_of(call):
    """A call as a Replaces names it: Call-ID, the exchange's tag, our own."""
    return "%s;to-tag=%s;from-tag=%s" % (call.call_id, tag(call.remote), tag(call.local))


def progress(phone):
    """Statuses of transfers told by NOTIFY so far; the lamp's are others."""
    return [int(re.search(rb"SIP/2.0 (\d+)", n.body).group(1)) for n in phone.notifies if (n.get("event") or "").startswith("refer")]


def told(phone, status, timeout=10):
    """Until NOTIFY tells a status; returns the last NOTIFY."""
    procs.poll("NOTIFY %s at %s, not %r" % (status, phone.user, progress(phone)), lambda: status in progress(phone), timeout)
    return [n for n in phone.notifies if b"SIP/2.0 %d" % status in n.body][-1]


def test_blind_by_the_caller():
    """200 calls 204 and sends it to 205: NOTIFY tells 100, 180 and 200, 200 is let go, 204 and 205 talk."""
    with Exchange(users=HOUSE) as x, x.raw("200") as a, x.raw("204") as b, x.raw("205") as c:
        call, other = up(a, b)
        assert refer(x, call, "205").status == 202
        third = c.wait_call()
        third.ring()
        told(a, 180)
        third.answer()
        last = told(a, 200)
        assert last.get("event").startswith("refer") and "terminated" in last.get("subscription-state"), last.headers
        assert "sipfrag" in last.get("content-type")
        assert call.wait_end() == "BYE"
        talk(other, third, 2)
        third.hangup()
        assert other.wait_end() == "BYE"
        x.wait_idle()


def test_blind_of_a_stranger_by_the_called():
    """204 sends a stranger on to 200, then 200 back to 205: the stranger talks to each."""
    with Exchange(users=HOUSE) as x, x.raw("200") as a, x.raw("204") as b, x.raw("205") as c, x.stranger() as s:
        call = s.dial("x").greeted()
        call.dtmf("204")
        ring = b.wait_call()
        ring.answer()
        assert refer(x, ring, "200").status == 202
        second = a.wait_call()
        second.answer()
        assert ring.wait_end() == "BYE"
        talk(call, second, 1.5)
        assert refer(x, second, "205").status == 202
        third = c.wait_call()
        third.answer()
        assert second.wait_end() == "BYE"
        talk(call, third, 1.5)
        call.hangup()
        assert third.wait_end() == "BYE"
        x.wait_idle()


def test_a_transfer_that_fails_comes_back():
    """A busy and an unknown number: NOTIFY says so and the two talk again; who hung up meanwhile is called back."""
    with Meter(mode="ring") as meter, Exchange(users=HOUSE, meter=meter) as x, x.raw("200") as a, x.raw("204") as b:
        call, other = up(a, b)
        assert refer(x, call, NATIONAL).status == 202
        told(a, 180)
        meter.taken[-1].refuse(486)
        told(a, 486)
        talk(call, other, 1)
        assert refer(x, call, "299").status == 202
        told(a, 404)
        talk(call, other, 1)
        assert refer(x, other, NATIONAL).status == 202       # now the called side, and it hangs up at once
        procs.poll("the trunk rings", lambda: len(meter.taken) == 2, 5)
        other.hangup()
        meter.taken[-1].refuse(486)
        again = b.wait_call(15)
        again.answer()
        talk(call, again, 1)
        call.hangup()
        again.wait_end()
        x.wait_idle()


def test_attended_by_replaces():
    """200 talks to 204 and to 205, then joins them by REFER with Replaces: both of its calls end, 204 and 205 talk."""
    with Exchange(users=HOUSE) as x, x.raw("200") as a, x.raw("204") as b, x.raw("205") as c:
        for swap in (False, True):
            one, other = up(a, b)
            assert "replaces" in one.final.get("supported"), "baresip asks for it before it offers the button"
            one.reinvite("sendonly")
            two, third = up(a, c)
            if swap:
                assert refer(x, two, "204", dialog_of(one)).status == 202
            else:
                assert refer(x, one, "205", dialog_of(two)).status == 202
            assert one.wait_end() == "BYE" and two.wait_end() == "BYE"
            assert told(a, 200)
            del a.notifies[:]
            talk(other, third, 2)
            other.hangup()
            assert third.wait_end() == "BYE"
            x.wait_idle()


def test_attended_of_a_stranger():
    """A stranger reaches 204, who asks 205 first and then joins the two."""
    with Exchange(users=HOUSE) as x, x.raw("204") as b, x.raw("205") as c, x.stranger() as s:
        call = s.dial("x").greeted()
        call.dtmf("204")
        ring = b.wait_call()
        ring.answer()
        two, third = up(b, c)
        assert refer(x, ring, "205", dialog_of(two)).status == 202
        assert ring.wait_end() == "BYE" and two.wait_end() == "BYE"
        talk(call, third, 2)
        call.hangup()
        assert third.wait_end() == "BYE"
        x.wait_idle()


def test_a_guessed_call_is_not_taken():
    """Attack 21: Replaces on a guessed Call-ID, on wrong tags, on somebody else's call, by REFER and by INVITE: refused."""
    with Meter() as meter, Exchange(users=HOUSE, meter=meter) as x, x.raw("200") as a, x.raw("204") as b, x.raw("205") as c:
        one, other = up(a, b)
        two = c.dial(NATIONAL).wait_ok()
        real = dialog_of(two)
        for guess in ("0@x;to-tag=1;from-tag=2", two.call_id + ";to-tag=1;from-tag=2", two.call_id + ";to-tag=;from-tag=",
                      re.sub("from-tag=.*", "from-tag=0", real), real):
            r = refer(x, one, "205", guess)
            assert r.status in (400, 603), (guess, r.start)
            r = a.dial("205", headers=[["Replaces", guess]]).wait_answer()
            assert r.status in (481, 603), (guess, r.start)
        with x.stranger() as s:
            r = s.dial("x", headers=[["Replaces", real], ["Require", "replaces"]]).wait_answer()
            assert r.status in (481, 603), r.start
        assert not two.ended and not one.ended and len(meter.seen) == 1
        talk(one, other, 1)
        one.hangup()
        two.hangup()
        x.wait_idle()


def house(meter, **kw):
    """200 may call outside, 204 may not."""
    x = Exchange(users=("200",), meter=meter, more='[extension.204]\nname = "Kitchen"\ncontext = "from-internal"\nmay = ["internal"]\n' +
                 kw.pop("more", ""), **kw)
    x.rotate("204")
    return x


def test_rights_are_inherited_and_never_widened():
    """Attacks 20 to 22: whoever sends a call on, and whoever is sent, must both be allowed; the meter stays at 0."""
    with Meter() as meter, house(meter) as x, x.raw("200") as a, x.raw("204") as b:
        call, other = up(a, b)                               # 200 may, 204 may not
        assert refer(x, other, NATIONAL).status == 202
        procs.poll("refused", lambda: [s for s in progress(b) if s >= 400], 10)
        talk(call, other, 1)
        call.hangup()
        x.wait_idle()
        call, other = up(b, a)                               # and the other way round
        for to in (NATIONAL, "911%23", "919005551234", "9%2F2025550123", "%2A72"):
            r = refer(x, other, to)
            assert r.status in (202, 484, 603), (to, r.start)
            time.sleep(0.3)
        assert meter.numbers() in ([], ["911"]), meter.numbers()
        meter.seen.clear()
        call.hangup()
        x.wait_idle()
        back = meter.dial("sip:12025550100@%s:%d" % x.sip, dest=x.sip).wait_ok()       # a trunk's caller, sent on by 200
        time.sleep(1)
        back.dtmf("200")
        ring = a.wait_call(15)
        ring.answer()
        for to in (NATIONAL, "911", "2025550123"):
            del a.notifies[:]
            assert refer(x, ring, to).status == 202
            procs.poll("refused", lambda: [s for s in progress(a) if s >= 400], 10)
        for to in (NATIONAL, "204"):
            assert back.send("REFER", [["Refer-To", "<sip:%s@%s:%d>" % ((to,) + x.sip)]]).status == 603, "a trunk's caller"
        two = a.dial(NATIONAL).wait_ok()                     # 200 may talk to it, but not join it with the trunk's caller
        del a.notifies[:]
        assert refer(x, ring, "x", dialog_of(two)).status == 202
        told(a, 603)
        assert not two.ended and len(meter.seen) == 1, meter.numbers()
        two.hangup()
        talk(back, ring, 1)
        back.hangup()
        x.wait_idle()


def test_a_phone_sends_its_own_call_outside():
    """200 calls 204 and sends it to a number that 200 may call itself: one INVITE, on 200's account; and back inside."""
    with Meter() as meter, Exchange(users=HOUSE, meter=meter) as x, x.raw("200") as a, x.raw("204") as b:
        call, other = up(a, b)
        assert refer(x, call, NATIONAL).status == 202
        assert call.wait_end() == "BYE"
        procs.poll("the trunk is called", lambda: meter.taken, 5)
        from parts import hears
        from meter import TONE
        start = len(other.samples)
        other.play(sound.sine(1000, 2))
        hears(other.samples[start:], TONE, 2, "204")
        other.hangup()
        assert meter.taken[0].wait_end() == "BYE" and len(meter.seen) == 1
        x.wait_idle()
        assert [r["origin"] for r in x.json("spend")["ledger"]] == ["extension:200"]
        paid = a.dial(NATIONAL).wait_ok()
        assert refer(x, paid, "204").status == 202
        ring = b.wait_call()
        ring.answer()
        assert paid.wait_end() == "BYE"
        start = len(ring.samples)
        ring.play(sound.sine(1000, 1.5))
        hears(ring.samples[start:], TONE, 1.5, "204")
        ring.hangup()
        assert meter.taken[1].wait_end() == "BYE"
        x.wait_idle()


def test_keys_of_phones_of_the_house_only():
    """Attacks 20, 27: ## sends a call on and *2 asks first, for phones of the house; from a stranger they are only keys."""
    more = '[features]\ntransfer = "##"\nattended_transfer = "*2"\n'
    with Meter() as meter, Exchange(users=HOUSE, meter=meter, more=more) as x, x.raw("200") as a, x.raw("204") as b, \
            x.raw("205") as c, x.stranger() as s:
        call, other = up(a, b)
        other.dtmf("##205#")
        third = c.wait_call(15)
        third.answer()
        assert other.wait_end() == "BYE"
        talk(call, third, 1)
        call.dtmf("*2204#")                                  # the caller asks 204 first, then goes
        again = b.wait_call(15)
        again.answer()
        talk(call, again, 1)
        call.hangup()
        talk(third, again, 1)
        third.hangup()
        again.wait_end()
        x.wait_idle()
        call = s.dial("x").greeted()
        call.dtmf("204")
        ring = b.wait_call()
        ring.answer()
        for keys in ("##205#", "*2205#", "##" + NATIONAL + "#", "##911#"):
            call.dtmf(keys)
        call.info("##205#")
        time.sleep(2)
        assert c.rang == 1 and meter.seen == [] and not ring.ended, (c.rang, meter.numbers())
        ring.dtmf("##" + NATIONAL + "#")                     # and 204 cannot send the stranger outside
        time.sleep(2)
        assert meter.seen == [], meter.numbers()
        call.hangup()
        x.wait_idle()


def test_parking_is_for_the_house():
    """Attack 26: a phone parks by key and hears the slot; strangers and callers of trunks reach neither the lot nor a slot, by number, keys, INFO or
    REFER, and the parked call stays; another phone of the house fetches it."""
    more = ('[features]\npark = "*7"\n[parking.default]\nnumber = "700"\nslots = "701-703"\nseconds = 5\n'
            '[trunk.in]\nhost = "%s"\ntransport = "udp"\nhealth = 0\nentry = "menu:attendant"\n')
    with Meter() as meter, Meter() as line, Exchange(users=HOUSE, meter=meter, more=more.replace("seconds = 5", "seconds = 90") % (
            "%s:%d" % (line.ip, line.port))) as x, x.raw("200") as a, x.raw("204") as b, x.raw("205") as c, x.stranger() as s:
        call, other = up(a, b)
        other.dtmf("*7")
        before = len(other.samples)
        other.wait_sound(before / 8000 + 2)
        assert sound.sound_in(other.samples[before:]) > 0.5, "204 does not hear the slot"
        other.hangup()
        call.speak(sound.sine(700, 90))
        for caller, aim in ((s, None), (line, x.sip)):
            thieves = []
            for number in ("700", "701"):
                thief = caller.dial("sip:%s@%s:%d" % ((number,) + x.sip), dest=aim)
                thief.wait_ok()
                thieves.append(thief)
            for thief in thieves:
                thief.greeted()
                for keys in ("701", "700", "*7", "#701"):
                    thief.dtmf(keys)
                    time.sleep(0.6)
                if not thief.ended:
                    thief.info("701")
                if not thief.ended:
                    assert refer(x, thief, "701").status >= 400
            time.sleep(1)
            for thief in thieves:
                assert not call.ended, "a thief ended the parked call"
                assert sound.tone_in(thief.samples, 700, share=0.5) < 0.2, "a thief hears the parked call"
                if not thief.ended:
                    thief.hangup()
        fetch = c.dial("701").wait_ok()
        fetch.wait_sound(2)
        hears(fetch.samples, 700, 1, "205")
        fetch.hangup()
        call.wait_end()
        x.wait_idle(30)


def test_a_redirection_by_a_phone():
    """Attack 22: 302 goes nowhere; where the owner granted it, it goes inside for everybody and outside for nobody's gain."""
    moved = lambda p, to: p.wait_call().refuse(302, "Moved", [["Contact", "<sip:%s@198.51.100.9>" % to]])   # noqa: E731
    for granted in (False, True):
        with Meter() as meter, house(meter, more="forwards = %s\n" % str(granted).lower()) as x, x.raw("200") as a, x.raw("204") as b, \
                x.stranger() as s:
            call = s.dial("x").greeted()
            call.dtmf("204")
            moved(b, "200")
            if granted:
                ring = a.wait_call()
                ring.answer()
                talk(call, ring, 1)
            else:
                time.sleep(1.5)
                assert a.rang == 0
            call.hangup()
            x.wait_idle(30)
            for to in (NATIONAL, "911", "912025550123%2F", "sip%3A9"):
                call = s.dial("x").greeted()
                call.dtmf("204")
                moved(b, to)
                time.sleep(1)
                if not call.ended:
                    call.hangup()
            call = a.dial("204")                             # 200 may, 204 may not
            moved(b, NATIONAL)
            time.sleep(1)
            assert meter.seen == [], meter.numbers()
            call.cancel() if not call.final else call.hangup()
            if granted:                                      # two phones that forward to each other end by themselves
                call = s.dial("x").greeted()
                call.dtmf("204")
                for _ in range(3):
                    moved(b, "204")
                time.sleep(1)
                assert b.rang < 20
                if not call.ended:
                    call.hangup()
            x.wait_idle(30)


def test_members_loops_and_feature_codes():
    """Attacks 23 to 27: outside members of a group, Local channels that call themselves, and codes from an outside line."""
    plan = ("[follow]\nexten => _X.,1,Dial(PJSIP/204&Local/912025550123@outbound&PJSIP/2025550123@meter,6)\n same => n,Hangup()\n"
            "exten => s,1,Goto(12025550100,1)\n"
            "[loop]\nexten => s,1,Dial(Local/s@loop&Local/s@loop&Local/s@loop,5)\n same => n,Hangup()\n exten => _X.,1,Goto(s,1)\n")
    more = ('[did."+12025550100"]\nto = "context:follow"\n[did."+12025550101"]\nto = "context:loop"\n'
            '[dialplan]\nfiles = ["extensions.conf"]\n')
    with Meter() as meter:
        x = Exchange(users=HOUSE, meter=meter, more=more, start=False)
        with open(x.home + "/extensions.conf", "w") as f:
            f.write(plan)
        with x:
            x.start()
            for u in HOUSE:
                x.rotate(u)
            with x.raw("204") as b:
                call = meter.dial("sip:12025550100@%s:%d" % x.sip, dest=x.sip)
                b.wait_call().answer()
                call.wait_ok().hangup()
                x.wait_idle()
                assert meter.seen == [], meter.numbers()
                cpu = x.cpu()
                call = meter.dial("sip:12025550101@%s:%d" % x.sip, dest=x.sip)
                assert call.wait_answer(20).status >= 400
                x.wait_idle(20)
                assert x.cpu() - cpu < 3, "a loop of Local channels cost %.1f s" % (x.cpu() - cpu)
                for code in ("*72912025550123", "*78", "*98", "*3", "70", "71", "700", "##205", "*1"):
                    call = meter.dial("sip:%s@%s:%d" % ((code.replace("#", "%23"),) + x.sip), dest=x.sip, timeout=8)
                    if call.wait_answer(10).status == 200:
                        call.hangup()
                x.wait_idle(30)
                assert meter.seen == [] and b.rang == 1, (meter.numbers(), b.rang)
                assert x.alive(2)


def test_real_phones_press_transfer():
    """baresip sends 205 to 204, and Linphone sends it on to 200: each hears the tone of the other."""
    with Exchange(users=HOUSE) as x, x.raw("205") as c, x.raw("200") as a, \
            x.baresip("204", mic=sound.sine(1000, 60)) as b:
        call = c.dial("204")
        b.wait_for("CALL_INCOMING")
        b.answer()
        call.wait_ok()
        b.wait_for("CALL_ESTABLISHED")
        b.cmd("transfer", "sip:200@%s:%d" % x.sip)
        ring = a.wait_call()
        ring.answer()
        b.wait_for("CALL_CLOSED", 10)
        talk(call, ring, 1.5)
        ring.hangup()
        call.wait_end()
        x.wait_idle()
    with Exchange(users=HOUSE) as x, x.raw("205") as c, x.raw("200") as a, x.linphone("204") as l:
        call = c.dial("204")
        l.wait_state("IncomingReceived")
        l.answer()
        call.wait_ok()
        l.wait_state("StreamsRunning")
        l.cmd("call-transfer 1 sip:200@%s:%d" % x.sip)
        ring = a.wait_call()
        ring.answer()
        talk(call, ring, 1.5)
        ring.hangup()
        call.wait_end()
        x.wait_idle(20)


def test_session_timers():
    """RFC 4028: 60 s are refused with 422; a phone that wants us to refresh gets it in time; one that does not refresh is hung up."""
    timer = [["Supported", "timer"], ["Allow", "INVITE, ACK, BYE, CANCEL, UPDATE"]]
    with Exchange(users=HOUSE) as x, x.raw("200") as a, x.raw("204") as b, x.raw("205") as c:
        r = a.dial("204", headers=timer + [["Session-Expires", "60"]]).wait_answer()
        assert r.status == 422 and r.get("min-se") == "90", r.start
        call = a.dial("204", headers=timer + [["Session-Expires", "90;refresher=uas"]])
        other = b.wait_call()
        other.answer(headers=[["Supported", "timer"], ["Session-Expires", "90;refresher=uas"], ["Require", "timer"]])
        call.wait_ok()
        assert call.final.get("session-expires") == "90;refresher=uas", call.final.headers
        for one in (call, other):
            one.speak(sound.sine(440, 75))
        assert "Session-Expires: 1800" in other.invite.wire.decode("utf-8", "replace")
        begin = time.monotonic()
        procs.poll("a refresh at half of the interval", lambda: call.reinvites, 55)
        assert 40 < time.monotonic() - begin < 55
        assert not call.ended and other.wait_end(25) == "BYE", "204 promised to refresh and did not"
        assert 55 < time.monotonic() - begin < 70
        x.wait_idle()


test_session_timers.limit = 160

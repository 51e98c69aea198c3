"""What a call may cost: caps that hold, money that runs out, counters and dialogs that survive a power cut, help that goes out."""
import contextlib
import glob
import math
import sqlite3
import threading
import time

import procs
import sound
from exchange import Exchange
from meter import TONE, Meter
from parts import all_of, closed_records, hears, leg, talk

NATIONAL = "92025550123"


def spend(x):
    """The ledger of today, as `tollgate spend --json` prints it."""
    return x.json("spend")


def ledger(x, origin="extension:204"):
    """(calls, seconds, spent, reserved) of an origin."""
    rows = [r for r in spend(x)["ledger"] if r["origin"] == origin]
    return tuple(round(sum(r[k] for r in rows), 3) for k in ("calls", "seconds", "spent", "reserved"))


def events(x, kind):
    """Texts of the events of a kind."""
    return [e["text"] for e in x.json("events", "--kind", kind)]


def debits(x):
    """(permit, settled in millionths, seconds) of every debit, from the database itself."""
    path = glob.glob(x.home + "/**/*.db", recursive=True)[0]
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=5)) as db:
        return db.execute("SELECT leg, settled, settled_s FROM spend").fetchall()


def test_the_days_money_runs_out_in_mid_call():
    """The last minute is spent: the trunk is hung up, the caller alone is told, the next call is refused, 911 still goes."""
    with Meter() as meter, Exchange(meter=meter, more="[policy]\nmoney_per_day = 0.039\n[rates]\nnational = 0.02\n") as x, \
            x.raw("204") as p:
        meter._tone = sound.sine(TONE, 80)
        call = p.dial(NATIONAL).wait_ok()
        begin = time.monotonic()
        call.speak(sound.sine(1000, 80))
        assert ledger(x)[3] == 0.02, "one minute of two that would fit with a cent more: %r" % (ledger(x),)
        assert p.dial(NATIONAL).wait_answer().status == 403, "nothing is left while it is reserved"
        assert meter.taken[0].wait_end(75) == "BYE"
        took = time.monotonic() - begin
        assert 57 < took < 64, "the paid minute lasted %.1f s" % took
        told = len(call.samples)
        call.wait_end(20)
        after = call.samples[told + 2400:]
        assert sound.rms(after) > 100 and sound.tone_in(after, TONE) < 0.2, "the caller was not told"
        assert sound.tone_in(meter.taken[0].samples[-16000:], 1000) > 1, "the called side heard the caller to the end"
        x.wait_idle()
        assert ledger(x)[2:] == (0.02, 0), ledger(x)
        assert len(meter.seen) == 1 and p.dial(NATIONAL).wait_answer().status == 403
        procs.poll("the owner is told", lambda: events(x, "spend-100"), 5)
        assert events(x, "cap-reached"), "the refusal is told"
        p.dial("911").wait_ok().hangup()
        assert meter.numbers()[1:] == ["911"]
        x.wait_idle()


def test_half_and_four_fifths_of_the_money_are_told():
    """50 and 80 percent of the day's money are events, once each."""
    with Meter() as meter, Exchange(meter=meter, more="[policy]\nmoney_per_day = 0.1\n[rates]\nnational = 0.02\n") as x, \
            x.raw("204") as p:
        for n in range(4):
            p.dial(NATIONAL).wait_ok().hangup()
            x.wait_idle()
            procs.poll("it is settled", lambda: ledger(x)[2:] == (round(0.02 * (n + 1), 3), 0), 5)
            wanted = [(0, 0), (0, 0), (1, 0), (1, 1)][n]
            procs.poll("%r events after %d calls" % (wanted, n + 1), lambda: wanted == (
                len(events(x, "spend-50")), len(events(x, "spend-80"))), 3)


def test_a_stolen_phone_calls_fifty_times_at_once():
    """50 parallel calls of one phone: the meter sees as many as the caps allow, and the owner is told."""
    policy = "[policy]\ncalls_at_once = %d\nmoney_per_day = 0.1\nminutes_per_call = 1\n[rates]\nnational = 0.02\n"
    for at_once, most in ((2, 2), (50, 5)):
        with Meter() as meter, Exchange(meter=meter, more=policy % at_once) as x, x.raw("204") as p:
            results, calls = [], []

            def one():
                call = p.dial(NATIONAL, timeout=20)
                calls.append(call)
                results.append(call.wait_answer(25).status)
            all_of([one] * 50, at_once=25, timeout=60)
            assert len(meter.seen) == most and results.count(200) == most, (len(meter.seen), sorted(results))
            assert sum(ledger(x)[2:]) <= 0.1, ledger(x)
            assert len(events(x, "cap-reached")) == 1, "told once a day, not at each of 48 refusals"
            for call in calls:
                if call.final.status == 200 and not call.ended:
                    call.hangup()
            x.wait_idle(30)


def test_silence_ends_a_paid_call_but_not_a_held_one():
    """A phone whose sound stops (a pulled plug) costs half a minute more and no BYE of its own is needed; who holds the call may be silent."""
    with Meter() as meter, Exchange(meter=meter) as x, x.raw("204") as p, x.raw("200") as q:
        meter._tone = sound.sine(TONE, 60)
        plug, held = p.dial(NATIONAL).wait_ok(), q.dial(NATIONAL).wait_ok()
        begin = time.monotonic()
        plug.speak(sound.sine(1000, 2))
        assert held.reinvite("sendonly").status == 200
        assert plug.wait_end(45) == "BYE"
        took = time.monotonic() - begin
        assert 28 < took < 40, "the silent call lasted %.1f s" % took
        ours = procs.poll("the BYE to the provider", lambda: next((c for c in meter.taken if c.ended), None), 5, 0.05)
        assert ours.wait_end(5) == "BYE"
        time.sleep(5)
        assert not held.ended and len([c for c in meter.taken if not c.ended]) == 1, "the held call was ended"
        held.hangup()
        x.wait_idle()


def test_kill_in_the_middle_of_a_paid_call():
    """kill -9 while a paid call is on: after the restart the provider gets its BYE within 5 s; what was
    spent till then is settled, not all that was reserved, and the hour is still counted."""
    more = "[policy]\ncalls_per_hour = 2\n"
    with Meter() as meter, Exchange(meter=meter, more=more) as x, x.raw("204") as p:
        call = p.dial(NATIONAL).wait_ok()
        time.sleep(0.5)
        x.kill()
        x.start()
        begin = time.monotonic()
        assert meter.taken[0].wait_end(5) == "BYE"
        took = time.monotonic() - begin
        bye = [r for r in meter.requests if r.method == "BYE"][-1]
        assert int(bye.get("cseq").split()[0]) > int(meter.taken[0].invite.get("cseq").split()[0])
        calls, _, spent, reserved = ledger(x)
        assert calls == 1 and reserved == 0 and spent > 0, "the minute that was begun is spent, no more: %r" % (ledger(x),)
        [(permit, _, seconds)] = debits(x)
        record = [r for r in x.calls() if r["permit"] == permit][0]
        assert seconds == max(1, math.ceil((record["ended_at"] - record["answered_at"]) / 1000)) <= took + 5, (seconds, record)
        call.finish("lost")
        p.register()
        p.dial(NATIONAL).wait_ok().hangup()
        x.wait_idle()
        assert p.dial(NATIONAL).wait_answer().status == 403, "the third call within the hour"
        assert len(meter.seen) == 2
        x.stop()
        x.start()
        time.sleep(1)
        assert len([r for r in meter.requests if r.method == "BYE"]) <= 3, "what was hung up is not hung up again"
        test_kill_in_the_middle_of_a_paid_call.note = "  (BYE %.2f s after the restart)" % took


def test_kill_while_a_paid_call_rings():
    """kill -9 while paid calls ring: after the restart each gets its CANCEL within 5 s, also one that had to be sent with credentials;
    one that was answered meanwhile is acknowledged and hung up. A minute of each is spent, and nothing stays reserved."""
    late = []

    def challenge(call):
        if call.invite.get("authorization"):
            call.ring()
            return
        call.refuse(401, "Unauthorized", [["WWW-Authenticate", 'Digest realm="itsp", nonce="n1", algorithm=MD5, qop="auth"']])

    class Secret(Meter):
        """A provider who wants to know who calls before it rings."""

        def _serve(self, m, addr):
            if m.method == "INVITE" and m.get("authorization") and self.calls.get(m.get("call-id")):
                del self.calls[m.get("call-id")]
            super()._serve(m, addr)

        def _serve_call(self, call):
            challenge(call)

    with Meter(mode="ring") as meter, Secret() as other:
        more = ('[trunk.other]\nhost = "%s:%d"\nusername = "me"\nsecret = "env:OTHER"\nrealm = "itsp"\ntransport = "udp"\nhealth = 0\n'
                '[route.other]\ndial = "_8NXXNXXXXXX"\nstrip = 1\ntrunks = ["other"]\nfor = ["extensions"]\n' % (other.ip, other.port))
        with Exchange(meter=meter, more=more, env={"OTHER": "s3cret-of-other"}) as x, x.raw("204") as p, x.raw("200") as q:
            calls = [p.dial(NATIONAL), q.dial(NATIONAL), q.dial("82025550123")]
            for call in calls:
                call.wait_status(180)
            assert len(meter.taken) == 2 and len(other.taken) == 2, (len(meter.taken), len(other.taken))
            time.sleep(0.3)
            x.kill()
            answering = threading.Thread(target=lambda: late.append(meter.taken[1].answer(timeout=15)))
            answering.start()
            x.start()
            begin = time.monotonic()
            assert meter.taken[0].wait_end(5) == "CANCEL"
            assert other.taken[1].wait_end(5) == "CANCEL"
            assert meter.taken[1].wait_end(8) == "BYE"
            answering.join(15)
            assert late, "the answer that came while nobody was there was not acknowledged"
            took = time.monotonic() - begin
            for call in (meter.taken[0], other.taken[1]):
                mine = [r for r in call.phone.requests if r.method == "CANCEL" and r.get("call-id") == call.invite.get("call-id")]
                assert mine[0].get("via") == call.invite.get("via") and mine[0].start.split()[1] == call.invite.start.split()[1], mine[0].start
                procs.poll("the ACK of the 487", lambda: call.got_ack, 3)
            for origin, n in (("extension:204", 1), ("extension:200", 2)):
                made, seconds, spent, reserved = ledger(x, origin)
                assert made == n and reserved == 0 and seconds == 60 * n and spent > 0, ledger(x, origin)
            x.stop()
            seen = len(meter.requests) + len(other.requests)
            x.start()
            time.sleep(1)
            assert len(meter.requests) + len(other.requests) == seen, "what was ended is not ended again"
            for call in calls:
                call.finish("lost")
            test_kill_while_a_paid_call_rings.note = "  (all over %.2f s after the restart)" % took


def test_records_and_money_agree():
    """Every debit has its record by the permit, and its cost is that of the record's seconds."""
    with Meter() as meter, Exchange(meter=meter, more="[rates]\nnational = 0.03\n") as x, x.raw("204") as p, x.raw("200") as q:
        def one(phone, seconds):
            call = phone.dial(NATIONAL).wait_ok()
            time.sleep(seconds)
            call.hangup()
        all_of([lambda: one(p, 1.2), lambda: one(p, 2.6), lambda: one(q, 3.3)], at_once=3)
        meter.mode = 486
        assert p.dial(NATIONAL).wait_answer().status == 486
        x.wait_idle()
        out = {r["permit"]: r for r in closed_records(x, 8) if r["direction"] == "out"}
        rows = debits(x)
        assert len(rows) == 4 and {r[0] for r in rows} == set(out), (rows, list(out))
        for permit, settled, seconds in rows:
            r = out[permit]
            if r["answered_at"] is None:
                assert (settled, seconds) == (0, 0), (permit, settled, seconds)
                continue
            length = (r["ended_at"] - r["answered_at"]) / 1000
            assert abs(seconds - length) <= 1, (seconds, length)
            assert settled == 30000 * math.ceil(seconds / 60), (settled, seconds)
        assert ledger(x)[2] == 0.06 and ledger(x, "extension:200")[2] == 0.03


def test_each_trunk_bills_in_its_steps():
    """A call of two seconds over trunks that bill by minutes, by 30/6 and by seconds; after a kill -9 the same; a number without a price
    costs as much as the dearest one that has one."""
    steps = (("2", "60/60", lambda s: 60), ("3", "30/6", lambda s: 30 + -(-max(s - 30, 0) // 6) * 6), ("4", "1/1", lambda s: s))
    more = '[rates]\nnational = 0.6\n"+44" = 0.7\n"+53" = 2.5\ninternational = 0.1\n[policy]\nmoney_per_call = 60\nmoney_per_day = 500\n'
    with Meter() as meter:
        for digit, billing, _ in steps:
            more += ('[trunk.by%s]\nhost = "%s:%d"\ntransport = "udp"\nhealth = 0\nbilling = "%s"\n[route.by%s]\ndial = "_%sNXXNXXXXXX"\nstrip = 1\n'
                     'trunks = ["by%s"]\nfor = ["extensions"]\n' % (digit, meter.ip, meter.port, billing, digit, "8" + digit, digit)).replace("strip = 1", "strip = 2")
        with Exchange(meter=meter, more=more, may=("internal", "national", "international")) as x, x.raw("204") as p:
            def over(n):
                x.wait_idle()
                return procs.poll("%d debits settled" % n, lambda: [d for d in [debits(x)] if len(d) == n and all(r[1] is not None for r in d)], 5)[0]
            for digit, billing, billed in steps:
                call = p.dial("8" + digit + "2025550123").wait_ok()
                time.sleep(1.3)
                call.hangup()
            for (digit, billing, billed), (_, settled, seconds) in zip(steps, over(3)):
                assert 1 <= seconds <= 3 and settled == 10000 * billed(seconds), (billing, settled, seconds)
            # A crash settles in the same steps.
            calls = [p.dial("8" + digit + "2025550123").wait_ok() for digit, _, _ in steps[:2]]
            time.sleep(0.5)
            x.kill()
            x.start()
            rows = procs.poll("the crash is settled", lambda: [d for d in [debits(x)] if all(r[1] is not None for r in d)], 8)[0][3:]
            for (digit, billing, billed), (_, settled, seconds) in zip(steps, rows):
                assert settled == 10000 * billed(seconds), (billing, settled, seconds)
            for call in calls:
                call.finish("lost")
            assert p.register().status == 200
            before = len(debits(x))
            for number, price in (("442079460123", 0.7), ("33142685300", 2.5)):
                p.dial("9011" + number).wait_ok().hangup()
                assert over(before + 1)[before][1] == price * 1000000, (number, debits(x))
                before += 1


def test_caps_of_a_trunk_and_of_a_day():
    """A trunk's own calls, minutes and money of a day, and a phone's minutes and calls: the call that would pass one is refused before the INVITE,
    whoever makes it, and other trunks go on."""
    caps = (("2", "calls_per_day = 1"), ("3", "minutes_per_day = 1"), ("4", "money_per_day = 0.02"), ("5", "calls_per_hour = 1"), ("6", "max_calls = 1"))
    with Meter() as meter:
        more = "[rates]\nnational = 0.02\n[policy]\nminutes_per_call = 1\n"
        for digit, cap in caps:
            more += ('[trunk.by%s]\nhost = "%s:%d"\ntransport = "udp"\nhealth = 0\n%s\n[route.by%s]\ndial = "_8%sNXXNXXXXXX"\nstrip = 2\n'
                     'trunks = ["by%s"]\nfor = ["extensions"]\n' % (digit, meter.ip, meter.port, cap, digit, digit, digit))
        more += '[extension.205]\nname = "Few"\nmay = ["internal", "national"]\nminutes_per_day = 1\n[extension.206]\nname = "Fewer"\nmay = ["internal", "national"]\ncalls_per_day = 1\n'
        with Exchange(meter=meter, more=more) as x:
            for user in ("205", "206"):
                x.rotate(user)
            with x.raw("204") as p, x.raw("200") as q, x.raw("205") as few, x.raw("206") as fewer:
                for digit, cap in caps:
                    first = p.dial("8" + digit + "2025550123").wait_ok()
                    if "max_calls" not in cap:
                        first.hangup()
                        x.wait_idle()
                    seen = len(meter.seen)
                    assert q.dial("8" + digit + "2025550124").wait_answer().status >= 400, "%s does not bind another phone" % cap
                    assert len(meter.seen) == seen, cap
                    if "max_calls" in cap:
                        first.hangup()
                        x.wait_idle()
                for phone in (few, fewer):
                    phone.dial(NATIONAL).wait_ok().hangup()
                    x.wait_idle()
                    seen = len(meter.seen)
                    assert phone.dial(NATIONAL).wait_answer().status == 403 and len(meter.seen) == seen, phone.user
                q.dial(NATIONAL).wait_ok().hangup()
                x.wait_idle()


def test_help_is_announced_and_called_back():
    """911 is an event at once, and who calls back over that trunk reaches the phone that called, not the menu."""
    with Meter() as meter, Exchange(meter=meter, may=("internal",)) as x, x.raw("204") as p, x.raw("200"):
        call = p.dial("911").wait_ok()
        procs.poll("the owner is told", lambda: any("204" in e for e in events(x, "emergency-call")), 3)
        call.hangup()
        back = meter.dial("sip:12025550100@%s:%d" % x.sip, dest=x.sip)
        ring = p.wait_call(8)
        ring.answer()
        back.wait_ok()
        talk(back, ring, 1.5)
        back.hangup()
        ring.wait_end()
        x.wait_idle()


def test_the_next_trunk_takes_over_and_each_try_has_its_permit():
    """A trunk that fails hands over to the next of the route; a route for others, and a number without one, is refused."""
    with Meter() as first, Meter() as second:
        more = ('[trunk.second]\nhost = "%s:%d"\n[route.two]\ndial = "_82XXXXXXXXX"\nstrip = 1\ntrunks = ["meter", "second"]\n'
                '[route.office]\ndial = "_72XXXXXXXXX"\nstrip = 1\nprepend = "1"\ntrunks = ["second"]\nfor = ["200"]\n' % (second.ip, second.port))
        with Exchange(meter=first, more=more) as x, x.raw("204") as p, x.raw("200") as q:
            first.mode = 503
            p.dial("82025550123").wait_ok().hangup()
            assert len(first.seen) == 1 and len(second.seen) == 1
            x.wait_idle()
            out = [r for r in closed_records(x, 3) if r["direction"] == "out"]
            assert len({r["permit"] for r in out}) == 2 and {r["trunk"] for r in out} == {"meter", "second"}, out
            first.mode = 486
            assert p.dial("82025550123").wait_answer().status == 486
            assert len(second.seen) == 1, "a busy party is busy on every trunk"
            assert p.dial("72025550123").wait_answer().status >= 400 and len(second.seen) == 1
            q.dial("72025550123").wait_ok().hangup()
            assert second.numbers()[-1].lstrip("+") == "12025550123"
            x.wait_idle()


def test_long_short_and_known_fraud_numbers():
    """Attack 51: many short calls meet the hour's cap, wangiri and test numbers of fraudsters are refused unheard."""
    with Meter() as meter, Exchange(meter=meter, more="[policy]\ncalls_per_hour = 5\n") as x, x.raw("204") as p:
        statuses = []
        for _ in range(8):
            call = p.dial(NATIONAL)
            statuses.append(call.wait_answer().status)
            if statuses[-1] == 200:
                call.hangup()
        assert statuses == [200] * 5 + [403] * 3 and len(meter.seen) == 5, statuses
        for number in ("9011881935211234", "90112521234567", "9011224601234567", "918765551234", "90113726991234", "9011870776012345"):
            assert p.dial(number).wait_answer().status >= 400, number
        assert len(meter.seen) == 5, meter.numbers()
        x.wait_idle()

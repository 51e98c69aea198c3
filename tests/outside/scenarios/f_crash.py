"""Power cuts, reloads and orderly ends."""
import os
import signal
import threading
import time

import procs
import sound
from exchange import Exchange
from parts import closed_records, leg, talk


def test_kill_in_the_middle_of_calls():
    """kill -9 during calls, restart: UDP phones are still registered, all committed records are there, at most 20 ms lost."""
    with Exchange(max_calls=200, per_source=200) as x, x.raw("200") as a, x.raw("204") as b:
        call = a.dial("204")
        other = b.wait_call()
        other.answer()
        call.wait_ok()
        call.speak(sound.sine(1000, 60))
        other.speak(sound.sine(440, 60))
        ended, done = {}, threading.Event()

        def strangers(n):
            k = 0
            with x.stranger() as s:
                while not done.is_set():
                    k += 1
                    s.aor = "sip:c%dx%d@elsewhere.example" % (n, k)
                    try:
                        c = s.dial("x", timeout=5).wait_ok(5)
                        time.sleep(0.05)
                        if c.hangup().status == 200:
                            ended["c%dx%d" % (n, k)] = time.monotonic()
                    except (TimeoutError, AssertionError, OSError):
                        return
        threads = [threading.Thread(target=strangers, args=(n,), daemon=True) for n in range(4)]
        for t in threads:
            t.start()
        time.sleep(4)
        killed = time.monotonic()
        x.kill()
        done.set()
        assert len(ended) > 20, "only %d short calls in 4 s" % len(ended)
        took = x.start()
        rows = x.calls_in_store()
        have = {r[3] for r in rows if r[2] is not None}
        lost = {u: killed - t for u, t in ended.items() if u not in have and t < killed}
        # 20 ms of the group commit, and as much again for the disk and for our own clock
        late = {u: age for u, age in lost.items() if age > 0.060}
        assert not late, "records lost that were older than the group commit: %r" % late
        oldest = max(lost.values(), default=0)
        live = [r for r in rows if r[3] == "200"]
        assert live, "the record of the call that was on when the power went is gone: %r" % rows[-4:]
        # the phones did not notice: they can be called, without a new REGISTER
        for p in (a, b):
            p.incoming.clear()
        with x.stranger() as s:
            c = s.dial("x").greeted()
            c.dtmf("1")
            r1, r2 = a.wait_call(), b.wait_call()
            r2.answer()
            talk(c, r2, 2)
            c.hangup()
            assert r1.wait_end() == "CANCEL" and r2.wait_end() == "BYE"
        again = a.dial("204")                   # and can call
        ring = b.wait_call()
        ring.answer()
        again.wait_ok().hangup()
        x.wait_idle()
        procs.poll("no record is left open by the crash", lambda: all(r["ended_at"] for r in x.calls()), 5)
        test_kill_in_the_middle_of_calls.note = "  (%d calls ended before, oldest lost %.0f ms; restart %.2f s)" % (
            len(ended), oldest * 1000, took)


def test_kill_often():
    """Five kills at bad moments: each restart works, the realm and the secrets stay."""
    with Exchange() as x:
        realm = x.realm
        for delay in (0.0, 0.01, 0.05, 0.2, 0.5):
            with x.raw("204") as b, x.stranger() as s:
                s.dial("x")
                time.sleep(delay)
                x.kill()
            x.start()
        with x.raw("204"):
            assert x.rotate("200")["realm"] == realm


def test_reload_during_a_call():
    """SIGHUP: a new extension works, calls go on; a broken configuration changes nothing and says where."""
    with Exchange() as x, x.raw("200") as a, x.raw("204") as b:
        call = a.dial("204")
        other = b.wait_call()
        other.answer()
        call.wait_ok()
        path = x.home + "/tollgate.toml"
        text = open(path).read()
        with open(path, "w") as f:
            f.write(text + '\n[extension.205]\nname = "New"\ncontext = "from-internal"\nmay = ["internal"]\n')
        x.proc.send_signal(signal.SIGHUP)
        procs.poll("205 exists", lambda: "205" in x.cli("extension", "list"), 5, 0.2)
        x.rotate("205")
        with x.raw("205") as c:
            talk(call, other, 2)
            third = c.dial("200")
            ring = a.wait_call()
            ring.answer()
            third.wait_ok().hangup()
            with open(path, "w") as f:
                f.write(text + '\n[extension.206]\nname = \n[group.x]\nmembers = ["999"]\n')
            x.proc.send_signal(signal.SIGHUP)
            procs.poll("the fault is told", lambda: "tollgate.toml" in x.output(), 5, 0.2)
            assert x.proc.poll() is None
            talk(call, other, 1)
            third = c.dial("200")
            ring = a.wait_call()
            ring.answer()
            third.wait_ok().hangup()
        with open(path, "w") as f:
            f.write(text)
        call.hangup()
        other.wait_end()
        x.wait_idle()


def test_sigterm_drains():
    """SIGTERM: the call that is on goes on, new ones are refused, and the exchange ends as soon as it is over: exit code 0."""
    with Exchange() as x, x.raw("200") as a, x.raw("204") as b, x.stranger() as s:
        call = a.dial("204")
        other = b.wait_call()
        other.answer()
        call.wait_ok()
        x.proc.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert x.proc.poll() is None, "ended with a call on: %s" % x.output()[-500:]
        r = s.dial("x", timeout=4).wait_answer(6)
        assert r.status in (503, 480), "a new call while draining: %s" % r.start
        talk(call, other, 2)
        call.hangup()
        other.wait_end()
        begin = time.monotonic()
        x.proc.wait(8)
        assert x.proc.returncode == 0, x.proc.returncode
        assert time.monotonic() - begin < 8
        x.start()
        assert all(r["ended_at"] for r in closed_records(x, 2)) and leg(x.calls(), direction="out")["hangup_side"] == "other"


def test_sigterm_with_a_time_limit():
    """With --drain 1 a call that does not end is ended by BYE on both sides."""
    with Exchange(start=False) as x:
        x.start(args=["--drain", "1"])
        for u in ("200", "204"):
            x.rotate(u)
        with x.raw("200") as a, x.raw("204") as b:
            call = a.dial("204")
            other = b.wait_call()
            other.answer()
            call.wait_ok()
            x.proc.send_signal(signal.SIGTERM)
            assert call.wait_end(10) == "BYE" and other.wait_end(10) == "BYE"
            x.proc.wait(10)
            assert x.proc.returncode == 0


def test_full_disk_of_records_does_not_stop_calls():
    """When the store cannot write, calls inside and emergency calls still go through."""
    if os.getuid() != 0 or os.environ.get("CI") == "true" and not os.path.ismount("/proc"):
        return
    from meter import Meter
    with Meter() as meter, Exchange(meter=meter) as x, x.raw("200") as a, x.raw("204") as b:
        import resource
        size = max(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(x.home) for f in fs)
        resource.prlimit(x.proc.pid, resource.RLIMIT_FSIZE, (size, size))      # every file is as large as it may be
        for _ in range(3):
            call = a.dial("204")
            other = b.wait_call()
            other.answer()
            call.wait_ok()
            call.hangup()
            other.wait_end()
        a.dial("911").wait_ok().hangup()
        assert "911" in meter.numbers()
        assert x.proc.poll() is None, "the exchange died: %s" % x.output()[-500:]


test_kill_in_the_middle_of_calls.limit = 120
test_kill_in_the_middle_of_calls.alone = True


def test_a_reload_that_opens_a_paid_way_is_refused():
    """A change that would let strangers reach the trunk is refused in words and changes nothing; accepted by name and with a reason it is taken, and the reason is shown."""
    with Exchange() as x:
        path = x.home + "/tollgate.toml"
        text = open(path).read()
        with open(x.home + "/extensions.conf", "w") as f:
            f.write("[open]\nexten => _9X.,1,Dial(PJSIP/${EXTEN:1}@meter)\n")
        head, rest = text.split("[strangers]", 1)
        opening = head + '[dialplan]\nfiles = ["extensions.conf"]\ndialect = "safe"\n[strangers]\n' + rest
        lines = ['answer = "context:open"' if line.startswith("answer") else line for line in opening.splitlines()]
        if not any(line.startswith("answer") for line in opening.splitlines()):
            lines.insert(lines.index("[strangers]") + 1, 'answer = "context:open"')
        opening = "\n".join(lines) + "\n"
        with open(path, "w") as f:
            f.write(opening)
        x.proc.send_signal(signal.SIGHUP)
        procs.poll("the refusal is told", lambda: "this change would let" in x.output(), 10, 0.2)
        assert "strangers reach trunk meter" in x.output()
        assert "reachable, with witness: dial 9" in x.output(), x.output()
        names = ["strangers reach trunk meter"] + [
            "strangers reach %s calls" % word
            for word in ("emergency", "toll-free", "local", "national", "mobile", "international", "premium", "satellite")
        ]
        accept = "accept = [%s]\n" % ", ".join('{ finding = "%s", reason = "a test line" }' % name for name in names)
        if "[policy]" in opening:
            accepted = opening.replace("[policy]\n", "[policy]\n" + accept, 1)
        else:
            accepted = opening + "\n[policy]\n" + accept
        with open(path, "w") as f:
            f.write(accepted)
        x.proc.send_signal(signal.SIGHUP)
        procs.poll("it is taken over", lambda: "configuration taken over" in x.output(), 10, 0.2)
        assert "a test line" in x.cli("check", ok=False)

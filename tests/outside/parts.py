"""What several scenarios share: judging two-way sound, waiting for records, running many calls at once."""
import threading
import time

import procs
import sound

# Share of the seconds spoken that must be heard: a busy test machine delays packets, a jitter buffer fills gaps.
SHARE = 0.85


def hears(heard, hz, seconds, who):
    """Fail unless a tone of `hz` was heard for nearly `seconds`."""
    got = sound.tone_in(heard, hz)
    if got < seconds * SHARE:
        raise AssertionError("%s heard %d Hz for %.2f s of %.1f" % (who, hz, got, seconds))
    return got


def hears_not(heard, hz, who):
    """Fail if a tone of `hz` was heard."""
    got = sound.tone_in(heard, hz)
    if got:
        raise AssertionError("%s heard %d Hz for %.2f s" % (who, hz, got))


def before_tone(samples, hz):
    """The samples until a tone of `hz` begins."""
    for i in range(0, len(samples) - 400, 400):
        block = samples[i:i + 400]
        if sound.rms(block) > 100 and sound.goertzel(block, 8000, hz) > 0.5:
            return samples[:i]
    return samples


def talk(one, two, seconds, hz=(1000, 440)):
    """Two raw calls speak tones to each other for some seconds, and each must hear the other's, not its own."""
    start = len(one.samples), len(two.samples)
    threads = [one.speak(sound.sine(hz[0], seconds)), two.speak(sound.sine(hz[1], seconds))]
    for t in threads:
        t.join(seconds + 10)
    time.sleep(0.2)
    first, second = one.samples[start[0]:], two.samples[start[1]:]
    hears(second, hz[0], seconds, two.phone.user)
    hears(first, hz[1], seconds, one.phone.user)
    hears_not(first, hz[0], one.phone.user)
    hears_not(second, hz[1], two.phone.user)


def all_of(jobs, at_once=8, timeout=120):
    """Run jobs (functions) on threads, some at once; raise the first exception."""
    jobs, problems, lock = list(jobs), [], threading.Lock()

    def work():
        while True:
            with lock:
                if not jobs or problems:
                    return
                job = jobs.pop(0)
            try:
                job()
            except Exception as e:
                problems.append(e)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(at_once, len(jobs)))]
    for t in threads:
        t.start()
    end = time.monotonic() + timeout
    for t in threads:
        t.join(max(0.1, end - time.monotonic()))
        if t.is_alive():
            raise TimeoutError("jobs not done within %ss, %d left" % (timeout, len(jobs)))
    if problems:
        raise problems[0]


def leg(records, **want):
    """The one record with these values; a value may be a function."""
    found = [r for r in records if all(v(r.get(k)) if callable(v) else r.get(k) == v for k, v in want.items())]
    if len(found) != 1:
        raise AssertionError("%d records with %r in %s" % (
            len(found), {k: v for k, v in want.items() if not callable(v)},
            [{k: r.get(k) for k in ("leg", "direction", "origin", "from", "to", "disposition", "hangup_side")} for r in records]))
    return found[0]


def closed_records(x, n, timeout=10):
    """The call records, once there are n and all are closed."""
    def test():
        got = x.calls()
        return got if len(got) >= n and all(r["ended_at"] for r in got) else None
    return procs.poll("%d closed call records (have %r)" % (n, [(r["to"], r["disposition"]) for r in x.calls()]), test, timeout, 0.2)


def nobody_rang(*phones):
    """Fail if one of these raw phones got an INVITE."""
    for p in phones:
        if p.rang:
            raise AssertionError("%s was rung %d times" % (p.user, p.rang))

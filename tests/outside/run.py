#!/usr/bin/env python3
"""Runs the scenarios against the built binary: one line per test, and at the end `N passed, N failed`.

run.py [-l] [NAME ...]     NAME: part of `file.test`; without one all are run. KEEP=1 keeps their folders.
Each test is a function test_* in scenarios/*.py whose doc string is the sentence it proves. Most of a test is waiting for
telephones, so several run side by side (LANES=1: one after the other); those that load or measure the machine say
`alone = True`, each or for their file, and come last, one by one. Next: exchange.py.
"""
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import procs  # noqa: E402

LIMIT = 150                     # seconds for one test, unless it has its own `limit`
GRACE = 30                      # seconds in which a test beyond its limit may end its children
LANES = 3                       # tests at a time: two cores carry the sound of some ten telephones with room to spare


def discover():
    """(name, function) of every test, in order."""
    folder = os.path.join(procs.HERE, "scenarios")
    for file in sorted(os.listdir(folder)):
        if file.endswith(".py") and file[0] not in "._":
            module = importlib.import_module("scenarios." + file[:-3])
            for name, f in vars(module).items():
                if name.startswith("test_") and f.__module__ == module.__name__:
                    yield "%s.%s" % (file[:-3], name[5:]), f


class Stopped(BaseException):
    """The run is to end at once."""


def on_signal(number, frame):
    raise Stopped(number)


def on_alarm(number, frame):
    raise TimeoutError("the test took longer than its limit")


def run(name, f):
    """One test in this process; returns whether it passed."""
    begin, problem = time.monotonic(), None
    signal.setitimer(signal.ITIMER_REAL, getattr(f, "limit", LIMIT))
    try:
        f()
    except Exception as e:
        problem = "%s: %s" % (type(e).__name__, e)
        trace = traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    took = time.monotonic() - begin
    print("%-6s %6.1f s  %s%s" % ("FAILED" if problem else "ok", took, name, "" if problem else getattr(f, "note", "")), flush=True)
    if problem:
        print("       " + problem[:1500].replace("\n", "\n       "), flush=True)
        print("       " + "\n       ".join(trace.splitlines()[-14:]), flush=True)
        for title, text in procs.evidence():
            print("       -- %s\n       %s" % (title, "\n       ".join(text.splitlines()[-25:])), flush=True)
    procs.stop_all()
    return not problem


def here(tests):
    """Run `tests` one after the other in this process; returns (passed, failed)."""
    results = [run(name, f) for name, f in tests]
    return results.count(True), results.count(False)


class Lane:
    """A place where one test at a time runs in a process of its own, with ports and addresses of the lane's own."""

    def __init__(self, number):
        self.number, self.child, self.out, self.end, self.name = number, None, None, 0, ""

    def start(self, name, f):
        """Begin the test."""
        self.name, self.out = name, tempfile.TemporaryFile("w+")
        self.end = time.monotonic() + getattr(f, "limit", LIMIT) + GRACE
        self.child = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--one", name], stdin=subprocess.DEVNULL,
                                      stdout=self.out, stderr=subprocess.STDOUT, env=dict(os.environ, LANE=str(self.number)))

    def done(self):
        """None while it runs, then whether it passed; what it printed is printed."""
        if self.child.poll() is None:
            if time.monotonic() < self.end:
                return None
            self.stop()
        self.out.seek(0)
        text = self.out.read()
        if not text.startswith(("ok ", "FAILED ")):
            text = "FAILED          %s\n       ended with %s before it was judged\n%s" % (self.name, self.child.returncode, text)
        print(text.rstrip("\n"), flush=True)
        passed, self.child = self.child.returncode == 0, None
        return passed

    def stop(self):
        """End the child; it ends its own children."""
        if self.child and self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(5)


def side_by_side(tests, lanes):
    """Run `tests` in several lanes, long ones first; returns (passed, failed)."""
    waiting = sorted(tests, key=lambda t: -getattr(t[1], "limit", LIMIT))
    lanes, results = [Lane(n) for n in range(lanes)], []
    try:
        while waiting or any(lane.child for lane in lanes):
            for lane in lanes:
                if lane.child:
                    passed = lane.done()
                    if passed is not None:
                        results.append(passed)
                if not lane.child and waiting:
                    lane.start(*waiting.pop(0))
            time.sleep(0.05)
    finally:
        for lane in lanes:
            lane.stop()
    return results.count(True), results.count(False)


def is_alone(f):
    """Does the test want the machine for itself? Said by `alone = True` of the test or of its file."""
    return getattr(f, "alone", getattr(sys.modules[f.__module__], "alone", False))


def main(argv):
    """Run what is asked for."""
    # A short folder: unix sockets and baresip's buffers are small.
    base = os.environ.get("TMPDIR", "/tmp")
    os.environ["TMPDIR"] = base if len(base) < 40 else "/tmp"
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, on_signal)
    signal.signal(signal.SIGALRM, on_alarm)
    threading.excepthook = lambda args: None        # a phone's thread may lose its socket when the call ends
    tests = list(discover())
    if "-l" in argv:
        for name, f in tests:
            print("%-50s %s" % (name, (f.__doc__ or "").strip().splitlines()[0]))
        return 0
    if argv[:1] == ["--one"]:
        try:
            return 1 if here([t for t in tests if t[0] == argv[1]])[1] else 0
        except Stopped as e:
            procs.stop_all()
            return 128 + e.args[0]
    tests = [t for t in tests if not argv or any(a in t[0] for a in argv)]
    if not tests:
        print("no such test")
        return 2
    together, alone = [t for t in tests if not is_alone(t[1])], [t for t in tests if is_alone(t[1])]
    lanes = int(os.environ.get("LANES", LANES))
    passed = failed = 0
    try:
        for part in ([lambda: side_by_side(together, lanes)] if lanes > 1 and len(together) > 1 else [lambda: here(together)]) + [
                lambda: here(alone)]:
            p, n = part()
            passed, failed = passed + p, failed + n
    except Stopped as e:
        procs.stop_all()
        print("stopped by signal %s" % e)
        failed += 1
    if os.environ.get("COUNTS"):                    # ./test adds them to its own
        with open(os.environ["COUNTS"], "w") as f:
            f.write("%d %d\n" % (passed, failed))
    else:
        print("%d passed, %d failed" % (passed, failed), flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)

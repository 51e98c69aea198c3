#!/usr/bin/env python3
"""Runs the scenarios against the built binary: one line per test, and at the end `N passed, N failed`.

run.py [-l] [NAME ...]     NAME: part of `file.test`; without one all are run. KEEP=1 keeps their folders.
Each test is a function test_* in scenarios/*.py whose doc string is the sentence it proves. Next: exchange.py.
"""
import importlib
import os
import signal
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import procs  # noqa: E402

LIMIT = 150                     # seconds for one test, unless it has its own `limit`


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
    """One test; returns whether it passed."""
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
    f.note = ""
    return not problem


def main(argv):
    """Run what is asked for."""
    # A short folder: unix sockets and baresip's buffers are small.
    base = os.environ.get("TMPDIR", "/tmp")
    os.environ["TMPDIR"] = base if len(base) < 40 else "/tmp"
    tests = list(discover())
    if "-l" in argv:
        for name, f in tests:
            print("%-50s %s" % (name, (f.__doc__ or "").strip().splitlines()[0]))
        return 0
    tests = [t for t in tests if not argv or any(a in t[0] for a in argv)]
    if not tests:
        print("no such test")
        return 2
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, on_signal)
    signal.signal(signal.SIGALRM, on_alarm)
    threading.excepthook = lambda args: None        # a phone's thread may lose its socket when the call ends
    passed = failed = 0
    try:
        for name, f in tests:
            if run(name, f):
                passed += 1
            else:
                failed += 1
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

"""Children, ports, addresses and bounded waits. Next: exchange.py, rawphone.py."""
import atexit
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
_children = []
_folders = []
_evidence = []


def witness(title, path):
    """A log to be shown if the test fails."""
    _evidence.append((title, path))


def evidence():
    """(title, text) of the logs of this test."""
    for title, path in _evidence:
        try:
            with open(path, errors="replace") as f:
                yield title, f.read()[-6000:]
        except OSError:
            pass


def tempdir(prefix):
    """A private folder that is gone when the run ends (kept with KEEP=1)."""
    path = tempfile.mkdtemp(prefix=prefix + "-")
    _folders.append(path)
    return path


def spawn(argv, log, stdin=subprocess.DEVNULL, stdout=None, **kw):
    """Start a child whose output goes to the file `log`; the kernel ends it should we be killed."""
    if shutil.which("setpriv"):
        argv = ["setpriv", "--pdeathsig", "KILL", "--"] + list(argv)
    with open(log, "ab") as out:
        p = subprocess.Popen(argv, stdin=stdin, stdout=stdout or out, stderr=out, **kw)
    _children.append(p)
    return p


def stop(p, grace=5, how=signal.SIGTERM):
    """End one child by its id: `how`, then SIGKILL. Returns its exit code."""
    if p.poll() is None:
        p.send_signal(how)
        try:
            p.wait(grace)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait(5)
    if p in _children:
        _children.remove(p)
    return p.returncode


def stop_all():
    """End every child that is left and remove the folders; returns how many children were left."""
    left = [p for p in _children if p.poll() is None]
    for p in left:
        stop(p, 1)
    del _children[:], _evidence[:]
    while _folders:
        path = _folders.pop()
        if not os.environ.get("KEEP"):
            shutil.rmtree(path, ignore_errors=True)
    return len(left)


atexit.register(stop_all)

# Tests that run side by side (run.py) have a lane each, and a lane has ports and addresses of its own.
LANE = int(os.environ.get("LANE", "0"))
_hosts = itertools.count(LANE * 12000 + random.randrange(10, 11000))


def address():
    """A loopback address of one's own (127.x.y.z, not 127.0.0.1): each party of a test has one."""
    n = 2 + next(_hosts) % 64000
    return "127.0.%d.%d" % (n // 250, 2 + n % 250)


def family(ip):
    """AF_INET or AF_INET6 of a literal address."""
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


GIVEN = set()                   # ports that this process gave out: those who got one may not have bound it yet


def free_port(n=1, ip="127.0.0.1"):
    """First of `n` consecutive ports (even number) free for UDP and TCP on `ip`; none is given out twice."""
    for _ in range(300):
        base, socks = random.randrange(20000 + LANE * 2500, 22400 + LANE * 2500, 2), []
        ports = set(range(base, base + n))
        if ports & GIVEN and len(GIVEN) < 1500:
            continue
        try:
            for port in range(base, base + n):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    socks.append(socket.socket(family(ip), kind))
                    socks[-1].bind((ip, port))
            GIVEN.update(ports)
            return base
        except OSError:
            pass
        finally:
            for s in socks:
                s.close()
    raise OSError("no free port")


def until(cond, timeout, what, test):
    """Wait on Condition `cond` until test() is truthy; return its value or raise TimeoutError."""
    end = time.monotonic() + timeout
    with cond:
        while True:
            value = test()
            if value:
                return value
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("%s: not within %ss" % (what, timeout))
            cond.wait(left)


def poll(what, test, timeout=10, every=0.1):
    """Call test() until it is truthy; return its value or raise TimeoutError."""
    end = time.monotonic() + timeout
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("%s: not within %ss" % (what, timeout))
        time.sleep(every)


def bindto():
    """The preload that gives real telephones an address of their own; built once per run."""
    path = os.path.join(tempfile.gettempdir(), "bindto-%d.so" % os.getuid())
    src = os.path.join(HERE, "bindto.c")
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(src):
        mine = path + ".%d" % os.getpid()
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", mine, src, "-ldl"], check=True, timeout=60)
        os.replace(mine, path)
    return path


def bound_env(ip, **more):
    """Environment of a child that shall use `ip` where it would use any address."""
    return dict(os.environ, LD_PRELOAD=bindto(), BINDTO=ip, **more)

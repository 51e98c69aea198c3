"""The real softphone Linphone (linphone-daemon of Debian's linphone-cli), driven by lines on stdin. Next: sipp.py."""
import array
import os
import re
import subprocess
import threading
import time

import procs
from sound import write_wav


class Linphone:
    """One linphone-daemon. mic: samples at 8 kHz that it speaks once play() is called; what it hears is written to a
    file by its own recorder where it can, otherwise judged at the other end."""

    def __init__(self, user, password="", exchange=("127.0.0.1", 5060), realm="", transport="udp", mic=None,
                 register=True, ip=None, timeout=20):
        self.user, self.ip, self.exchange, self.transport = user, ip or procs.address(), exchange, transport
        self.dir = procs.tempdir("l%s" % user)
        os.makedirs(self.dir + "/.local/share/linphone")
        self.port = procs.free_port(2, self.ip)
        rtp = procs.free_port(8, self.ip)
        with open(self.dir + "/rc", "w") as f:
            f.write("[sip]\nsip_port=%d\nsip_tcp_port=%d\nsip_tls_port=%d\nverify_server_certs=0\nverify_server_cn=0\nuse_ipv6=0\nguess_hostname=1\n"
                    "default_proxy=-1\nmedia_encryption=none\n[rtp]\naudio_rtp_port=%d-%d\n"
                    "[net]\nfirewall_policy=0\nmtu=1300\n[sound]\necho_cancellation=0\nplayback_dev_id=\n"
                    "[misc]\nuse_files=1\n" % (
                        self.port if transport == "udp" else 0, self.port if transport == "tcp" else 0,
                        self.port if transport == "tls" else -1, rtp, rtp + 7))
        self.wav = write_wav(self.dir + "/mic.wav", array.array("h", mic or ()) + array.array("h", [0]) * 80000)
        self.log, self._cond, self.lines = self.dir + "/log", threading.Condition(), []
        self.proc = procs.spawn(["linphone-daemon", "--config", self.dir + "/rc"], self.log, cwd=self.dir,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                env=procs.bound_env(self.ip, HOME=self.dir, XDG_RUNTIME_DIR=self.dir))
        threading.Thread(target=self._reader, daemon=True).start()
        try:
            procs.poll("linphone starts", lambda: self.cmd("version", fail=True) is not None, timeout)
            self.cmd("ipv6 disable")
            if register:
                self.cmd("register sip:%s@%s:%d%s sip:%s:%d%s %s %s %s" % (
                    (user,) + exchange + ("",) + exchange +
                    (";transport=" + transport if transport != "udp" else "", password, user, realm)))
                procs.poll("linphone %s registers" % user, lambda: "RegistrationOk" in self.cmd("register-status ALL"), timeout, 0.3)
        except BaseException:
            self.close()
            raise

    def _reader(self):
        for line in self.proc.stdout:
            with self._cond:
                self.lines.append(line.rstrip("\n"))
                self._cond.notify_all()
            with open(self.log, "a") as f:
                f.write(line)

    def cmd(self, text, timeout=8, fail=False):
        """Run a command; returns its answer's text."""
        start = len(self.lines)
        self.proc.stdin.write(text + "\n")
        self.proc.stdin.flush()

        def done():
            got = self.lines[start:]
            return got if any(x.startswith("Status:") for x in got) and (
                any(x.startswith("Reason:") for x in got) or len(got) > 1) else None
        procs.until(self._cond, timeout, "linphone " + text, done)
        time.sleep(0.05)
        got = "\n".join(self.lines[start:])
        if "Status: Error" in got and not fail:
            raise RuntimeError("linphone %s: %s" % (text, got))
        return got

    def dial(self, user):
        """Call a user at the exchange; returns the call's id."""
        got = self.cmd("call sip:%s@%s:%d%s" % ((user,) + self.exchange + ("" if self.transport == "udp" else ";transport=" + self.transport,)))
        return int(re.search(r"Id: (\d+)", got).group(1))

    def calls(self):
        """Text of all calls."""
        return self.cmd("call-status", fail=True)

    def wait_state(self, state, timeout=15):
        """Until a call is in this state, as liblinphone names it (StreamsRunning, IncomingReceived, End, ...)."""
        return procs.poll("linphone %s %s" % (self.user, state), lambda: state in self.calls(), timeout, 0.2)

    def answer(self):
        """Answer the incoming call."""
        return self.cmd("answer")

    def play(self):
        """Speak the microphone's sound into the call."""
        return self.cmd("incall-player-start " + self.wav)

    def dtmf(self, digits, gap=0.25):
        """Send digits (RFC 4733)."""
        for d in digits:
            self.cmd("dtmf " + d)
            time.sleep(gap)

    def hold(self, call=1):
        """Put the call on hold."""
        return self.cmd("call-pause %d" % call)

    def resume(self, call=1):
        """Take it back."""
        return self.cmd("call-resume %d" % call)

    def hangup(self):
        """End the call."""
        return self.cmd("terminate", fail=True)

    def close(self):
        """End the phone."""
        try:
            self.proc.stdin.write("quit\n")
            self.proc.stdin.flush()
            self.proc.wait(3)
        except Exception:
            pass
        procs.stop(self.proc)
        self.proc.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.close()

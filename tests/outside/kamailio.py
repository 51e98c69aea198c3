"""Kamailio of Debian as a telephone provider, with a certificate authority of our own. Next: scenarios/k_trunks.py."""
import os
import socket
import subprocess
import time

import procs

DOMAIN, SECRET, LINE, WORLD, NUMBER = "sip.provider.test", "provider-secret-9", "line77", "world", "+12025550100"


class Authority:
    """A private certificate authority in a folder: `ca` is its certificate."""

    def __init__(self):
        self.dir = procs.tempdir("ca")
        self.ca, self.key = self.dir + "/ca.pem", self.dir + "/ca.key"
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.ca,
                  "-subj", "/CN=outside", "-days", "30")

    def _run(self, *args):
        subprocess.run(["openssl", *args], check=True, timeout=20, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, cwd=self.dir)

    def sign(self, name, expired=False):
        """(certificate, key) for a host name or an address."""
        base = "%s/%s%s" % (self.dir, name, "-old" if expired else "")
        with open(base + ".ext", "w") as f:
            f.write("subjectAltName=%s:%s\n" % ("IP" if name[0].isdigit() else "DNS", name))
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key", "-out", base + ".csr",
                  "-subj", "/CN=" + name)
        dates = ["-not_before", "20200101000000Z", "-not_after", "20200201000000Z"] if expired else ["-days", "30"]
        sign = ["x509", "-req", "-in", base + ".csr", "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-out", base + ".pem",
                "-extfile", base + ".ext"]
        try:
            self._run(*sign, *dates)
        except subprocess.CalledProcessError:
            # openssl 3.0 knows no dates for x509: its little authority does.
            self._old(base)
        return base + ".pem", base + ".key"

    def _old(self, base):
        with open(self.dir + "/index.txt", "w"):
            pass
        with open(self.dir + "/ca.cnf", "w") as f:
            f.write("[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n"
                    "unique_subject=no\n[p]\ncommonName=supplied\n")
        with open(self.dir + "/serial", "w") as f:
            f.write("77\n")
        self._run("ca", "-batch", "-config", "ca.cnf", "-in", base + ".csr", "-cert", self.ca, "-keyfile", self.key, "-out", base + ".pem",
                  "-extfile", base + ".ext", "-startdate", "200101000000Z", "-enddate", "200201000000Z", "-notext")


class Kamailio:
    """One provider: UDP and TCP on `port`, TLS on `tls`."""

    def __init__(self, certificate, key, ip=None):
        self.ip = ip or procs.address()
        self.port = procs.free_port(2, self.ip)
        self.tls, self.dir = self.port + 1, procs.tempdir("kam")
        text = open(os.path.join(procs.HERE, "kamailio.cfg")).read()
        for name, value in (("IP", self.ip), ("SIP", self.port), ("TLS", self.tls), ("DOMAIN", DOMAIN), ("SECRET", SECRET), ("LINE", LINE),
                            ("WORLD", WORLD), ("NUMBER", NUMBER), ("KEY", key), ("CERT", certificate)):
            text = text.replace("@%s@" % name, str(value))
        with open(self.dir + "/kamailio.cfg", "w") as f:
            f.write(text)
        self.log = self.dir + "/log"
        procs.witness("kamailio", self.log)
        self.proc = procs.spawn(["kamailio", "-f", self.dir + "/kamailio.cfg", "-DD", "-E", "-m", "16", "-M", "4", "-Y", self.dir,
                                 "-w", self.dir], self.log, cwd=self.dir)
        begin = time.monotonic()
        while not self._alive():
            if self.proc.poll() is not None or time.monotonic() - begin > 20:
                raise AssertionError("kamailio does not start: " + open(self.log, errors="replace").read()[-1500:])

    def _alive(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((procs.address(), 0))
            s.settimeout(0.2)
            me = "%s:%d" % s.getsockname()
            s.sendto(("OPTIONS sip:%s:%d SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKx;rport\r\nMax-Forwards: 9\r\nFrom: <sip:p@h>;tag=1\r\n"
                      "To: <sip:h>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" % (self.ip, self.port, me, me)).encode(),
                     (self.ip, self.port))
            try:
                return s.recv(4096).startswith(b"SIP/2.0 200")
            except OSError:
                time.sleep(0.1)
                return False

    def __enter__(self):
        return self

    def __exit__(self, *a):
        procs.stop(self.proc)

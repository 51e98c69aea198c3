"""Houses with routers of their own, made of network namespaces, veth pairs and nftables: needs root. Next: scenarios/n_nat.py.

    internet (provider, 198.51.100.10)
       |- router "x" 198.51.100.2   - 10.1.0.0/24, the exchange at 10.1.0.2; 5060 and RTP are forwarded to it
       `- router "h" 198.51.100.3   - 10.2.0.0/24, a phone at 10.2.0.2; nothing comes in that was not asked for
"""
import contextlib
import ctypes
import os
import subprocess

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def must():
    """Fails, in words, where namespaces may not be made or addresses not be translated: what is not seen is not passed."""
    assert os.geteuid() == 0, "the routers of this test are network namespaces: run it as root"
    name = "tg%dq" % os.getpid()
    try:
        run("ip netns add " + name)
        nft(name, "table ip t { chain c { type nat hook postrouting priority 100; masquerade; } }")
    except FileNotFoundError as e:
        raise AssertionError("the routers of this test need `ip` and `nft` (packages iproute2 and nftables): %s" % e)
    except subprocess.CalledProcessError as e:
        raise AssertionError("no network namespaces with address translation here: %s: %s" % (" ".join(e.cmd), e.stderr))
    finally:
        subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def run(line):
    """One command."""
    return subprocess.run(line.split(), check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout


def nft(name, rules):
    """Rules of a namespace; a chain wants the end of a line behind it."""
    rules = rules.replace("} }", "}\n}\n")
    subprocess.run(["ip", "netns", "exec", name, "nft", "-f", "-"], input=rules, check=True, text=True,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class World:
    """The namespaces of one test, gone at the end."""

    def __init__(self, forward):
        """forward: (first, last) RTP port that the exchange's router hands on, besides 5060."""
        self.names = {k: "tg%d%s" % (os.getpid(), k) for k in ("net", "xr", "x", "hr", "h")}
        self.forward = forward

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *a):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)

    def ip(self, where, line):
        """An `ip` command inside a namespace."""
        return run("ip -n %s %s" % (self.names[where], line))

    def _link(self, a, a_name, b, b_name):
        n = self.names
        run("ip link add %s netns %s type veth peer name %s netns %s" % (a_name, n[a], b_name, n[b]))
        self.ip(a, "link set %s up" % a_name)
        self.ip(b, "link set %s up" % b_name)

    def _build(self):
        for where, name in self.names.items():
            run("ip netns add " + name)
            self.ip(where, "link set lo up")
        self.ip("net", "link add br0 type bridge")
        self.ip("net", "link set br0 up")
        self.ip("net", "addr add 198.51.100.10/24 dev br0")
        for router, inside, number, public in (("xr", "x", 1, 2), ("hr", "h", 2, 3)):
            self._link("net", "to-" + router, router, "ext")
            self.ip("net", "link set to-%s master br0" % router)
            self._link(router, "int", inside, "eth")
            self.ip(router, "addr add 198.51.100.%d/24 dev ext" % public)
            self.ip(router, "addr add 10.%d.0.1/24 dev int" % number)
            self.ip(inside, "addr add 10.%d.0.2/24 dev eth" % number)
            self.ip(inside, "route add default via 10.%d.0.1" % number)
            run("ip netns exec %s sysctl -q -w net.ipv4.ip_forward=1" % self.names[router])
            rules = 'table ip nat_out { chain post { type nat hook postrouting priority 100; oifname "ext" masquerade; } }\n'
            if router == "xr":
                rules += ('table ip nat_in { chain pre { type nat hook prerouting priority -100; '
                          'iifname "ext" udp dport { 5060, %d-%d } dnat to 10.1.0.2; } }\n' % self.forward)
            rules += ('table ip wall { chain onward { type filter hook forward priority 0; policy accept; '
                      'iifname "ext" ct status dnat accept; iifname "ext" ct state new drop; } }\n')
            nft(self.names[router], rules)

    def move(self, public):
        """The provider of the line gives the exchange's router another address."""
        # With the old address the kernel forgets what it translated to it.
        for line in self.ip("xr", "-o -4 addr show dev ext").splitlines():
            self.ip("xr", "addr del %s dev ext" % line.split()[3])
        self.ip("xr", "addr add 198.51.100.%d/24 dev ext" % public)

    @contextlib.contextmanager
    def inside(self, where):
        """This thread, and what it starts, is in that namespace."""
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open("/var/run/netns/" + self.names[where], os.O_RDONLY)
        try:
            self._set(there)
            yield
        finally:
            self._set(back)
            os.close(there)
            os.close(back)

    @staticmethod
    def _set(fd):
        if _libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

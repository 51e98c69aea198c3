"""Children that load the exchange or measure sound, each a process of its own so that neither waits for the other.

flood.py messages IP PORT PER_SECOND SECONDS ADDRESS...    SIP requests nobody asked for, evenly, from these addresses
flood.py sound FROM_IP FROM_PORT TO_IP TO_PORT SECONDS     RTP every 20 ms; what comes back is timed: one line of figures
"""
import random
import select
import socket
import struct
import sys
import time


def messages(ip, port, rate, seconds, addresses):
    socks = []
    for a in addresses:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((a, 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)      # nobody reads the answers
        socks.append(s)
    texts = []
    for method in ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "INVITE", "REGISTER", "BOGUS", "BYE"):
        for n in range(64):
            body = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n" if method == "INVITE" else ""
            texts.append((method, n, body))
    begin, sent = time.monotonic(), 0
    while True:
        now = time.monotonic() - begin
        if now > seconds:
            break
        due = int(now * rate)
        if due <= sent:
            time.sleep(0.0005)
            continue
        for _ in range(min(due - sent, 200)):
            method, n, body = texts[sent % len(texts)]
            s = socks[sent % len(socks)]
            k = "%x" % random.getrandbits(48)
            m = ("%s sip:2%02d@%s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\nFrom: <sip:x@y>;tag=%s\r\n"
                 "To: <sip:2%02d@%s>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nContact: <sip:x@192.0.2.1>\r\n%sContent-Length: %d\r\n\r\n%s" % (
                     method, n, ip, k, k, n, ip, k, method, "Content-Type: application/sdp\r\n" if body else "", len(body), body))
            try:
                s.sendto(m.encode(), (ip, port))
            except OSError:
                pass
            sent += 1
    print(sent, flush=True)


def sound(my_ip, my_port, ip, port, seconds):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((my_ip, my_port))
    s.setblocking(False)
    begin = time.monotonic()
    sent = 0
    late = 0.0                      # how much too late we were ourselves
    came, last, worst = 0, None, 0.0
    excuse, previous = 0.0, None
    while time.monotonic() - begin < seconds:
        due = begin + sent * 0.02
        now = time.monotonic()
        if now >= due:
            late = max(late, now - due)
            if previous is not None:
                excuse = max(excuse, now - previous - 0.02)
            previous = now
            s.sendto(struct.pack(">BBHII", 128, 0, sent & 65535, sent * 160, 77) + b"\xff" * 160, (ip, port))
            sent += 1
            continue
        if select.select([s], [], [], max(0.0, due - now))[0]:
            while True:
                try:
                    s.recv(2048)
                except BlockingIOError:
                    break
                now = time.monotonic()
                if last is not None:
                    worst = max(worst, now - last)
                last = now
                came += 1
    print("%d %d %.1f %.1f" % (sent, came, worst * 1000, late * 1000), flush=True)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "messages":
        messages(rest[0], int(rest[1]), float(rest[2]), float(rest[3]), rest[4:])
    else:
        sound(rest[0], int(rest[1]), rest[2], int(rest[3]), float(rest[4]))

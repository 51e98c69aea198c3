"""Sounds: G.711, WAV, tones, digits, speech, and the judges of what a telephone heard. Next: rawphone.py."""
import array
import math
import struct
import subprocess


def _ulaw_dec(b):
    b = ~b & 255
    v = (((b & 15) << 3) + 132 << (b >> 4 & 7)) - 132
    return -v if b & 128 else v


def _alaw_dec(b):
    b ^= 0x55
    seg, v = b >> 4 & 7, (b & 15) << 4
    v = v + 8 if seg == 0 else v + 264 << seg - 1
    return v if b & 128 else -v


def _encoder(dec):
    """Table from (sample >> 2) + 8192 to the code of the nearest value."""
    codes = sorted((dec[c], c) for c in range(256))
    out, i = bytearray(16384), 0
    for k in range(16384):
        s = (k - 8192) * 4 + 2
        while i < 255 and abs(codes[i + 1][0] - s) <= abs(codes[i][0] - s):
            i += 1
        out[k] = codes[i][1]
    return out


DECODE = {0: [_ulaw_dec(b) for b in range(256)], 8: [_alaw_dec(b) for b in range(256)]}
ENCODE = {pt: _encoder(t) for pt, t in DECODE.items()}


def g711_decode(data, pt=0):
    """G.711 octets (pt 0 = mu-law, 8 = A-law) to 16-bit samples."""
    return array.array("h", map(DECODE[pt].__getitem__, data))


def g711_encode(samples, pt=0):
    """16-bit samples to G.711 octets."""
    enc = ENCODE[pt]
    return bytes(enc[(s >> 2) + 8192] for s in samples)


def read_wav(path):
    """(rate, mono samples) of a WAV: PCM 16, A-law, mu-law. Tolerates a file whose
    header was never completed because its writer still runs or was killed."""
    raw = open(path, "rb").read()
    if raw[:4] != b"RIFF":
        raise ValueError("not a WAV file: " + path)
    pos, fmt, data = 12, None, b""
    while pos + 8 <= len(raw):
        cid, size = raw[pos:pos + 4], struct.unpack("<I", raw[pos + 4:pos + 8])[0]
        if cid == b"fmt ":
            fmt = struct.unpack("<HHIIHH", raw[pos + 8:pos + 24])
        elif cid == b"data":
            data = raw[pos + 8:pos + 8 + size] if 0 < size < len(raw) else raw[pos + 8:]
            break
        pos += 8 + size + (size & 1)
    tag, chans, rate = (fmt or (1, 1, 8000))[:3]
    if tag in (6, 7):
        s = g711_decode(data, 8 if tag == 6 else 0)
    else:
        s = array.array("h", data[:len(data) // 2 * 2])
    return rate, s[::chans]


def write_wav(path, samples, rate=8000):
    """Write mono 16-bit PCM."""
    data = array.array("h", samples).tobytes()
    with open(path, "wb") as f:
        f.write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16,
                            1, 1, rate, rate * 2, 2, 16, b"data", len(data)) + data)
    return path


def sine(hz, secs, rate=8000, amp=8000):
    """Samples of a sum of sines; `hz` is a number or a tuple."""
    hz = hz if isinstance(hz, tuple) else (hz,)
    return array.array("h", (int(amp / len(hz) * sum(math.sin(2 * math.pi * f * i / rate) for f in hz))
                             for i in range(int(secs * rate))))


_ROWS, _COLS, _KEYS = (697, 770, 852, 941), (1209, 1336, 1477, 1633), "123A456B789C*0#D"


def dtmf_samples(digits, on=0.1, off=0.1, rate=8000):
    """In-band DTMF."""
    out = array.array("h", [0] * int(off * rate))
    for d in digits:
        k = _KEYS.index(d)
        out += sine((_ROWS[k // 4], _COLS[k % 4]), on, rate, 16000) + array.array("h", [0] * int(off * rate))
    return out


def make_speech(text, path):
    """Speech by espeak-ng, resampled by sox to 8 kHz mono."""
    subprocess.run(["sh", "-c", 'espeak-ng --stdout "$1" | sox -t wav - -r 8000 -c 1 -b 16 "$2"', "sh", text, path],
                   check=True, timeout=30, stderr=subprocess.DEVNULL)
    return path


def goertzel(s, rate, hz):
    """Share of the energy of `s` (0..1) that lies at `hz`."""
    c, a, b, total = 2 * math.cos(2 * math.pi * hz / rate), 0.0, 0.0, 0.0
    for x in s:
        a, b = x + c * a - b, a
        total += x * x
    return 2 * (a * a + b * b - c * a * b) / (total * len(s)) if total else 0.0


def rms(s):
    """Root mean square of samples (16-bit scale: 32767 is full)."""
    return math.sqrt(sum(x * x for x in s) / len(s)) if len(s) else 0.0


def _blocks(s, n):
    return [s[i:i + n] for i in range(0, len(s) - n + 1, n)]


def load(heard):
    """(rate, samples) of what a judge is given: the path of a WAV, or samples at 8 kHz."""
    return read_wav(heard) if isinstance(heard, str) else (8000, heard)


def tone_in(heard, hz, share=0.5, floor=100):
    """Seconds during which a tone at `hz` holds at least `share` of the energy (0.0 = not heard)."""
    rate, s = load(heard)
    n = rate // 20
    return round(sum(0.05 for b in _blocks(s, n) if rms(b) > floor and goertzel(b, rate, hz) >= share), 2)


def tones_in_order(heard, pitches, share=0.6, floor=100, least=0.15):
    """[(hz, first sample, last sample)] of the tones of these pitches, as they were heard one after the other; what lasts
    less than `least` seconds does not count, a gap of a tenth of a second does not end a tone."""
    rate, s = load(heard)
    n, out = rate // 50, []
    for at in range(0, len(s) - n + 1, n):
        block = s[at:at + n]
        if rms(block) <= floor:
            continue
        hz = max(pitches, key=lambda hz: goertzel(block, rate, hz))
        if goertzel(block, rate, hz) < share:
            continue
        if out and out[-1][0] == hz and at - out[-1][2] <= rate // 10:
            out[-1] = hz, out[-1][1], at + n
        else:
            out.append((hz, at, at + n))
    return [x for x in out if x[2] - x[1] >= least * rate]


def sound_in(heard, floor=100):
    """Seconds that are not silence."""
    rate, s = load(heard)
    return round(sum(0.05 for b in _blocks(s, rate // 20) if rms(b) > floor), 2)


def dtmf_in(heard, floor=200):
    """The digits that sound in the recording, as a string (40 ms of tone or more each)."""
    rate, s = load(heard)
    out, last, run = "", None, 0
    for b in _blocks(s, rate // 50):
        d = None
        if rms(b) > floor:
            r = [goertzel(b, rate, f) for f in _ROWS]
            c = [goertzel(b, rate, f) for f in _COLS]
            if max(r) + max(c) > 0.75 and min(max(r), max(c)) > 0.1:
                d = _KEYS[r.index(max(r)) * 4 + c.index(max(c))]
        run = run + 1 if d == last else 1
        last = d
        if d and run == 2:
            out += d
    return out


def speech_like(heard, floor=150):
    """True if it sounds like speech: loud and quiet parts alternate at syllable pace and both the
    zero-crossing rate and the level vary (a tone, silence, hiss or a hold tone fails)."""
    rate, s = load(heard)
    blocks = _blocks(s, rate // 50)
    levels = [rms(b) for b in blocks]
    loud = [i for i, v in enumerate(levels) if v > floor]
    if len(loud) < 15:
        return False
    mean = sum(levels[i] for i in loud) / len(loud)
    dev = math.sqrt(sum((levels[i] - mean) ** 2 for i in loud) / len(loud)) / mean
    zcr = [sum((x < 0) != (y < 0) for x, y in zip(blocks[i], blocks[i][1:])) for i in loud]
    zmean = sum(zcr) / len(zcr)
    zdev = math.sqrt(sum((z - zmean) ** 2 for z in zcr) / len(zcr)) / (zmean or 1)
    return dev > 0.35 and zdev > 0.35

"""Sweeps all ports of TCP and UDP of a host, as fast as it can, again and again.

python3 sweep.py INTERFACE MAC SOURCE DESTINATION STEP...

Reads a line "FIRST DECOYS" for each sweep: so many packets to one closed port come ahead of all, and so many more with each
swept port. Prints a line for each: how many packets that were, and in how many seconds. The ports come in random order; but
the STEPs (7000/tcp) come in theirs, close enough together for the window of a door. SOURCE may be an IPv6 network
(fd77:0:0:0::/64): then the steps come from its address ::2, and each other packet from a random one.
"""

import random
import socket
import struct
import sys
import time

SYN = 2
CLOSED = 9
UNITS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}


def summed(data):
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def folded(total):
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF & ~total


def transport(proto, port, sport, pseudo):
    if proto == "tcp":
        head = struct.pack("!HHIIBBH", sport, port, 1, 0, 5 << 4, SYN, 64240)
        tail = b"\0\0"
    else:
        head = struct.pack("!HHH", sport, port, 8)
        tail = b""
    total = summed(head) + pseudo + UNITS[proto] + len(head) + 2 + len(tail)
    return head + struct.pack("!H", folded(total) or 0xFFFF) + tail


class Ipv4:
    def __init__(self, source, destination):
        self.ends = socket.inet_aton(source) + socket.inet_aton(destination)
        self.heads = {}
        for proto, length in (("tcp", 40), ("udp", 28)):
            head = struct.pack("!BBHHHBB", 0x45, 0, length, 0, 0, 64, UNITS[proto])
            self.heads[proto] = head + struct.pack("!H", folded(summed(head + self.ends))) + self.ends
        self.pseudo = summed(self.ends)

    def packet(self, proto, port, sport, isStep):
        return b"\x08\0" + self.heads[proto] + transport(proto, port, sport, self.pseudo)


class Ipv6:
    def __init__(self, network, destination):
        self.network = socket.inet_pton(socket.AF_INET6, network.split("/")[0])[:8]
        self.to = socket.inet_pton(socket.AF_INET6, destination)

    def packet(self, proto, port, sport, isStep):
        host = struct.pack("!Q", 2) if isStep else random.randbytes(8)
        ends = self.network + host + self.to
        payload = transport(proto, port, sport, summed(ends))
        return b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(payload), UNITS[proto], 64) + ends + payload


def main():
    interface, mac, source, destination = sys.argv[1:5]
    steps = [(proto, int(port)) for port, proto in (step.split("/") for step in sys.argv[5:])]
    maker = Ipv6(source, destination) if ":" in source else Ipv4(source, destination)
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((interface, 0))
    ethernet = bytes.fromhex(mac.replace(":", "")) + sender.getsockname()[4]
    sport = random.randrange(1024, 65536)

    def frame(proto, port, isStep=False):
        return ethernet + maker.packet(proto, port, sport, isStep)

    ports = [(proto, port) for proto in UNITS for port in range(1, 65536)]
    frames = [frame(*port) for port in ports if port not in steps]
    knock = [frame(*step, True) for step in steps]
    decoys = [frame("tcp", CLOSED) for _ in range(64)]
    send = sender.send
    for line in sys.stdin:
        first, more = map(int, line.split())
        random.shuffle(frames)
        swept = list(frames)
        for place, step in zip(sorted(random.sample(range(len(frames) * 4 // 10, len(frames) * 6 // 10), len(knock))), knock):
            swept.insert(place, step)
        begun = time.monotonic()
        for each in range(first):
            send(decoys[each % len(decoys)])
        for each in swept:
            try:
                send(each)
                for _ in range(more):
                    send(decoys[0])
            except OSError:
                pass
        print(first + len(swept) * (1 + more), round(time.monotonic() - begun, 3), flush=True)


main()

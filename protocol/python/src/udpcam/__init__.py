"""JPEGs of cameras over UDP, with the least delay, and repaired when the network loses packets.

    for frame in udpcam.receive(":12345"):          # frame.jpeg, frame.name, frame.id, frame.captured
    with udpcam.Sender("192.168.1.20") as sender:   # sender.send(jpeg)
"""
from .assembler import Frame
from .receiver import Receiver, receive, subscribe
from .sender import Sender

__all__ = ["Frame", "Receiver", "Sender", "receive", "subscribe"]

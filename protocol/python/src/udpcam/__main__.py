"""python3 -m udpcam send and recv: JPEGs one behind the other, from standard input and to standard output."""
from __future__ import annotations

import argparse
import signal
import sys
from collections import Counter

from . import Sender, jpeg, receive, subscribe


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m udpcam", description="Sends and receives JPEGs over UDP.")
    commands = parser.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send", help="send JPEGs from standard input")
    recv = commands.add_parser("recv", help="write received JPEGs to standard output or a file")
    for command in (send, recv):
        command.add_argument("--key", help="a key that udpcam key has printed, or a file that has it")
    send.add_argument("--name", default="", help="the stream's name")
    send.add_argument("--fps", type=float, default=0, help="frames a second (default: as they come)")
    send.add_argument("--parity", type=float, metavar="PERCENT", help="of the data (default: as the losses need)")
    send.add_argument("to", metavar="HOST:PORT")
    recv.add_argument("--out", metavar="-|FILE", default="-", help="where JPEGs are written (default: standard output)")
    recv.add_argument("--count", type=int, default=0, help="end after so many frames")
    recv.add_argument("--from", dest="sender", metavar="HOST:PORT", help="subscribe to a sender that listens there")
    recv.add_argument("address", metavar="[ADDR]:PORT", nargs="?", default=":12345", help="listen here (default: :12345)")
    args = parser.parse_args()
    try:
        return send_all(args) if args.command == "send" else receive_all(args)
    except (OSError, ValueError, ImportError) as e:
        print(f"udpcam {args.command}: {e}", file=sys.stderr)
        return 1


def send_all(args: argparse.Namespace) -> int:
    sender = Sender(args.to, name=args.name, key=args.key, parity=args.parity, fps=args.fps)
    try:
        for picture in jpeg.split(sys.stdin.buffer):
            sender.send(picture)
        sender.close(linger=1)
    except KeyboardInterrupt:
        pass
    return 0


def receive_all(args: argparse.Namespace) -> int:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)
    receiver, stats, options = None, Counter[str](), {"key": args.key, "keep": 512}
    try:
        receiver = subscribe(args.sender, **options) if args.sender else receive(args.address, **options)
        out, count = sys.stdout.buffer if args.out == "-" else open(args.out, "wb"), 0
        for frame in receiver:
            out.write(frame.jpeg)
            out.flush()
            count += 1
            if count == args.count:
                break
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    if receiver is not None:
        receiver.close()
        stats = receiver.stats
    others = [f", {n} {what}" for what, n in sorted(stats.items()) if n and what != "frames"]
    print(f"{stats['frames']} frames" + "".join(others), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

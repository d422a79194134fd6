"""What the tests share: the package in ../src, the vectors, and a network in simulated time."""
import functools
import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "src"))
TESTDATA = HERE.parents[1] / "testdata"
START = 1_795_176_000_000_000  # microseconds: 20 November 2026


def vectors(name):
    return json.loads((TESTDATA / name).read_text())


PATTERN = bytes((i * 167 + (i >> 8)) & 255 for i in range(200_000))


def picture(length, salt=0):
    """A frame of the vectors: its bytes follow from its length."""
    b = bytearray(PATTERN[:length].translate(bytes((i + salt) & 255 for i in range(256))))
    b[:2], b[-2:] = b"\xff\xd8", b"\xff\xd9"
    return bytes(b)


def three_times(test):
    """Lets a test try again: on a machine that others keep busy, a frame may not become whole within its second."""
    @functools.wraps(test)
    def run(*arguments, **keywords):
        for attempt in range(3):
            try:
                return test(*arguments, **keywords)
            except AssertionError:
                if attempt == 2:
                    raise
    return run


def picked(seed):
    return random.Random(seed)

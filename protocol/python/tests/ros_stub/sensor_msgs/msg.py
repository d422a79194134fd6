from types import SimpleNamespace


class CompressedImage:
    def __init__(self):
        self.header = SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=0), frame_id="")
        self.format, self.data = "", b""

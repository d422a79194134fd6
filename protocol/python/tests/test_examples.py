"""The examples: windows under Xvfb, a camera that is a film, and the node against a stub of ROS 2."""
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import HERE
from test_go import ENV, STREET, free_port, wait_for

import udpcam

EXAMPLES = HERE.parent / "examples"


@pytest.fixture
def display():
    """The name of an X display of our own."""
    for program in ("Xvfb", "xdotool"):
        assert shutil.which(program), f"{program} is missing: apt install xvfb xdotool"
    read, write = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
                              pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as f:
        number = f.readline().strip()
    assert number, "Xvfb does not start"
    yield f":{number}"
    server.terminate()
    server.wait()


def test_opencv(display, tmp_path):
    """A film that OpenCV opens goes from the one example to the window of the other, until somebody presses q there."""
    port, env = free_port(), dict(ENV, DISPLAY=display)
    film = tmp_path / "film.mjpg"
    film.write_bytes(b"".join(p.read_bytes() for p in STREET[:4]) * 100)
    recv = subprocess.Popen([sys.executable, EXAMPLES / "opencv_recv.py", f"127.0.0.1:{port}"], env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    wait_for(port)
    send = subprocess.Popen([sys.executable, EXAMPLES / "opencv_send.py", f"127.0.0.1:{port}", str(film)], env=env,
                            stderr=subprocess.DEVNULL)
    try:
        search = ["xdotool", "search", "--sync", "--name", "^camera$"]
        found = subprocess.run(search, env=env, capture_output=True, text=True, timeout=30)
        window = found.stdout.split()[0]
        deadline = time.monotonic() + 20
        while recv.poll() is None and time.monotonic() < deadline:
            subprocess.run(["xdotool", "windowfocus", window, "key", "--window", window, "q"], env=env, capture_output=True)
            time.sleep(0.2)
        assert recv.wait(1) == 0
        assert int(recv.stdout.read().split()[0]) > 0
    finally:
        for p in (send, recv):
            p.kill()
            p.wait()


def test_ros2_node(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE / "ros_stub"))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import ros2_node
    from rclpy.node import Node
    monkeypatch.setattr(Node, "parameters", {"address": "127.0.0.1:0"})
    node, jpeg = ros2_node.UdpcamNode(), STREET[0].read_bytes()
    with udpcam.Sender(f"127.0.0.1:{node.receiver.port}", name="2 Haustür") as sender:
        deadline = time.monotonic() + 10
        while not node.published and time.monotonic() < deadline:
            sender.send(jpeg)
            time.sleep(0.02)
            node.timer.callback()
    node.destroy_node()
    topic, message = node.published[0]
    assert topic == "udpcam/_2_Haust_r/compressed"
    assert message.data == jpeg and message.format == "jpeg" and message.header.frame_id == "2 Haustür"
    assert abs(message.header.stamp.sec - time.time()) < 20 and 0 <= message.header.stamp.nanosec < 1e9


def test_readme_runs():
    """The ten lines of README that receive, and those that send, beside each other."""
    readme = (HERE.parent / "README.md").read_text()
    receives, sends = [part.split("```")[0] for part in readme.split("```python\n")[1:3]]
    port = free_port()
    receives, sends = receives.replace(":12345", f"127.0.0.1:{port}"), sends.replace("192.168.1.20", f"127.0.0.1:{port}")
    recv = subprocess.Popen([sys.executable, "-u", "-c", receives], env=ENV, stdout=subprocess.PIPE, text=True)
    wait_for(port)
    send = subprocess.run([sys.executable, "-c", sends], env=ENV, cwd=STREET[0].parent, capture_output=True,
                          text=True, timeout=30)
    assert send.returncode == 0, send.stderr
    assert "door" in recv.stdout.readline()
    recv.send_signal(signal.SIGINT)
    recv.wait(10)

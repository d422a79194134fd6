"""Sends a camera, or whatever else OpenCV opens, to HOST[:PORT]."""
import sys

import cv2
import udpcam

if len(sys.argv) < 2:
    sys.exit("usage: opencv_send.py HOST[:PORT] [CAMERA]")
source = sys.argv[2] if len(sys.argv) > 2 else "0"
camera = cv2.VideoCapture(int(source) if source.isdigit() else source)
if not camera.isOpened():
    sys.exit(f"cannot open camera {source}")
with udpcam.Sender(sys.argv[1], name="camera", fps=30) as sender:
    while True:
        ok, image = camera.read()
        if not ok:
            break
        sender.send(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())
camera.release()

"""Shows each stream that comes in a window of its own, as the old receiver script did. q ends it."""
import sys

import cv2
import numpy as np
import udpcam

with udpcam.receive(sys.argv[1] if len(sys.argv) > 1 else ":12345") as receiver:
    shown = 0
    while cv2.waitKey(1) & 0xFF != ord("q"):
        frame = receiver.read(timeout=0.05)  # None if nothing has come: the window must live on
        if frame is None:
            continue
        image = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if image is not None:
            cv2.imshow(frame.name, image)
            shown += 1
cv2.destroyAllWindows()
print(f"{shown} frames shown")

"""A ROS 2 node that publishes each stream as sensor_msgs/CompressedImage.

    ros2 run YOUR_PACKAGE udpcam_node --ros-args -p address:=:12345
    ros2 run rqt_image_view rqt_image_view /udpcam/door/compressed

Parameters: address, where to listen; sender, HOST:PORT of a sender to subscribe to instead; key, a file that has the key.
The header's stamp is when the picture was made, by this machine's clock.
"""
import re
import time

import rclpy
import udpcam
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage


class UdpcamNode(Node):
    def __init__(self):
        super().__init__("udpcam")
        address = self.declare_parameter("address", ":12345").value
        sender = self.declare_parameter("sender", "").value
        key = self.declare_parameter("key", "").value or None
        self.receiver = udpcam.subscribe(sender, key=key) if sender else udpcam.receive(address, key=key)
        self.topics = {}
        self.timer = self.create_timer(0.005, self.publish_all)

    def publish_all(self):
        while frame := self.receiver.read(timeout=0):
            message = CompressedImage()
            made = time.time() - frame.age if frame.age is not None else frame.captured
            message.header.stamp.sec, message.header.stamp.nanosec = int(made), int(made % 1 * 1e9)
            message.header.frame_id = frame.name
            message.format = "jpeg"
            message.data = frame.jpeg
            self.topic(frame.name).publish(message)

    def topic(self, name):
        """The publisher of a stream. A topic's name has only letters, digits and underscores, and no digit first."""
        if name not in self.topics:
            word = re.sub(r"[^0-9A-Za-z_]", "_", name) or "camera"
            word = "_" + word if word[0].isdigit() else word
            self.topics[name] = self.create_publisher(CompressedImage, f"udpcam/{word}/compressed", qos_profile_sensor_data)
        return self.topics[name]

    def destroy_node(self):
        self.receiver.close()
        super().destroy_node()


def main():
    rclpy.init()
    node = UdpcamNode()
    try:
        rclpy.spin(node)
    except KeyboardInterrupt:
        pass
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()

"""A stub of ROS 2's rclpy, just as much of it as examples/ros2_node.py uses. It is no ROS."""


def init():
    pass

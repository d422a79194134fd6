from types import SimpleNamespace


class Node:
    parameters = {}

    def __init__(self, name):
        self.name, self.published = name, []

    def declare_parameter(self, name, default):
        return SimpleNamespace(value=self.parameters.get(name, default))

    def create_timer(self, seconds, callback):
        return SimpleNamespace(seconds=seconds, callback=callback)

    def create_publisher(self, kind, topic, qos):
        def publish(message):
            assert isinstance(message, kind) and qos
            self.published.append((topic, message))
        return SimpleNamespace(publish=publish)

    def destroy_node(self):
        pass

"""The broker: the only room with binding sockets."""

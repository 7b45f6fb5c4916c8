"""The client: the only room with connecting sockets. Imports nothing of the broker or the journal."""

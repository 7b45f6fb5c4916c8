"""HTTP for whoever has no ZeroMQ: what the earlier MiniMQ answered, and ``/v1``. A client like any other."""

"""How a connection that leads nowhere any more is noticed, at both ends.

By ZMTP's heartbeats where both ends are read all the time, as on control. Whoever is full answers no heartbeat; so

- a broker that is behind with ingest would cut its producers off, and what is on its way would be lost: a `PUSH` gives
  it a minute,
- a subscriber that its program does not ask for long would be cut off, and libzmq 4.3.5 then ends the whole process
  (https://github.com/zeromq/libzmq/issues/4767).

Where there are none, it is left to TCP's own probes, which a kernel answers for a program that does not. (A bound on
what is unacknowledged, ``TCP_USER_TIMEOUT``, is no help: it also ends connections to who is alive, and full.)
"""

from __future__ import annotations

import zmq

SILENCE_MS_MAX = 6_000
SILENCE_OF_A_FULL_BROKER_MS_MAX = 60_000
PROBE_AFTER_S, PROBE_EVERY_S, PROBES = 4, 2, 3


def watch_connections(socket: zmq.Socket[bytes], silence_ms_max: int | None) -> None:
    """Set this up for a socket before it binds or connects; None for no heartbeats."""
    socket.tcp_keepalive = 1
    socket.tcp_keepalive_idle = PROBE_AFTER_S
    socket.tcp_keepalive_intvl = PROBE_EVERY_S
    socket.tcp_keepalive_cnt = PROBES
    if silence_ms_max is not None:
        socket.heartbeat_ivl = silence_ms_max // 3
        socket.heartbeat_timeout = silence_ms_max

"""The programs that a measure runs, each in a process of its own: ``python -m bench.workers NAME ARGUMENT...``.

Each says a line when it is ready and a line of JSON when it is done. Times are of the system's monotonic clock, which
processes share.
"""

"""A work queue: any number of workers share jobs, and each job is done although workers die.

A job is the path of a file, its result the SHA-256 of what is in it. Put your own work into `do`.

    minimq broker --data data                    # in one terminal; or `minimq up`
    python examples/work_queue.py submit *.md    # jobs
    python examples/work_queue.py work           # a worker: as many as you like, where these files are; Ctrl-C ends it
    minimq replay work/results                   # what came out
    minimq consumers                             # who is at work, and how much is left
    minimq replay _mq/dead/hashers               # jobs that failed five times

A job is settled once its result is on the broker's disk. A worker that dies between the two leaves its job to another
one, so a result may be there twice, and none is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from contextlib import suppress

import mq

JOBS, RESULTS, NAME = "work/jobs", "work/results", "hashers"
CHUNK_BYTES = 8 << 20
BROKER_S_MAX = 5.0
LOOK_EVERY_S = 5.0


def main() -> int:
    """Read what is wanted, do it, and return the exit code."""
    wanted = arguments().parse_args()
    try:
        if wanted.command == "submit":
            submit(wanted.broker, wanted.path)
        else:
            work(wanted.broker, wanted.seconds)
    except KeyboardInterrupt:
        print("ended; what was not settled is given to others", file=sys.stderr)
    except mq.MqError as error:
        print(f"work_queue: {error}", file=sys.stderr)
        return 1
    return 0


def arguments() -> argparse.ArgumentParser:
    """Return what may be typed."""
    parser = argparse.ArgumentParser(description="Share jobs among workers.")
    usual = os.environ.get("MINIMQ_BROKER", "tcp://127.0.0.1:5557")
    parser.add_argument("--broker", default=usual, metavar="ENDPOINT", help=f"the control port (default: {usual})")
    commands = parser.add_subparsers(dest="command", required=True)
    submitting = commands.add_parser("submit", help="put jobs into the queue")
    submitting.add_argument("path", nargs="+", help="a file whose SHA-256 is wanted")
    working = commands.add_parser("work", help="do jobs until Ctrl-C")
    working.add_argument(
        "--seconds",
        type=int,
        default=30,
        help="after so much silence a worker's jobs are given to others (default: 30)",
    )
    return parser


def submit(broker: str, paths: list[str]) -> None:
    """Store a job for each path."""
    jobs = [os.path.abspath(path).encode() for path in paths]
    with mq.Producer(broker, deliver_s_max=BROKER_S_MAX) as producer:
        for ack in [producer.send(JOBS, job) for job in jobs]:
            ack.result()
    print(f"{len(jobs)} jobs are stored")


def work(broker: str, seconds: int) -> None:
    """Do jobs for ever. At the start a broker has to be there; later one that is away is waited for."""
    list(mq.last_values(broker, JOBS, timeout_s=BROKER_S_MAX))
    with (
        mq.Producer(broker) as producer,
        mq.SharedConsumer(broker, JOBS, NAME, count=10, seconds=seconds) as consumer,
    ):
        print("at work", flush=True)
        while True:
            try:
                job = consumer.receive(LOOK_EVERY_S)
                if job is not None:
                    do(job, producer, consumer)
            except (mq.Gap, mq.Trimmed) as hole:
                print(f"jobs are lost: {hole}", file=sys.stderr)
            except mq.Refused as error:
                if error.reason != "fenced":
                    raise
                print(f"too slow: {error}", file=sys.stderr)


def do(job: mq.Message, producer: mq.Producer, consumer: mq.SharedConsumer) -> None:
    """Do one job. One that fails is given back, to be tried again, here or elsewhere."""
    path = os.fsdecode(job.body)
    try:
        digest = sha256_of(path, consumer)
    except (OSError, ValueError) as error:  # the latter of a path that no system has
        print(f"{path!r}: {error}", file=sys.stderr)
        consumer.release(job)
        return
    result = json.dumps({"path": path, "sha256": digest})
    producer.send(RESULTS, result.encode()).result()
    consumer.done(job)
    print(result, flush=True)


def sha256_of(path: str, consumer: mq.SharedConsumer) -> str:
    """Return a file's SHA-256; a large one takes long, so say that work goes on."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            with suppress(mq.Unreachable):
                consumer.renew()
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())

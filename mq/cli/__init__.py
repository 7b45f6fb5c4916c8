"""The command line: ``minimq``, one thin file a group of commands. Heavy imports happen inside the commands."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run ``minimq``. Errors become one line on standard error and an exit code, never a traceback."""
    from mq.cli.app import app
    from mq.errors import MqError

    try:
        app()
    except MqError as error:
        sys.exit(f"minimq: {error}")
    except BrokenPipeError:
        # Whoever read our output has had enough; closing standard output again at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)

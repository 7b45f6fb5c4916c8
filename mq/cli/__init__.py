"""The command line: ``minimq``, one thin file a group of commands. Heavy imports happen inside the commands."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys

from mq.cli.output import abandon_output

INTERRUPTED = 130
_STANDARD_ERROR = 2
_EXTRAS = {
    "psutil": "collectors",
    "prometheus_client": "broker",
    "waitress": "broker",
    "bokeh": "viewer",
    "httptools": "gateway",
    "panel": "viewer",
    "pyarrow": "export",
    "starlette": "gateway",
    "uvicorn": "gateway",
    "wsproto": "gateway",
}


def main() -> None:
    """Run ``minimq``. Errors become one line on standard error and an exit code, never a traceback."""
    _open_standard_streams()
    try:
        _run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRAS:
            raise
        sys.exit(f"minimq: this command needs {missing}: pip install 'minimq[{_EXTRAS[missing]}]'")
    except BrokenPipeError:
        abandon_output()
        sys.exit(1)
    except OSError as error:
        abandon_output()
        sys.exit(f"minimq: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _run() -> None:
    from mq.cli.app import app
    from mq.errors import MqError

    _escape_what_has_no_encoding()
    try:
        app()
    except MqError as error:
        from mq.cli.render import printable

        sys.exit(f"minimq: {printable(str(error))}")


def _escape_what_has_no_encoding() -> None:
    """Escape, as JSON does, characters for which the encoding of standard output has nothing."""
    codecs.register_error("minimq", _escaped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="minimq")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _open_standard_streams() -> None:
    """Put nothing in the place of a standard stream that is closed: no file of a journal must get its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)

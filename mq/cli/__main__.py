"""``python -m mq.cli`` is ``minimq``."""

from mq.cli import main

main()

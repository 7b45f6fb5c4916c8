"""Whether a program in a container does its work: it leaves a note (`note`), and `python -m mq.health` asks."""

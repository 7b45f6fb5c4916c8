"""The journal: a log a topic, in segments of frames. The only room that touches the data directory."""

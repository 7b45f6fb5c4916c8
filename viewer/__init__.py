"""The viewer: a Panel app that shows live samples, and the last minutes of them from the journal.

``panel serve viewer`` runs this folder under a name of its own, so everything here imports ``viewer.…`` in full: a
relative import would make a second copy of the feed, and a second subscriber.
"""

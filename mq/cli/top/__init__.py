"""``minimq top``: what a broker does right now, on one screen.

`looks` asks, `picture` holds what was answered, `sections` and `drawing` show it, `screen` is the terminal. What
decides is apart from them, and pure: `meter`, `topic_table`, `hosts`, `lagging`, `losses`, `pace`, `fitting`, `view`.
"""

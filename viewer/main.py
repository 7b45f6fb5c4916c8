"""One session: Bokeh runs this file for every page that is opened, with a document of its own."""

from __future__ import annotations

import bokeh
from bokeh.io import curdoc

from viewer.pages import Page
from viewer.shared import THE_FEED

UPDATE_MS = 250

document = curdoc()
page = Page(THE_FEED.get())
page.update()
for root in page.roots:
    document.add_root(root)
page.attach(document)
document.title = "MiniMQ"
document.template_variables["bokeh_version"] = bokeh.__version__
document.add_periodic_callback(page.update, UPDATE_MS)  # ends with the session

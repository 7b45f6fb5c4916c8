"""One session: Bokeh runs this file for every page that is opened, with a document of its own."""

from __future__ import annotations

from typing import Any

import bokeh
from bokeh.io import curdoc

from viewer.hosts import refusal
from viewer.pages import CARDS_MAX, Page, Wish
from viewer.samples import METRICS
from viewer.shared import THE_FEED

UPDATE_MS = 250

document = curdoc()
context: Any = document.session_context
request = context.request if context else None
page = Page(THE_FEED.get(), Wish(request.arguments if request else {}))
refused = refusal(request.headers) if request else ""
if refused:
    page.refuse(refused)
else:
    page.update()
    document.add_periodic_callback(page.update, UPDATE_MS)  # ends with the session
for root in page.roots:
    document.add_root(root)
page.attach(document)
document.title = "MiniMQ"
document.template_variables.update(bokeh_version=bokeh.__version__, cards=range(CARDS_MAX), metrics=METRICS)

"""What a test looks at on a page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page
from records import Points

POINTS = """(metric, card = 0) => {
  const source = globalThis.Bokeh?.documents[0]?.get_model_by_name(`card${card}_${metric}_points`)
  if (!source) return []
  return Array.from(source.data.time, (time, at) => [time, source.data.value[at]]).filter((it) => !isNaN(it[1]))
}"""


def wait_for_points(page: Page, points: Points, metric: str = "cpu", card: int = 0) -> None:
    """Wait until a plot holds exactly these."""
    page.wait_for_function(
        f"([metric, card, points]) => JSON.stringify(({POINTS})(metric, card)) === JSON.stringify(points)",
        arg=[metric, card, points],
    )


def wait_for_many(page: Page, count: int, metric: str = "cpu") -> None:
    """Wait until the first card's plot holds so many."""
    page.wait_for_function(f"([metric, count]) => ({POINTS})(metric).length >= count", arg=[metric, count])


def card(page: Page, name: str) -> Locator:
    """Return a node's card."""
    return page.locator("article:visible").filter(has=page.locator("h2", has_text=name))


def field(within: Page | Locator, name: str) -> Locator:
    """Return the element of a field: of the page, or of a card or a metric."""
    return within.locator(f"[data-field={name}]").first

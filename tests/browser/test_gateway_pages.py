"""Pages that ask the gateway, in a real browser: one that polls as the earlier MiniMQ's did, and one that listens."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from broker_process import BrokerProcess
from gateway_process import NDJSON, GatewayProcess
from playwright.sync_api import Browser, sync_playwright
from served import CHROMIUM_ARGS

import mq
from collectors.sample import Reading, encode

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000
POLLING = b"""<!doctype html><p id=said></p><script>
const base = `http://${location.hostname}:${location.hash.slice(1)}`
const drawn = {}
async function poll() {
  for (const node of await (await fetch(`${base}/nodes`)).json())
    for (const metric of ["cpu", "mem", "disk"]) {
      const answer = await fetch(`${base}/consume?topic=${node}-${metric}&consumer_id=web-ui`)
      if (answer.status === 200) (drawn[`${node}-${metric}`] ??= []).push(parseFloat((await answer.json()).message))
    }
  said.textContent = JSON.stringify(drawn)
  setTimeout(poll, 50)
}
poll()
</script>"""
LISTENING = b"""<!doctype html><p id=said></p><script>
const heard = []
const source = new EventSource(`http://${location.hostname}:${location.hash.slice(1)}/v1/stream?pattern=t&offset=0`)
source.onmessage = event => { heard.push(JSON.parse(event.data).body); said.textContent = JSON.stringify(heard) }
</script>"""
PAGES = {"/polling": POLLING, "/listening": LISTENING}


class Pages(http.server.BaseHTTPRequestHandler):
    """Serves the pages, on a port that is not the gateway's."""

    def do_GET(self) -> None:
        """Answer with a page."""
        page = PAGES.get(self.path, b"")
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """Return where the pages are."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium, headless."""
    path = shutil.which("chromium")
    assert path is not None, "needs Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGS))
        yield chromium
        chromium.close()


def wait_for(page: Any, text: str) -> None:
    """Wait until a page says this."""
    page.wait_for_function("text => document.getElementById('said').textContent === text", arg=text)


def test_a_page_that_polls_as_of_old_draws_collectors_of_today_and_producers_of_old(
    gateway: GatewayProcess, broker: BrokerProcess, browser: Browser, site: str
) -> None:
    with mq.Producer(broker.control) as producer:
        for number in range(3):
            reading = Reading(10.5 + number, "%")
            body = encode(reading, time=number, node="new", metric="cpu", interval_s=1, scope="host", collector="h/1")
            producer.send("host/new/cpu", body).result(10)
    gateway.produce("nodes", "old")
    gateway.produce("old-mem", "42.25")
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{site}/polling#{gateway.port}")
    page.wait_for_function("() => said.textContent.includes('12.5') && said.textContent.includes('42.25')")
    drawn = page.evaluate("() => drawn")
    page.close()
    assert drawn == {"new-cpu": [10.5, 11.5, 12.5], "old-mem": [42.25]}


def test_an_event_source_goes_on_by_itself_over_a_restart_with_each_record_once(
    gateway: GatewayProcess, browser: Browser, site: str
) -> None:
    gateway.publish("t", b"0\n1\n2\n", NDJSON)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{site}/listening#{gateway.port}")
    wait_for(page, "[0,1,2]")
    gateway.kill()
    gateway.restart()
    gateway.publish("t", b"3\n4\n", NDJSON)
    wait_for(page, "[0,1,2,3,4]")
    page.close()

"""A broker's life: startup, main_loop, shutdown."""

from __future__ import annotations

import logging

import zmq

from mq.broker.audience import Audience
from mq.broker.channel import Channel, bind_wake
from mq.broker.control import Desk, Job, welcome
from mq.broker.counters import Counters
from mq.broker.intake import Done, Intake
from mq.broker.journaling import Journaling
from mq.broker.ledger import Ledger
from mq.broker.ops import Ops
from mq.broker.proxy import Answered, Channels, Proxy, Result
from mq.broker.reader import Reader
from mq.broker.reported import Reports
from mq.broker.scraping import Scraping
from mq.broker.senders import Senders
from mq.broker.sockets import Endpoints, Sockets, port_of
from mq.broker.telling import Telling
from mq.broker.watch import Watch
from mq.config import Config
from mq.errors import MqError
from mq.journal.interface import Journal
from mq.metrics.collector import MqCollector

_log = logging.getLogger(__name__)

ANSWERS_WAITING_MAX = 64
RESULTS_WAITING_MAX = 64


class Server:
    """One broker over one journal. `startup` raises `PortTaken` and `BadEndpoint`; `stop` may come from anywhere."""

    def __init__(self, journal: Journal, config: Config, endpoints: Endpoints, advertise: str | None = None) -> None:
        self._journal = journal
        self._config = config
        self._wanted = endpoints
        self._advertise = advertise
        self._counters = Counters(journal.sync_seconds)
        self._counters.gauges["journal_failed"] = lambda: int(journal.failure is not None)
        self._death: BaseException | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.endpoints: dict[str, str] = {}

    def startup(self) -> None:
        """Bind, and start the threads."""
        self._sockets = Sockets.bind(self._context, self._wanted, self._config)
        senders = Senders()
        reports, audience = Reports(senders), Audience()
        self._counters.gauges.update(reports.gauges() | audience.gauges())
        ledger = Ledger(reports.all, audience.repaired, self._counters, senders)
        intake = Intake(self._journal, self._config, self._counters, ledger)
        scraping = Scraping(self._journal, self._counters, intake)
        bounds = self._config.metrics_topics_max, self._config.metrics_node_age_s
        self._ops = Ops(self._wanted.ops, self._journal, intake.room, MqCollector(scraping.facts, *bounds))
        self.endpoints = {**self._sockets.endpoints(), "ops": self._ops.endpoint}
        self._watch = Watch(self._sockets, self._counters)
        self._wake = bind_wake(self._context)
        self._results: Channel[Result] = Channel(self._context, RESULTS_WAITING_MAX)
        self._answers: Channel[Answered] = Channel(self._context, ANSWERS_WAITING_MAX)
        self._counters.queues.update(results=self._results.__len__, answers=self._answers.__len__)
        interval = self._config.sync_interval_s
        telling = Telling(self._journal, self._counters, self._config.stats_interval_s)
        self._journaling = Journaling(self._journal, intake, telling, interval, self._deliver_done, self._thread_died)
        self._reader = Reader(self._journal, ledger, self._config, self._deliver_answer, self._thread_died)
        ports = {name: port_of(endpoint) for name, endpoint in self.endpoints.items()}
        hello = welcome(self._config, self._journal.epoch, ports, self._advertise)
        desk = Desk(self._config, self._counters, hello, audience, reports)
        channels = Channels(self._wake, self._results, self._answers)
        self._proxy = Proxy(self._sockets, self._watch, channels, desk, self._config, self._counters)
        self._journaling.start()
        self._reader.start()
        self._ops.start()

    def main_loop(self) -> None:
        """Serve until `stop`, then finish what was taken in. Raises `MqError` when a thread of the broker has died."""
        self._proxy.run(self._journaling, self._reader)
        if self._death is not None:
            self.shutdown()
            raise MqError(f"the broker has ended by an error of its own, the log says more: {self._death!r}")

    def stop(self) -> None:
        """Make `main_loop` return. May be called from any thread, and from a signal handler."""
        self._proxy.stop()

    def shutdown(self) -> None:
        """Give answers on their way a moment to leave, and let go of everything but the journal."""
        self._ops.stop()
        self._results.close()
        self._answers.close()
        self._wake.close()
        self._proxy.close()
        self._watch.close()
        self._sockets.close()
        self._context.term()

    def _deliver_done(self, done: Done, ends_turn: bool) -> None:
        self._results.put(Result(done, ends_turn))

    def _thread_died(self, error: BaseException) -> None:
        self._death = error
        self._proxy.stop()

    def _deliver_answer(self, job: Job, message: bytes, ends_job: bool) -> None:
        self._answers.put(Answered(job.client, message, ends_job))

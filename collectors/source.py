"""One metric of this host, read again and again whatever the kernel comes up with."""

from __future__ import annotations

import logging
import time

from collectors.readers import METRICS, Psutil, Reader
from collectors.sample import encode, this_collector
from collectors.scope import HOST

log = logging.getLogger(__name__)


class Source:
    """Makes its reader at once. A reading that fails costs its sample, and is complained of once until one works.

    What was complained of last, and still holds, is its `trouble`.
    """

    def __init__(
        self, metric: str, node: str, psutil: Psutil, interval_s: float | None = None, scope: str = HOST
    ) -> None:
        self.interval_s = interval_s or METRICS[metric].interval_s
        self._metric = metric
        self._node = node
        self._psutil = psutil
        self._scope = scope
        self._collector = this_collector()
        self._read: Reader | None = None
        self.trouble: str | None = None
        self.sample()

    def sample(self) -> bytes | None:
        """Return a sample of now, None when there is none."""
        try:
            sample = self._attempt()
        except Exception as error:  # noqa: BLE001 - whatever a kernel or psutil comes up with, the others go on
            self._complain(f"{type(error).__name__}: {error}")
            return None
        if sample is not None:
            self.trouble = None
        return sample

    def _attempt(self) -> bytes | None:
        """Read; where there is no reader yet make it, which gives no sample: many compare with the reading before."""
        if self._read is None:
            self._read = METRICS[self._metric].make(self._psutil)
            return None
        reading = self._read()
        of = {"node": self._node, "metric": self._metric, "scope": self._scope, "collector": self._collector}
        return encode(reading, time=time.time_ns(), interval_s=self.interval_s, **of)

    def _complain(self, why: str) -> None:
        if self.trouble is None:
            self.trouble = f"{self._metric} cannot be read, its samples are skipped: {why}"
            log.error("%s", self.trouble)

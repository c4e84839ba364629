"""The only place that asks what time it is."""

from __future__ import annotations

import datetime as dt
import time


def utc_now() -> dt.datetime:
    """The present moment, naive UTC, to the microsecond."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def seconds() -> float:
    """A monotonic clock in seconds, for durations."""
    return time.monotonic()

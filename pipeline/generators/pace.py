# SPDX-License-Identifier: Apache-2.0
"""Time: a clock that tests can replace, a polite rate, and pauses that grow with jitter."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch, and a way to wait."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class WallClock:
    """The computer's own time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@dataclass
class Rate:
    """At most `per_second` calls, evenly spaced; calls queue in the order they came."""

    per_second: float
    clock: Clock
    _next: float = 0.0

    async def turn(self) -> None:
        """Wait for this call's turn."""
        now = self.clock.now()
        at = max(now, self._next)
        self._next = at + 1.0 / self.per_second
        if at > now:
            await self.clock.sleep(at - now)


@dataclass
class Backoff:
    """Pauses before the next try: exponential with full jitter, or what the service asked for.

    Attributes
    ----------
    tries
        how often a call is made at most.
    base, longest
        seconds; `Retry-After` is honoured up to `longest`.
    """

    tries: int = 5
    base: float = 0.5
    longest: float = 60.0
    chance: random.Random = field(default_factory=random.Random)

    def pause(self, attempt: int, retry_after: str | None, now: float) -> float | None:
        """Seconds before try `attempt + 1` (attempt counts from 0); None when it should not be tried again."""
        if attempt + 1 >= self.tries:
            return None
        asked = _seconds(retry_after, now)
        if asked is not None:
            return asked + self.chance.uniform(0, 0.25) if asked <= self.longest else None
        return self.chance.uniform(0.1 * self.base, min(self.longest, self.base * 2**attempt))


def _seconds(retry_after: str | None, now: float) -> float | None:
    """`Retry-After` (RFC 9110, 10.2.3): seconds or an HTTP date."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.fromtimestamp(now, UTC)).total_seconds())

# SPDX-License-Identifier: Apache-2.0
"""A service as a `Generator`: what it would cost, and candidates from it."""

from __future__ import annotations

from pathlib import Path

from pipeline.generators.base import Candidate, Cost, Request
from pipeline.generators.running import collect, unpaid_steps
from pipeline.generators.service import Service

__all__ = ["Provider"]


class Provider(Service):
    """What a service's module derives from."""

    def estimate(self, request: Request) -> Cost:
        """What a request would cost by the configured prices; candidates in the ledger were paid for already.

        Nothing is sent.
        """
        credits = sum(self.credits(request, step) for step in unpaid_steps(self, request))
        return Cost(
            credits=credits, money=round(credits * self.settings.money_per_credit, 6), currency=self.settings.currency
        )

    def generate(self, request: Request, out: Path) -> list[Candidate]:
        """Make the candidates; those that failed are told in `failures`.

        Raises
        ------
        GeneratorError
            None came.
        """
        outcome = collect(request, out, [self], jobs=self.jobs)
        self.failures = outcome.failed
        if not outcome.candidates and outcome.errors:
            raise outcome.errors[0]
        return outcome.candidates

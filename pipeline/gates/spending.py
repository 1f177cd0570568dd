# SPDX-License-Identifier: Apache-2.0
"""What candidates cost: an estimate before anything is sent, caps that refuse, sums of what was spent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from pipeline.errors import UsageError
from pipeline.generators.base import Cost

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.generators.base import Generator, Request
    from pipeline.generators.jobs import Ledger
    from pipeline.project import Project

__all__ = ["Budget", "Spending", "estimate", "recorded_cost", "refuse_costly", "spending"]


class Budget(BaseModel):
    """A cap and what of it is used; 0 is no cap."""

    cap: float = 0.0
    spent: float = 0.0


class Spending(BaseModel):
    """What a wish would cost, and where the caps stand.

    Attributes
    ----------
    cost
        The estimate for all candidates, without those that were paid for already.
    project, asset
        Caps by `credits` and `money`.
    """

    generator: str
    count: int
    cost: Cost = Cost()
    project: dict[str, Budget] = Field(default_factory=dict)
    asset: dict[str, Budget] = Field(default_factory=dict)

    def sentence(self) -> str:
        """The estimate in words."""
        cost = said(self.cost)
        text = f"{self.generator}: {self.count} candidate{'s' * (self.count != 1)} for about {cost or 'nothing'}"
        caps = []
        for whose, budgets in (("the project", self.project), ("this asset", self.asset)):
            caps += [f"{whose} has spent {b.spent:g} of {b.cap:g} {unit}" for unit, b in budgets.items() if b.cap]
        return "; ".join([text, *caps])


def said(cost: Cost) -> str:
    """A cost in words; empty where it is nothing."""
    parts = [f"{cost.credits:g} credits"] if cost.credits else []
    parts += [f"{cost.money:g} {cost.currency}"] if cost.money else []
    return ", ".join(parts)


def estimate(generator: Generator, request: Request) -> Cost:
    """What a generator would charge for a request; nothing for one that has no such question."""
    ask = getattr(generator, "estimate", None)
    return ask(request) if ask else Cost()


def spending(project: Project, generator: Generator, request: Request) -> Spending:
    """The estimate with the caps of the project and of this asset."""
    caps = getattr(generator, "caps", None)
    result = Spending(generator=generator.name, count=request.count, cost=estimate(generator, request))
    if caps is None:
        return result
    ledger = ledger_of(project)
    for name, whose in (("project", None), ("asset", request.asset)):
        credits, money = ledger.spent(whose) if ledger else (0.0, 0.0)
        budgets = getattr(result, name)
        budgets["credits"] = Budget(cap=getattr(caps, f"{name}_credits"), spent=round(credits, 6))
        budgets["money"] = Budget(cap=getattr(caps, f"{name}_money"), spent=round(money, 6))
    return result


def refuse_costly(wanted: Spending, most: str) -> None:
    """Refuse what would cost more than a caller allows.

    Parameters
    ----------
    most
        `50` for credits, `2.5USD` for money.

    Raises
    ------
    OverBudget
        The estimate is higher.
    UsageError
        `most` is no amount.
    """
    from pipeline.generators.failures import OverBudget

    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", most)
    if not found:
        raise UsageError(f"{most!r} is no amount", remedy="write credits like 50, or money like 2.5USD")
    limit, unit = float(found[1]), found[2].upper()
    cost = wanted.cost
    if unit in ("", "CREDITS"):
        used, unit = cost.credits, "credits"
    elif unit == cost.currency.upper():
        used = cost.money
        if not used and cost.credits:
            raise UsageError(
                f"nobody said what a credit of {wanted.generator} costs in {unit}",
                remedy=f"set money_per_credit under [providers.{wanted.generator}] in gates.toml, or cap in credits",
            )
    else:
        raise UsageError(f"{wanted.generator} is priced in {cost.currency}", remedy=f"write {limit:g}{cost.currency}")
    if used > limit + 1e-9:
        raise OverBudget(
            f"{wanted.generator} would cost about {used:g} {unit}, more than the {limit:g} that --max-cost allows",
            remedy="nothing was sent; ask for fewer candidates or allow more",
        )


def recorded_cost(stage: Usd.Stage, asset: str) -> dict[str, float]:
    """What the candidates of an asset cost, summed by currency, as their records say."""
    from pipeline.gates.candidate import CANDIDATE, read_candidate
    from pipeline.gates.evidence import ASSETS

    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    names = prim.GetVariantSet(CANDIDATE).GetVariantNames() if prim else []
    total: dict[str, float] = {}
    for name in names:
        for unit, amount in read_candidate(stage, asset, name).cost.items():
            if amount:
                total[unit] = round(total.get(unit, 0.0) + amount, 6)
    return total


def spent_on(project: Project, asset: str | None = None) -> dict[str, float]:
    """What the ledger of this copy of the project says was spent, failed attempts that were charged too."""
    ledger = ledger_of(project)
    credits, money = ledger.spent(asset) if ledger else (0.0, 0.0)
    return {k: round(v, 6) for k, v in (("credits", credits), ("money", money)) if v}


def ledger_of(project: Project) -> Ledger | None:
    """The ledger of paid jobs, or None where nothing was ever sent."""
    from pipeline.generators.jobs import Ledger

    folder: Path = project.layout.private / "jobs"
    return Ledger(folder) if folder.is_dir() else None

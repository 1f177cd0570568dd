# SPDX-License-Identifier: Apache-2.0
"""The whole board: every asset at every gate, what is next, and what it has cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from pipeline.gates.board import GateCell, asset_names, cells, job_of, known_asset
from pipeline.gates.spending import recorded_cost, spent_on

if TYPE_CHECKING:
    from pipeline.project import Project

__all__ = ["AssetRow", "Board", "board"]


class AssetRow(BaseModel):
    """One asset: its gates in order and the first required one that has not passed.

    Attributes
    ----------
    cost
        What its candidates cost, summed by currency, as their records say.
    spent
        What the ledger of this copy of the project says was spent on it: what failed or was pruned too.
    """

    name: str
    job: str
    gates: list[GateCell]
    next: str | None = None
    cost: dict[str, float] = Field(default_factory=dict)
    spent: dict[str, float] = Field(default_factory=dict)


class Board(BaseModel):
    """All assets of a project."""

    project: str
    branch: str
    assets: list[AssetRow]
    spent: dict[str, float] = Field(default_factory=dict)


def board(project: Project, asset: str | None = None) -> Board:
    """Where every asset (or one) stands.

    Raises
    ------
    UsageError
        There is no such asset.
    """
    stage = project.open_stage()
    names = asset_names(stage)
    if asset is not None:
        known_asset(stage, asset)
        names = [asset]
    rows = []
    for name in names:
        row = cells(stage, project, name)
        waiting = next((c.gate for c in row if c.required and c.state != "passed"), None)
        rows.append(
            AssetRow(
                name=name,
                job=job_of(stage, project, name).name,
                gates=row,
                next=waiting,
                cost=recorded_cost(stage, name),
                spent=spent_on(project, name),
            )
        )
    return Board(project=str(project.root), branch=project.branch_name, assets=rows, spent=spent_on(project))

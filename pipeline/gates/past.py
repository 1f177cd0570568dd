# SPDX-License-Identifier: Apache-2.0
"""Past briefs: what was asked, who won, and why the others did not, remembered when a candidate is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.gates.inputs import list_inputs
from pipeline.gates.intent import read_intent

if TYPE_CHECKING:
    from pipeline.gates.candidate import CandidateRow
    from pipeline.project import Project

__all__ = ["remember_choice"]


def remember_choice(project: Project, asset: str, winner: str, rows: list[CandidateRow], why: str = "") -> str:
    """Write the choice as the memory `past_<asset>`; returns that name, empty where the same stands there already.

    A later choice for the same asset replaces it; the version history keeps the earlier one.
    """
    from pipeline.project.memory import Memory, recall, remember

    stage = project.open_stage()
    name = f"past_{asset}"
    texts = {i.role: i.text for i in list_inputs(stage, asset).values() if i.kind == "text"}
    intent = read_intent(stage, asset)
    brief = texts.get("prompt") or (intent.statement if intent else "") or asset.replace("_", " ")
    losers = [row for row in rows if row.variant != winner]
    old = recall(stage).get(name)
    won = next(row for row in rows if row.variant == winner)
    entry = Memory(
        kind="past",
        asset=asset,
        text=brief,
        winner=winner,
        losers=[row.variant for row in losers],
        reasons=[reason(row, won) for row in losers],
        why=why or (old.why if old and old.winner == winner else ""),
    )
    kept = ("kind", "asset", "text", "winner", "losers", "reasons", "why")
    if old and all(getattr(old, k) == getattr(entry, k) for k in kept):
        return ""
    remember(project, name, entry)
    return name


def reason(row: CandidateRow, won: CandidateRow) -> str:
    """Why a candidate lost, from what was measured of it."""
    if row.verdict in ("reject", "revise") and row.verdict != won.verdict:
        told = next((w for w in row.scores.why if w.startswith("inspection")), "")
        return told or f"inspection said {row.verdict}"
    parts = []
    for what in ("inspection", "likeness"):
        mine, theirs = getattr(row.scores, what), getattr(won.scores, what)
        if mine is not None and theirs is not None and mine < theirs:
            parts.append(f"{what} {mine:.2f} against {theirs:.2f}")
    if not parts and row.triangles > won.triangles:
        parts.append(f"{row.triangles:,} triangles against {won.triangles:,}")
    return "; ".join(parts) or "not preferred; nothing measured speaks against it"

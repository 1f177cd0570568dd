# SPDX-License-Identifier: Apache-2.0
"""How far a product has drifted from its approved version: matched pictures of both, measured and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.render import sheet
from pipeline.render.matching import Drift, drift, render_matched

__all__ = ["VIEWS", "DriftView", "drift_sheet", "product_drift"]

#: a product is looked at from its good side and from behind
VIEWS = ("product", "back")


@dataclass(frozen=True)
class DriftView:
    """One view of both versions, with the same camera and light."""

    view: str
    drift: Drift
    approved: Path
    current: Path


def product_drift(
    approved: Any,
    current: Any,
    prim: str,
    folder: Path,
    size: tuple[int, int] = (320, 320),
    views: Sequence[str] = VIEWS,
    colour_limit: float = 3.0,
    silhouette_limit: float = 0.98,
) -> list[DriftView]:
    """Draw a prim of two stages with one camera and one light, and compare the pictures.

    Parameters
    ----------
    approved, current
        Stages or paths; the prim stands at the same place in both.
    folder
        Where the pictures are left: `approved_<view>.png`, `current_<view>.png`, with alpha.
    views
        Camera intents.
    """
    found = []
    for view in views:
        outs = [folder / f"approved_{view}.png", folder / f"current_{view}.png"]
        render_matched([approved, current], outs, camera=view, size=size, prims=[prim], background="transparent")
        approved_file, current_file = outs
        measured = drift(approved_file, current_file, colour_limit, silhouette_limit)
        found.append(DriftView(view, measured, approved_file, current_file))
    return found


def drift_sheet(found: Sequence[DriftView], out: str | Path, folder: Path, title: str = "") -> Path:
    """Both versions, the wipe between them and the difference, one row for each view.

    Parameters
    ----------
    folder
        For the pictures in between.
    """
    pictures, labels = [], []
    for each in found:
        wiped, changed = folder / f"wipe_{each.view}.png", folder / f"difference_{each.view}.png"
        sheet.wipe(each.approved, each.current, wiped)
        sheet.heat(each.approved, each.current, changed)
        pictures += [each.approved, each.current, wiped, changed]
        d = each.drift
        labels += [
            f"{each.view}: approved",
            f"{each.view}: now",
            f"wipe, silhouette {d.silhouette:.1%} the same",
            f"difference, ΔE00 mean {d.colour_mean:.2f}, 95 % {d.colour_95:.2f}",
        ]
    return sheet.contact_sheet(pictures, labels, out, columns=4, title=title)

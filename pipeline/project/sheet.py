# SPDX-License-Identifier: Apache-2.0
"""A diff as pictures: both sides from the same camera in the same light, what changed in a frame."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdGeom

from pipeline.errors import RenderError

if TYPE_CHECKING:
    from pipeline.render.camera import Camera
    from pipeline.versions.diff import Diff

__all__ = ["draw_sheet"]

#: display-space colours of the frames, as in the text of a diff
COLOURS = {"added": (0.25, 0.85, 0.35), "removed": (0.95, 0.3, 0.25), "changed": (1.0, 0.75, 0.2)}
#: frames on one picture; more would hide it
MOST = 60
LIGHT = "studio_softbox"


def draw_sheet(
    before: Usd.Stage,
    after: Usd.Stage,
    diff: Diff,
    out: Path,
    *,
    camera: str | None = None,
    size: tuple[int, int] = (640, 480),
    quality: Literal["draft", "review", "final"] = "draft",
) -> Path:
    """Draw both sides of a diff next to each other and, third, how far the pixels differ.

    Parameters
    ----------
    camera
        A camera of the new side, or an intent such as `front`; None fits what changed.
    size
        Of each picture, pixels.

    Raises
    ------
    RenderError
        Neither side can be drawn.
    """
    from pipeline.render.sheet import contact_sheet, heat

    sides = {"before": before, "after": after}
    marks = _marks(before, after, diff)
    lens = _lens(after, before, marks, camera, size)
    with tempfile.TemporaryDirectory() as folder:
        drawn = _draw(sides, Path(folder), lens, size, quality)
        pictures = [Path(folder) / f"{name}.png" for name in sides]
        labels = [f"before: {diff.a}", f"after: {diff.b}"]
        if len(drawn) == 2:
            pictures.append(heat(pictures[0], pictures[1], Path(folder) / "difference.png"))
            labels.append("how far the pixels differ")
        for name, picture in drawn.items():
            _frame(picture, lens, [m for m in marks if m[2] in {name, "both"}], size)
        title = f"{len(diff.added):,} added, {len(diff.removed):,} removed, {len(diff.changed):,} changed"
        return contact_sheet(pictures, labels, out, columns=len(pictures), cell=max(size), title=title)


def _draw(
    sides: dict[str, Usd.Stage], folder: Path, lens: Camera, size: tuple[int, int], quality: Any
) -> dict[str, Path]:
    """Both sides with one camera and one light; where one has nothing to draw, the other alone."""
    from pipeline.render import render, render_matched

    drawn = {name: folder / f"{name}.png" for name in sides}
    try:
        render_matched(
            list(sides.values()), list(drawn.values()), camera=lens, size=size, quality=quality, lights=LIGHT
        )
    except RenderError:
        for name, stage in sides.items():
            try:
                render(stage, drawn[name], camera=lens, size=size, quality=quality, lights=LIGHT)
            except RenderError:
                del drawn[name]  # a side with nothing to draw stays empty
    if not drawn:
        raise RenderError("neither side has anything to draw", remedy="compare the text of the diff")
    return drawn


#: (kind of change, (8, 3) corners in Y-up metres, on which picture)
Mark = tuple[str, NDArray[np.float64], str]


def _marks(before: Usd.Stage, after: Usd.Stage, diff: Diff) -> list[Mark]:
    """A box for each prim that came, went or changed, the largest first."""
    kinds: dict[Sdf.Path, str] = {}
    for path in diff.changed:
        kinds.setdefault(_prim(path.path), "changed")
    for kind, paths in (("added", diff.added), ("removed", diff.removed)):
        for text in paths:
            path = Sdf.Path(text)
            if path.IsPrimPath():
                kinds[path] = kind
            else:
                kinds.setdefault(_prim(text), "changed")
    new, old = _boxes(after, kinds), _boxes(before, kinds)
    marks: list[Mark] = [(kinds[path], box, "after") for path, box in new.items() if kinds[path] != "removed"]
    marks += [(kinds[path], box, "before") for path, box in old.items() if kinds[path] != "added"]
    return sorted(marks, key=lambda mark: -float(np.ptp(mark[1], axis=0).max()))[:MOST]


def _prim(text: str) -> Sdf.Path:
    """The prim that a path belongs to on a stage, variants taken out of it."""
    return Sdf.Path(text).GetPrimPath().StripAllVariantSelections()


def _boxes(stage: Usd.Stage, paths: Iterable[Sdf.Path]) -> dict[Sdf.Path, NDArray[np.float64]]:
    cache = UsdGeom.BBoxCache(Usd.TimeCode.EarliestTime(), [UsdGeom.Tokens.default_, UsdGeom.Tokens.render])
    scale = UsdGeom.GetStageMetersPerUnit(stage)
    tilted = UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z
    found = {}
    for path in paths:
        prim = stage.GetPrimAtPath(path)
        if not prim or path == Sdf.Path.absoluteRootPath or not prim.IsA(UsdGeom.Imageable):
            continue
        bounds = cache.ComputeWorldBound(prim).ComputeAlignedRange()
        if bounds.IsEmpty():
            continue
        corners = np.array([list(bounds.GetCorner(i)) for i in range(8)]) * scale
        if tilted:
            corners = corners[:, [0, 2, 1]] * [1, 1, -1]
        found[path] = corners
    return found


def _lens(after: Usd.Stage, before: Usd.Stage, marks: list[Mark], camera: str | None, size: tuple[int, int]) -> Camera:
    """One camera for both sides."""
    from pipeline.render.views import choose
    from pipeline.usd.scene import read_scene

    points = np.concatenate([mark[1] for mark in marks]) if marks else _everything(after, before)
    # some of what stands around it, so that one sees where it is
    middle = points.mean(axis=0)
    points = middle + (points - middle) * 1.3
    return choose(read_scene(after), points, camera, size[0] / size[1], authored=False)


def _everything(after: Usd.Stage, before: Usd.Stage) -> NDArray[np.float64]:
    boxes = [box for stage in (after, before) for box in _boxes(stage, _roots(stage)).values()]
    return np.concatenate(boxes) if boxes else np.array([[-0.5] * 3, [0.5] * 3])


def _roots(stage: Usd.Stage) -> list[Sdf.Path]:
    return [prim.GetPath() for prim in stage.GetPseudoRoot().GetChildren()]


def _frame(picture: Path, lens: Camera, marks: list[Mark], size: tuple[int, int]) -> None:
    """Draw the marks' rectangles into a picture."""
    from pipeline.render.picture import read, rgb_or_rgba, write

    pixels: NDArray[Any] = rgb_or_rgba(read(picture))[..., :3].copy()
    height, width = pixels.shape[:2]
    for kind, corners, _ in marks:
        places, depth = lens.project(corners, width, height)
        if (depth <= 0).any():
            continue
        low = np.clip(np.floor(places.min(axis=0)).astype(int) - 3, 0, [width - 1, height - 1])
        high = np.clip(np.ceil(places.max(axis=0)).astype(int) + 3, 0, [width - 1, height - 1])
        for line in (
            np.s_[low[1] : low[1] + 2, low[0] : high[0] + 1],
            np.s_[max(high[1] - 1, 0) : high[1] + 1, low[0] : high[0] + 1],
            np.s_[low[1] : high[1] + 1, low[0] : low[0] + 2],
            np.s_[low[1] : high[1] + 1, max(high[0] - 1, 0) : high[0] + 1],
        ):
            pixels[line] = COLOURS[kind]
    write(picture, pixels)

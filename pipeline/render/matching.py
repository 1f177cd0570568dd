# SPDX-License-Identifier: Apache-2.0
"""Pictures that compare the asset and nothing else, and how far one drifted from what was approved."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel
from scipy.ndimage import binary_dilation

from pipeline.errors import UsageError
from pipeline.progress import step
from pipeline.render import colour, picture
from pipeline.render.backends import choose
from pipeline.render.camera import Array, Camera
from pipeline.render.picturing import Options, draw, noted, opened, read
from pipeline.render.result import Quality, RenderNote, RenderResult
from pipeline.usd.scene import open_stage


class Drift(BaseModel):
    """How far a picture is from the approved one, both with the same camera and light.

    Attributes
    ----------
    colour_mean, colour_95
        CIEDE2000 over pixels that both subjects cover: mean and 95th percentile. About 1 is just noticeable.
    silhouette
        Intersection over union of what the subjects cover, 1 is the same outline.
    changed
        Share of the compared pixels that differ by more than 2.
    accepted
        Whether both are within the limits that were given.
    """

    colour_mean: float
    colour_95: float
    silhouette: float
    changed: float
    accepted: bool


def render_matched(
    sources: Sequence[Any],
    out: Sequence[Path],
    variants: Sequence[Mapping[str, str]] | None = None,
    camera: str | Camera | None = None,
    size: tuple[int, int] = (512, 512),
    quality: Quality = "draft",
    renderer: str | None = None,
    prims: Sequence[str] | None = None,
    lights: str | None = None,
    background: str = "studio",
    each: Sequence[Sequence[str]] | None = None,
) -> RenderResult:
    """Draw stages, or variants of one stage, all with one camera, one light and one floor.

    They are fitted to the union of all bounds, so that a larger candidate is larger in its picture.

    Parameters
    ----------
    sources
        One stage or path for each picture, or a single one for all variants.
    out
        A file for each picture.
    variants
        Selections for each picture.
    each
        Prims for each picture, where candidates are different prims.

    Raises
    ------
    pipeline.errors.UsageError
        The lists do not have one entry for each picture.
    """
    begun = clock.perf_counter()
    count = len(out)
    stages = list(sources) if len(sources) != 1 else list(sources) * count
    picks = list(variants or [{}] * count)
    own = [tuple(p) for p in each] if each is not None else [tuple(prims or ())] * count
    if not count or not len(stages) == len(picks) == len(own) == count:
        raise UsageError(
            f"{len(stages)} stages, {len(picks)} variants and {len(own)} prims for {count} pictures",
            remedy="give one of each for every picture",
        )
    backend = choose(renderer, quality)
    studio: Any = "transparent" if background == "transparent" else "studio"
    choices = [
        Options(
            size=size, quality=quality, prims=p, variants=dict(v), purposes=("default", "render"),
            lights=lights, background=studio, refine_level=0, view="srgb", exposure=0.0,
        )
        for p, v in zip(own, picks, strict=True)
    ]  # fmt: skip
    opened_stages = [open_stage(s) for s in stages]
    scenes = [read(s, o, None) for s, o in zip(opened_stages, choices, strict=True)]
    bounds = [d.bounds for _, d in scenes]
    around = np.stack([np.min([b[0] for b in bounds], axis=0), np.max([b[1] for b in bounds], axis=0)])
    notes: list[RenderNote] = []
    lens = camera
    name = backend.name
    for i, ((scene, drawing), options) in enumerate(zip(scenes, choices, strict=True)):
        step("renders", i, count)
        session, chosen, found = opened(opened_stages[i], scene, drawing, options, backend, lens, None, around)
        lens = chosen
        with closing(session):
            notes += found + draw(session, chosen, Path(out[i]), drawing, options) + noted(session.notes)
        name = session.name
    return RenderResult(
        images=[Path(o) for o in out], renderer=name, seconds=round(clock.perf_counter() - begun, 3),
        camera=lens.name if isinstance(lens, Camera) else "", size=size, quality=quality,
        notes=list(dict.fromkeys(notes)),
    )  # fmt: skip


def drift(
    approved: str | Path, current: str | Path, colour_limit: float = 3.0, silhouette_limit: float = 0.98
) -> Drift:
    """Compare a picture with the approved one.

    Pictures with alpha (drawn with `background="transparent"`) compare their subjects; of opaque pictures the
    subject is what differs from the colour of the frame's border.

    Parameters
    ----------
    colour_limit
        Largest mean CIEDE2000 that is accepted.
    silhouette_limit
        Smallest intersection over union that is accepted.

    Raises
    ------
    pipeline.errors.UsageError
        The pictures differ in size.
    """
    a, b = (picture.rgb_or_rgba(picture.read(p)) for p in (approved, current))
    if a.shape[:2] != b.shape[:2]:
        raise UsageError(
            f"the approved picture is {a.shape[1]}x{a.shape[0]}, the current one {b.shape[1]}x{b.shape[0]}",
            path=current,
            remedy="draw both with the same camera and size",
        )
    inside_a, inside_b = subject(a), subject(b)
    both, either = inside_a & inside_b, inside_a | inside_b
    silhouette = float(both.sum() / either.sum()) if either.any() else 1.0
    # an antialiased edge is a mixture with what is behind it
    core = both & ~binary_dilation(~both, iterations=1)
    where = core if core.any() else both
    delta = np.zeros(1)
    if where.any():
        delta = colour.difference(colour.to_lab(a[where]), colour.to_lab(b[where]))
    mean = float(delta.mean())
    return Drift(
        colour_mean=round(mean, 4),
        colour_95=round(float(np.percentile(delta, 95)), 4),
        silhouette=round(silhouette, 5),
        changed=round(float((delta > 2).mean()), 5),
        accepted=bool(mean <= colour_limit and silhouette >= silhouette_limit),
    )


def subject(pixels: Array) -> Array:
    """``(h, w) bool``: what a picture is of."""
    if pixels.shape[2] == 4 and float(pixels[..., 3].min()) < 0.5:
        return np.asarray(pixels[..., 3] > 0.5)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])[:, :3]
    ground = np.median(border, axis=0)
    away = colour.difference(colour.to_lab(pixels[..., :3]), colour.to_lab(ground))
    return np.asarray(away > 6.0)

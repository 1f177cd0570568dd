# SPDX-License-Identifier: Apache-2.0
"""How much a subject looks like its reference pictures: outline and colours, from the view that fits best.

A picture does not say from where it was taken. Outlines of the subject from many directions are laid over the
picture's, the best is drawn by the draft renderer, and that drawing is compared.

| part | is | 1 means | 0 means |
|---|---|---|---|
| silhouette | intersection over union | the same outline | nothing in common |
| contour | mean distance between the outlines, as a share of the frame | none | a tenth of the frame |
| colour | earth mover's distance of the main colours (CIEDE2000) | the same colours | a distance of 40 |

Light is no likeness: the drawing's mean lightness is moved to the picture's by up to 15 L* before colours are
compared. Without a clean cut-out outlines are not compared at all, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from pipeline.references import Foreground, Palette, clustered, difference, find_foreground
from pipeline.render.camera import Array
from pipeline.render.portrait import SIDE, Portrait
from pipeline.render.views import INTENTS
from pipeline.usd.colour import lab_of_srgb, to_linear, to_srgb

#: pixels of the frame in which directions are searched, and of the one that is compared
COARSE, FINE = 48, 96
#: contour distance (share of the frame) and palette distance (CIEDE2000) at which nothing is left of a likeness
FAR_CONTOUR, FAR_COLOUR = 0.1, 40.0
#: how outline and colours of a picture of the shape count together
OUTLINE_SHARE = 0.6
#: pixels that a palette is taken from
ENOUGH = 2000
#: L* that a different light may explain
LIGHT = 15.0
#: where colours alone are looked at from: the thumbnail's view
THREE_QUARTER = INTENTS["three-quarter"]
_ELEVATIONS = (-12.0, 5.0, 22.0, 45.0, 80.0)
_AZIMUTHS = tuple(float(a) for a in range(-180, 180, 20))


class PictureLikeness(BaseModel):
    """A subject against one picture; a part is None where it could not or need not be compared.

    Attributes
    ----------
    silhouette
        Intersection over union, 0-1.
    contour
        Mean distance between the outlines both ways, as a share of the frame's side.
    colour
        Earth mover's distance of the palettes in CIEDE2000.
    azimuth, elevation
        Degrees from which the subject looks most like the picture.
    engine
        What cut the picture's object out.
    """

    picture: str
    role: str
    score: float | None = None
    silhouette: float | None = None
    contour: float | None = None
    colour: float | None = None
    azimuth: float = 0.0
    elevation: float = 0.0
    engine: str = ""
    notes: list[str] = Field(default_factory=list)


def compare(portrait: Portrait, pictures: Sequence[tuple[Path, str, str]]) -> list[PictureLikeness]:
    """Compare a subject with pictures.

    Parameters
    ----------
    pictures
        File, role and name of each. `shape` pictures are compared by outline and colour, `material` and `style`
        pictures by colour alone.
    """
    views = [(a, e) for e in _ELEVATIONS for a in _AZIMUTHS]
    outlines = _outlines(portrait, views, COARSE) if any(role == "shape" for _, role, _ in pictures) else None
    return [_against(portrait, views, outlines, *picture) for picture in pictures]


def _outlines(portrait: Portrait, views: Sequence[tuple[float, float]], side: int) -> Array:
    """``(views, side * side) bool``."""
    return np.stack([_framed(portrait.outline(*view, side), side).reshape(-1) for view in views])


def _against(
    portrait: Portrait, views: list[tuple[float, float]], outlines: Array | None, path: Path, role: str, name: str
) -> PictureLikeness:
    found = find_foreground(path, side=256)
    result = PictureLikeness(picture=name, role=role, engine=found.engine)
    if role != "shape" or outlines is None:
        rgb, alpha = portrait.seen(*THREE_QUARTER, SIDE)
        kept = found.mask if found.clean else np.ones_like(found.mask)
        result.colour = _colours(found.colour[kept], rgb[alpha > 0.9])
        result.score = _colour_part(result.colour)
        return _rounded(result)
    if not found.clean:
        result.notes = [f"{name} has no clean foreground, its outline was not compared: {d}" for d in found.doubts]
        return result
    order = np.argsort(-_overlap(outlines, _framed(found.mask, COARSE).reshape(-1)), kind="stable")
    asked = _framed(found.mask, FINE)
    azimuth, elevation = _closest(portrait, [views[i] for i in order[:2]], asked)
    rgb, alpha = portrait.seen(azimuth, elevation, FINE)
    drawn = _framed(alpha > 0.5, FINE)
    result.azimuth, result.elevation = (azimuth + 180) % 360 - 180, elevation
    result.silhouette = float((drawn & asked).sum() / max((drawn | asked).sum(), 1))
    result.contour = contour_distance(drawn, asked)
    result.colour = _colours(found.colour[_inner(found)], rgb[alpha > 0.9])
    outline = (result.silhouette + max(0.0, 1 - result.contour / FAR_CONTOUR)) / 2
    result.score = OUTLINE_SHARE * outline + (1 - OUTLINE_SHARE) * _colour_part(result.colour)
    return _rounded(result)


def _closest(portrait: Portrait, views: list[tuple[float, float]], asked: Array) -> tuple[float, float]:
    """The best view near some that are good, by halving steps."""
    best, where = -1.0, views[0]
    for begin in views:
        here, step = begin, 8.0
        score = -1.0
        while step > 1.5:
            around = [(here[0] + da * step, float(np.clip(here[1] + de * step, -30, 90)))
                      for da in (-1, 0, 1) for de in (-1, 0, 1)]  # fmt: skip
            scores = _overlap(_outlines(portrait, around, FINE), asked.reshape(-1))
            top = int(np.argmax(scores))
            score = float(scores[top])
            here, step = around[top], step / 2
        if score > best:
            best, where = score, here
    return where


def contour_distance(one: Array, other: Array) -> float:
    """Mean distance from each outline to the nearest point of the other, both ways, over the frame's side."""
    from scipy.ndimage import binary_erosion, distance_transform_edt

    edges = [m & ~binary_erosion(m) for m in (np.pad(one, 1), np.pad(other, 1))]
    if not all(e.any() for e in edges):
        return 1.0
    first, second = (distance_transform_edt(~e) for e in edges)
    return float((second[edges[0]].mean() + first[edges[1]].mean()) / 2 / one.shape[0])


def _overlap(outlines: Array, wanted: Array) -> Array:
    both = (outlines & wanted).sum(axis=1)
    either = (outlines | wanted).sum(axis=1)
    return np.asarray(both / np.maximum(either, 1))


def _framed(mask: Array, side: int) -> Array:
    """The mask cut to what it holds and fitted into a square, proportions kept; a cell counts when half is filled."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((side, side), bool)
    cut = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    scale = (max(cut.shape) - 2) / side
    # two samples a cell along each axis, or thin parts fall between them
    steps = (np.arange(2 * side) + 0.5 - side) * scale / 2
    y, x = ((steps + s / 2).astype(int).clip(0, s - 1) for s in cut.shape)
    filled = cut[np.ix_(y, x)].reshape(side, 2, side, 2).sum(axis=(1, 3))
    return np.asarray(filled >= 2)


def _inner(found: Foreground) -> Array:
    """The object without its rim, whose colours mix with what is behind."""
    from scipy.ndimage import binary_erosion

    inner = binary_erosion(found.mask)
    return inner if inner.any() else found.mask


def _colours(asked: Array, drawn: Array) -> float:
    """Distance of the main colours of two sets of sRGB pixels ``(n, 3)``."""
    if not len(asked) or not len(drawn):
        return FAR_COLOUR
    one, other = (clustered(pixels[:: len(pixels) // ENOUGH + 1], 8) for pixels in (asked, drawn))
    light = [float((lab_of_srgb(p.rgb)[:, 0] * p.share).sum()) for p in (one, other)]
    shift = float(np.clip(light[0] - light[1], -LIGHT, LIGHT))
    return difference(one, Palette(_lighter(other.rgb, shift), other.share))


def _lighter(rgb: Array, by: float) -> Array:
    """sRGB colours with another L*, their hue kept: linear light scaled by the ratio of the luminances."""
    before = lab_of_srgb(rgb)[:, 0]
    after = np.clip(before + by, 0, 100)

    def luminance(light: Array) -> Array:
        return np.where(light > 8, ((light + 16) / 116) ** 3, light / 903.3)

    ratio = luminance(after) / np.maximum(luminance(before), 1e-6)
    return np.asarray(to_srgb(to_linear(rgb) * ratio[:, None]))


def _colour_part(distance: float) -> float:
    return max(0.0, 1 - distance / FAR_COLOUR)


def _rounded(result: PictureLikeness) -> PictureLikeness:
    changes: dict[str, Any] = {}
    for key, digits in (("score", 3), ("silhouette", 3), ("contour", 4), ("colour", 2), ("azimuth", 1)):
        value = getattr(result, key)
        changes[key] = round(value, digits) if value is not None else None
    return result.model_copy(update=changes)

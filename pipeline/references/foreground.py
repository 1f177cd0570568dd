# SPDX-License-Identifier: Apache-2.0
"""What a reference picture shows, apart from its background, and how sure that is.

| engine | when | needs |
|---|---|---|
| `alpha` | the picture brings its own cut-out | |
| `plain` | its border is of one colour; shadows on it are told apart where OpenCV is there | |
| `rembg` | a studio has put the network's weights there | `pip install rembg`, weights in `U2NET_HOME` |
| `grabcut` | anything else that stands free in its picture | `pip install 'sevengates[cutout]'` |

Nothing is ever fetched: without weights `rembg` is not tried.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import GeneratorError, MissingDependency, UsageError
from pipeline.references.pictures import Floats, read_picture
from pipeline.usd.colour import lab_of_srgb

Engine = Literal["alpha", "plain", "rembg", "grabcut"]
Mask = NDArray[np.bool_]
#: engines in the order in which they are tried
ENGINES: tuple[Engine, ...] = ("alpha", "plain", "rembg", "grabcut")
#: shares of the picture between which a cut-out is believed
COVERAGE = (0.01, 0.92)
#: share of the picture's border that an object may touch before it is likely cut off
TOUCHING = 0.25


@dataclass(frozen=True, eq=False)
class Foreground:
    """The object in a picture.

    Attributes
    ----------
    colour
        (h, w, 3) sRGB in 0-1, reduced.
    mask
        (h, w) True where the object is; all False where none was found.
    engine
        What found it; empty where nothing could.
    """

    colour: Floats
    mask: Mask
    engine: str = ""

    @property
    def coverage(self) -> float:
        """Share of the picture that is object."""
        return float(self.mask.mean())

    @property
    def touching(self) -> float:
        """Share of the picture's border that is object."""
        edge = np.concatenate([self.mask[0], self.mask[-1], self.mask[:, 0], self.mask[:, -1]])
        return float(edge.mean())

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """Why this may be no clean cut-out, one sentence each; empty where it is one."""
        if not self.mask.any():
            return ("nothing stands out from its background",)
        found = []
        if self.coverage < COVERAGE[0]:
            found.append(f"only {self.coverage:.1%} of the picture stands out")
        if self.coverage > COVERAGE[1]:
            found.append(f"{self.coverage:.0%} of the picture would be object: hardly any background is left")
        if self.touching > TOUCHING:
            found.append(f"the object runs along {self.touching:.0%} of the picture's border: it may be cut off")
        if self.engine == "grabcut" and self.contrast < 12:
            found.append("object and background have nearly the same colours along the outline")
        return tuple(found)

    @property
    def clean(self) -> bool:
        """Whether its outline can be trusted."""
        return not self.doubts

    @property
    def contrast(self) -> float:
        """Difference (CIE76) of the mean colours on both sides of the outline."""
        from scipy.ndimage import binary_dilation, binary_erosion

        inside = self.mask & ~binary_erosion(self.mask, iterations=3)
        outside = binary_dilation(self.mask, iterations=3) & ~self.mask
        if not inside.any() or not outside.any():
            return 0.0
        values = lab_of_srgb(self.colour)
        # side by side, not on the whole: one half may be light on dark, the other dark on light
        from scipy.ndimage import distance_transform_edt

        near = distance_transform_edt(~outside, return_distances=False, return_indices=True)
        beside = values[near[0][inside], near[1][inside]]
        return float(np.median(np.linalg.norm(values[inside] - beside, axis=1)))


def find_foreground(picture: Path, engine: str = "auto", side: int = 160) -> Foreground:
    """The object in a picture, by the first engine that finds one, or by one that is named.

    Parameters
    ----------
    side
        The picture is reduced to so many pixels first.

    Raises
    ------
    UsageError
        There is no such engine, or a named one does not fit: no alpha channel, no even border.
    MissingDependency
        A named engine is not installed.
    GeneratorError
        It is no picture that can be read.
    """
    if engine != "auto":
        colour, alpha = read_picture(picture, side)
        if engine not in ENGINES:
            raise UsageError(f"no way to cut out is called {engine!r}", remedy=f"use auto, {', '.join(ENGINES)}")
        _refuse_missing(engine)
        mask = _CUTS[engine](colour, alpha)
        if mask is None:
            why = "has no alpha channel" if engine == "alpha" else "has no even background"
            raise UsageError(f"this picture {why}", path=picture, remedy="take --cut-out auto or grabcut")
        return Foreground(colour, mask, engine)
    if not picture.is_file():
        raise GeneratorError("there is no such picture", path=picture, remedy="check the path of the input")
    stat = picture.stat()
    return _found(picture.resolve(), side, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=32)
def _found(picture: Path, side: int, changed: int, size: int) -> Foreground:
    """The best of the engines; the last two arguments make a changed file another key."""
    colour, alpha = read_picture(picture, side)
    doubtful: Foreground | None = None
    for name in ENGINES:
        if why_missing(name):
            continue
        mask = _CUTS[name](colour, alpha)
        if mask is None:
            continue
        found = Foreground(colour, mask, name)
        if name == "plain":
            found = _without_shadow(found, alpha)
        if found.clean or name == "alpha":
            return found
        doubtful = doubtful or found
    return doubtful or Foreground(colour, np.zeros(colour.shape[:2], bool))


def _without_shadow(found: Foreground, alpha: Floats) -> Foreground:
    """An even background catches shadows, which are no object.

    GrabCut tells them apart where it agrees otherwise; what is left has the background's hue and is darker. An object
    of that very hue keeps what looks like its shadow: half of it would be gone otherwise.
    """
    mask = found.mask
    closer = None if why_missing("grabcut") else _by_grabcut(found.colour, alpha, around=mask)
    if closer is not None and (closer & mask).sum() >= 0.6 * max((closer | mask).sum(), 1):
        mask = mask & closer
    values = lab_of_srgb(found.colour)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    ground = np.median(border, axis=0)
    darker = ground[0] - values[..., 0]
    shadow = mask & (np.hypot(*(values - ground)[..., 1:].transpose(2, 0, 1)) < 5) & (darker > -2) & (darker < 45)
    if 0 < shadow.sum() < 0.4 * mask.sum():
        mask = _solid(mask & ~shadow)
    return Foreground(found.colour, mask, found.engine)


def why_missing(engine: str) -> str:
    """What keeps an engine from serving here; empty where nothing does."""
    if engine == "grabcut" and find_spec("cv2") is None:
        return "OpenCV is not installed"
    if engine == "rembg":
        if find_spec("rembg") is None:
            return "rembg is not installed"
        if not _weights().is_file():
            return f"rembg has no weights at {_weights()}"
    return ""


def _refuse_missing(engine: str) -> None:
    why = why_missing(engine)
    if why:
        line = "pip install 'sevengates[cutout]'" if engine == "grabcut" else "see docs/how-to/inputs.md"
        raise MissingDependency(why, remedy=line)


def background(colour: Floats, alpha: Floats, tolerance: float = 12.0) -> Mask:
    """Where a picture shows its background: transparent, or like its even border (CIE76 difference)."""
    if alpha.min() < 0.5:
        return alpha < 0.5
    values = lab_of_srgb(colour)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    middle = np.median(border, axis=0)
    if np.mean(np.linalg.norm(border - middle, axis=1) < tolerance) < 0.7:
        return np.zeros(colour.shape[:2], bool)
    near = np.linalg.norm(values - middle, axis=2) < tolerance
    from scipy import ndimage

    labels, _ = ndimage.label(near)
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return np.isin(labels, edge[edge > 0])


def _by_alpha(colour: Floats, alpha: Floats) -> Mask | None:
    return alpha >= 0.5 if alpha.min() < 0.5 <= alpha.max() else None


def _by_border(colour: Floats, alpha: Floats) -> Mask | None:
    behind = background(colour, alpha)
    return _solid(~behind) if behind.any() else None


def _by_grabcut(colour: Floats, alpha: Floats, around: Mask | None = None) -> Mask | None:
    """Rother, Kolmogorov, Blake, "GrabCut", 2004; OpenCV's, with a fixed seed.

    It begins with everything inside a rectangle: that around a mask, or all but a rim of the picture.
    """
    import cv2

    height, width = colour.shape[:2]
    if min(height, width) < 16:
        return None
    pixels = np.ascontiguousarray((colour[..., ::-1] * 255).round().astype(np.uint8))
    labels = np.zeros((height, width), np.uint8)
    inside = np.zeros((height, width), bool)
    inside[max(2, height // 32) : -max(2, height // 32), max(2, width // 32) : -max(2, width // 32)] = True
    if around is not None and around.any():
        rows, columns = np.flatnonzero(around.any(axis=1)), np.flatnonzero(around.any(axis=0))
        inside[:] = False
        inside[max(rows[0] - 2, 0) : rows[-1] + 3, max(columns[0] - 2, 0) : columns[-1] + 3] = True
    if inside.all():
        return None  # nothing is surely background
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    inner = (int(columns[0]), int(rows[0]), len(columns), len(rows))
    behind, front = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(7)
    cv2.grabCut(pixels, labels, inner, behind, front, 6, cv2.GC_INIT_WITH_RECT)
    return _solid((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))


def _by_network(colour: Floats, alpha: Floats) -> Mask | None:
    import rembg

    session = rembg.new_session("u2net")
    pixels = (colour * 255).round().astype(np.uint8)
    return _solid(np.asarray(rembg.remove(pixels, session=session, only_mask=True)) > 127)


def _weights() -> Path:
    home = os.environ.get("U2NET_HOME") or Path(os.environ.get("XDG_DATA_HOME") or Path.home()) / ".u2net"
    return Path(home) / "u2net.onnx"


def _solid(mask: Mask) -> Mask:
    """Without specks beside the object, and without pinholes in it; real holes stay."""
    from scipy.ndimage import label

    parts, count = label(mask, np.ones((3, 3)))
    if not count:
        return mask
    size = np.bincount(parts.reshape(-1))
    size[0] = 0
    kept: Mask = (size >= 0.02 * size.max())[parts] & mask
    gaps, _ = label(~kept)
    small = np.bincount(gaps.reshape(-1)) < 0.001 * mask.size
    result: Mask = kept | small[gaps]
    return result


_CUTS: dict[str, Callable[[Floats, Floats], Mask | None]] = {
    "alpha": _by_alpha,
    "plain": _by_border,
    "rembg": _by_network,
    "grabcut": _by_grabcut,
}

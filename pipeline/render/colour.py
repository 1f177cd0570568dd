# SPDX-License-Identifier: Apache-2.0
"""Scene-linear Rec.709 to what a screen shows, and how far two colours are apart.

The plain view is the sRGB transfer function of IEC 61966-2-1. The ACES view is the output transform of the
OpenColorIO configuration in `$OCIO`, or of OpenColorIO's built-in one where there is none.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Literal

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from pipeline.errors import RenderError

Array = NDArray[Any]
View = Literal["srgb", "aces"]

#: rows: X, Y, Z of linear Rec.709 with white D65 (IEC 61966-2-1)
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _XYZ.sum(axis=1)


def to_srgb(linear: Array) -> Array:
    """Linear 0..1 to sRGB-encoded 0..1; values outside are clipped."""
    c = np.clip(linear, 0.0, 1.0)
    return np.where(c <= 0.0031308, 12.92 * c, 1.055 * np.power(c, 1 / 2.4) - 0.055)


def to_linear(encoded: Array) -> Array:
    """sRGB-encoded 0..1 to linear."""
    c = np.asarray(encoded)
    return np.where(c <= 0.04045, c / 12.92, np.power((np.maximum(c, 0) + 0.055) / 1.055, 2.4))


def display(linear: Array, view: View = "srgb", exposure: float = 0.0) -> Array:
    """The picture as a screen shows it.

    Parameters
    ----------
    linear
        ``(h, w, 3|4)`` scene-linear Rec.709; a fourth channel is alpha and passes unchanged.
    view
        `srgb`: transfer function only. `aces`: tone-mapped by the ACES output transform.
    exposure
        Stops; the picture is multiplied by ``2**exposure``.

    Raises
    ------
    pipeline.errors.RenderError
        `$OCIO` has no ACES view or no linear Rec.709.
    """
    colour = np.asarray(linear[..., :3], np.float32) * np.float32(2.0**exposure)
    shown = _aces(colour) if view == "aces" else to_srgb(colour)
    return np.concatenate([shown, linear[..., 3:4]], axis=2).astype(np.float32)


def _aces(colour: Array) -> Array:
    config, display_name, view_name, space = _aces_view()
    buffer = oiio.ImageBuf(np.ascontiguousarray(np.maximum(colour, 0)))
    shown = oiio.ImageBufAlgo.ociodisplay(
        buffer, display_name, view_name, fromspace=space, unpremult=False, colorconfig=config
    )
    if shown.has_error:
        raise RenderError(f"the ACES view failed: {shown.geterror()}", remedy="use --view srgb")
    pixels: Array = np.clip(np.asarray(shown.get_pixels(oiio.FLOAT)), 0, 1).reshape(colour.shape)
    return pixels


@cache
def _aces_view() -> tuple[str, str, str, str]:
    name = os.environ.get("OCIO") or "ocio://default"
    config = oiio.ColorConfig(name)
    spaces = ("Linear Rec.709 (sRGB)", "lin_rec709_scene", "lin_rec709", "Utility - Linear - sRGB")
    space = next((s for s in spaces if config.getColorSpaceIndex(s) >= 0), None)
    for shown in [d for d in config.getDisplayNames() if "sRGB" in d] + list(config.getDisplayNames()):
        for view in config.getViewNames(shown):
            if "ACES" in view and space:
                return name, shown, view, space
    raise RenderError(
        "the OpenColorIO configuration has no ACES view for linear Rec.709",
        path=None if name.startswith("ocio:") else name,
        remedy="unset OCIO to use the built-in configuration, or ask for --view srgb",
    )


def to_lab(encoded: Array) -> Array:
    """sRGB-encoded ``(..., 3)`` to CIE L*a*b* under D65 (CIE 15:2004)."""
    xyz = to_linear(np.asarray(encoded, np.float64)[..., :3]) @ _XYZ.T / _WHITE
    cube = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(cube, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def difference(lab1: Array, lab2: Array) -> Array:
    """CIEDE2000 between two arrays of L*a*b*, ``(...)``; about 1 is just noticeable.

    Source: Sharma, Wu, Dalal, "The CIEDE2000 Color-Difference Formula", 2005, equations 2 to 22.
    """
    l1, a1, b1 = np.moveaxis(np.asarray(lab1, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(lab2, np.float64), -1, 0)
    mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(mean7 / (mean7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    # an exact half turn is +180 in the formula's first branch, whichever hue is the larger
    turn = np.where((turn == -180) & (h2 > h1), 180, turn)
    dl, dc = l2 - l1, c2 - c1
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    total = h1 + h2
    hm = np.where(
        grey,
        total,
        np.where(np.abs(h1 - h2) <= 180, total / 2, (total + np.where(total < 360, 360, -360)) / 2),
    )
    t = (
        1
        - 0.17 * np.cos(np.radians(hm - 30))
        + 0.24 * np.cos(np.radians(2 * hm))
        + 0.32 * np.cos(np.radians(3 * hm + 6))
        - 0.20 * np.cos(np.radians(4 * hm - 63))
    )
    sl = 1 + 0.015 * (lm - 50) ** 2 / np.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rotation = 2 * np.sqrt(cm**7 / (cm**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((hm - 275) / 25) ** 2))))
    dl, dc, dh = dl / sl, dc / sc, dh / sh
    return np.asarray(np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 - rotation * dc * dh, 0)))

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
from pipeline.usd.colour import ciede2000, to_linear, to_srgb
from pipeline.usd.colour import to_lab as lab_of_linear

__all__ = ["View", "difference", "display", "to_lab", "to_linear", "to_srgb"]

Array = NDArray[Any]
View = Literal["srgb", "aces"]


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
    return lab_of_linear(to_linear(np.asarray(encoded, np.float64)[..., :3]))


#: CIEDE2000 between two arrays of L*a*b*; about 1 is just noticeable
difference = ciede2000

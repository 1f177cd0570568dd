# SPDX-License-Identifier: Apache-2.0
"""Colour arithmetic: sRGB, linear Rec.709, CIE Lab under D65, differences. Arrays end in an axis of three."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UsageError

__all__ = [
    "ciede2000",
    "from_oklab",
    "hex_of_srgb",
    "lab_of_srgb",
    "linear_of_hex",
    "saturation",
    "to_lab",
    "to_linear",
    "to_oklab",
    "to_srgb",
]


def saturation(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """HSV saturation of sRGB values (…, 3) in 0-1."""
    high, low = srgb.max(-1), srgb.min(-1)
    return np.where(high > 1e-6, (high - low) / np.maximum(high, 1e-6), 0.0)


def to_srgb(linear: NDArray[Any], *, clip: bool = True) -> NDArray[Any]:
    """Linear Rec.709 to sRGB values (IEC 61966-2-1) in the precision of the array; clipped to 0-1 unless told not to.

    Unclipped, values above one follow the curve and negative ones its straight part.
    """
    x = np.clip(linear, 0.0, 1.0) if clip else np.asarray(linear)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 0.0), 1 / 2.4) - 0.055)


def to_linear(srgb: NDArray[Any]) -> NDArray[Any]:
    """sRGB values to linear Rec.709 (IEC 61966-2-1) in the precision of the array; negative ones stay straight."""
    x = np.asarray(srgb)
    return np.where(x <= 0.04045, x / 12.92, np.power((np.maximum(x, 0.0) + 0.055) / 1.055, 2.4))


def lab_of_srgb(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB in 0-1 (…, 3) to CIE L*a*b* under D65 (IEC 61966-2-1, CIE 15)."""
    return to_lab(to_linear(rgb))


def to_lab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear Rec.709 (…, 3) to CIE Lab, D65 white."""
    xyz = linear @ np.array(
        [
            [0.4124564, 0.2126729, 0.0193339],
            [0.3575761, 0.7151522, 0.1191920],
            [0.1804375, 0.0721750, 0.9503041],
        ]
    )
    t = xyz / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def to_oklab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear Rec.709 to OKLab (B. Ottosson, A perceptual color space for image processing, 2020)."""
    lab: NDArray[np.float64] = np.cbrt(linear @ _LMS.T) @ _OKLAB.T
    return lab


def from_oklab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """OKLab to linear Rec.709, clipped to 0-1."""
    linear: NDArray[np.float64] = np.clip((lab @ np.linalg.inv(_OKLAB).T) ** 3 @ np.linalg.inv(_LMS).T, 0.0, 1.0)
    return linear


_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def ciede2000(lab1: NDArray[np.float64], lab2: NDArray[np.float64]) -> NDArray[np.float64]:
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


def hex_of_srgb(srgb: NDArray[np.float64]) -> str:
    """#rrggbb of one colour (3,) in 0-1."""
    r, g, b = (round(float(v) * 255) for v in np.clip(srgb, 0, 1))
    return f"#{r:02x}{g:02x}{b:02x}"


def linear_of_hex(colour: str) -> tuple[float, float, float]:
    """#rrggbb in sRGB to linear Rec.709.

    Raises
    ------
    UsageError
        It is no such colour.
    """
    digits = colour.lstrip("#")
    try:
        values = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    except ValueError:
        values = np.zeros(0)
    if len(digits) != 6 or len(values) != 3:
        raise UsageError(f"{colour!r} is no colour", remedy="write it like #a33c2e")
    r, g, b = (float(v) for v in to_linear(values))
    return (r, g, b)

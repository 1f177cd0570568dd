# SPDX-License-Identifier: Apache-2.0
"""What looks and what lights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Camera", "Light"]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that looks along -Z of its node, Y up.

    Attributes
    ----------
    horizontal_aperture, vertical_aperture, focal_length
        Millimetres, as USD's tenths of a scene unit mean by convention.
    width, height
        Orthographic: metres of the picture.
    near, far, focus_distance
        Metres.
    offset
        Where the middle of the picture lies on the film back: shares of its width and height.
    exposure
        What a picture is multiplied with: UsdGeomCamera's exposure attributes as one factor.
    """

    name: str
    path: str
    projection: Literal["perspective", "orthographic"]
    horizontal_aperture: float
    vertical_aperture: float
    focal_length: float
    width: float
    height: float
    near: float
    far: float
    focus_distance: float = 0.0
    f_stop: float = 0.0
    offset: tuple[float, float] = (0.0, 0.0)
    exposure: float = 1.0


@dataclass(frozen=True, slots=True)
class Light:
    """A UsdLux light that shines along -Z of its node.

    Attributes
    ----------
    kind
        `distant`, `sphere`, `rect`, `disk`, `cylinder`, `dome`, `geometry`, `portal`.
    color
        Linear, with the colour temperature in it where that is enabled.
    intensity
        intensity * 2 ** exposure, as authored (nits unless `normalize`).
    power
        What the whole light gives: lux for `distant` and `dome`, candela (radiance times the area that faces you)
        for the others, before `color`.
    cone_angle, cone_softness
        Degrees from the axis and 0-1; 90 where the light is not shaped.
    size
        Metres: (radius,), (width, height), (radius, length); or (angle in degrees,).
    texture
        Picture of a dome or rect light, empty for none.
    """

    name: str
    path: str
    kind: str
    color: tuple[float, float, float]
    intensity: float
    power: float
    cone_angle: float = 90.0
    cone_softness: float = 0.0
    size: tuple[float, ...] = ()
    normalize: bool = False
    treat_as_point: bool = False
    texture: str = ""

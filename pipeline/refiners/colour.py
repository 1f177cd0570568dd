# SPDX-License-Identifier: Apache-2.0
"""Desaturate, tint or match a palette: opinions on colours and texture scales, new textures where needed."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, UsdShade, Vt
from pydantic import Field

from pipeline.errors import UsageError
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.images import from_oklab, linear_to_srgb, luminance, srgb_to_linear, to_oklab
from pipeline.refiners.core.looks import DEFAULTS, Map, each_surface, input_of, maps, write_map

#: customData of the changed attribute: what it was, so that changes start from the original each time
_KEY = "gates:original"


class ColourSettings(Settings):
    """What happens to the base colour, always counted from the unrefined colour."""

    materials: str = Field(default="*", description="Names of materials, wildcards allowed, separated by commas.")
    saturation: float = Field(default=1.0, ge=0, le=4, description="Factor on the chroma in `space`; 0 is grey.")
    tint: str = Field(
        default="", description="Colour that multiplies in linear light: #rrggbb (sRGB) or r,g,b (linear)."
    )
    palette: str = Field(default="", description="Colours to approach, #rrggbb separated by spaces or commas.")
    amount: float = Field(default=1.0, ge=0, le=1, description="How far to go towards tint or palette.")
    space: Literal["oklab", "linear"] = Field(
        default="oklab", description="Where saturation is counted: OKLab, or linear Rec. 709 around its luminance."
    )


def run(subject: Subject, settings: ColourSettings) -> None:
    """Change the diffuse colour of every chosen material."""
    names = [n.strip() for n in settings.materials.split(",")]
    chosen = each_surface(subject, lambda name: any(fnmatchcase(name, n) for n in names))
    if not chosen and not subject.skipped:
        known = ", ".join(m.GetPrim().GetName() for m in subject.materials()) or "none"
        raise UsageError(f"no material is called {settings.materials!r}", remedy=f"the asset has: {known}")
    tint = _colour(settings.tint) if settings.tint else np.ones(3)
    palette = np.array([_colour(c) for c in settings.palette.replace(",", " ").split()]).reshape(-1, 3)
    tint = 1 + settings.amount * (tint - 1)
    for material, shader in chosen:
        read = [m for m in maps(material) if m.input == "diffuseColor"]
        if read:
            _textured(subject, read[0], settings, tint, palette)
            continue
        given = shader.GetInput("diffuseColor") or shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
        attribute = (UsdShade.Utils.GetValueProducingAttributes(given) or [given.GetAttr()])[0]
        now = attribute.Get()
        now = now if now is not None else Gf.Vec3f(*DEFAULTS["diffuseColor"])
        held = attribute.GetCustomDataByKey(_KEY)
        original = np.array([float(x) for x in (held if held else now)])
        new = changed(original[None], settings, tint, palette)[0]
        if np.allclose(np.array(now), new, atol=1e-5):
            continue
        attribute.SetCustomDataByKey(_KEY, Vt.DoubleArray(original.tolist()))
        attribute.Set(Gf.Vec3f(*new.tolist()))
        subject.changed = True
        subject.count("materials", 1)


def changed(linear: NDArray, settings: ColourSettings, tint: NDArray, palette: NDArray) -> NDArray[np.float64]:
    """(k, 3) colours after saturation, palette and tint, linear Rec. 709."""
    result = np.asarray(linear, np.float64)
    if settings.saturation != 1 and settings.space == "linear":
        grey = luminance(result)[:, None]
        result = np.clip(grey + settings.saturation * (result - grey), 0, 1)
    elif settings.saturation != 1:
        result = from_oklab(to_oklab(result) * [1, settings.saturation, settings.saturation])
    if len(palette):
        lab = to_oklab(result)
        middle = lab.mean(axis=0)
        goals = to_oklab(palette)
        goal = goals[np.linalg.norm(goals - middle, axis=1).argmin()]
        result = from_oklab(lab + settings.amount * (goal - middle))
    return np.asarray(result * tint)


def _textured(subject: Subject, read: Map, settings: ColourSettings, tint: NDArray, palette: NDArray) -> None:
    """A tint is a scale on the texture; anything else is a new texture."""
    scale = read.shader.GetInput("scale") or read.shader.CreateInput("scale", Sdf.ValueTypeNames.Float4)
    file = read.shader.GetInput("file")
    held = scale.GetAttr().GetCustomDataByKey(_KEY)
    now = np.array(scale.Get() if scale.Get() is not None else (1, 1, 1, 1), float)
    base = np.array([float(x) for x in held]) if held else now
    wanted = base * [*tint, 1.0]
    if not np.allclose(wanted, now, atol=1e-6):
        scale.GetAttr().SetCustomDataByKey(_KEY, Vt.DoubleArray(base.tolist()))
        scale.Set(Gf.Vec4f(*wanted.tolist()))
        subject.changed = True
        subject.count("materials", 1)
    if settings.saturation == 1 and not len(palette):
        return
    recipe = (
        f"saturation={settings.saturation} space={settings.space} palette={settings.palette} amount={settings.amount}"
    )
    if file.GetAttr().GetCustomDataByKey("gates:recipe") == recipe:
        return
    original = file.GetAttr().GetCustomDataByKey(_KEY) or read.asset
    picture = read.picture
    pixels = picture.pixels.copy()
    if pixels.shape[2] < 3:
        return
    flat = pixels[:, :, :3].reshape(-1, 3)
    linear = srgb_to_linear(flat) if read.encoded else flat
    new = changed(linear, settings, np.ones(3), palette)
    pixels[:, :, :3] = (linear_to_srgb(new) if read.encoded else new).reshape(*pixels.shape[:2], 3)
    asset = write_map(subject, f"{read.material.GetPrim().GetName()}_colour", pixels, picture.bits)
    file.Set(Sdf.AssetPath(asset))
    file.GetAttr().SetCustomDataByKey(_KEY, original)
    file.GetAttr().SetCustomDataByKey("gates:recipe", recipe)
    subject.changed = True
    subject.count("textures", 1)


def _colour(text: str) -> NDArray[np.float64]:
    """(3,) linear Rec. 709."""
    value = text.strip()
    try:
        if value.startswith("#"):
            if len(value) != 7:
                raise ValueError
            return srgb_to_linear(np.array([int(value[i : i + 2], 16) for i in (1, 3, 5)]) / 255).astype(float)
        parts = np.array([float(x) for x in value.split(",")])
        if parts.shape != (3,) or (parts < 0).any():
            raise ValueError
        return parts
    except ValueError:
        raise UsageError(f"{text!r} is no colour", remedy="write #rrggbb (sRGB) or r,g,b (linear)") from None


def measure(subject: Subject) -> dict[str, Any]:
    """Mean base colour of each material, linear Rec. 709."""
    found = {}
    for material in subject.materials():
        read = [m for m in maps(material) if m.input == "diffuseColor"]
        name = material.GetPrim().GetName()
        if read and read[0].path:
            pixels = read[0].whole()
            value = pixels.reshape(-1, pixels.shape[2])[:: max(1, pixels.size // 300_000), :3].mean(axis=0)
        elif read:
            continue
        else:
            value = np.array(input_of(material, "diffuseColor") or DEFAULTS["diffuseColor"])
        found[name] = [round(float(x), 4) for x in value]
    return {"colours": found}


operation = Operation(
    name="colour",
    summary="Desaturate, tint or match a palette",
    settings=ColourSettings,
    run=run,
    measure=measure,
)

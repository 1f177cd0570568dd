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
from pipeline.mesh.regions import clusters
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.images import from_oklab, linear_to_srgb, luminance, srgb_to_linear, to_oklab
from pipeline.refiners.core.looks import DEFAULTS, Map, each_surface, input_of, maps, write_map, write_tiles

#: customData of the changed attribute: what it was, so that changes start from the original each time
_KEY = "gates:original"
#: customData of a file: the texture that was made, as long as it is still the one
_MADE = "gates:made"


class ColourSettings(Settings):
    """What happens to the base colour, always counted from the unrefined colour."""

    materials: str = Field(default="*", description="Names of materials, wildcards allowed, separated by commas.")
    prims: str = Field(
        default="",
        description="Only materials of these meshes: names or paths, wildcards allowed, separated by commas.",
    )
    saturation: float = Field(default=1.0, ge=0, le=4, description="Factor on the chroma in `space`; 0 is grey.")
    tint: str = Field(
        default="", description="Colour that multiplies in linear light: #rrggbb (sRGB) or r,g,b (linear)."
    )
    palette: str = Field(
        default="",
        description="Colours to approach, #rrggbb separated by spaces or commas; `memory`: what the project remembers; "
        "a prim path: the base colours of the materials beneath it.",
    )
    amount: float = Field(default=1.0, ge=0, le=1, description="How far to go towards tint or palette.")
    space: Literal["oklab", "linear"] = Field(
        default="oklab", description="Where saturation is counted: OKLab, or linear Rec. 709 around its luminance."
    )


def run(subject: Subject, settings: ColourSettings) -> None:
    """Change the diffuse colour of every chosen material."""
    names = [n.strip() for n in settings.materials.split(",")]
    bound = _bound(subject, settings.prims)

    def wanted(name: str) -> bool:
        return any(fnmatchcase(name, n) for n in names)

    chosen = [(m, s) for m, s in each_surface(subject, wanted) if bound is None or m.GetPath() in bound]
    if not chosen and not subject.skipped:
        known = ", ".join(m.GetPrim().GetName() for m in subject.materials()) or "none"
        raise UsageError(f"no material is called {settings.materials!r}", remedy=f"the asset has: {known}")
    tint = _colour(settings.tint) if settings.tint else np.ones(3)
    palette = palette_of(subject, settings.palette)
    tint = 1 + settings.amount * (tint - 1)
    for material, shader in chosen:
        read = [m for m in maps(material) if m.input == "diffuseColor"]
        if read:
            _textured(subject, read[0], settings, tint, palette)
            continue
        given = shader.GetInput("diffuseColor") or shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
        attribute = (UsdShade.Utils.GetValueProducingAttributes(given) or [given.GetAttr()])[0]
        if UsdShade.Utils.GetType(attribute.GetName()) == UsdShade.AttributeType.Output:
            subject.skip(str(material.GetPath()), "its colour comes from the mesh or another node, not from a texture")
            continue
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


def _bound(subject: Subject, prims: str) -> set[Sdf.Path] | None:
    """The materials of the meshes that are named; None where none is.

    Raises
    ------
    UsageError
        No mesh is called so.
    """
    wanted = [n.strip() for n in prims.split(",") if n.strip()]
    if not wanted:
        return None
    found, seen = set(), []
    for part in subject.parts():
        prim = part.prim.GetPrim()
        seen.append(prim.GetName())
        if any(fnmatchcase(prim.GetName(), n) or fnmatchcase(part.path, n) for n in wanted):
            for one in (prim, *(s.GetPrim() for s in UsdShade.MaterialBindingAPI(prim).GetMaterialBindSubsets())):
                material = UsdShade.MaterialBindingAPI(one).ComputeBoundMaterial()[0]
                if material:
                    found.add(material.GetPath())
    if not found:
        raise UsageError(f"no mesh with a material is called {prims!r}", remedy=f"the asset has: {', '.join(seen)}")
    return found


def palette_of(subject: Subject, text: str) -> NDArray[np.float64]:
    """(k, 3) linear colours that a palette's text stands for.

    Raises
    ------
    UsageError
        It is no palette, or an empty one.
    """
    value = text.strip()
    if value == "memory":
        root = subject.stage.GetPrimAtPath("/Project/Memory")
        found = [
            c
            for prim in (root.GetChildren() if root else [])
            if (kept := prim.GetAttribute("gates:palette")) and prim.GetAttribute("gates:kind").Get() == "palette"
            for c in kept.Get() or ()
        ]
        if not found:
            raise UsageError("the project remembers no palette", remedy="gates memory NAME --kind palette --colors …")
        return np.array(found, float).reshape(-1, 3)
    if value.startswith("/"):
        prim = subject.stage.GetPrimAtPath(value)
        if not prim:
            raise UsageError(f"there is no prim {value}", remedy="name a prim whose materials are the palette")
        found = list(colours_of(Subject(prim), without=subject.prim.GetPath()).values())
        if not found:
            raise UsageError(f"no material beneath {value} has a colour", remedy="name another prim")
        return np.array(found, float).reshape(-1, 3)
    return np.array([_colour(c) for c in value.replace(",", " ").split()]).reshape(-1, 3)


def changed(linear: NDArray, settings: ColourSettings, tint: NDArray, palette: NDArray) -> NDArray[np.float64]:
    """(k, 3) colours after saturation, palette and tint, linear Rec. 709.

    Towards a palette each group of like colours moves as one, by the way from its mean to the nearest colour of the
    palette in OKLab, so that shades and grain stay.
    """
    result = np.asarray(linear, np.float64)
    if settings.saturation != 1 and settings.space == "linear":
        grey = luminance(result)[:, None]
        result = np.clip(grey + settings.saturation * (result - grey), 0, 1)
    elif settings.saturation != 1:
        result = from_oklab(to_oklab(result) * [1, settings.saturation, settings.saturation])
    if len(palette):
        lab = to_oklab(result)
        goals = to_oklab(palette)
        some = lab[:: max(1, len(lab) // 200_000)]
        _, middles = clusters(some, np.ones(len(some)), 8, 0.12)
        step = np.stack([goals[np.linalg.norm(goals - m, axis=1).argmin()] - m for m in middles])
        # colours between two groups go between both ways, so that no border tears
        away = np.stack([((lab - m) ** 2).sum(axis=1) for m in middles], axis=1)
        weight = 1 / np.maximum(away, 1e-6) ** 2
        weight /= weight.sum(axis=1, keepdims=True)
        result = from_oklab(lab + settings.amount * (weight @ step))
    return np.asarray(result * tint)


def _textured(subject: Subject, read: Map, settings: ColourSettings, tint: NDArray, palette: NDArray) -> None:
    """A tint is a scale on the texture; anything else is a new texture, made from the unrefined one each time."""
    scale = read.shader.GetInput("scale") or read.shader.CreateInput("scale", Sdf.ValueTypeNames.Float4)
    held = scale.GetAttr().GetCustomDataByKey(_KEY)
    now = np.array(scale.Get() if scale.Get() is not None else (1, 1, 1, 1), float)
    base = np.array([float(x) for x in held]) if held else now
    wanted = base * [*tint, 1.0]
    if not np.allclose(wanted, now, atol=1e-6):
        scale.GetAttr().SetCustomDataByKey(_KEY, Vt.DoubleArray(base.tolist()))
        scale.Set(Gf.Vec4f(*wanted.tolist()))
        subject.changed = True
        subject.count("materials", 1)
    file = read.shader.GetInput("file").GetAttr()
    # what another operation put there since (a new layout) is the unrefined one from then on
    ours = file.GetCustomDataByKey(_MADE) == read.asset
    plain = settings.saturation == 1 and not len(palette)
    recipe = (
        f"saturation={settings.saturation} space={settings.space} palette={np.round(palette, 5).tolist()} "
        f"amount={settings.amount}"
    )
    if (plain and not ours) or (ours and file.GetCustomDataByKey("gates:recipe") == recipe):
        return
    kept = str(file.GetCustomDataByKey(_KEY)) if ours else read.asset
    if plain:
        file.Set(Sdf.AssetPath(kept))
        for key in (_KEY, _MADE, "gates:recipe"):
            file.ClearCustomDataByKey(key)
    else:
        if ours:
            file.Set(Sdf.AssetPath(kept))
        source = Map(read.material, read.input, read.shader, read.output)
        asset = _recoloured(subject, source, settings, palette)
        if asset is None:
            return
        file.Set(Sdf.AssetPath(asset))
        file.SetCustomDataByKey(_KEY, kept)
        file.SetCustomDataByKey(_MADE, asset)
        file.SetCustomDataByKey("gates:recipe", recipe)
    subject.changed = True
    subject.count("textures", 1)


def _recoloured(subject: Subject, read: Map, settings: ColourSettings, palette: NDArray) -> str | None:
    """A new picture, or tiles, of the changed colours; None where there is only grey."""
    if not read.path:
        subject.skip(str(read.shader.GetPath()), f"{read.asset} does not resolve")
        return None
    made: dict[int, tuple[NDArray, int]] = {}
    for tile, picture in read.pictures.items():
        pixels = picture.pixels.copy()
        if pixels.shape[2] < 3:
            subject.skip(str(read.shader.GetPath()), "its texture is grey already")
            return None
        flat = pixels[:, :, :3].reshape(-1, 3)
        linear = srgb_to_linear(flat) if read.encoded else flat
        new = changed(linear, settings, np.ones(3), palette)
        pixels[:, :, :3] = (linear_to_srgb(new) if read.encoded else new).reshape(*pixels.shape[:2], 3)
        made[tile] = (pixels, picture.bits)
    name = f"{read.material.GetPrim().GetName()}_colour"
    suffix = ".exr" if read.path.lower().endswith((".exr", ".hdr")) else ".png"
    if read.udim:
        return write_tiles(subject, name, made, suffix, colour=True)
    [(pixels, bits)] = made.values()
    return write_map(subject, name, pixels, bits, suffix, colour=True)


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
    return {"colours": {n: [round(x, 4) for x in c] for n, c in colours_of(subject).items()}}


def colours_of(subject: Subject, without: Sdf.Path | None = None) -> dict[str, list[float]]:
    """Mean base colour of each material beneath a prim, linear Rec. 709; not of those beneath `without`."""
    found = {}
    for material in subject.materials():
        if without is not None and material.GetPath().HasPrefix(without):
            continue
        read = [m for m in maps(material) if m.input == "diffuseColor"]
        name = material.GetPrim().GetName()
        if read and read[0].path:
            pixels = read[0].whole()
            value = pixels.reshape(-1, pixels.shape[2])[:: max(1, pixels.size // 300_000), :3].mean(axis=0)
        elif read:
            continue
        else:
            value = np.array(input_of(material, "diffuseColor") or DEFAULTS["diffuseColor"])
        found[name] = [float(x) for x in value]
    return found


operation = Operation(
    name="colour",
    summary="Desaturate, tint or match a palette",
    settings=ColourSettings,
    run=run,
    measure=measure,
)

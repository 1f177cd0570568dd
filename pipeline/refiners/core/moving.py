# SPDX-License-Identifier: Apache-2.0
"""Textures that follow their surface into another UV layout, so that the look stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from pipeline.mesh.bake import Texels, dilated, gathered, texels
from pipeline.mesh.mikktspace import mikktspace
from pipeline.mesh.shading import corner_normals
from pipeline.mesh.unwrap import Layout
from pipeline.progress import track
from pipeline.refiners.core.copying import copy_material
from pipeline.refiners.core.images import linear_to_srgb, resized
from pipeline.refiners.core.layouts import groups_of, layout_of, materials_of
from pipeline.refiners.core.looks import COLOURS, DEFAULTS, connect_texture, input_of, write_map
from pipeline.refiners.core.lookups import CHANNEL, Map, maps, texels_of
from pipeline.refiners.core.subject import Part, Subject

__all__ = ["SIDES", "move_textures", "side_for"]

#: what a side may be that is chosen for the textures there are
SIDES = (64, 4096)
#: of the square that a packed layout covers, about
_COVER = 0.7

Moved = Sequence[tuple[Part, Layout, str]]


def side_for(subject: Subject, parts: Sequence[tuple[Part, str | None]]) -> int:
    """Side of a texture that holds what the parts' textures show, at the density they have; 1024 without any.

    Parameters
    ----------
    parts
        Each with the UV set that counts; all sets where None.
    """
    needed = 0.0
    used = materials_of(subject, [p for p, _ in parts])
    for part, uv in parts:
        group = groups_of(part)[part.mesh.triangle_face]
        for number in np.unique(group):
            most = 0.0
            material = used.get((part.path, int(number)))
            for read in maps(material) if material else []:
                layout = layout_of(part.mesh, read.uv)
                if layout is not None and read.path and uv in (None, read.uv):
                    most = max(most, texels_of(read, layout.uv[layout.corners[group == number]].astype(np.float64)))
            needed += most
    if not needed:
        return 1024
    # a sixth less than that is a better bargain than four times the pixels
    wanted = 1 << int(np.ceil(np.log2(np.sqrt(needed / _COVER) / 1.2)))
    if wanted > SIDES[1]:
        subject.note(
            f"the textures show more than {SIDES[1]} pixels hold (they repeat, or there are many): "
            f"the new ones are coarser; --set side={min(wanted, 8192)} keeps more"
        )
    return int(np.clip(wanted, *SIDES))


def move_textures(subject: Subject, moved: Moved, side: int, padding: int, uv: str | None = None) -> None:
    """Paint the asset's textures anew for parts whose layout changes.

    One picture an input for the whole asset, channels that were packed into one stay packed; parts keep their
    materials, which read the new pictures where they read any before. A material that something else reads with the
    old layout too is copied for the parts that move.

    Parameters
    ----------
    moved
        Each part, unchanged as yet, with its new layout over the part's triangles and the UV set it is for.
    uv
        Name of the one UV set that is left; None: only textures looked up with the sets in `moved` follow.
    """
    used = _own(subject, [m[0] for m in moved])
    sets: dict[Sdf.Path, set[str]] = defaultdict(set)
    for part, _, name in moved:
        for (path, _), material in used.items():
            if path == part.path:
                sets[material.GetPath()].add(name)
    read = {
        m.GetPath(): {x.input: x for x in maps(m) if x.path and (uv is not None or x.uv in sets[m.GetPath()])}
        for m in used.values()
    }
    pictures = _pictures(read.values())
    if not pictures:
        return
    frames = [_Place(part, new, texels(new.uv, new.corners, side)) for part, new, _ in moved]
    mask = np.any([f.texel.mask for f in frames], axis=0)
    for picture in track(pictures, "textures"):
        _painted(subject, picture, frames, mask, used, read, padding, uv)
    subject.details["textures_moved"] = sorted(name for p in pictures for name in p)


def _own(subject: Subject, parts: list[Part]) -> dict[tuple[str, int], UsdShade.Material]:
    """The parts' materials; what others read as well, or what lies outside the asset, is copied and bound."""
    used = materials_of(subject, parts)
    mine = {p.prim.GetPath() for p in parts}
    others: set[Sdf.Path] = set()
    prims = [
        p
        for p in Usd.PrimRange(subject.stage.GetPseudoRoot(), Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate))
        if p.IsA(UsdGeom.Gprim) or p.IsA(UsdGeom.Subset)
    ]
    bound = UsdShade.MaterialBindingAPI.ComputeBoundMaterials(prims)[0]
    for prim, material in zip(prims, bound, strict=True):
        owner = prim.GetParent() if prim.IsA(UsdGeom.Subset) else prim
        if material and owner.GetPath() not in mine:
            others.add(material.GetPath())
    copies: dict[Sdf.Path, UsdShade.Material] = {}
    for (path, number), material in used.items():
        home = material.GetPath()
        # only copied where there is something to move
        shared = home in others or not home.HasPrefix(subject.prim.GetPath())
        if not shared or not any(m.path for m in maps(material)):
            continue
        if home not in copies:
            copies[home] = copy_material(subject, material, f"{material.GetPrim().GetName()}_moved")
            if home in others:
                subject.note(f"{home.name} is read by other meshes too: those that moved read a copy of it")
        prim = subject.stage.GetPrimAtPath(path)
        if number:
            prim = UsdShade.MaterialBindingAPI(prim).GetMaterialBindSubsets()[number - 1].GetPrim()
        UsdShade.MaterialBindingAPI.Apply(prim).Bind(copies[home])
        used[path, number] = copies[home]
    return used


def _pictures(read: Iterable[Mapping[str, Map]]) -> list[tuple[str, ...]]:
    """The inputs that share a picture, in the order of their channels; the same for all materials."""
    together: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for inputs in read:
        files: dict[str, list[Map]] = defaultdict(list)
        for one in inputs.values():
            files[one.path].append(one)
        for shared in files.values():
            shared.sort(key=lambda m: CHANNEL.get(m.output, (0,)))
            taken = [c for m in shared for c in CHANNEL.get(m.output, (0, 1, 2))]
            names = tuple(m.input for m in shared)
            packs = len(names) > 1 and len(set(taken)) == len(taken)
            packs &= "normal" not in names and not (set(names) & set(COLOURS) and "opacity" not in names)
            for name in names:
                together[name].add(names if packs else (name,))
    found = set()
    for name, groups in together.items():
        widest = max(groups, key=len)
        together[name] = {widest if all(set(g) <= set(widest) for g in groups) else (name,)}
    for name, [group] in together.items():
        found.add(group if all(together[n] == {group} for n in group) else (name,))
    return sorted(found)


@dataclass(frozen=True, eq=False)
class _Place:
    """A part's texels in the new layout."""

    part: Part
    new: Layout
    texel: Texels

    def turned(self, old: Layout, normal: NDArray, mine: NDArray) -> NDArray[np.float32]:
        """Tangent-space normals of the old layout in the tangent space of the new one."""
        mesh, grid = self.part.mesh, self.texel
        authored = mesh.primvars.get("normals")
        if authored is not None and authored.values.ndim == 2:
            shading = authored.values[mesh.corner_rows(authored)][mesh.triangle_corners].astype(np.float64)
        else:
            shading = corner_normals(mesh)
        picked = grid.part(mine)
        up = _unit(gathered(shading, picked))
        axes = []
        for layout in (old, self.new):
            along, sign = mikktspace(mesh.points, mesh.triangles, layout.uv, layout.corners, shading)
            one = gathered(along, picked)
            one = _unit(one - np.einsum("ij,ij->i", one, up)[:, None] * up)
            axes.append((one, np.cross(up, one) * sign[picked.triangle, :1]))
        (a, b), (x, y) = axes
        flat = normal[:, :1] * a + normal[:, 1:2] * b
        across, along_v = (np.einsum("ij,ij->i", flat, axis) for axis in (x, y))
        return np.stack([across, along_v, normal[:, 2]], axis=1).astype(np.float32)


def _painted(
    subject: Subject, names: tuple[str, ...], places: list[_Place], mask: NDArray,
    used: Mapping[tuple[str, int], UsdShade.Material], read: Mapping[Sdf.Path, Mapping[str, Map]], padding: int,
    uv: str | None,
) -> None:  # fmt: skip
    """Paint one picture and let every material that read its inputs from a picture read this one."""
    side = places[0].texel.side
    sources = [inputs[n] for inputs in read.values() for n in names if n in inputs]
    widths = [3 if n in COLOURS or n == "normal" else 1 for n in names]
    grid = np.zeros((side, side, sum(widths)), np.float32)
    first = 0
    for name, width in zip(names, widths, strict=True):
        for place in places:
            value = _values(place, used, read, name, width)
            grid[:, :, first : first + width] += place.texel.grid(value)
        first += width
    picture = dilated(grid, mask, padding)[::-1].copy()
    far = ~dilated(mask[:, :, None], mask, padding)[::-1, :, 0]
    scale, bias = np.ones(4), np.zeros(4)
    bits = 16 if any(p.bits > 8 for s in sources for p in s.pictures.values()) else 8
    suffix = ".png"
    colour = names[0] in COLOURS
    if names == ("normal",):
        picture = picture / 2 + 0.5
        picture[far] = (0.5, 0.5, 1.0)
        scale[:3], bias[:3] = 2, -1
    elif colour and float(picture[:, :, :3].max()) > 1 and any(_floating(s) for s in sources):
        suffix, colour = ".exr", True  # light beyond white stays as it is
    else:
        low = np.minimum(picture.min(axis=(0, 1)), 0)
        high = np.maximum(picture.max(axis=(0, 1)), 1)
        if low.min() < -1e-6 or high.max() > 1 + 1e-6:
            picture = (picture - low) / (high - low)
            scale[: len(low)], bias[: len(low)] = high - low, low
        if colour:
            picture[:, :, :3] = linear_to_srgb(picture[:, :, :3])
    asset = write_map(subject, f"{subject.prim.GetName()}_{'_'.join(names)}", picture, bits, suffix, colour=colour)
    outputs = _outputs(widths)
    for path, inputs in read.items():
        mine = [n for n in names if n in inputs]
        if not mine:
            continue
        material = UsdShade.Material(subject.stage.GetPrimAtPath(path))
        node = _node(material, "_".join((*names, "map")), inputs)
        for name in mine:
            shader = connect_texture(
                subject, material, name, asset, outputs[names.index(name)], node=node, uv=uv or inputs[name].uv
            )
            shader.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(*scale))
            shader.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(*bias))
            shader.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(
                "sRGB" if colour and suffix != ".exr" else "raw"
            )


def _values(
    place: _Place, used: Mapping[tuple[str, int], UsdShade.Material],
    read: Mapping[Sdf.Path, Mapping[str, Map]], name: str, channels: int,
) -> NDArray[np.float32]:  # fmt: skip
    """(k, channels) what an input is at the texels of a part, linear."""
    part, texel = place.part, place.texel
    group = groups_of(part)[part.mesh.triangle_face[texel.triangle]]
    result = np.zeros((len(texel.index), channels), np.float32)
    for number in np.unique(group):
        material = used.get((part.path, int(number)))
        mine = np.flatnonzero(group == number)
        source = read.get(material.GetPath(), {}).get(name) if material else None
        if source is None:
            constant = input_of(material, name) if material else None
            result[mine] = np.array(constant or DEFAULTS.get(name, (0,) * channels), np.float32)[:channels]
            continue
        old = layout_of(part.mesh, source.uv)
        if old is None:
            result[mine] = source.values(np.zeros((1, 2)))[:, :channels]
            continue
        picked = texel.part(mine)
        at = gathered(old.uv[old.corners].astype(np.float64), picked)
        value = _coarser(source, old, place.new, part, texel.side, group, int(number)).values(at)[:, :channels]
        if name == "normal":
            value = place.turned(old, _unit(value), mine)
        result[mine] = value
    return result


def _coarser(
    source: Map, old: Layout, new: Layout, part: Part, side: int, group: NDArray, number: int
) -> Map:  # fmt: skip
    """The texture, shrunk to about the density of the new layout where that is much coarser: no shimmer of dots."""
    chosen = groups_of(part)[part.mesh.triangle_face] == number
    given = texels_of(source, old.uv[old.corners[chosen]].astype(np.float64))
    corner = new.uv[new.corners[chosen]].astype(np.float64)
    u, v = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    wanted = float(np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum()) / 2 * side * side
    ratio = np.sqrt(given / max(wanted, 1e-9))
    if ratio < 1.5:
        return source
    small = Map(source.material, source.input, source.shader, source.output)
    shrunk = {}
    for tile, picture in source.pictures.items():
        height, width = (max(1, round(s / ratio)) for s in picture.pixels.shape[:2])
        pixels = resized(picture.pixels, width, height, colour=source.encoded, normal=source.input == "normal")
        shrunk[tile] = type(picture)(pixels, picture.bits)
    small.__dict__["pictures"] = shrunk
    small.__dict__["picture"] = next(iter(shrunk.values()))
    return small


def _outputs(widths: list[int]) -> list[str]:
    """The output of UsdUVTexture that gives each input of a picture."""
    if widths == [1]:
        return ["r"]
    if widths[0] == 3:
        return ["rgb", "a"][: len(widths)]
    return list("rgba")[: len(widths)]


def _node(material: UsdShade.Material, name: str, moved: Mapping[str, Map]) -> str:
    """A name for the texture's prim that nothing which stays reads."""
    kept = {m.shader.GetPath().name for m in maps(material) if m.input not in moved}
    found, count = name, 1
    while found in kept:
        count += 1
        found = f"{name}_{count}"
    return found


def _floating(source: Map) -> bool:
    return Path(source.path.rstrip("]")).suffix.lower() in (".exr", ".hdr")


def _unit(vectors: NDArray) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 1e-12, length, 1))

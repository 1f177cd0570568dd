# SPDX-License-Identifier: Apache-2.0
"""What a report's page shows: views of the model, UV layouts and textures, each rule's findings as a layer on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.bones import bones
from pipeline.checks.context import Context
from pipeline.checks.layouts import Layout, layout, painted, painted_texture, picture
from pipeline.checks.pictures import SIDE, Stage, grown
from pipeline.checks.png import png, stencil
from pipeline.checks.protocol import Marks
from pipeline.checks.report import FindingReport, Report
from pipeline.checks.surfaces import Surface
from pipeline.checks.text import in_order
from pipeline.checks.textures import TextureFile
from pipeline.checks.threads import mapped
from pipeline.errors import RefineError
from pipeline.mesh.distinct import distinct

#: colours of rules by severity: the hue says how bad it is, the shade which rule it is
COLOURS = {
    "error": ("#d7263d", "#a2179a", "#f0561d", "#7a3fd1", "#8c2f00", "#e0589b"),
    "warning": ("#d99a00", "#5f9100", "#00917f", "#a07800", "#6f7d00", "#2f9e5b"),
    "info": ("#2f7fd6", "#0b93b8", "#5a6fd8"),
}
#: its faces are those whose inside shows
HOLLOW = "geometry.hollow-back"
#: rules, layouts and textures that are drawn
MOST_LAYERS, MOST_LAYOUTS, MOST_TEXTURES = 14, 6, 8


@dataclass
class Group:
    """The findings of one rule.

    Attributes
    ----------
    findings, marks
        What it found, and where.
    colour
        `#rrggbb`.
    drawn
        It has a layer somewhere.
    frame
        Number of the frame on which it is best seen; -1 for none.
    """

    findings: list[FindingReport]
    marks: tuple[Marks, ...]
    colour: str
    drawn: bool = False
    frame: int = -1
    faces: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def rule(self) -> str:
        """Its id."""
        return self.findings[0].rule

    @property
    def family(self) -> str:
        """The part of the id before the dot."""
        return self.rule.partition(".")[0]


@dataclass
class Frame:
    """One picture and the layers that lie on it, by group, in the order they are laid."""

    kind: Literal["model", "uv", "texture"]
    name: str
    base: bytes
    layers: list[tuple[int, bytes]] = field(default_factory=list)


def groups_of(report: Report) -> list[Group]:
    """The findings by rule, the most important first."""
    number = {id(f): i for i, f in enumerate(report.findings)}
    used = dict.fromkeys(COLOURS, 0)
    result = []
    for found in in_order(report):
        severity = found[0].severity
        shades = COLOURS[severity]
        marks = tuple(m for f in found for m in report.marks(number[id(f)]))
        result.append(Group(found, marks, shades[used[severity] % len(shades)]))
        used[severity] += 1
    return result


def frames_of(groups: Sequence[Group], context: Context) -> list[Frame]:
    """All pictures: the turntable first, then what findings about layouts and textures need.

    Of triangles that no tree of rays can divide there is no turntable.
    """
    try:
        frames = _model(groups, context)
    except RefineError:  # the rules that need rays say so in the report
        frames = []
        for group in groups:
            group.drawn, group.frame = False, -1
    surfaces = context.surfaces if any(g.family in ("uv", "texture") for g in groups) else ()
    frames += _layouts(groups, surfaces, len(frames))
    frames += _textures(groups, surfaces, context, len(frames))
    return frames


def _model(groups: Sequence[Group], context: Context) -> list[Frame]:
    body = context.body
    if not len(body.faces):
        return []
    stage = Stage(body)
    joints, lines = bones(context.subject.scene) if any(g.family == "rig" for g in groups) else (None, None)
    for group in groups:
        group.faces = distinct(stage.faces(group.marks)) if group.marks else group.faces
    boned = {i for i, g in enumerate(groups) if g.family == "rig" and joints is not None and len(joints)}
    shown = [i for i, g in enumerate(groups) if len(g.faces) or i in boned][:MOST_LAYERS]
    # the largest lies lowest, so that a speck is not covered
    shown.sort(key=lambda i: -float(body.area[groups[i].faces].sum()))
    for i in shown:
        groups[i].drawn = True
        groups[i].frame = stage.best(groups[i].faces, groups[i].rule == HOLLOW) if len(groups[i].faces) else 1

    def frame(view: int) -> Frame:
        made = Frame("model", _side(view, len(stage.shots)), stage.plain(view))
        for i in shown:
            codes = stage.codes(view, groups[i].faces, groups[i].rule == HOLLOW)
            if i in boned and joints is not None and lines is not None:
                codes = _with_bones(codes, stage, view, joints, lines)
            if codes.any():
                made.layers.append((i, stencil(codes, groups[i].colour)))
        return made

    return mapped(frame, range(len(stage.shots)))


def _with_bones(
    codes: NDArray[np.uint8], stage: Stage, view: int, joints: NDArray, lines: NDArray
) -> NDArray[np.uint8]:
    result = np.zeros((SIDE, SIDE), bool)
    for places, thick in ((lines, 1), (joints, 3)):
        if len(places):
            column, row = stage.place(view, places)
            drawn = np.zeros((SIDE, SIDE), bool)
            drawn[row, column] = True
            result |= grown(drawn, thick)
    return np.where(result, np.uint8(1), np.where(codes > 0, np.uint8(2), codes))


def _layouts(groups: Sequence[Group], surfaces: Sequence[Surface], first: int) -> list[Frame]:
    """Layouts of the parts that a rule about UVs marks."""
    wanted = {m.part for g in groups if g.family == "uv" for m in g.marks}
    shown: list[Layout] = []
    for surface in surfaces:
        if surface.part.number in wanted and len(shown) < MOST_LAYOUTS:
            made = layout(surface)
            shown += [made] if made else []
    frames = []
    for number, one in enumerate(shown):
        frame = Frame("uv", one.name, png(one.grey))
        for i, group in enumerate(groups):
            mine = [m.faces for m in group.marks if m.part == one.surface.part.number]
            if group.family in ("uv", "texture") and mine:
                _lay(frame, groups, i, painted(one, np.concatenate(mine)), first + number, group.family == "uv")
        frames.append(frame)
    return frames


def _textures(
    groups: Sequence[Group], surfaces: Sequence[Surface], context: Context, first: int
) -> list[Frame]:  # fmt: skip
    """Textures that a rule about textures names."""
    frames: list[Frame] = []
    for file in context.textures if any(g.family == "texture" for g in groups) else ():
        about = [i for i, g in enumerate(groups) if g.family == "texture" and _concerns(g, file, context)]
        pixels = picture(file) if about and len(frames) < MOST_TEXTURES else None
        if pixels is None:
            continue
        frame = Frame("texture", file.name, png(pixels))
        users = {u.material for u in file.uses}
        for i in about:
            height, width = pixels.shape[0], pixels.shape[1]
            codes = np.zeros((height, width), np.uint8)
            for surface in surfaces:
                own = {context.subject.materials[n].path for n in surface.part.materials if n >= 0}
                mine = [m.faces for m in groups[i].marks if m.part == surface.part.number]
                if surface.first and mine and own & users:
                    codes |= painted_texture(surface, np.concatenate(mine), height, width)
            _lay(frame, groups, i, codes, first + len(frames), True)
        frames.append(frame)
    return frames


def _concerns(group: Group, file: TextureFile, context: Context) -> bool:
    """Whether a rule speaks of a picture: by its name, its material, or as the paint of a mesh."""
    users = {u.material for u in file.uses}
    if any(file.name in f.message or f.prim in users for f in group.findings):
        return True
    materials = context.subject.materials
    prims = {f.prim for f in group.findings} | {context.parts[m.part].prim for m in group.marks}
    painted_by = {materials[n].path for p in context.parts if p.prim in prims for n in p.materials if n >= 0}
    return bool(painted_by & users) and any("olor" in u.input for u in file.uses)


def _lay(frame: Frame, groups: Sequence[Group], number: int, codes: NDArray[np.uint8], place: int, best: bool) -> None:
    """Lay a rule's findings on a frame; the frame itself is what they are about, even where no place is named."""
    group = groups[number]
    if codes.any():
        frame.layers.append((number, stencil(codes, group.colour)))
    if best and (group.frame < 0 or not group.drawn or frame.kind == "uv" or codes.any()):
        group.frame = place
        group.drawn = True


def _side(view: int, count: int) -> str:
    """`front`, `front right` …, as a viewer who walks around it calls it."""
    names = ("front", "front right", "right", "back right", "back", "back left", "left", "front left")
    return names[round(view * len(names) / count) % len(names)]

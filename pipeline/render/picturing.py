# SPDX-License-Identifier: Apache-2.0
"""The steps of one picture: read the scene, open a renderer in its setting, draw, develop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.errors import RenderError, UsageError
from pipeline.progress import step
from pipeline.render import colour, film, framing, rigs, standins, views
from pipeline.render.backend import Backend, Job, Session
from pipeline.render.camera import Array, Camera
from pipeline.render.drawing import Drawing, read_drawing
from pipeline.render.result import Quality, RenderNote
from pipeline.render.setting import Setting, floor_for
from pipeline.usd.scene import Scene, read_scene

__all__ = ["Options", "draw", "noted", "opened", "read", "setting_for"]

#: linear grey behind a subject in a light rig
BACKDROP = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Options:
    """How to draw; everything but what and where to."""

    size: tuple[int, int]
    quality: Quality
    prims: tuple[str, ...]
    variants: Mapping[str, str]
    purposes: tuple[str, ...]
    lights: str | None
    background: Literal["studio", "transparent"] | tuple[float, float, float]
    refine_level: int
    view: colour.View
    exposure: float


def read(stage: Any, options: Options, time: float | None) -> tuple[Scene, Drawing]:
    """The scene and its drawing at a time.

    Raises
    ------
    pipeline.errors.RenderError
        Nothing in it can be drawn.
    """
    step("reads the scene")
    prims = options.prims
    for prim in prims:
        if not stage.GetPrimAtPath(prim):
            raise UsageError("there is no such prim", prim=prim, remedy="name a prim of this stage")
    scene = read_scene(
        stage, purposes=options.purposes, variants=options.variants, time=time, refine_level=options.refine_level,
        root=prims[0] if len(prims) == 1 else None, clips=False,
    )  # fmt: skip
    # a texture needs about two texels for a pixel of the picture
    limit = int(np.clip(2 ** np.ceil(np.log2(max(options.size) * 2)), 256, 8192))
    boxes = standins.bounds_of(stage, scene.losses, time)
    drawing = read_drawing(scene, prims, limit if options.quality != "draft" else max(limit // 2, 256), boxes)
    if not drawing.shapes and not options.lights and not drawing.lamps:
        raise RenderError(
            "nothing in the stage can be drawn",
            path=scene.source,
            prim=prims[0] if prims else None,
            remedy="check purposes, visibility and payloads, or name another prim",
        )
    return scene, drawing


def opened(
    stage: Any, scene: Scene, drawing: Drawing, options: Options, backend: Backend, camera: str | Camera | None,
    time: float | None = None, around: Array | None = None,
) -> tuple[Session, Camera, list[RenderNote]]:  # fmt: skip
    """A renderer with the scene in its setting, the camera, and what it cannot show.

    Parameters
    ----------
    around
        ``(2, 3)`` bounds that light, floor and camera are fitted to instead of the subject's own.
    """
    bounds = drawing.bounds if around is None else around
    setting = setting_for(drawing, options, bounds)
    aspect = options.size[0] / options.size[1]
    points = drawing.outline() if around is None else framing.corners(around)
    lens = views.choose(scene, points, camera, aspect, authored=not options.prims)
    away = float(np.linalg.norm(lens.position - np.clip(lens.position, *bounds)))
    away = max(away, 0.02 * float(np.linalg.norm(lens.position - bounds.mean(0))))
    window = lens.for_aspect(aspect).window
    pixel = (window[1] - window[0]) * (1.0 if lens.orthographic else away) / options.size[0]
    notes = [RenderNote(prim=p, what=w, why=y) for p, w, y in drawing.notes]
    if lens.lens_radius > 0 and backend.name in {"draft", "pygfx"}:
        notes.append(RenderNote(prim=lens.name, what="depth of field", why="drafts are sharp at every distance"))
    step("prepares the renderer")
    job = Job(drawing, setting, options.quality, pixel, stage, time, options.prims)
    return backend.open(job), lens, notes


def setting_for(drawing: Drawing, options: Options, bounds: Array) -> Setting:
    """Lamps, floor and backdrop by the options.

    Raises
    ------
    pipeline.errors.UsageError
        There is no such rig.
    """
    authored = options.lights == "authored" or (options.lights is None and bool(drawing.lamps) and not options.prims)
    plain = None
    if isinstance(options.background, tuple):
        plain = np.asarray(options.background, np.float32)
    if authored:
        return Setting(drawing.lamps, None, plain, options.background != "transparent")
    lamps = rigs.load(options.lights or rigs.DEFAULT, bounds)
    if options.background == "transparent":
        return Setting(lamps, None, None, show_dome=False)
    backdrop = plain if plain is not None else np.asarray(BACKDROP, np.float32)
    # of several that are compared each stands on its own lowest point
    standing = np.stack([[bounds[0][0], drawing.bounds[0][1], bounds[0][2]], bounds[1]])
    return Setting(lamps, floor_for(standing, lamps, backdrop), backdrop, show_dome=False)


def draw(session: Session, lens: Camera, out: Path, drawing: Drawing, options: Options) -> list[RenderNote]:
    """One picture to its file; notes where it is blown out or black."""
    frame = session.draw(lens, *options.size, layers=out.suffix.lower() == ".exr")
    colours = frame.colour[..., :3]
    if not np.isfinite(colours).all():
        frame = replace(frame, colour=np.nan_to_num(frame.colour, nan=0.0, posinf=1e4, neginf=0.0))
    names = {
        "shape": [s.path for s in drawing.shapes],
        "surface": [s.path or s.name for s in drawing.surfaces],
    }
    exposure = options.exposure + float(np.log2(lens.exposure))
    film.develop(frame, out, options.view, exposure, names)
    return _exposed(frame.colour[..., :3] * 2.0**exposure)


def _exposed(pixels: Array) -> list[RenderNote]:
    bright = pixels.max(axis=2)
    clipped, dark = float((bright > 1.0).mean()), float((bright < 0.002).mean())
    middle = max(float(np.percentile(bright, 90)), 1e-6)
    advice = f"exposure {np.log2(0.8 / middle):+.1f} would bring its bright parts into range"
    if clipped > 0.5:
        return [RenderNote(prim="", what=f"{clipped:.0%} of the picture is blown out", why=advice)]
    if dark > 0.98:
        return [RenderNote(prim="", what="the picture is black", why="no light reaches what the camera sees")]
    return []


def noted(notes: Sequence[tuple[str, str, str]]) -> list[RenderNote]:
    """Notes as they are reported."""
    return [RenderNote(prim=p, what=w, why=y) for p, w, y in notes]

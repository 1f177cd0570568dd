# SPDX-License-Identifier: Apache-2.0
"""`render`: from any stage to pictures on disk."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.errors import RenderError, UsageError
from pipeline.progress import step
from pipeline.render import colour, film, framing, movie, naming, rigs, standins, views
from pipeline.render.backends import Backend, Job, Session, choose
from pipeline.render.camera import Array, Camera
from pipeline.render.drawing import Drawing, read_drawing
from pipeline.render.result import Quality, RenderNote, RenderResult
from pipeline.render.setting import Setting, floor_for
from pipeline.usd.render_settings import read_render_settings
from pipeline.usd.scene import Scene, open_stage, read_scene

#: linear grey behind a subject in a light rig
BACKDROP = (0.5, 0.5, 0.5)
Source = Any


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


def render(
    stage_or_path: Source,
    out: str | PathLike[str],
    camera: str | Camera | None = None,
    size: tuple[int, int] | None = None,
    turntable: int | None = None,
    frames: tuple[float, float] | None = None,
    quality: Quality = "review",
    renderer: str | None = None,
    prims: Sequence[str] | None = None,
    variants: Mapping[str, str] | None = None,
    lights: str | None = None,
    *,
    time: float | None = None,
    purposes: Sequence[str] = ("default", "render"),
    background: Literal["studio", "transparent"] | tuple[float, float, float] = "studio",
    refine_level: int = 0,
    view: colour.View = "srgb",
    exposure: float = 0.0,
    resume: bool = False,
    workers: int | None = None,
    fps: float | None = None,
) -> RenderResult:
    """Draw a stage.

    Parameters
    ----------
    stage_or_path
        A `Usd.Stage` (left as it is) or any USD file.
    out
        `.png .jpg .tif .webp` as a screen shows it, `.exr` scene-linear with depth, normals and ids. Of several
        frames see `pipeline.render.naming.frame_path`; `.gif` and `.mp4` join them.
    camera
        A camera prim's path or name, an intent (three-quarter, front, back, left, right, top, product), a
        `pipeline.render.camera.Camera`, or None: the one that the stage's render settings name, else its only one,
        else three-quarter, fitted.
    size
        Width and height in pixels; None: what the stage's render settings say, else 512 x 512.
    turntable
        So many pictures around the subject.
    frames
        First and last time code, both drawn, one picture each time code.
    quality
        `draft` in a fraction of a second, `review` clean, `final` for publication.
    renderer
        `draft`, `pygfx`, `mitsuba`, `hydra`, `blender`; by quality unless told.
    prims
        Draw only what lies beneath these prims, in the light of a rig.
    variants
        Selections by set name or by prim, `{"/World/Tea{look}": "red"}`.
    lights
        A light rig by name or path; `authored` for the stage's own lights. Unless told: the stage's lights where
        it has any and no prims are named, else `studio_softbox`.
    background
        `studio`: a seamless floor and backdrop where a rig lights the scene; `transparent`; or a linear colour.
    view, exposure
        Display transform and stops, for all but EXR.
    resume
        Leave out frames whose files are there.
    workers
        Processes for frame ranges; by the number of processors unless told.

    Raises
    ------
    pipeline.errors.StageError
        The stage does not open or a variant is unknown.
    pipeline.errors.UsageError
        A wrong size, camera, rig, renderer or suffix.
    pipeline.errors.RenderError
        Nothing to draw, or a file that could not be written.

    Examples
    --------
    >>> import pipeline
    >>> result = pipeline.render("crate.usda", "crate.png", quality="draft")  # doctest: +SKIP
    """
    begun = clock.perf_counter()
    out = Path(out)
    naming.check(out, bool(turntable or frames))
    stage = open_stage(stage_or_path)
    if not prims and not turntable:
        camera, size = wished(stage, camera, size)
    size = size or (512, 512)
    _check(size, turntable, frames)
    options = Options(
        size=size, quality=quality, prims=tuple(prims or ()), variants=dict(variants or {}),
        purposes=tuple(purposes), lights=lights, background=background, refine_level=refine_level, view=view,
        exposure=exposure,
    )  # fmt: skip
    backend = choose(renderer, quality)
    if frames is not None:
        from pipeline.render.ranges import render_range

        result = render_range(stage, out, camera, frames, options, backend, resume, workers)
    else:
        result = _still(stage, out, camera, turntable, time, options, backend, resume)
    if out.suffix.lower() in naming.MOVIES:
        result.movie = movie.join(result.images, out, fps or (stage.GetTimeCodesPerSecond() if frames else 24.0))
    result.seconds = round(clock.perf_counter() - begun, 3)
    return result


def wished(
    stage: Any, camera: str | Camera | None, size: tuple[int, int] | None
) -> tuple[str | Camera | None, tuple[int, int] | None]:
    """Camera and size as the stage's render settings (`renderSettingsPrimPath`) wish, where nobody said otherwise."""
    settings = read_render_settings(stage) if camera is None or size is None else None
    if settings is None:
        return camera, size
    if camera is None and settings.camera and stage.GetPrimAtPath(settings.camera):
        camera = settings.camera
    return camera, size or settings.resolution


def _check(size: tuple[int, int], turntable: int | None, frames: tuple[float, float] | None) -> None:
    if len(size) != 2 or not all(1 <= s <= 16384 for s in size):
        raise UsageError(f"{size} is no picture size", remedy="give width and height between 1 and 16384 pixels")
    if turntable is not None and not 1 <= turntable <= 10000:
        raise UsageError(f"a turntable of {turntable} pictures", remedy="give a number between 1 and 10000")
    if turntable and frames:
        raise UsageError("either a turntable or a frame range", remedy="leave one of them out")
    if frames is not None and frames[1] < frames[0]:
        raise UsageError(f"frames {frames[0]:g}:{frames[1]:g} run backwards", remedy="give the first frame first")


def _still(
    stage: Any, out: Path, camera: str | Camera | None, turntable: int | None, time: float | None,
    options: Options, backend: Backend, resume: bool,
) -> RenderResult:  # fmt: skip
    paths = [out] if not turntable else [naming.frame_path(out, i + 1) for i in range(turntable)]
    wanted = [i for i, p in enumerate(paths) if not (resume and p.exists())]
    if not wanted:
        return RenderResult(
            images=paths, renderer=backend.name, seconds=0, size=options.size, quality=options.quality,
            skipped=len(paths),
        )  # fmt: skip
    scene, drawing = read(stage, options, time)
    session, lens, notes = opened(stage, scene, drawing, options, backend, camera, time)
    lenses = [lens]
    if turntable:
        azimuth, elevation = views.INTENTS.get(camera, (35.0, 18.0)) if isinstance(camera, str) else (35.0, 18.0)
        lenses = framing.orbit(drawing.bounds, turntable, options.size[0] / options.size[1], azimuth, elevation)
    with closing(session):
        for done, i in enumerate(wanted):
            step("renders", done, len(wanted))
            notes += draw(session, lenses[i], paths[i], drawing, options)
    return RenderResult(
        images=paths, renderer=session.name, seconds=0, camera=lenses[0].name, size=options.size,
        quality=options.quality, skipped=len(paths) - len(wanted), notes=_unique(notes + noted(session.notes)),
    )  # fmt: skip


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


def _unique(notes: Sequence[RenderNote]) -> list[RenderNote]:
    return list(dict.fromkeys(notes))

# SPDX-License-Identifier: Apache-2.0
"""`render`: from any stage to pictures on disk."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from contextlib import closing
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import UsageError
from pipeline.progress import step
from pipeline.render import colour, framing, movie, naming, views
from pipeline.render.backend import Backend
from pipeline.render.backends import choose
from pipeline.render.camera import Camera
from pipeline.render.picturing import Options, draw, noted, opened, read
from pipeline.render.ranges import render_range
from pipeline.render.result import Quality, RenderNote, RenderResult
from pipeline.usd.render_settings import read_render_settings
from pipeline.usd.scene import open_stage

Source = Any


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


def _unique(notes: Sequence[RenderNote]) -> list[RenderNote]:
    return list(dict.fromkeys(notes))

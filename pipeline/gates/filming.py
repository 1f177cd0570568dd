# SPDX-License-Identifier: Apache-2.0
"""Cameras, lights and render settings, in the project's stage or a scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import UsageError
from pipeline.gates.dressing import PrimResult
from pipeline.gates.scenes import find_prim, prim_name, working
from pipeline.scenes.cameras import CameraSpec
from pipeline.scenes.focus import DepthOfField
from pipeline.scenes.motion import MotionSpec

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project
    from pipeline.scenes.bounds import Box

__all__ = [
    "CameraResult",
    "LightLinks",
    "LightResult",
    "RenderSettingsResult",
    "add_camera",
    "add_lights",
    "link_lights",
    "move_camera",
    "set_rendering",
]

CAMERAS = "/World/Cameras"
LIGHTS = "/World/Lights"


class CameraResult(PrimResult):
    """A camera.

    Attributes
    ----------
    focus_m
        Metres to what is sharp; at the first frame where it moves.
    depth_of_field
        From where to where the picture is sharp; None where all of it is.
    frames
        First and last time code of a camera that moves.
    path_m
        Metres that it goes.
    """

    focus_m: float | None = None
    depth_of_field: DepthOfField | None = None
    frames: tuple[float, float] | None = None
    path_m: float | None = None


class LightLinks(BaseModel):
    """What a light reaches, by prim path."""

    model_config = ConfigDict(extra="forbid")

    light: str
    all: bool
    include: list[str] = Field(default_factory=list)
    exclude: list[str] = Field(default_factory=list)


class LightResult(PrimResult):
    """A light rig, and what its lights reach."""

    links: list[LightLinks] = Field(default_factory=list)


class RenderSettingsResult(PrimResult):
    """What the stage says it is rendered with; the product is relative to the stage."""

    lens: str
    resolution: tuple[int, int]
    product: str
    aovs: list[str]


def add_camera(
    project: Project, name: str, subject: str, spec: CameraSpec, *, scene: str | None = None
) -> CameraResult:
    """Author a camera that looks at an asset or a prim; a turntable goes once around it.

    Raises
    ------
    UsageError
        There is no such subject, or it shows nothing.
    """
    from pipeline.scenes.cameras import aim, author_camera
    from pipeline.scenes.focus import depth_of_field, focus_on

    if spec.kind == "turntable":
        return move_camera(project, name, subject, spec, MotionSpec(move="turntable"), scene=scene)
    path = f"{CAMERAS}/{prim_name(name)}"
    with working(project, "camera", scene) as place:
        prim, box = _subject(place.stage, subject)
        shot = aim(box, spec)
        focus = spec.focus_m or float(focus_on(prim, shot.eye[None], shot.target[None])[0])
        author_camera(place.stage, path, box, spec, focus)
        return CameraResult(
            prim=path, camera=spec, scene=place.scene, department=place.department, focus_m=round(focus, 4),
            depth_of_field=depth_of_field(spec, focus), overruled=place.overruled(path),
        )  # fmt: skip


def move_camera(
    project: Project, name: str, subject: str, spec: CameraSpec, motion: MotionSpec, *, scene: str | None = None
) -> CameraResult:
    """Author a camera that moves: between keyframes, along a path, or by a move that has a name.

    Raises
    ------
    UsageError
        There is no such subject or curve, or the move cannot be made.
    """
    import numpy as np

    from pipeline.scenes.curves import read_curve
    from pipeline.scenes.focus import depth_of_field, focus_on
    from pipeline.scenes.motion import author_motion, plan_motion, subject_centres

    path = f"{CAMERAS}/{prim_name(name)}"
    with working(project, "motion", scene) as place:
        stage = place.stage
        prim, box = _subject(stage, subject)
        first, last = motion.frames or (stage.GetStartTimeCode(), stage.GetEndTimeCode())
        if motion.move == "keys" and motion.frames is None:
            first, last = motion.keys[0].time, motion.keys[-1].time
        if last <= first:
            raise UsageError("the stage has no time to move in", prim=path, remedy="give --frames A:B")
        times = np.arange(first, last + 0.5)
        centres = subject_centres(prim, box, times)
        line = read_curve(find_prim(stage, motion.curve)) if motion.curve else None
        plan = plan_motion(motion, spec, box, times, centres, line)
        still = not np.ptp(centres, axis=0).any()
        focus = (
            np.full(len(times), spec.focus_m) if spec.focus_m
            else focus_on(prim, plan.eyes, plan.targets) if still and motion.look == "subject"
            else np.linalg.norm(plan.eyes - centres, axis=1)
        )  # fmt: skip
        author_motion(stage, path, plan, spec, focus)
        return CameraResult(
            prim=path, camera=spec, scene=place.scene, department=place.department, focus_m=round(float(focus[0]), 4),
            depth_of_field=depth_of_field(spec, float(focus[0])), frames=(float(first), float(last)),
            path_m=round(float(np.linalg.norm(np.diff(plan.eyes, axis=0), axis=1).sum()), 4),
            overruled=place.overruled(path),
        )  # fmt: skip


def add_lights(
    project: Project,
    rig: str,
    *,
    subject: str | None = None,
    only: Sequence[str] = (),
    link: Sequence[str] = (),
    exclude: Sequence[str] = (),
    scene: str | None = None,
) -> LightResult:
    """Reference a light rig that ships; the other rigs are switched off.

    Parameters
    ----------
    subject
        An asset or prim that the rig is moved to and grown around; None leaves it at the origin.
    only, link, exclude
        See `link_lights`.
    """
    from pipeline.scenes.lights import add_light_rig

    with working(project, "light", scene) as place:
        box = _subject(place.stage, subject)[1] if subject else None
        prim = add_light_rig(place.stage, rig, lambda path: place.anchor(project.objects.add_layer(path)), box)
        links = _linked(place.stage, prim, only, link, exclude) if link or exclude else []
        return LightResult(
            prim=str(prim.GetPath()), rig=prim.GetName(), scene=place.scene, department=place.department, links=links
        )


def link_lights(
    project: Project,
    light: str,
    *,
    only: Sequence[str] = (),
    link: Sequence[str] = (),
    exclude: Sequence[str] = (),
    scene: str | None = None,
) -> LightResult:
    """Say what a light, or all lights below a prim, reach; without names, everything again.

    Parameters
    ----------
    light
        A prim below /World/Lights by path or name, a rig or one light of it.
    only
        Names of lights below it; none: all of them.
    link, exclude
        Assets or prims: only these; but not these.
    """
    with working(project, "light", scene) as place:
        path = light if light.startswith("/") else f"{LIGHTS}/{light}"
        prim = place.stage.GetPrimAtPath(path) or find_prim(place.stage, light)
        links = _linked(place.stage, prim, only, link, exclude)
        return LightResult(prim=str(prim.GetPath()), scene=place.scene, department=place.department, links=links)


def _linked(
    stage: Usd.Stage, rig: Usd.Prim, only: Sequence[str], link: Sequence[str], exclude: Sequence[str]
) -> list[LightLinks]:
    from pipeline.scenes.linking import lights_below, link_light, linked_prims

    lights = lights_below(rig)
    names = {light.GetName() for light in lights}
    unknown = [name for name in only if name not in names]
    if unknown or not lights:
        raise UsageError(
            f"no light {', '.join(unknown)!r} in {rig.GetName()}" if unknown else "there is no light here",
            prim=str(rig.GetPath()),
            remedy=f"it has: {', '.join(sorted(names)) or 'none'}",
        )
    include, without = ([find_prim(stage, name).GetPath() for name in names_] for names_ in (link, exclude))
    rows = []
    for light in lights:
        if only and light.GetName() not in only:
            continue
        link_light(light, "light", include, without)
        said = linked_prims(light)
        rows.append(LightLinks(light=str(light.GetPath()), **said))  # type: ignore[arg-type]
    return rows


def set_rendering(
    project: Project,
    camera: str,
    *,
    scene: str | None = None,
    name: str = "Settings",
    resolution: tuple[int, int] | None = None,
    product: str | None = None,
    aovs: Sequence[str] = (),
) -> RenderSettingsResult:
    """Author render settings, a product and its variables, and name them on the stage's root layer.

    Raises
    ------
    UsageError
        There is no such camera, or a name or variable that cannot be.
    """
    from pipeline.scenes.departments import set_root
    from pipeline.scenes.kinds import scene_settings
    from pipeline.scenes.rendering import author_render_settings
    from pipeline.scenes.stages import SceneStage

    defaults = scene_settings(project.root).render
    size = resolution or (defaults.width, defaults.height)
    short = SceneStage.named(project.root, scene).short if scene else project.name
    file = product or defaults.product.format(scene=short)
    with working(project, "render", scene) as place:
        lens = camera if camera.startswith("/") else f"{CAMERAS}/{camera}"
        made = author_render_settings(place.stage, name, lens, size, file, tuple(aovs) or tuple(defaults.aovs))
        path = str(made.GetPath())
        if scene is None:
            place.stage.GetEditTarget().GetLayer().pseudoRoot.SetInfo("renderSettingsPrimPath", path)
        result = RenderSettingsResult(
            prim=path, scene=place.scene, department=place.department, lens=lens, resolution=size, product=file,
            aovs=list(aovs) or list(defaults.aovs),
        )  # fmt: skip
    if scene is not None:
        set_root(SceneStage.found(project.root, scene), {"renderSettingsPrimPath": path})
    return result


def _subject(stage: Usd.Stage, name: str) -> tuple[Usd.Prim, Box]:
    from pipeline.scenes.bounds import world_box

    prim = find_prim(stage, name)
    box = world_box(prim)
    if box is None:
        raise UsageError("the subject shows nothing", prim=str(prim.GetPath()), remedy="select a candidate first")
    return prim, box

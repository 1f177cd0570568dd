# SPDX-License-Identifier: Apache-2.0
"""The renderers behind one interface, and which of them this machine has."""

from __future__ import annotations

import shutil

from pipeline.errors import MissingDependency, UsageError
from pipeline.render.backend import Backend, Job, Session
from pipeline.render.result import Quality


def _draft(job: Job) -> Session:
    from pipeline.render.draft.session import DraftSession

    return DraftSession(job.drawing, job.setting, job.quality, job.pixel)


def _pygfx(job: Job) -> Session:
    from pipeline.render.pygfx.session import PygfxSession

    return PygfxSession(job.drawing, job.setting, job.quality, job.pixel)


def _pygfx_missing() -> tuple[str, str] | None:
    from pipeline.render.pygfx.driver import missing

    return missing()


def _mitsuba(job: Job) -> Session:
    from pipeline.render.mitsuba.session import MitsubaSession

    return MitsubaSession(job.drawing, job.setting, job.quality, job.pixel)


def _mitsuba_missing() -> tuple[str, str] | None:
    from importlib.util import find_spec

    if find_spec("mitsuba") is None:
        return "Mitsuba is not installed", "pip install 'sevengates[render]'"
    return None


def _blender(job: Job) -> Session:
    from pipeline.render.blender import BlenderSession

    return BlenderSession(job.drawing, job.setting, job.quality)


def _blender_missing() -> tuple[str, str] | None:
    from pipeline.render.blender import interpreter

    if interpreter() is None:
        line = "python -m venv DIR && DIR/bin/pip install bpy, then GATES_BLENDER_PYTHON=DIR/bin/python"
        return "no Python with Blender was named", line
    return None


def _hydra(job: Job) -> Session:
    from pipeline.render.hydra import HydraSession

    return HydraSession(job)


def _hydra_missing() -> tuple[str, str] | None:
    if shutil.which("usdrecord") is None:
        return "usdrecord is not on PATH", "install OpenUSD with Hydra and put its bin folder on PATH"
    return None


BACKENDS: dict[str, Backend] = {
    "draft": Backend("draft", _draft, lambda: None),
    "pygfx": Backend("pygfx", _pygfx, _pygfx_missing),
    "mitsuba": Backend("mitsuba", _mitsuba, _mitsuba_missing),
    "hydra": Backend("hydra", _hydra, _hydra_missing),
    "blender": Backend("blender", _blender, _blender_missing),
}


def choose(name: str | None, quality: Quality) -> Backend:
    """The renderer of that name; without a name `draft` for drafts and the best installed for the rest.

    Raises
    ------
    pipeline.errors.UsageError
        There is no such renderer.
    pipeline.errors.MissingDependency
        It is not installed.
    """
    if name is None:
        if quality != "draft" and BACKENDS["mitsuba"].missing() is None:
            return BACKENDS["mitsuba"]
        return BACKENDS["draft"]
    if name not in BACKENDS:
        raise UsageError(f"there is no renderer {name!r}", remedy=f"use one of {', '.join(BACKENDS)}")
    gap = BACKENDS[name].missing()
    if gap is not None:
        raise MissingDependency(f"the renderer {name} cannot serve: {gap[0]}", remedy=gap[1])
    return BACKENDS[name]

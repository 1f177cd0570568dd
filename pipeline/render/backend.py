# SPDX-License-Identifier: Apache-2.0
"""What a renderer is: how it is opened, what it is given, what a session of it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.render.camera import Camera
from pipeline.render.drawing import Drawing
from pipeline.render.result import Quality
from pipeline.render.setting import Frame, Setting

__all__ = ["Backend", "Job", "Session"]


class Session(Protocol):
    """One scene held open by a renderer; start-up is paid once, then only cameras change."""

    name: str
    notes: list[tuple[str, str, str]]

    def draw(self, camera: Camera, width: int, height: int, layers: bool = False) -> Frame:
        """One picture, scene-linear; with `layers` depth, normals and ids."""

    def close(self) -> None:
        """Let go of processes and files."""


@dataclass(frozen=True)
class Job:
    """What a renderer is given.

    Attributes
    ----------
    pixel
        Metres that a pixel covers at the nearest part of the subject, for levels of detail.
    stage
        The `Usd.Stage`, for renderers that read USD themselves.
    time
        Time code, None for the stage's own.
    """

    drawing: Drawing
    setting: Setting
    quality: Quality
    pixel: float = 0.0
    stage: Any = None
    time: float | None = None
    prims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Backend:
    """A renderer.

    Attributes
    ----------
    missing
        Why it cannot serve here, and the line that changes that; None where it can.
    """

    name: str
    open: Callable[[Job], Session]
    missing: Callable[[], tuple[str, str] | None]

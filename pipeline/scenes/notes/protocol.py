# SPDX-License-Identifier: Apache-2.0
"""What a measure is, and what it says.

A measure is a class with a kind, a severity, a limit and `run`; one file each. A studio's own measures are the same
classes, found in its folder `$GATES_STUDIO/notes/` or through the entry point group `sevengates.notes`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from pipeline.scenes.notes.situation import Situation
    from pipeline.scenes.notes.view import View

__all__ = ["Measure", "Note", "Severity"]

Severity = Literal["error", "warning", "info"]


class Note(BaseModel):
    """One remark.

    Attributes
    ----------
    against
        What it was measured against, where one kind may be found several times.
    measured, expected
        With their unit in the text.
    severity
        `error` and `warning` hold the gate until they are mended or waived, `info` does not.
    advice
        What to do, in the words of the trade.
    camera
        The camera it was seen through, empty where none is needed.
    value, limit
        The same as numbers in the measure's unit; None where there is no single one.
    place
        Where it is, metres with Y up, where it is a place and not the whole prim.
    correction
        What would put it right, by name: `scale` (factor on the whole), `saturation_<material>` (factor on
        OKLab chroma).
    name
        Of its record in the stage, to waive it by; empty where it is not kept.
    """

    kind: str
    prim: str
    message: str
    against: str = ""
    measured: str = ""
    expected: str = ""
    severity: Severity = "warning"
    advice: str = ""
    camera: str = ""
    value: float | None = None
    limit: float | None = None
    place: tuple[float, float, float] | None = None
    correction: dict[str, float] = Field(default_factory=dict)
    name: str = ""


class Measure(ABC):
    """One kind of remark.

    Class attributes
    ----------------
    kind
        Its name.
    title
        What is looked at, in a few words.
    severity, limit, ceiling, unit
        How bad it is, and where a value becomes a remark (below the limit, above the ceiling, where a measure has
        both); `context.toml` of the studio or the project may say otherwise.
    advice
        What to do about it.
    through_camera
        Whether it is measured once for each camera.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity] = "warning"
    limit: ClassVar[float] = 0.0
    ceiling: ClassVar[float] = inf
    unit: ClassVar[str] = ""
    advice: ClassVar[str] = ""
    through_camera: ClassVar[bool] = False

    @abstractmethod
    def run(self, situation: Situation, view: View | None) -> Iterable[Note]:
        """Everything there is to remark.

        Parameters
        ----------
        view
            What the camera sees; never None for a measure that asks for one.

        Raises
        ------
        Exception
            Whatever happens inside is reported as this measure's failure; the others go on.
        """

    def note(
        self,
        situation: Situation,
        message: str,
        *,
        measured: str,
        expected: str,
        prim: str = "",
        against: str = "",
        value: float | None = None,
        kind: str = "",
        advice: str = "",
        severity: Severity | None = None,
        view: View | None = None,
        place: tuple[float, float, float] | None = None,
        correction: dict[str, float] | None = None,
    ) -> Note:
        """A remark with the severity and limit that count here; about the asset unless told."""
        setting = situation.setting(self)
        return Note(
            kind=kind or self.kind,
            prim=prim or str(situation.asset.GetPath()),
            message=message,
            against=against,
            measured=measured,
            expected=expected,
            severity=severity or setting.severity,
            advice=advice or self.advice,
            camera=view.name if view is not None else "",
            value=None if value is None else float(value),
            limit=setting.limit,
            place=place,
            correction=correction or {},
        )

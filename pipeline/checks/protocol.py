# SPDX-License-Identifier: Apache-2.0
"""What a rule is, and what it says.

A rule is a class with an id, a severity, a limit and `run`; one file each, the file named by the id:
`geometry.holes` is `pipeline/checks/geometry/holes.py`. A studio's own rules are the same classes, found in
its folder `$GATES_STUDIO/checks/` or through the entry point group `sevengates.checks`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.settings.jobs import Brief, Severity

if TYPE_CHECKING:
    from pipeline.checks.context import Context


@dataclass(frozen=True)
class Marks:
    """Where on a mesh a finding is, for viewers.

    Attributes
    ----------
    part
        Number of the part in `Context.parts`.
    faces
        Triangles of that part.
    points
        Points of that part.
    """

    part: int
    faces: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    points: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    rule, severity
        The rule's id and how bad it is for this job.
    message
        What was found, one sentence with numbers.
    prim
        The prim it was found on.
    measured, limit
        What was measured and what the job allows, in the rule's unit; None where there is no number.
    marks
        Where it is.
    fixable
        Whether the rule's fixer, where it has one, mends this one.
    """

    rule: str
    severity: Severity
    message: str
    prim: str = ""
    measured: float | None = None
    limit: float | None = None
    marks: tuple[Marks, ...] = ()
    fixable: bool = True


class Rule(ABC):
    """One check.

    Class attributes
    ----------------
    id
        `family.name`.
    title
        What is looked for, in a few words.
    why
        Why that matters, one sentence.
    severity
        `error` (cannot ship), `warning` (fix or accept), `info`; a job may say otherwise.
    limit, unit
        Where a measured value becomes a finding; None where anything found counts.
    fixer
        The refiner operation that mends it safely; empty where a person must choose.
    advice
        What to do, in the words of the trade.
    regenerate
        Which change of input makes a generator avoid it; empty where regenerating is no remedy.
    input
        Options of `gates input` by which the input changes so; words in capitals are a person's to say, `{parts}`
        stands for the intent's parts.
    operation
        The refiner operation, with settings, by which a person mends what no fixer may; words in capitals likewise.
    minutes
        What an artist needs to clean one finding up by hand.
    counted
        The measured value is a number of places: more of them take longer to clean up.
    whole
        The measured value that `minutes` are for: less takes less, but at least a third; 0 where it does not matter.
    options
        Further numbers by name that `config/thresholds.toml` may say otherwise; read by `context.option`.
    seconds
        How long it may take; 0 for as long as it likes. Rules from outside are left behind when it is over.
    alone
        The rule must not run beside others: it runs after them, in the thread that asked for the inspection.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    why: ClassVar[str] = ""
    severity: ClassVar[Severity] = "warning"
    limit: ClassVar[float | None] = None
    unit: ClassVar[str] = ""
    fixer: ClassVar[str] = ""
    advice: ClassVar[str] = ""
    regenerate: ClassVar[str] = ""
    input: ClassVar[str] = ""
    operation: ClassVar[str] = ""
    minutes: ClassVar[float] = 10.0
    counted: ClassVar[bool] = False
    whole: ClassVar[float] = 0.0
    options: ClassVar[Mapping[str, float]] = MappingProxyType({})
    seconds: ClassVar[float] = 60.0
    alone: ClassVar[bool] = False

    @property
    def source(self) -> str:
        """The file of a rule from outside; empty for those that ship."""
        if type(self).__module__.startswith("pipeline.checks."):
            return ""
        return str(getattr(getattr(type(self).run, "__code__", None), "co_filename", type(self).__module__))

    @property
    def family(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    def limit_for(self, brief: Brief) -> float | None:
        """The limit that counts for a job when its `rules` table says nothing."""
        return self.limit

    def severity_for(self, brief: Brief) -> Severity | None:
        """The severity that counts for a job when its `rules` table says nothing; None switches the rule off."""
        return self.severity

    @abstractmethod
    def run(self, context: Context) -> Iterable[Finding]:
        """Everything that is wrong.

        Several rules run at the same time, each in a thread: what they share is kept by the context, and nothing of
        it may be changed.

        Raises
        ------
        Exception
            Whatever happens inside is reported as this rule's failure; the other rules go on.
        """

    def found(
        self,
        context: Context,
        message: str,
        prim: str = "",
        measured: float | None = None,
        marks: tuple[Marks, ...] = (),
        fixable: bool = True,
    ) -> Finding:
        """A finding with the severity and limit that this job gives the rule."""
        setting = context.setting(self)
        return Finding(
            rule=self.id,
            severity=setting.severity,
            message=message,
            prim=prim or context.subject.prim,
            measured=None if measured is None else float(measured),
            limit=setting.limit,
            marks=marks,
            fixable=fixable,
        )

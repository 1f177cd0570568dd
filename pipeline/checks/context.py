# SPDX-License-Identifier: Apache-2.0
"""What rules see: the asset, the brief, and everything derived from them computed once, when first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import RLock
from typing import Any, cast

from pipeline.checks.body import Body
from pipeline.checks.protocol import Rule
from pipeline.checks.subject import Part, Subject
from pipeline.checks.surfaces import Surface, surfaces_of
from pipeline.checks.textures import TextureFile, texture_files
from pipeline.mesh.once import once
from pipeline.mesh.rays import Rays
from pipeline.settings.jobs import Brief, Severity
from pipeline.settings.thresholds import Thresholds, load_thresholds


@dataclass(frozen=True)
class Setting:
    """A rule's severity and limit for this job."""

    severity: Severity
    limit: float | None
    on: bool = True


def setting_for(rule: Rule, brief: Brief, thresholds: Thresholds) -> Setting:
    """What a job says about a rule: the job's own table, else the thresholds, else the rule."""
    said, always = brief.job.rules.get(rule.id), thresholds.of(rule.id)
    limit = rule.limit_for(brief)
    if said and said.limit is not None:
        limit = said.limit
    elif always.limit is not None and limit == rule.limit:  # budgets and needs of the job stay its own
        limit = always.limit
    severity: str | None = rule.severity_for(brief)
    if said and said.severity:
        severity = said.severity
    elif severity is not None and always.severity:
        severity = always.severity
    if severity is None or severity == "off":
        return Setting("info", limit, on=False)
    return Setting(cast("Severity", severity), limit, on=limit is None or limit >= 0)


class Context:
    """One inspection.

    Attributes
    ----------
    subject
        What is inspected.
    brief
        The job, and what the intent says instead.
    """

    def __init__(self, subject: Subject, brief: Brief) -> None:
        self.subject = subject
        self.brief = brief
        self._locks: dict[Any, RLock] = {}
        self._kept: dict[Any, Any] = {}

    @property
    def parts(self) -> tuple[Part, ...]:
        """The meshes of the asset."""
        return self.subject.parts

    @once
    def thresholds(self) -> Thresholds:
        """What holds for every job of the project."""
        return load_thresholds(self.brief.project)

    @once
    def shapes(self) -> tuple[Part, ...]:
        """One part of each geometry that can be measured; its other instances are left out."""
        return tuple(p for p in self.parts if p.first and len(p.shape.triangles) and p.shape.usable)

    @once
    def body(self) -> Body:
        """All parts together in the world."""
        return Body(self.parts)

    def shape_rays(self, part: Part) -> Rays:
        """Rays against the welded triangles of one geometry in its own space."""
        if len(self.body.parts) == 1 and part.matrix is None:
            return self.body.rays
        topology = part.shape.topology
        rays: Rays = self.keep(("rays", id(part.shape)), lambda: Rays(topology.vertices, topology.solid))
        return rays

    @once
    def textures(self) -> tuple[TextureFile, ...]:
        """The textures of the asset, each file and use once, with bounded thumbnails."""
        return texture_files(self.subject)

    @once
    def surfaces(self) -> tuple[Surface, ...]:
        """The UV layouts of each geometry that has one, a further set after the first."""
        return surfaces_of([p for p in self.shapes if p.shape.uvs], self.subject.materials)

    def textured(self, part: Part) -> bool:
        """Whether pictures lie on a part: a new layout would then need them baked again, which is no safe fix."""
        lost = any(not t.path for t in self.textures)  # a picture that is not found may be found again
        return lost or any(self.subject.materials[n].textures for n in part.materials if n >= 0)

    @once
    def triangles(self) -> int:
        """Triangles of what ships, all instances counted."""
        return sum(len(p.shape.triangles) for p in self.parts)

    def setting(self, rule: Rule) -> Setting:
        """What this job says about a rule."""
        return setting_for(rule, self.brief, self.thresholds)

    def option(self, rule: Rule, name: str) -> float:
        """A further number of a rule: what the thresholds say, or the rule's own."""
        return self.thresholds.of(rule.id).options.get(name, rule.options[name])

    def minutes(self, rule: Rule) -> float:
        """What an artist needs to clean one finding of a rule up by hand."""
        said = self.thresholds.of(rule.id).minutes
        return rule.minutes if said is None else said

    def limit(self, rule: Rule) -> float:
        """The limit of a rule that has one; infinite where the job switches it off."""
        limit = self.setting(rule).limit
        return float("inf") if limit is None else limit

    def keep(self, key: Any, make: Any) -> Any:
        """The result of `make()`, computed once for each key: for what two rules share, in whatever threads."""
        if key in self._kept:
            return self._kept[key]
        with self._locks.setdefault(key, RLock()):  # one lock for a key: other keys need not wait
            if key not in self._kept:
                self._kept[key] = make()
            return self._kept[key]

    def each_shape(self, suspected: str = "") -> Iterator[Part]:
        """The parts whose geometry is judged, in order.

        Parameters
        ----------
        suspected
            Leave out those that have nothing of a kind, see `Topology.suspect`: a rule that looks at each of a hundred
            thousand sound meshes takes longer than all the rest.
        """
        for part in self.shapes:
            if not suspected or part.shape.topology.suspect(suspected):
                yield part

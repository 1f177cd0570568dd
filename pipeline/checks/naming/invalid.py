# SPDX-License-Identifier: Apache-2.0
"""Names that a target or a person cannot use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import count, names
from pipeline.settings import load


class Invalid(Rule):
    """Names of meshes and materials against the templates of the job's targets (`config/naming.toml`)."""

    id = "naming.invalid"
    title = "unusable names"
    why = "Scripts, importers and people find parts by name; a late rename breaks what refers to it."
    severity = "warning"
    unit = "names"
    advice = "Rename by the studio's template before anything refers to the names."
    minutes = 10
    counted = True

    def run(self, context: Context) -> Iterator[Finding]:
        templates = load("naming", context.brief.project).get("naming", {})
        for kind, prims in self._kinds(context).items():
            for target in ("any", *context.brief.job.targets):
                pattern = templates.get(target, {}).get(kind)
                wrong = [p for p in prims if pattern and not re.fullmatch(pattern, _name(p))]
                if wrong:
                    yield self._told(context, wrong, f"{kind} names that {target} cannot take")
            twice = {n for n, many in Counter(_name(p).lower() for p in prims).items() if many > 1}
            again = [p for p in prims if _name(p).lower() in twice]
            if again and kind == "material":
                yield self._told(context, again, "materials of one name")

    def _told(self, context: Context, prims: list[str], what: str) -> Finding:
        shown = names([repr(_name(p)) for p in prims])
        return self.found(context, f"{what}: {shown} ({count(len(prims), 'name')})", prims[0], len(prims))

    @staticmethod
    def _kinds(context: Context) -> dict[str, list[str]]:
        used: Iterable[int] = sorted({int(n) for p in context.parts for n in p.materials if n >= 0})
        return {
            "mesh": [p.prim for p in context.parts],
            "material": [context.subject.materials[n].path for n in used],
        }


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]

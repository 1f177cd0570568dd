# SPDX-License-Identifier: Apache-2.0
"""Names that say what the project bans."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import names
from pipeline.settings.bans import says


class Banned(Rule):
    """Banned words of project memory in the names of prims and materials."""

    id = "memory.banned"
    title = "banned words"
    why = "The project agreed not to show or ship this."
    severity = "warning"
    limit = 0
    unit = "names"
    advice = "Remove what is banned, or rename it if it is something else."
    minutes = 15

    def run(self, context: Context) -> Iterator[Finding]:
        banned = context.brief.remembered.banned
        if not banned:
            return
        used = {int(n) for p in context.parts for n in p.materials if n >= 0}
        prims = [p.prim for p in context.parts] + [context.subject.materials[n].path for n in sorted(used)]
        wrong = {p: w for p in dict.fromkeys(prims) for w in banned if says(_spoken(p), w)}
        if len(wrong) > context.limit(self):
            words = names(sorted({repr(w) for w in wrong.values()}))
            yield self.found(context, f"the project bans {words}", next(iter(wrong)), len(wrong))


def _spoken(prim: str) -> str:
    return prim.rpartition("/")[2].replace("_", " ").replace("-", " ")

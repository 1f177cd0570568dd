# SPDX-License-Identifier: Apache-2.0
"""Textures that are not there or do not decode."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule


class Missing(Rule):
    """A path that does not resolve, or a picture that does not decode within bounds."""

    id = "texture.missing"
    title = "missing textures"
    why = "It renders grey, pink or not at all on another machine."
    severity = "error"
    unit = "files"
    advice = "Restore the file, or point the material at the right one."
    regenerate = "download the result again; its textures are incomplete"
    minutes = 10

    def run(self, context: Context) -> Iterator[Finding]:
        for texture in context.textures:
            if texture.fault:
                used = f" ({texture.uses[0].input})" if texture.uses else ""
                yield self.found(context, f"{texture.name or 'a texture'}{used}: {texture.fault}", texture.prim)

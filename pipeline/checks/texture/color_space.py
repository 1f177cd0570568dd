# SPDX-License-Identifier: Apache-2.0
"""Colour read as data, and data read as colour."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.textures import TextureFile, Use

#: inputs that hold colours; all others hold numbers
COLOURS = frozenset({"diffuseColor", "emissiveColor", "specularColor"})


class ColorSpace(Rule):
    """Albedo that is not read as sRGB, or a data map that is.

    `auto` follows UsdUVTexture: eight bits with three or more channels are sRGB, all else is raw.
    """

    id = "texture.color-space"
    title = "wrong colour spaces"
    why = "Read wrongly, colours wash out and normals and roughness bend."
    severity = "error"
    unit = ""
    fixer = "textures"
    advice = "Set sourceColorSpace: sRGB for colours, raw for normal, roughness, metallic and occlusion."
    minutes = 3

    def run(self, context: Context) -> Iterator[Finding]:
        for texture in context.textures:
            for use in texture.uses:
                wrong = self._wrong(texture, use)
                if wrong:
                    yield self.found(context, f"{texture.name} ({use.input}) {wrong}", use.material)

    @staticmethod
    def _wrong(texture: TextureFile, use: Use) -> str:
        space = use.texture.color_space
        as_color = space == "sRGB" or (space == "auto" and texture.bits == 8 and texture.channels >= 3)
        if use.input in COLOURS:
            if space == "raw" and texture.bits == 8:
                return "is a colour but read as raw numbers"
            return ""
        if as_color and use.texture.channel != "a":
            how = "sRGB" if space == "sRGB" else "auto, which means sRGB here"
            return f"is data but its colour space is {how}"
        return ""

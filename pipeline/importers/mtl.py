# SPDX-License-Identifier: Apache-2.0
"""MTL: the materials of OBJ files, with the PBR statements that exporters agree on (Pr, Pm, Ps, Pc, map_Pr …).

Where only the old statements stand, roughness follows from the Phong exponent: sqrt(2 / (Ns + 2))
(Walter et al., "Microfacet Models for Refraction", 2007, for Blinn-Phong).
"""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.errors import ImportRefused
from pipeline.importers.scene import Image, Material, Scene, Slot, Source, Texture

#: an MTL beyond this is no material list
_LARGEST = 64 << 20
_MAPS: dict[str, tuple[Slot, str]] = {
    "map_kd": ("diffuseColor", "rgb"), "map_ke": ("emissiveColor", "rgb"), "map_pr": ("roughness", "r"),
    "map_pm": ("metallic", "r"), "map_d": ("opacity", "r"), "norm": ("normal", "rgb"),
    "map_kn": ("normal", "rgb"), "map_ao": ("occlusion", "r"), "disp": ("displacement", "r"),
}  # fmt: skip
_COLORS = ("diffuseColor", "emissiveColor")
#: how many words follow an option of a map statement
_OPTIONS = {"-blendu": 1, "-blendv": 1, "-boost": 1, "-mm": 2, "-texres": 1, "-clamp": 1, "-bm": 1, "-imfchan": 1,
            "-type": 1, "-cc": 1}  # fmt: skip
_NUMBER = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")


def plain(name: str) -> Material:
    """What a material gets that no library describes."""
    return Material(name, diffuse=(0.8, 0.8, 0.8))


def read_into(scene: Scene, source: Source, name: str) -> None:
    """Add the materials of a library; one that is missing or lies elsewhere is a loss."""
    try:
        path = source.sibling(name)
        if path.stat().st_size > _LARGEST:
            raise ImportRefused("is too big")
        text = path.read_bytes().decode("utf-8", "replace")
    except ImportRefused as e:
        scene.lose(name, "material library", e.message)
        return
    library = _Library(scene, Source(path, source.folder))
    for line in text.replace("\\\n", " ").splitlines():
        words = line.split("#", 1)[0].split()
        if words:
            library.statement(words[0].lower(), words[1:], line)
    library.finish()


class _Library:
    def __init__(self, scene: Scene, source: Source) -> None:
        self.scene, self.source = scene, source
        self.material: Material | None = None
        self.exponent: float | None = None
        self.stated_roughness = False
        self.unread: set[str] = set()

    def statement(self, word: str, rest: list[str], line: str) -> None:
        if word == "newmtl":
            self.finish()
            self.material = plain(" ".join(rest) or "material")
            self.exponent, self.stated_roughness = None, False
            self.scene.materials.append(self.material)
        elif self.material is not None:
            try:
                self._property(self.material, word, rest, line)
            except (ValueError, IndexError):
                self.scene.lose(self.material.name, word, f"cannot be read: {line.strip()[:120]!r}")

    def _property(self, m: Material, word: str, rest: list[str], line: str) -> None:
        match word:
            case "kd":
                m.diffuse = _color(rest)
            case "ke":
                m.emissive = _color(rest)
            case "d":
                self._opacity(m, float(rest[-1]))
            case "tr":
                self._opacity(m, 1.0 - float(rest[-1]))
            case "ns":
                self.exponent = float(rest[0])
            case "ni":
                m.ior = max(1.0, float(rest[0]))
            case "pr":
                m.roughness, self.stated_roughness = _unit(rest[0]), True
            case "pm":
                m.metallic = _unit(rest[0])
            case "pc":
                m.clearcoat = _unit(rest[0])
            case "pcr":
                m.clearcoat_roughness = _unit(rest[0])
            case "bump" | "map_bump":
                self._bump(m, rest, line)
            case _ if word in _MAPS:
                self._map(m, *_MAPS[word], rest, line)
            case "ka" | "ks" | "illum" | "tf" | "sharpness" | "map_ka":
                pass  # ambient light and Phong's highlight have no place in a PBR material
            case _:
                self.unread.add(word)

    def _opacity(self, m: Material, value: float) -> None:
        m.opacity = min(max(value, 0.0), 1.0)
        if m.opacity < 1:
            m.alpha = "blend"

    def _bump(self, m: Material, rest: list[str], line: str) -> None:
        """A bump statement whose picture is called a normal map is one; a height map has no place."""
        if re.search(r"norm|_n\b|nrm|nor\b", line, re.IGNORECASE):
            self._map(m, "normal", "rgb", rest, line)
        else:
            self.scene.lose(m.name, "bump map", "UsdPreviewSurface has normal maps, no height bump")

    def _map(self, m: Material, slot: Slot, channels: str, rest: list[str], line: str) -> None:
        name, scale, offset, clamp = _options(rest, line)
        try:
            path = self.source.picture(name)
        except ImportRefused as e:
            self.scene.lose(m.name, f"texture {name!r} of {slot}", e.message)
            return
        image = next((i for i, im in enumerate(self.scene.images) if im.path == path), -1)
        if image < 0:
            image = len(self.scene.images)
            self.scene.images.append(Image(Path(name.replace("\\", "/")).name, path=path))
        texture = Texture(image, channels, srgb=slot in _COLORS)  # type: ignore[arg-type]
        if clamp:
            texture.wrap_s = texture.wrap_t = "clamp"
        if scale != (1.0, 1.0) or offset != (0.0, 0.0):
            texture.transform = (offset, 0.0, scale)
        if slot == "normal":
            texture.scale, texture.bias = (2.0, 2.0, 2.0, 1.0), (-1.0, -1.0, -1.0, 0.0)
        if slot == "diffuseColor" and m.diffuse != (0.0, 0.0, 0.0):
            texture.scale = (*m.diffuse, 1.0) if m.diffuse != (0.8, 0.8, 0.8) else texture.scale
        if slot == "opacity":
            m.alpha = "blend"
        if slot == "roughness":
            self.stated_roughness = True
        m.textures[slot] = texture

    def finish(self) -> None:
        """Settle what follows from several statements."""
        m = self.material
        if m is None:
            return
        if self.exponent is not None and not self.stated_roughness:
            m.roughness = min(1.0, (2.0 / (max(self.exponent, 0.0) + 2.0)) ** 0.5)
        for word in sorted(self.unread):
            self.scene.lose(m.name, word, "no such statement is known, or it has no place in UsdPreviewSurface")
        self.unread.clear()


def _options(rest: list[str], line: str) -> tuple[str, tuple[float, float], tuple[float, float], bool]:
    """File name, scale, offset and clamp of a map statement; names may hold spaces."""
    scale, offset, clamp = (1.0, 1.0), (0.0, 0.0), False
    words = list(rest)
    while words and words[0].startswith("-") and words[0].lower() in (*_OPTIONS, "-s", "-o", "-t"):
        option = words.pop(0).lower()
        if option in ("-s", "-o", "-t"):
            numbers: list[float] = []
            while len(words) > 1 and len(numbers) < 3 and _NUMBER.match(words[0]):
                numbers.append(float(words.pop(0)))
            neutral = 1.0 if option == "-s" else 0.0
            u, v = [*numbers, neutral, neutral][:2]
            if option == "-s":
                scale = (u, v)
            elif option == "-o":
                offset = (u, v)
        else:
            taken = [words.pop(0) for _ in range(min(_OPTIONS[option], max(0, len(words) - 1)))]
            clamp |= option == "-clamp" and taken == ["on"]
    if not words:
        raise ValueError(line)
    name = " ".join(words)
    at = line.find(name)  # as it stands, where several spaces follow each other
    return (line[at:].strip() if at >= 0 else name), scale, offset, clamp


def _color(words: list[str]) -> tuple[float, float, float]:
    """Numbers are linear, as Blender and most exporters write them; one number is grey."""
    if words[0] in ("spectral", "xyz"):
        raise ValueError(words[0])
    numbers = [max(0.0, float(w)) for w in words[:3]]
    r, g, b = numbers if len(numbers) == 3 else [numbers[0]] * 3
    return (r, g, b)


def _unit(word: str) -> float:
    return min(max(float(word), 0.0), 1.0)

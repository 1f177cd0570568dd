# SPDX-License-Identifier: Apache-2.0
"""Materials: PBR parameters of 3ds Max, Maya and Stingray where they are, Phong's otherwise; textures and videos."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from pipeline.errors import ImportRefused
from pipeline.importers.fbx.document import Document, Object
from pipeline.importers.fbx.text import content
from pipeline.importers.scene import Image, Material, Scene, Slot, Texture, Wrap

#: the last element of a property's name, lower case without `_map`, `map`, `tex_`: what it is in UsdPreviewSurface
_WORDS: dict[str, Slot] = {
    "basecolor": "diffuseColor", "base_color": "diffuseColor", "color": "diffuseColor",
    "diffusecolor": "diffuseColor", "diffuse": "diffuseColor",
    "metalness": "metallic", "metallic": "metallic",
    "roughness": "roughness", "specularroughness": "roughness", "specular_roughness": "roughness",
    "normal": "normal", "normalmap": "normal", "norm": "normal", "bump": "normal", "normalcamera": "normal",
    "ambientocclusion": "occlusion", "ao": "occlusion",
    "emission": "emissiveColor", "emissioncolor": "emissiveColor", "emit_color": "emissiveColor",
    "emissivecolor": "emissiveColor", "emissive": "emissiveColor",
    "alpha": "opacity", "cutout": "opacity", "opacity": "opacity", "transparentcolor": "opacity",
    "transparencyfactor": "opacity",
    "clearcoat": "clearcoat", "coat": "clearcoat", "coating": "clearcoat",
    "clearcoatroughness": "clearcoatRoughness", "coat_rough": "clearcoatRoughness",
    "coat_roughness": "clearcoatRoughness",
}  # fmt: skip
_COLORS = ("diffuseColor", "emissiveColor")


class Materials:
    """Materials of a file, each read when first used."""

    def __init__(self, document: Document, scene: Scene) -> None:
        self.document, self.scene = document, scene
        self._numbers: dict[int, int] = {}
        self._images: dict[int, int] = {}
        self._uv_names: list[str] = []

    def number(self, material: Object, uv_names: list[str]) -> int:
        """The number of a material in the scene; UV sets are named by the first mesh that uses it."""
        if material.id not in self._numbers:
            self._uv_names = uv_names
            self._numbers[material.id] = len(self.scene.materials)
            self.scene.materials.append(self._read(material))
        return self._numbers[material.id]

    def _read(self, o: Object) -> Material:
        m = Material(o.name or "material")
        pbr: dict[str, list[float]] = {}
        for name, values in o.properties.items():
            slot = _word(name) if "|" in name and _numeric(values) else None
            if slot is not None and (slot not in _COLORS or len(values) >= 3):
                pbr.setdefault(slot, values)
        diffuse = o.vector("DiffuseColor", (0.8, 0.8, 0.8)) * o.number("DiffuseFactor", 1.0)
        emissive = o.vector("EmissiveColor", (0.0, 0.0, 0.0)) * o.number("EmissiveFactor", 1.0)
        m.diffuse = _rgb(pbr.get("diffuseColor"), diffuse)
        m.emissive = _rgb(pbr.get("emissiveColor"), emissive)
        if "roughness" in pbr:
            m.roughness = _one(pbr["roughness"])
        else:
            shine = o.number("ShininessExponent", o.number("Shininess", 20.0))
            m.roughness = float(np.clip(np.sqrt(2.0 / (max(shine, 0.0) + 2.0)), 0.0, 1.0))
            if "Blender" in self.document.creator:  # its exporter writes (10 (1 - roughness)) squared
                m.roughness = float(np.clip(1.0 - np.sqrt(max(o.number("Shininess", 25.0), 0.0)) / 10.0, 0.0, 1.0))
                m.metallic = float(np.clip(o.number("ReflectionFactor", 0.0), 0.0, 1.0))
        for slot, name in (("metallic", "metallic"), ("clearcoat", "clearcoat")):
            if slot in pbr:
                setattr(m, name, _one(pbr[slot]))
        if "clearcoatRoughness" in pbr:
            m.clearcoat_roughness = _one(pbr["clearcoatRoughness"])
        m.ior = self._ior(o)
        m.opacity = self._opacity(o, pbr)
        self._textures(o, m)
        if m.opacity < 1 or "opacity" in m.textures:
            m.alpha = "blend"
        return m

    def _ior(self, o: Object) -> float:
        for name in ("3dsMax|Parameters|trans_ior", "3dsMax|extension|indexOfRefraction", "Maya|specularIOR"):
            if name in o.properties:
                value = o.number(name, 1.5)
                return value if 1.0 <= value <= 5.0 else 1.5
        return 1.5

    def _opacity(self, o: Object, pbr: dict[str, list[float]]) -> float:
        if "opacity" in pbr:
            return float(np.clip(_one(pbr["opacity"]), 0.0, 1.0))
        if "Opacity" in o.properties:
            return float(np.clip(o.number("Opacity", 1.0), 0.0, 1.0))
        factor = o.number("TransparencyFactor", 0.0)
        color = o.vector("TransparentColor", (0.0, 0.0, 0.0))
        return float(np.clip(1.0 - factor * color.max(), 0.0, 1.0))

    # ------------------------------------------------------------------ textures

    def _textures(self, o: Object, m: Material) -> None:
        links = [x for x in self.document.into[o.id] if x.object.kind == "Texture" and x.property]
        for link in sorted(links, key=lambda x: "|" not in x.property):  # PBR names first
            slot = _word(link.property)
            if slot is None:
                self.scene.lose(o.name, f"texture of {link.property}", "UsdPreviewSurface has no such input")
                continue
            if slot in m.textures:
                continue
            image = self._image(link.object)
            if image < 0:
                continue
            m.textures[slot] = self._texture(link.object, image, slot)

    def _texture(self, o: Object, image: int, slot: Slot) -> Texture:
        color = slot in _COLORS
        name = o.properties.get("UVSet", [""])
        uv = self._uv_names.index(str(name[0])) if name and str(name[0]) in self._uv_names else 0
        t, r = o.vector("Translation", (0.0, 0.0, 0.0)), o.vector("Rotation", (0.0, 0.0, 0.0))
        s = o.vector("Scaling", (1.0, 1.0, 1.0))
        changed = t[:2].any() or r[2] != 0 or (s[:2] != 1).any()
        wrap: list[Wrap] = ["clamp" if int(o.number(key, 0)) == 1 else "repeat" for key in ("WrapModeU", "WrapModeV")]
        normal = slot == "normal"
        return Texture(
            image,
            "rgb" if color or normal else "r",
            uv,
            srgb=color,
            wrap_s=wrap[0],
            wrap_t=wrap[1],
            scale=(2.0, 2.0, 2.0, 1.0) if normal else (1.0, 1.0, 1.0, 1.0),
            bias=(-1.0, -1.0, -1.0, 0.0) if normal else (0.0, 0.0, 0.0, 0.0),
            transform=((float(t[0]), float(t[1])), float(r[2]), (float(s[0]), float(s[1]))) if changed else None,
        )

    def _image(self, texture: Object) -> int:
        """The number of a texture's picture: embedded, or beside the file; -1 (reported) where it is missing."""
        video = next(iter(self.document.children(texture, "Video")), None)
        key = video.id if video is not None else texture.id
        if key not in self._images:
            self._images[key] = self._find(texture, video)
        return self._images[key]

    def _find(self, texture: Object, video: Object | None) -> int:
        names: list[str] = []
        for o, keys in ((video, ("RelativeFilename", "Filename")), (texture, ("RelativeFilename", "FileName"))):
            if o is not None:
                names += [str(v) for v in (o.record.value(k) for k in keys) if v]
        bare = [PurePosixPath(n.replace("\\", "/")).name for n in names]
        title = next((b for b in bare if b), texture.name or "texture")
        if video is not None:
            data = content(video.record.value("Content"))
            if data:
                self.scene.images.append(Image(title, data=data))
                return len(self.scene.images) - 1
        stem = self.document.source.path.stem
        relative = [n for n in names if not n.startswith(("/", "\\")) and ":" not in n]
        tried = [*relative, *(f"{folder}{b}" for b in bare for folder in ("", f"{stem}.fbm/", "textures/"))]
        for name in dict.fromkeys(t for t in tried if t):
            try:
                path = self.document.source.sibling(name)
            except ImportRefused:
                continue
            self.scene.images.append(Image(title, path=path))
            return len(self.scene.images) - 1
        self.scene.lose(texture.name or title, f"texture {title}", "it is neither in the file nor beside it")
        return -1


def _word(name: str) -> Slot | None:
    """What a property's name means."""
    last = name.rsplit("|", 1)[-1].lower().removeprefix("tex_")
    for candidate in (last, last.removesuffix("_map"), last.removesuffix("map"), last.removesuffix("_map_on")):
        if candidate in _WORDS:
            return _WORDS[candidate]
    return None


def _numeric(values: list[object]) -> bool:
    return bool(values) and all(isinstance(v, int | float) and np.isfinite(v) for v in values)


def _rgb(values: list[float] | None, fallback: np.ndarray) -> tuple[float, float, float]:
    found = values[:3] if values is not None and len(values) >= 3 else fallback.tolist()
    r, g, b = (float(max(v, 0.0)) for v in found)
    return r, g, b


def _one(values: list[float]) -> float:
    return float(values[0])

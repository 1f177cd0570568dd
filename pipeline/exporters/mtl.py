# SPDX-License-Identifier: Apache-2.0
"""MTL: classic parameters and the PBR extension (Pr, Pm, Pc, norm), textures copied beside it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pipeline.errors import GatesError
from pipeline.exporters.baking import as_it_is, baked, delivered, picture_of
from pipeline.exporters.targets import Target
from pipeline.usd.scene import Material, Scene, Texture
from pipeline.usd.scene.report import Report

__all__ = ["MaterialFile"]

_MAPS = {
    "diffuseColor": "map_Kd",
    "emissiveColor": "map_Ke",
    "specularColor": "map_Ks",
    "roughness": "map_Pr",
    "metallic": "map_Pm",
    "opacity": "map_d",
    "normal": "norm",
    "clearcoat": "map_Pc",
    "clearcoatRoughness": "map_Pcr",
    "displacement": "disp",
}


class MaterialFile:
    """The materials of one OBJ."""

    def __init__(self, scene: Scene, out: Path, target: Target, report: Report) -> None:
        self.scene = scene
        self.folder = out.parent
        self.target = target
        self.report = report
        stem = out.stem.replace(" ", "_")  # readers cut names in an OBJ at spaces
        self.file_name = f"{stem}.mtl"
        self.texture_folder = f"{stem}_textures"
        self._names: dict[int, str] = {}
        self._pictures: dict[tuple[object, ...], str] = {}
        self._files: dict[str, bytes] = {}

    def name(self, number: int) -> str:
        """The name of a material of the scene, unique in the file."""
        if number not in self._names:
            own = (self.target.names.material + self.scene.materials[number].name).replace(" ", "_")
            taken = set(self._names.values())
            name, n = own, 1
            while name in taken:
                n += 1
                name = f"{own}_{n}"
            self._names[number] = name
        return self._names[number]

    def save(self) -> None:
        """Write the MTL and copy the textures that it names."""
        lines = ["# Seven Gates"]
        for number, name in self._names.items():
            lines += ["", f"newmtl {name}", *self._material(self.scene.materials[number])]
        (self.folder / self.file_name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        for file, data in self._files.items():
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def _material(self, m: Material) -> list[str]:
        roughness = min(max(m.scalar("roughness"), 0.02), 1.0)
        specular = m.get("specularColor").value if m.scalar("useSpecularWorkflow") else (0.5, 0.5, 0.5)
        lines = [
            f"Kd {_rgb(m, 'diffuseColor')}",
            f"Ks {_numbers(specular)}",
            f"Ke {_rgb(m, 'emissiveColor')}",
            # Blinn's exponent of a microfacet roughness, in the range that MTL allows
            f"Ns {_numbers((min(max(2.0 / roughness**4 - 2.0, 0.0), 1000.0),))}",
            f"Ni {_numbers((m.scalar('ior'),))}",
            f"d {_numbers((1.0 if m.texture('opacity') else m.scalar('opacity'),))}",
            "illum 2",
            f"Pr {_numbers((_scalar(m, 'roughness'),))}",
            f"Pm {_numbers((_scalar(m, 'metallic'),))}",
        ]
        if m.scalar("clearcoat") or m.texture("clearcoat"):
            lines.append(f"Pc {_numbers((_scalar(m, 'clearcoat'),))}")
            lines.append(f"Pcr {_numbers((_scalar(m, 'clearcoatRoughness'),))}")
        if m.scalar("opacityThreshold") > 0:
            self.report.lose(m.path, "opacityThreshold", "MTL has no alpha cutoff")
        if m.opacity_mode == "presence":
            self.report.lose(m.path, "opacity mode presence", "opacity lets light through")
        if m.texture("occlusion") is None and m.scalar("occlusion") < 1:
            self.report.lose(m.path, "occlusion", "MTL has no occlusion")
        for slot, found in m.inputs.items():
            if found.primvar:
                self.report.lose(m.path, f"primvar {found.primvar} on {slot}", "MTL reads no primvars")
            if found.texture is None:
                continue
            key = _MAPS.get(slot)
            if key is None:
                self.report.lose(m.path, f"texture of {slot}", "MTL has no such map")
                continue
            file = self._picture(found.texture, slot, m.path)
            if file:
                lines.append(" ".join([key, *self._options(found.texture, slot, m.path), file]))
        return lines

    def _options(self, texture: Texture, slot: str, material: str) -> list[str]:
        """Scale and offset of the coordinates, and clamping."""
        words = []
        if "clamp" in (texture.wrap_s, texture.wrap_t):
            words.append("-clamp on")
        if "mirror" in (texture.wrap_s, texture.wrap_t):
            self.report.lose(material, f"mirrored repetition of {slot}", "MTL repeats or clamps; it repeats")
        if texture.uv_set not in ("st", "st0", ""):
            first = {m.uvs[0].name for m in self.scene.meshes if m.uvs}
            if texture.uv_set not in first:
                self.report.lose(material, f"UV set {texture.uv_set} of {slot}", "OBJ has one UV set")
        if texture.transform is not None:
            if texture.transform.rotation:
                self.report.lose(material, f"texture rotation of {slot}", "MTL has scale and offset only")
            words.append(f"-o {_numbers((*texture.transform.translation, 0.0))}")
            words.append(f"-s {_numbers((*texture.transform.scale, 1.0))}")
        return words

    def _picture(self, texture: Texture, slot: str, material: str) -> str:
        """The relative path of the picture, empty where it cannot be had."""
        path = texture.path
        if not path:
            self.report.lose(material, f"texture of {slot}", f"{texture.asset!r} does not resolve")
            return ""
        plain = as_it_is(texture, slot)
        key = (path,) if plain else (path, slot, texture.channel, texture.scale, texture.bias)
        if key not in self._pictures:
            try:
                picture = picture_of(path) if plain else baked(path, texture, slot)
                picture = delivered(picture, self.target.textures.max_size, self.target.textures.format)
                self._pictures[key] = self._keep(picture.name, picture.data)
            except GatesError as e:
                self.report.lose(material, f"texture of {slot}", e.message)
                self._pictures[key] = ""
        return self._pictures[key]

    def _keep(self, name: str, data: bytes) -> str:
        own = PurePosixPath(name.replace("\\", "_").replace("/", "_").replace(" ", "_"))
        n = 1
        file = f"{self.texture_folder}/{own}"
        while self._files.get(file, data) != data:
            n += 1
            file = f"{self.texture_folder}/{own.stem}_{n}{own.suffix}"
        self._files[file] = data
        return file


def _rgb(m: Material, slot: str) -> str:
    """The constant, or white where a map counts instead, since readers multiply the two."""
    found = m.get(slot)
    white = found.texture is not None or (slot == "diffuseColor" and bool(found.primvar))
    return _numbers((1.0, 1.0, 1.0) if white else found.value[:3])


def _scalar(m: Material, slot: str) -> float:
    return 1.0 if m.texture(slot) is not None else m.scalar(slot)


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{v:.6g}" for v in values)

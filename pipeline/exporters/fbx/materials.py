# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface as FBX materials: classic parameters for every reader, PBR ones for those that know them.

The PBR parameters are those of 3ds Max's materials, which readers recognise by two class ids when the
shading model is `unknown`: glTF Material, Physical Material, PBR Material (Metal/Rough).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.usd.scene import Material
from pipeline.usd.scene.model import PREVIEW_SURFACE
from pipeline.usd.scene.report import Report

from .document import Document
from .options import FbxOptions
from .properties import color, integer, number, p, properties, string
from .records import RecordWriter, f64, i32, i64, named, text
from .textures import TextureLibrary

__all__ = ["MaterialLibrary"]


@dataclass(frozen=True, slots=True)
class _Model:
    """Names of one material model's parameters and maps, by UsdPreviewSurface input; `""` for none."""

    class_a: int
    class_b: int
    prefix: str
    parameters: dict[str, str]
    maps: dict[str, str]
    extra: tuple[tuple[str, float], ...] = field(default=())


_MODELS = {
    "gltf": _Model(
        0x38420192,
        0x45FE4E1B,
        "3dsMax|",
        {
            "diffuseColor": "main|baseColor", "metallic": "main|metalness", "roughness": "main|roughness",
            "occlusion": "main|ambientOcclusion", "emissiveColor": "main|emissionColor",
            "clearcoat": "extension|clearcoat", "clearcoatRoughness": "extension|clearcoatRoughness",
            "ior": "extension|indexOfRefraction", "opacity": "main|Alpha",
        },
        {
            "diffuseColor": "main|baseColorMap", "metallic": "main|metalnessMap", "roughness": "main|roughnessMap",
            "normal": "main|normalMap", "occlusion": "main|ambientOcclusionMap",
            "emissiveColor": "main|emissionMap", "opacity": "main|AlphaMap",
            "clearcoat": "extension|clearcoatMap", "clearcoatRoughness": "extension|clearcoatRoughnessMap",
        },
    ),
    "physical": _Model(
        0x3D6B1CEC,
        0xDEADC001,
        "3dsMax|Parameters|",
        {
            "diffuseColor": "base_color", "metallic": "metalness", "roughness": "roughness",
            "emissiveColor": "emit_color", "clearcoat": "coating", "clearcoatRoughness": "coat_roughness",
            "ior": "trans_ior", "opacity": "cutout",
        },
        {
            "diffuseColor": "base_color_map", "metallic": "metalness_map", "roughness": "roughness_map",
            "normal": "bump_map", "emissiveColor": "emit_color_map", "opacity": "cutout_map",
            "clearcoat": "coat_map", "clearcoatRoughness": "coat_rough_map",
        },
        (("base_weight", 1.0), ("bump_map_amt", 1.0), ("emission", 1.0), ("reflectivity", 1.0)),
    ),
    "metal_rough": _Model(
        0xD00F1E00,
        0xBE77E500,
        "3dsMax|main|",
        {
            "diffuseColor": "base_color", "metallic": "metalness", "roughness": "roughness",
            "emissiveColor": "emit_color",
        },
        {
            "diffuseColor": "base_color_map", "metallic": "metalness_map", "roughness": "roughness_map",
            "normal": "norm_map", "occlusion": "ao_map", "emissiveColor": "emit_color_map",
            "opacity": "opacity_map",
        },
    ),
}  # fmt: skip

#: classic properties that a texture is connected to as well, for readers that know no PBR
_CLASSIC = {
    "diffuseColor": "DiffuseColor",
    "normal": "NormalMap",
    "emissiveColor": "EmissiveColor",
    "opacity": "TransparentColor",
}


#: inputs that are written in another way, or reported by name
_TOLD = {*_CLASSIC, "useSpecularWorkflow", "specularColor", "opacityThreshold", "displacement", "occlusion"}


class MaterialLibrary:
    """Each material of the scene once, when it is first used."""

    def __init__(self, document: Document, options: FbxOptions, textures: TextureLibrary, report: Report) -> None:
        self.document = document
        self.options = options
        self.textures = textures
        self.report = report
        self.model = _MODELS[options.material]
        self._made: dict[int, int] = {}
        self.count = 0

    def id(self, number: int, materials: tuple[Material, ...]) -> int:
        """The object id of material `number` of the scene; -1 is a plain grey one."""
        if number not in self._made:
            self._made[number] = self._add(materials[number] if number >= 0 else Material("Default", ""))
            self.count += 1
        return self._made[number]

    def _add(self, m: Material) -> int:
        material_id = self.document.id()
        prefix = self.options.material_prefix
        name = m.name if m.name.startswith(prefix) else prefix + m.name
        records = [*self._classic(m), *self._physical(m)]
        self._report(m)

        def emit(w: RecordWriter) -> None:
            with w.nest(b"Material", i64(material_id), named(name, "Material"), text("")):
                w.leaf(b"Version", i32(102))
                w.leaf(b"ShadingModel", text("unknown"))
                w.leaf(b"MultiLayer", i32(0))
                properties(w, records)

        self.document.add("Material", emit)
        for slot, found in m.inputs.items():
            if found.texture is None:
                continue
            targets = [self.model.prefix + self.model.maps[slot]] if slot in self.model.maps else []
            if slot in _CLASSIC:
                targets.append(_CLASSIC[slot])
            if not targets:
                if slot != "displacement":
                    self.report.lose(m.path, f"texture of {slot}", "the material model has no such map")
                continue
            texture = self.textures.use(found.texture, slot, m.path)
            if texture is not None:
                for target in targets:
                    self.document.connect(texture, material_id, target)
        return material_id

    def _classic(self, m: Material) -> list[tuple[bytes, ...]]:
        """Phong's parameters that come nearest."""
        opacity, roughness = m.scalar("opacity"), min(max(m.scalar("roughness"), 0.02), 1.0)
        metallic = m.scalar("metallic") if m.texture("metallic") is None else 0.0
        specular = m.get("specularColor").value if m.scalar("useSpecularWorkflow") else (0.2, 0.2, 0.2)
        clear = 1.0 - (opacity if m.texture("opacity") is None else 1.0)
        return [
            string("ShadingModel", "unknown"),
            color("DiffuseColor", _base(m)),
            number("DiffuseFactor", 1.0),
            color("EmissiveColor", _color(m, "emissiveColor")),
            number("EmissiveFactor", 1.0),
            color("SpecularColor", specular),
            number("SpecularFactor", 1.0),
            # Blinn's exponent of a microfacet roughness: 2 / roughness**4 - 2
            number("Shininess", max(2.0 / roughness**4 - 2.0, 0.0)),
            number("ShininessExponent", max(2.0 / roughness**4 - 2.0, 0.0)),
            number("ReflectionFactor", metallic),
            color("TransparentColor", (clear, clear, clear)),
            number("TransparencyFactor", clear),
            number("Opacity", 1.0 - clear),
        ]

    def _physical(self, m: Material) -> list[tuple[bytes, ...]]:
        model = self.model
        records = [p("3dsMax", "Compound")]
        records += [
            integer("3dsMax|ClassIDa", _signed(model.class_a)),
            integer("3dsMax|ClassIDb", _signed(model.class_b)),
            integer("3dsMax|SuperClassID", 3072),
        ]
        for group in dict.fromkeys((model.prefix + n).rsplit("|", 1)[0] for n in model.parameters.values()):
            if group != "3dsMax":
                records.append(p(group, "Compound"))
        for slot, name in model.parameters.items():
            full = model.prefix + name
            if slot in ("diffuseColor", "emissiveColor"):
                rgb = _base(m) if slot == "diffuseColor" else _color(m, slot)
                records.append(p(full, "ColorAndAlpha", "", "A", *(f64(v) for v in (*rgb, 1.0))))
            else:
                value = 1.0 if slot == "opacity" and m.texture(slot) else m.scalar(slot)
                records.append(p(full, "Float", "", "A", f64(value)))
        if model is _MODELS["gltf"]:  # older readers know the colour under the map's name
            glow = _color(m, "emissiveColor")
            records.append(p("3dsMax|main|emission", "ColorAndAlpha", "", "A", *(f64(v) for v in (*glow, 1.0))))
        for name, value in model.extra:
            records.append(p(model.prefix + name, "Float", "", "A", f64(value)))
        if model is _MODELS["gltf"]:
            records.append(p("3dsMax|extension|enableIndexOfRefraction", "Bool", "", "A", i32(1)))
            coat = bool(m.scalar("clearcoat") or m.texture("clearcoat"))
            records.append(p("3dsMax|extension|enableClearCoat", "Bool", "", "A", i32(int(coat))))
        for slot, name in model.maps.items():
            if m.texture(slot) is not None:
                records.append(p(model.prefix + name, "Reference", "", "A"))
        return records

    def _report(self, m: Material) -> None:
        if m.scalar("useSpecularWorkflow"):
            self.report.lose(m.path, "specular workflow", "written as the classic specular colour")
        for slot, found in m.inputs.items():
            if found.primvar and found.primvar not in ("displayColor", "displayOpacity"):
                self.report.lose(m.path, f"primvar {found.primvar} on {slot}", "FBX materials read no primvars")
            if slot not in _TOLD and slot not in self.model.parameters and found.value != PREVIEW_SURFACE[slot]:
                self.report.lose(m.path, slot, "the material model has no such number")
        if m.opacity_mode == "presence":
            self.report.lose(m.path, "opacity mode presence", "opacity lets light through")
        if m.scalar("opacityThreshold") > 0:
            self.report.lose(m.path, "opacityThreshold", "FBX materials have no alpha cutoff")
        if self.options.material == "physical" and m.texture("occlusion") is None and m.scalar("occlusion") < 1:
            self.report.lose(m.path, "occlusion", "the Physical Material has no occlusion")


def _color(m: Material, slot: str) -> tuple[float, ...]:
    """The constant colour; black under an emissive map and white under a base map, which readers multiply."""
    found = m.get(slot)
    if found.texture is not None:
        return (1.0, 1.0, 1.0)
    return found.value[:3]


def _base(m: Material) -> tuple[float, ...]:
    found = m.get("diffuseColor")
    if found.primvar:
        return (1.0, 1.0, 1.0)
    return _color(m, "diffuseColor")


def _signed(value: int) -> int:
    return value - (1 << 32) if value >= 1 << 31 else value

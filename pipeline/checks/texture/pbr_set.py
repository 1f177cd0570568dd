# SPDX-License-Identifier: Apache-2.0
"""Materials without the maps that a physically based one needs."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import names
from pipeline.settings.jobs import Brief, Severity
from pipeline.usd.scene.model import Material

WANTED = {"diffuseColor": "albedo", "normal": "normal", "roughness": "roughness", "metallic": "metallic"}


class PbrSet(Rule):
    """Albedo, normal, roughness and metallic: textures, or constants where the whole material is constant."""

    id = "texture.pbr-set"
    title = "incomplete PBR set"
    why = "A missing map falls back to a default that looks like plastic."
    severity = "error"
    unit = "maps"
    fixer = "pbr-set"
    advice = "Bake or author the missing maps; a constant is fine where it is meant."
    regenerate = "ask for PBR textures, or choose a generator that returns them"
    minutes = 40

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.needs.pbr or brief.job.needs.textures else None

    def run(self, context: Context) -> Iterator[Finding]:
        bare = [p for p in context.parts if p.first and len(p.shape.triangles) and (p.material < 0).any()]
        if bare:
            where = names([p.prim for p in bare], 3)
            yield self.found(context, f"no material on {where}", bare[0].prim, len(WANTED))
        used = sorted({int(n) for p in context.parts for n in p.materials if n >= 0})
        for number in used:
            material = context.subject.materials[number]
            missing = self._missing(material, context.brief.job.needs.textures)
            if missing:
                yield self.found(context, f"{names(missing)} missing on {material.name}", material.path, len(missing))

    @staticmethod
    def _missing(material: Material, textures: bool) -> list[str]:
        wanted = dict(WANTED)
        if material.scalar("useSpecularWorkflow") > 0.5:
            wanted["specularColor"] = "specular"
            del wanted["metallic"]
        if textures and material.texture("diffuseColor") is None and not material.get("diffuseColor").primvar:
            return ["albedo texture"]
        if not material.textures:
            return []  # constant all over, and meant so
        return [said for name, said in wanted.items() if name not in material.inputs]

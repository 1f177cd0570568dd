# SPDX-License-Identifier: Apache-2.0
"""The contract of `gates inspect`: ids, severities and limits of a game-ready prop, and what every finding says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh

from pipeline.checks.context import Context
from pipeline.checks.engine import inspect
from pipeline.checks.protocol import Rule
from pipeline.checks.reading import from_stage
from pipeline.checks.registry import built_in
from pipeline.settings.jobs import Brief, load_job

#: id -> severity (None: this job does not ask for it), limit (None: any finding counts)
TABLE: dict[str, tuple[str | None, float | None]] = {
    "geometry.holes": ("error", 0),
    "geometry.non-manifold-edges": ("error", 0),
    "geometry.non-manifold-vertices": ("warning", 0),
    "geometry.inverted-normals": ("error", 0),
    "geometry.degenerate-faces": ("warning", 0),
    "geometry.duplicate-faces": ("error", 0),
    "geometry.self-intersection": ("warning", 0.001),
    "geometry.floaters": ("error", 0),
    "geometry.hidden": ("warning", 0.02),
    "geometry.thin": ("warning", 0.002),
    "geometry.fused": ("error", 0.9),
    "geometry.hollow-back": ("error", 0.05),
    "topology.triangle-budget": ("error", 20_000),
    "topology.uneven-density": ("warning", 40),
    "topology.slivers": ("warning", 0.05),
    "uv.missing": ("error", None),
    "uv.overlap": ("error", 0.01),
    "uv.out-of-range": ("warning", 0),
    "uv.flipped": ("warning", 0.01),
    "uv.stretch": ("warning", 3),
    "uv.texel-density": ("warning", 4),
    "uv.fragmented": ("warning", 60),
    "texture.missing": ("error", None),
    "texture.size": ("warning", 2048),
    "texture.power-of-two": ("warning", None),
    "texture.color-space": ("error", None),
    "texture.pbr-set": ("error", None),
    "texture.albedo-range": ("warning", 0.02),
    "texture.baked-lighting": ("warning", 0.3),
    "texture.melted-back": ("warning", 0.32),
    "material.single": ("warning", 1),
    "material.count": ("warning", 5),
    "scale.implausible": ("error", 0.03),
    "scale.pivot": ("warning", 0.01),
    "scale.ground": ("warning", 0.01),
    "naming.invalid": ("warning", None),
    "lod.missing": (None, 0),
    "silhouette.mismatch": ("warning", 0.6),
    "silhouette.heading": ("warning", 0.15),
    "rig.missing": (None, None),
    "rig.weights": ("error", 1e-3),
    "rig.influences": ("error", 8),
    "rig.joints": (None, 0),
    "rig.skeleton": ("error", None),
    "rig.rest-pose": (None, None),
    "animation.invalid": ("error", None),
    "file.size": (None, 0),
}


@pytest.fixture(scope="module")
def rules() -> dict[str, Rule]:
    return {rule.id: rule() for rule in built_in()}


@pytest.mark.parametrize("rule", sorted(TABLE))
def test_severity_and_limit(rule: str, rules: dict[str, Rule], asset: Any) -> None:
    context = Context(from_stage(asset.stage), Brief(job=load_job("game-ready-prop")))
    setting = context.setting(rules[rule])
    severity, limit = TABLE[rule]
    assert setting.on is (severity is not None)
    if severity is not None:
        assert setting.severity == severity
        assert setting.limit == limit


def test_every_rule_gives_advice_and_an_estimate(rules: dict[str, Rule]) -> None:
    for rule in rules.values():
        assert rule.advice.endswith("."), rule.id
        assert rule.minutes > 0, rule.id
        assert rule.fixer or rule.minutes >= 3, rule.id  # what nobody's fixer mends takes more than a click
        assert rule.unit or rule.limit is None, rule.id


def test_findings_say_what_where_how_much_and_what_to_do(asset: Any, ball: trimesh.Trimesh) -> None:
    """One asset with much wrong; every finding about geometry says where, with faces a viewer can mark."""
    crumb = trimesh.creation.icosphere(1, 0.01)
    inner = ball.copy()
    inner.apply_scale(0.9)
    parts = trimesh.util.concatenate([ball, inner, crumb.apply_translation([2, 2, 2])])
    faces = np.asarray(parts.faces)
    faces[7] = faces[7][::-1]
    faces = np.concatenate([np.delete(faces, [40, 41], 0), faces[100:103], [[5, 5, 9]]])
    asset.mesh(parts.vertices, faces)
    report = inspect(asset.stage, job="game-ready-prop", rules=["geometry", "topology"])
    found = {f.rule: (i, f) for i, f in enumerate(report.findings)}
    assert {
        "geometry.holes", "geometry.inverted-normals", "geometry.duplicate-faces", "geometry.degenerate-faces",
        "geometry.floaters", "geometry.hidden",
    } <= set(found)  # fmt: skip
    for rule, (number, finding) in found.items():
        if not rule.startswith("geometry."):
            continue
        assert finding.prim == "/Asset/geo/body"
        assert finding.measured is not None
        assert finding.limit is not None
        assert finding.measured > finding.limit
        assert finding.advice
        assert finding.where[0].faces > 0
        marked = report.marked_faces(number)["/Asset/geo/body"]
        assert len(marked) == finding.where[0].faces
        assert marked.min() >= 0
        assert marked.max() < len(faces)

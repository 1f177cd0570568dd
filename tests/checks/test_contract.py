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


class TestBorderlines:
    """On both sides of limits that the rules' own tests do not walk along."""

    @pytest.mark.parametrize(("share", "told"), [(0.008, True), (0.0115, False)])
    def test_floaters_around_one_per_cent_of_the_area(self, asset: Any, share: float, told: bool) -> None:
        # a small ball has share / (1 - share) of the large one's area: its radius goes with the root
        large, small = (trimesh.creation.icosphere(3) for _ in range(2))
        small.apply_scale(np.sqrt(share / (1 - share))).apply_translation([0, 0, 3])
        asset.tri(trimesh.util.concatenate([large, small]))
        assert bool(asset.findings("geometry.floaters")) is told

    @pytest.mark.parametrize(("gap", "told"), [(0.006, False), (0.014, True)])
    def test_floaters_around_a_gap_of_one_per_cent_of_the_size(self, asset: Any, gap: float, told: bool) -> None:
        box = trimesh.creation.box((1, 1, 1))
        crumb = trimesh.creation.box((0.05, 0.05, 0.05))
        diagonal = np.sqrt(1 + 1 + (1.05 + gap) ** 2)
        crumb.apply_translation([0, 0, 0.525 + gap * diagonal])
        asset.tri(trimesh.util.concatenate([box, crumb]))
        assert bool(asset.findings("geometry.floaters")) is told

    @pytest.mark.parametrize(("around", "told"), [(20000, False), (3000, True)])
    def test_crossings_around_a_thousandth_of_the_faces(self, asset: Any, around: int, told: bool) -> None:
        # one triangle through one of a sheet: two faces of `around`
        side = int(np.sqrt(around / 2))
        x, y = np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0))
        points = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
        i = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).ravel()
        sheet = np.concatenate([np.stack([i, i + 1, i + side + 2], 1), np.stack([i, i + side + 2, i + side + 1], 1)])
        at = side / 2
        needle = np.array([[at + 0.6, at + 0.2, -1], [at + 0.7, at + 0.2, 1], [at + 0.7, at + 0.25, 1]])
        many = 2 if told else 1
        faces = [sheet, len(points) + np.arange(3 * many).reshape(-1, 3)]
        asset.mesh(
            np.concatenate([points, *[needle + np.array([k, 0, 0]) for k in range(many)]]), np.concatenate(faces)
        )
        assert bool(asset.findings("geometry.self-intersection")) is told

    @pytest.mark.parametrize(("height", "told"), [(0.55, False), (0.45, True)])
    def test_silhouette_around_six_tenths(self, asset: Any, job: Any, height: float, told: bool) -> None:
        # a ball is a disc from everywhere; the reference is a bar as wide as the disc: overlap 0.64 and 0.54
        disc = np.pi / 4
        both = height * np.sqrt(1 - height**2) / 2 + np.arcsin(height) / 2
        picture = np.full((400, 400, 3), 255, np.uint8)
        half = round(160 * height)
        picture[200 - half : 200 + half, 40:360] = 40
        asset.tri(trimesh.creation.icosphere(3))
        brief = job(references={"shape": [str(asset.picture("ref.png", picture))]})
        overlap = [f.measured for f in asset.findings("silhouette.mismatch", brief)]
        assert bool(overlap) is told
        if told:
            assert overlap[0] == pytest.approx(both / (disc + height - both), abs=0.03)

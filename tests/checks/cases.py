# SPDX-License-Identifier: Apache-2.0
"""For every rule that ships: assets on both sides of its limit, and what it must measure.

A case builds an asset from one value. Good and bad lie far from the limit, below and above just beside it; where the
measured value follows from the build by a formula, the formula stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.settings.jobs import Remembered
from tests.checks import builds as build
from tests.checks import test_melted_back as melted
from tests.checks.conftest import Asset


@dataclass(frozen=True)
class Case:
    """One rule.

    Attributes
    ----------
    build
        Makes the asset of a value; gives the file to inspect where the stage will not do.
    good, below, above, bad
        Values of which the first two are sound and the last two are not.
    measures
        What the rule must measure of an unsound value; None where there is no number.
    within
        How far its measure may be off, as a share.
    brief
        What the brief says, of the value.
    """

    build: Callable[[Asset, Any], Path | None]
    good: Any
    below: Any
    above: Any
    bad: Any
    measures: Callable[[Any], float] | None = None
    within: float = 1e-3
    brief: Callable[[Any], dict[str, Any]] = field(default=lambda _: {})


CASES: dict[str, Case] = {
    # degrees between first and last pose of a loop: 0.02 radians are 1.146
    "animation.invalid": Case(build.clip, 0, 1.1, 1.2, 40),
    "file.size": Case(
        build.file, 1, 100, 101, 300, lambda x: x / 1000, 1e-6, lambda _: {"budgets": {"file_size_mb": 0.1}}
    ),
    "geometry.degenerate-faces": Case(build.low_triangle, 0.5, 1e-5, 1e-9, 0, lambda _: 1),
    "geometry.duplicate-faces": Case(build.doubles, (0, 0), (2, 1e-4), (1, 0), (9, 0), lambda x: x[0]),
    "geometry.floaters": Case(build.crumb, 0, 0.0095, 0.0105, 0.3, lambda _: 1),
    "geometry.fused": Case(
        build.two_balls, 0.5, 0.895, 0.905, 0.999, lambda x: x, 1e-2, lambda _: {"parts": ["lid", "body"]}
    ),
    "geometry.hidden": Case(build.inner, 0.004, 0.0175, 0.0225, 0.45, lambda x: x, 0.05),
    "geometry.holes": Case(build.lifted_face, 0, 0.3e-6, 30e-6, 0.2, lambda _: 2),
    "geometry.hollow-back": Case(build.window, 0.01, 0.045, 0.055, 0.7, lambda x: x, 0.05),
    "geometry.invalid": Case(build.far_point, 1, 0.99e9, 1.01e9, np.nan, lambda _: 1),
    "geometry.inverted-normals": Case(build.turned, 0, 0, 1, 200, lambda x: x),
    # boxes in a row that share an edge, and boxes that share a corner, but for a gap
    "geometry.non-manifold-edges": Case(
        lambda a, gap: a.tri(build.merged(build.box(), build.box(at=(1 + gap, 1 + gap, 0)))) and None,
        1,
        1e-4,
        0,
        0,
        lambda _: 1,
    ),
    "geometry.non-manifold-vertices": Case(
        lambda a, gap: a.tri(build.merged(build.box(), build.box(at=(1 + gap, 1 + gap, 1 + gap)))) and None,
        1,
        1e-4,
        0,
        0,
        lambda _: 1,
    ),
    "geometry.self-intersection": Case(build.needle, 100, 32, 31, 6, lambda x: 2 / (2 * x * x + 1)),
    "geometry.thin": Case(
        lambda a, share: a.tri(build.box((1, share * np.sqrt(2), 1))) and None,
        0.3,
        0.00205,
        0.00195,
        0.0003,
        lambda x: x,
        0.02,
    ),
    "lod.missing": Case(build.levels, 4, 3, 2, 0, lambda x: max(0, x - 1), brief=lambda _: {"budgets": {"lods": 2}}),
    "material.count": Case(
        build.materials, 1, 5, 6, 12, lambda x: x, brief=lambda _: {"budgets": {"max_materials": 5}}
    ),
    # greys apart by n of 255 in each channel: n sqrt(3) / 255 against 0.3
    "material.single": Case(build.two_greys, 0, 44, 45, 120, lambda _: 1),
    "memory.banned": Case(
        lambda a, name: a.tri(build.box(), name) and None,
        "crate",
        "gung_ho",
        "old_Guns",
        "gun",
        lambda _: 1,
        brief=lambda _: {"remembered": Remembered(banned=["gun"])},
    ),
    "memory.palette": Case(
        build.half_green,
        0,
        0.24,
        0.26,
        1,
        lambda x: x,
        0.02,
        lambda _: {"remembered": Remembered(palette=[(0.25, 0.1, 0.04)])},
    ),
    "memory.scale": Case(
        lambda a, height: a.tri(build.box((1, height, 1), (0, height / 2, 0))) and None,
        2.3,
        2.7015,
        2.7025,
        5,
        lambda x: x - 2.7,
        1e-2,
        lambda _: {"name": "stall", "remembered": Remembered(heights_m={"stall": (2.0, 2.7)})},
    ),
    "naming.invalid": Case(lambda a, letters: a.tri(build.box(), "a" * letters) and None, 5, 64, 65, 200, lambda _: 1),
    "rig.influences": Case(
        lambda a, used: build.joints(a, 6, used),
        1,
        4,
        5,
        6,
        lambda x: x,
        brief=lambda _: {"budgets": {"max_influences": 4}},
    ),
    "rig.joints": Case(build.joints, 1, 3, 4, 9, lambda x: x, brief=lambda _: {"budgets": {"max_joints": 3}}),
    "rig.missing": Case(
        build.rig, "bound", "bound second", "unbound", "none", brief=lambda _: {"needs": {"rig": True}}
    ),
    "rig.rest-pose": Case(build.arms, 0, 19.5, 20.5, 44, lambda x: x, brief=lambda _: {"needs": {"pose": "t-pose"}}),
    # the squared length of an axis may be 0.001 off
    "rig.skeleton": Case(build.skeleton, 1, 1.0004, 1.0006, 2, lambda _: 1),
    "rig.weights": Case(build.weights, 1, 1.0009, 1.0011, 1.5, lambda x: x - 1, 0.01),
    # a unit box has a diagonal of sqrt(3)
    "scale.ground": Case(
        lambda a, lift: a.tri(build.box(at=(0, 0.5 + lift * np.sqrt(3), 0))) and None,
        0,
        0.0099,
        0.0101,
        0.3,
        lambda x: x,
        brief=lambda _: {"needs": {"ground": True}},
    ),
    "scale.implausible": Case(
        lambda a, off: a.tri(build.box((1.2 * (1 + off), 0.8, 0.4))) and None,
        0,
        0.029,
        0.031,
        0.5,
        lambda x: x,
        brief=lambda _: {"size_m": (1.2, 0.8, 0.4)},
    ),
    "scale.pivot": Case(
        lambda a, away: a.tri(build.box(at=(away * np.sqrt(3), 0.5, 0))) and None,
        0,
        0.0099,
        0.0101,
        0.3,
        lambda x: x,
        brief=lambda _: {"needs": {"ground": True}},
    ),
    # a front of width x 1 and a side of 1 x 1 overlap by the width
    "silhouette.heading": Case(
        build.cabinet, (0.5, False), (0.88, True), (0.82, True), (0.3, True), lambda x: 1 - x[0], 0.1
    ),
    "silhouette.mismatch": Case(build.bar, 0.8, 0.54, 0.48, 0.1, build.bar_overlap, 0.06),
    "texture.albedo-range": Case(build.black_rows, 0, 2, 3, 100, lambda x: x / 128, 0.1),
    # R2 = s^2 / 3 / (s^2 / 3 + 0.35^2), since y varies by 1 / sqrt(3) on a ball: 0.3 at s = 0.397
    "texture.baked-lighting": Case(build.sky, 0.0, 0.37, 0.43, 1.2, lambda s: s * s / (s * s + 3 * 0.35**2), 0.1),
    "texture.color-space": Case(
        build.normal_map,
        ("normal", "raw", 3),
        ("roughness", "auto", 1),
        ("normal", "auto", 3),
        ("diffuseColor", "raw", 3),
    ),
    "texture.melted-back": Case(
        lambda a, sigma: melted.panel(a, melted.noise(0), melted.noise(sigma, 2)) and None,
        0.1,
        1.35,
        1.75,
        4,
        melted.foretold,
        0.1,
    ),
    "texture.missing": Case(build.picture_file, 0, 0, 2000, 10**9),
    "texture.pbr-set": Case(
        build.pbr, "anrm", "mnra", "anr", "a", lambda x: 4 - len(x), brief=lambda _: {"needs": {"pbr": True}}
    ),
    "texture.power-of-two": Case(
        lambda a, side: build.picture(a, side, 256),
        256,
        512,
        513,
        300,
        brief=lambda _: {"needs": {"power_of_two": True}},
    ),
    "texture.size": Case(
        lambda a, side: build.picture(a, side, 64),
        256,
        1024,
        1025,
        4000,
        lambda x: x,
        brief=lambda _: {"budgets": {"texture_max": 1024}},
    ),
    "topology.slivers": Case(build.slivers, 0, 5, 6, 80, lambda x: x / 100),
    "topology.triangle-budget": Case(
        lambda a, fine: a.tri(build.ball(fine=fine)) and None,
        1,
        2,
        3,
        4,
        lambda x: 20 * 4**x,
        brief=lambda _: {"budgets": {"max_triangles": 320}},
    ),
    # 5 % of the edges are as short as 1 / ratio, 5 % are diagonals of sqrt(2)
    "topology.uneven-density": Case(build.sides, 1, 28.2, 28.4, 300, lambda x: np.sqrt(2) * x, 5e-3),
    # a negative width mirrors
    "uv.flipped": Case(
        lambda a, width: build.squares(a, [(0, 0, 1, 0.5), (0.9, 0.6, -width, 0.5)]),
        -0.05,
        0.0099,
        0.0103,
        0.7,
        lambda x: x / (1 + x),
        brief=lambda _: {"needs": {"allow_mirrored_uvs": False}},
    ),
    "uv.fragmented": Case(build.islands, 6, 60, 61, 700, lambda x: x * 1000 / max(2 * x, 1000)),
    "uv.missing": Case(build.layout, "st", "other name", "empty", "none", brief=lambda _: {"needs": {"uvs": True}}),
    "uv.out-of-range": Case(lambda a, right: build.squares(a, [(0, 0, right, 1)]), 0.7, 1.0005, 1.01, 3, lambda _: 2),
    # squares of 0.4, of which (0.4 - shift) x 0.4 is shared
    "uv.overlap": Case(
        lambda a, shift: build.squares(a, [(0.1, 0.1, 0.4, 0.4), (0.1 + shift, 0.1, 0.4, 0.4)]),
        0.45,
        0.3945,
        0.39,
        0,
        lambda x: (0.4 - x) / (0.4 + x),
        0.2,
        lambda _: {"needs": {"allow_mirrored_uvs": False}},
    ),
    "uv.stretch": Case(lambda a, height: build.squares(a, [(0, 0, 1, height)]), 1, 0.336, 0.331, 0.05, lambda x: 1 / x),
    "uv.texel-density": Case(
        lambda a, ratio: build.squares(a, [(0, 0, 0.02, 0.02), (0.2, 0, 0.02 * ratio, 0.02 * ratio)]),
        1,
        3.98,
        4.02,
        30,
        lambda x: x,
    ),
}

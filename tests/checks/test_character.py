# SPDX-License-Identifier: Apache-2.0
"""Rigs, animation, levels of detail, names, file size, silhouettes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from pxr import Gf, UsdSkel, Vt

from pipeline.settings.jobs import RuleSetting

CHAIN = {"root": (0, 0, 0), "root/mid": (0, 0.5, 0), "root/mid/top": (0, 1, 0)}


def rigged(asset: Any, ball: trimesh.Trimesh, weights: Any, size: int, joints: Any = None) -> None:
    mesh = asset.tri(ball)
    asset.rig(mesh, joints or CHAIN, np.broadcast_to(weights, (len(ball.vertices), size)), size)


class TestRig:
    def test_missing(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        (finding,) = asset.findings("rig.missing", job(needs={"rig": True}))
        assert "no skeleton" in finding.message
        assert asset.findings("rig.missing", job()) == []
        rigged(asset, ball, [0.5, 0.5], 2)
        assert asset.findings("rig.missing", job(needs={"rig": True})) == []

    @pytest.mark.parametrize("weights", [[1.5, -0.5], [np.nan, 1.0]])
    def test_weights_that_are_none(self, asset: Any, ball: trimesh.Trimesh, weights: Any) -> None:
        rigged(asset, ball, weights, 2)
        assert len(asset.findings("rig.weights")) == 1

    @pytest.mark.parametrize(("used", "told"), [(4, False), (5, True)])
    def test_influences(self, asset: Any, job: Any, ball: trimesh.Trimesh, used: int, told: bool) -> None:
        weights = np.zeros(6)
        weights[:used] = 1 / used
        rigged(asset, ball, weights, 6, {f"j{i}": (i, 0, 0) for i in range(6)})
        findings = asset.findings("rig.influences", job(budgets={"max_influences": 4}))
        assert bool(findings) is told
        if told:
            assert findings[0].measured == 5
        assert asset.findings("rig.influences", job()) == []  # eight where nothing is said

    @pytest.mark.parametrize(
        ("degrees", "pose", "told"),
        [
            (0, "t-pose", False),
            (19, "t-pose", False),
            (45, "t-pose", True),
            (45, "a-pose", False),
            (5, "a-pose", True),
            (85, "a-pose", True),
            (-80, "t-pose", True),
        ],
    )
    def test_rest_pose(
        self, asset: Any, job: Any, ball: trimesh.Trimesh, degrees: float, pose: str, told: bool
    ) -> None:
        a = np.radians(degrees)
        joints = {"hips": (0, 1, 0)}
        for side, sign in (("Left", 1), ("Right", -1)):
            shoulder = np.array([0.2 * sign, 1.5, 0])
            elbow = shoulder + 0.3 * np.array([sign * np.cos(a), -np.sin(a), 0])
            joints[f"hips/{side}Arm"] = tuple(shoulder)
            joints[f"hips/{side}Arm/{side}ForeArm"] = tuple(elbow)
        rigged(asset, ball, [1.0], 1, joints)
        findings = asset.findings("rig.rest-pose", job(needs={"pose": pose}))
        assert bool(findings) is told
        if told:
            assert findings[0].measured == pytest.approx(degrees, abs=0.01)


class TestAnimation:
    RULE = "animation.invalid"

    def spin(self, asset: Any, name: str, last: float, bad: bool = False) -> None:
        """A clip of the chain's middle joint, from 0 to `last` degrees."""
        asset.stage.SetStartTimeCode(0)
        asset.stage.SetEndTimeCode(24)
        clip = UsdSkel.Animation.Define(asset.stage, f"/Asset/geo/{name}")
        clip.CreateJointsAttr(Vt.TokenArray(["root/mid"]))
        turn = clip.CreateRotationsAttr()
        move = clip.CreateTranslationsAttr()
        clip.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1)]))
        for time, degrees in ((0, 0.0), (12, 40.0), (24, last)):
            q = Gf.Rotation(Gf.Vec3d(0, 0, 1), degrees).GetQuat()
            turn.Set(Vt.QuatfArray([Gf.Quatf(q)]), time)
            x = float("nan") if bad and time == 12 else 0.0
            move.Set(Vt.Vec3fArray([Gf.Vec3f(x, 0.5, 0)]), time)
        skeleton = UsdSkel.BindingAPI.Apply(asset.stage.GetPrimAtPath("/Asset/geo/skeleton"))
        skeleton.CreateAnimationSourceRel().SetTargets([clip.GetPath()])

    def test_wanted_and_not_there(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        assert asset.findings(self.RULE, job(needs={"animation": True}))
        assert asset.findings(self.RULE, job()) == []

    def test_a_sound_clip(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        rigged(asset, ball, [0.5, 0.5], 2)
        self.spin(asset, "wave", 30)
        assert asset.findings(self.RULE, job(needs={"animation": True})) == []

    def test_faults_of_clips(self) -> None:
        from pipeline.checks.animation.invalid import faults
        from pipeline.usd.scene.model import Clip, JointTrack

        def clip(name: str, times: Any, last: float, end: float = 24, nan: bool = False) -> Clip:
            half = np.radians([0, 20, last]) / 2
            turns = np.stack([0 * half, 0 * half, np.sin(half), np.cos(half)], 1)[:, None].astype(np.float32)
            moves = np.zeros((3, 1, 3), np.float32)
            if nan:
                moves[1] = np.nan
            track = JointTrack(np.array(times, float), moves, turns, np.ones((3, 1, 3), np.float32))
            return Clip(name, 0, end, 24, joints={0: track})

        assert faults(clip("wave", [0, 0.5, 1], 30)) == []
        assert faults(clip("wave", [0, 0.5, 0.5], 30)) == ["has times that do not rise"]
        assert faults(clip("wave", [0, 0.5, 1], 30, nan=True)) == ["has values that are no numbers"]
        assert faults(clip("wave", [0, 0.5, 1], 30, end=0)) == ["has no length"]
        assert faults(clip("walk_loop", [0, 0.5, 1], 0)) == []
        assert faults(clip("walk_loop", [0, 0.5, 1], 1)) == []  # under 0.02 radians
        (said,) = faults(clip("walk_loop", [0, 0.5, 1], 30))
        assert "30 degrees" in said


class TestLod:
    RULE = "lod.missing"

    def test_none(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        (finding,) = asset.findings(self.RULE, job(budgets={"lods": 2}))
        assert (finding.measured, finding.limit) == (0, 2)
        assert asset.findings(self.RULE, job()) == []

    @pytest.mark.parametrize(("levels", "told"), [(2, True), (3, False)])
    def test_a_variant_set(self, asset: Any, job: Any, ball: trimesh.Trimesh, levels: int, told: bool) -> None:
        asset.tri(ball)
        variants = asset.stage.GetDefaultPrim().GetVariantSets().AddVariantSet("LOD")
        for i in range(levels):
            variants.AddVariant(f"lod{i}")
        assert bool(asset.findings(self.RULE, job(budgets={"lods": 2}))) is told


class TestNaming:
    RULE = "naming.invalid"

    def test_plain_names(self, asset: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball, "crate_lid_01", material="wood")
        assert asset.findings(self.RULE) == []

    def test_letters_that_an_engine_does_not_take(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball, "Kiste_für_Äpfel")
        assert asset.findings(self.RULE, job(targets=["unreal"]))
        assert asset.findings(self.RULE, job(targets=["unity"])) == []

    def test_materials_of_one_name(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        from pxr import UsdShade

        asset.tri(ball, "a", material="wood")
        mesh = asset.tri(ball, "b")
        other = UsdShade.Material.Define(asset.stage, "/Asset/mtl/old/Wood")
        UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(other)
        assert "one name" in asset.findings(self.RULE, job())[0].message


class TestSilhouette:
    RULE = "silhouette.mismatch"

    def picture(self, asset: Any, mask: np.ndarray, name: str = "front.png") -> Path:
        pixels = np.full((*mask.shape, 3), 250)
        pixels[mask] = (60, 90, 40)
        return Path(asset.picture(name, pixels))

    def disc(self, side: int = 128) -> np.ndarray:
        y, x = np.mgrid[:side, :side] - (side - 1) / 2
        return x * x + y * y < (0.4 * side) ** 2

    def test_a_ball_against_a_disc_and_a_bar(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        disc = self.picture(asset, self.disc())
        assert asset.findings(self.RULE, job(references={"shape": [str(disc)]})) == []
        bar = np.zeros((128, 128), bool)
        bar[60:68, 10:118] = True
        (finding,) = asset.findings(self.RULE, job(references={"shape": [str(self.picture(asset, bar, "bar.png"))]}))
        # a bar of 1 : 13.5 inside the disc of its length: 4 / (pi * 13.5)
        assert finding.measured == pytest.approx(4 / (np.pi * 13.5), abs=0.02)

    def test_the_view_does_not_matter(self, asset: Any, job: Any) -> None:
        asset.tri(trimesh.creation.box(extents=[2, 1, 0.5]))
        side = np.zeros((100, 100), bool)
        side[20:80, 35:65] = True  # 30 x 60: the narrow side, 0.5 x 1
        reference = {"shape": [str(self.picture(asset, side))]}
        assert asset.findings(self.RULE, job(references=reference)) == []
        strict = {self.RULE: RuleSetting(limit=0.9)}
        assert asset.findings(self.RULE, job(references=reference, rules=strict)) == []

    def test_alpha_counts_before_colour(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        pixels = np.random.default_rng(0).integers(0, 255, (128, 128, 4))
        pixels[..., 3] = np.where(self.disc(), 255, 0)
        path = asset.picture("cut.png", pixels)
        assert asset.findings(self.RULE, job(references={"shape": [str(path)]})) == []

    def test_a_busy_background_tells_nothing(self, asset: Any, job: Any, ball: trimesh.Trimesh) -> None:
        asset.tri(ball)
        path = asset.picture("busy.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3)))
        assert asset.findings(self.RULE, job(references={"shape": [str(path)]})) == []

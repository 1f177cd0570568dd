# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray


def textured(asset: Any, inputs: dict[str, Any], name: str = "paint") -> None:
    """A square with a material."""
    asset.material(name, inputs)
    points = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    asset.mesh(points, [[0, 1, 2, 3]], uv=[[0, 0], [1, 0], [1, 1], [0, 1]], material=name)


class TestMissing:
    RULE = "texture.missing"

    def test_there(self, asset: Any) -> None:
        textured(asset, {"diffuseColor": (asset.flat_picture("a.png", 16, 16), "sRGB")})
        assert asset.findings(self.RULE) == []

    def test_not_there(self, asset: Any) -> None:
        textured(asset, {"diffuseColor": (asset.folder / "gone.png", "sRGB")})
        (finding,) = asset.findings(self.RULE)
        assert "gone.png" in finding.message
        assert finding.severity == "error"

    @pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n" + b"\0" * 20])
    def test_does_not_decode(self, asset: Any, content: bytes) -> None:
        path = asset.folder / "broken.png"
        path.write_bytes(content)
        textured(asset, {"diffuseColor": (path, "sRGB")})
        assert len(asset.findings(self.RULE)) == 1

    def test_cut_off(self, asset: Any) -> None:
        path = asset.picture("cut.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3)))
        path.write_bytes(path.read_bytes()[:2000])
        textured(asset, {"diffuseColor": (path, "sRGB")})
        assert len(asset.findings(self.RULE)) == 1

    def test_a_bomb_is_refused_before_it_is_decoded(self, asset: Any) -> None:
        import struct
        import zlib

        def chunk(kind: bytes, content: bytes) -> bytes:
            return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

        header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)  # 14 GB decoded
        data = zlib.compress(b"\0" * 100_000)
        path = asset.folder / "bomb.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
        textured(asset, {"diffuseColor": (path, "sRGB")})
        assert len(asset.findings(self.RULE)) == 1


class TestSize:
    RULE = "texture.size"

    @pytest.mark.parametrize(
        ("width", "height", "told"),
        [(512, 512, False), (511, 511, True), (512, 128, False), (2048, 2048, False), (2049, 16, True)],
    )
    def test_the_range(self, asset: Any, width: int, height: int, told: bool) -> None:
        textured(asset, {"diffuseColor": (asset.flat_picture("a.png", width, height), "sRGB")})
        findings = asset.findings(self.RULE)
        assert bool(findings) is told
        if told:
            assert findings[0].measured == max(width, height)
            assert findings[0].fixable is (width > 2048)  # pixels that were never there cannot be made

    def test_one_colour_needs_no_pixels(self, asset: Any) -> None:
        textured(asset, {"diffuseColor": (asset.picture("one.png", np.full((4, 4, 3), 90)), "sRGB")})
        assert asset.findings(self.RULE) == []


class TestPowerOfTwo:
    RULE = "texture.power-of-two"

    def test_targets_that_do_not_care(self, asset: Any) -> None:
        textured(asset, {"diffuseColor": (asset.flat_picture("a.png", 500, 500), "sRGB")})
        assert asset.findings(self.RULE, "product-visual") == []


class TestColorSpace:
    RULE = "texture.color-space"

    @pytest.mark.parametrize(
        ("input_", "space", "channel", "told"),
        [
            ("diffuseColor", "sRGB", "rgb", False),
            ("diffuseColor", "auto", "rgb", False),
            ("diffuseColor", "raw", "rgb", True),
            ("normal", "raw", "rgb", False),
            ("normal", "sRGB", "rgb", True),
            ("normal", "auto", "rgb", True),  # eight bits and three channels: auto means sRGB
            ("roughness", "raw", "g", False),
            ("roughness", "sRGB", "g", True),
            ("opacity", "sRGB", "a", False),  # sRGB leaves alpha alone
        ],
    )
    def test_inputs(self, asset: Any, input_: str, space: str, channel: str, told: bool) -> None:
        pixels = np.random.default_rng(1).integers(0, 255, (16, 16, 4))
        textured(asset, {input_: (asset.picture("a.png", pixels), space, channel)})
        assert bool(asset.findings(self.RULE)) is told

    def test_auto_with_one_channel_is_raw(self, asset: Any) -> None:
        pixels = np.random.default_rng(1).integers(0, 255, (16, 16))
        textured(asset, {"roughness": (asset.picture("a.png", pixels), "auto", "r")})
        assert asset.findings(self.RULE) == []


class TestPbrSet:
    RULE = "texture.pbr-set"

    def test_all_four(self, asset: Any) -> None:
        a = asset.flat_picture("a.png", 8, 8)
        textured(
            asset, {"diffuseColor": (a, "sRGB"), "normal": (a, "raw"), "roughness": (a, "raw", "g"), "metallic": 0}
        )
        assert asset.findings(self.RULE) == []

    def test_constants_are_meant(self, asset: Any) -> None:
        textured(asset, {"diffuseColor": (0.5, 0.2, 0.1), "roughness": 0.4})
        assert asset.findings(self.RULE) == []

    def test_only_a_colour_map(self, asset: Any) -> None:
        textured(asset, {"diffuseColor": (asset.flat_picture("a.png", 8, 8), "sRGB")})
        (finding,) = asset.findings(self.RULE)
        assert finding.measured == 3
        assert "normal, roughness and metallic" in finding.message

    def test_no_material(self, asset: Any, job: Any) -> None:
        asset.mesh([[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 1, 2]])
        assert "no material" in asset.findings(self.RULE)[0].message
        assert asset.findings(self.RULE, job()) == []

    def test_a_job_that_wants_pictures(self, asset: Any, job: Any) -> None:
        textured(asset, {"diffuseColor": (0.5, 0.2, 0.1), "roughness": 0.4})
        assert "albedo texture" in asset.findings(self.RULE, job(needs={"textures": True}))[0].message


class TestAlbedoRange:
    RULE = "texture.albedo-range"

    @pytest.mark.parametrize(
        ("value", "told"), [(128, False), (30, False), (28, True), (243, False), (246, True), (0, True)]
    )
    def test_grey(self, asset: Any, value: int, told: bool) -> None:
        textured(asset, {"diffuseColor": (asset.picture("a.png", np.full((8, 8, 3), value)), "sRGB")})
        assert bool(asset.findings(self.RULE)) is told

    def test_only_used_texels_count(self, asset: Any) -> None:
        pixels = np.zeros((64, 64, 3))
        pixels[:, :32] = 120
        asset.material("paint", {"diffuseColor": (asset.picture("a.png", pixels), "sRGB")})
        points = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
        asset.mesh(points, [[0, 1, 2, 3]], uv=[[0, 0], [0.5, 0], [0.5, 1], [0, 1]], material="paint")
        assert asset.findings(self.RULE) == []


def painted_ball(asset: Any, colour: Any, bumps: float = 0.0) -> None:
    """A sphere laid out by longitude and latitude whose texels are `colour(normal, places)` as sRGB 0-255."""
    ball = trimesh.creation.uv_sphere(radius=0.5, count=[48, 96])
    ball.apply_transform(trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0]))
    n = ball.vertices / np.linalg.norm(ball.vertices, axis=1, keepdims=True)
    lon = np.arctan2(n[:, 0], n[:, 2])[ball.faces]
    lon = np.where(lon - lon.max(axis=1, keepdims=True) < -np.pi, lon + 2 * np.pi, lon)
    v = 1 - np.arccos(n[:, 1].clip(-1, 1)) / np.pi
    uv = np.stack([lon / (2 * np.pi) + 0.5, v[ball.faces]], -1).reshape(-1, 2)
    width, height = 512, 256
    phi = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    theta = (np.arange(height) + 0.5) / height * np.pi
    normal = np.stack(
        [
            np.sin(theta)[:, None] * np.sin(phi),
            np.broadcast_to(np.cos(theta)[:, None], (height, width)),
            np.sin(theta)[:, None] * np.cos(phi),
        ],
        -1,
    )
    pixels = colour(normal)
    asset.material("paint", {"diffuseColor": (asset.picture("albedo.png", pixels), "sRGB", "rgb", "repeat")})
    asset.mesh(ball.vertices, ball.faces, uv=uv, material="paint")


def encode(linear: NDArray) -> NDArray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055).clip(0, 1) * 255


class TestBakedLighting:
    RULE = "texture.baked-lighting"

    def noise(self) -> NDArray:
        from scipy.ndimage import gaussian_filter

        made = gaussian_filter(np.random.default_rng(3).normal(size=(256, 512)), 6, mode="wrap")
        return np.exp(0.35 * made / made.std())[..., None]

    def test_paint_without_light(self, asset: Any) -> None:
        painted_ball(asset, lambda n: encode(0.25 * self.noise() * np.array([1, 0.8, 0.6])))
        assert asset.findings(self.RULE) == []

    def test_a_key_light_in_the_paint(self, asset: Any) -> None:
        light = np.array([0.5, 0.7, 0.5]) / np.linalg.norm([0.5, 0.7, 0.5])

        def colour(n: NDArray) -> NDArray:
            shade = 0.15 + 0.85 * np.maximum(n @ light, 0)[..., None]
            return encode(0.4 * shade * self.noise() ** 0.5 * np.array([1, 0.8, 0.6]))

        painted_ball(asset, colour)
        (finding,) = asset.findings(self.RULE)
        assert finding.measured is not None
        assert finding.measured > 0.5
        assert "flat light" in finding.regenerate

    def test_two_colours_one_above_the_other_are_paint(self, asset: Any) -> None:
        def colour(n: NDArray) -> NDArray:
            top = n[..., 1:2] > 0
            return encode(self.noise() ** 0.4 * np.where(top, [0.05, 0.4, 0.05], [0.25, 0.1, 0.03]))

        painted_ball(asset, colour)
        assert asset.findings(self.RULE) == []

    def _grooves(self, asset: Any, shade: Any) -> list:
        """A sheet of parallel grooves; `shade` of the depth (0 ridge, 1 bottom) times lively paint of one hue."""
        from scipy.ndimage import gaussian_filter

        from tests.checks.conftest import grid

        points, faces, uv = grid(240, 60)
        wave = np.cos(2 * np.pi * 12 * points[:, 0])
        points[:, 2] = 0.03 * wave
        side = 512
        u = (np.arange(side) + 0.5) / side
        depth = (1 - np.cos(2 * np.pi * 12 * u)) / 2
        noise = gaussian_filter(np.random.default_rng(5).normal(size=(side, side)), 3, mode="wrap")
        paint = 0.3 * np.exp(0.25 * noise / noise.std())
        linear = paint * shade(depth)[None, :]
        asset.material(
            "paint", {"diffuseColor": (asset.picture("g.png", encode(linear[..., None] * np.ones(3))), "sRGB")}
        )
        asset.mesh(points, faces, uv=uv, material="paint")
        findings: list = asset.findings(self.RULE)
        return findings

    @pytest.mark.parametrize(
        ("shade", "told"),
        [
            (lambda depth: 1 - 0 * depth, False),
            (lambda depth: 1 - 0.06 * depth, False),
            (lambda depth: 1 - 0.3 * depth, True),
            (lambda depth: 0.7 + 0.3 * depth, False),  # brighter in creases: worn ridges painted dark, no light
        ],
    )
    def test_faint_occlusion_in_lively_paint(self, asset: Any, shade: Any, told: bool) -> None:
        # brightness varies by 25 %, occlusion by 11 % (standard deviations of the logarithm): R2 is about 0.15
        findings = self._grooves(asset, shade)
        assert bool(findings) is told
        if told:
            assert "creases" in findings[0].message

    def test_a_palette_is_paint_even_where_it_follows_the_normal(self, asset: Any) -> None:
        def colour(n: NDArray) -> NDArray:
            step = np.clip(np.floor((n[..., 1:2] + 1) * 3), 0, 5)  # six greys from below to above
            return encode(np.repeat(0.05 + 0.1 * step, 3, axis=2))

        painted_ball(asset, colour)
        assert asset.findings(self.RULE) == []

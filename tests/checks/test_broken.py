# SPDX-License-Identifier: Apache-2.0
"""Broken and hostile input: a finding or a clear error, in bounded time, never a crash."""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from pipeline.checks import Report, inspect
from pipeline.errors import GatesError

TRIANGLE = """
    point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    int[] faceVertexCounts = [3]
    int[] faceVertexIndices = [0, 1, 2]
"""


def usda(body: str, head: str = 'metersPerUnit = 1\nupAxis = "Y"') -> bytes:
    return f'#usda 1.0\n(\ndefaultPrim = "A"\n{head}\n)\n{body}\n'.encode()


def mesh(points: str = "(0,0,0),(1,0,0),(0,1,0)", counts: str = "3", indices: str = "0,1,2", more: str = "") -> bytes:
    return usda(
        f'def Mesh "A"\n{{\npoint3f[] points = [{points}]\nint[] faceVertexCounts = [{counts}]\n'
        f"int[] faceVertexIndices = [{indices}]\n{more}\n}}"
    )


def textured(file: str) -> bytes:
    return usda(f"""
def Mesh "A" (
    prepend apiSchemas = ["MaterialBindingAPI"]
)
{{{TRIANGLE}
    texCoord2f[] primvars:st = [(0, 0), (1, 0), (0, 1)] (
        interpolation = "vertex"
    )
    rel material:binding = </A/M>
    def Material "M"
    {{
        token outputs:surface.connect = </A/M/s.outputs:surface>
        def Shader "s"
        {{
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor.connect = </A/M/t.outputs:rgb>
            token outputs:surface
        }}
        def Shader "t"
        {{
            uniform token info:id = "UsdUVTexture"
            asset inputs:file = @{file}@
            float3 outputs:rgb
        }}
    }}
}}""")


def glb(count: int) -> bytes:
    """A GLB whose accessor announces `count` positions and has three."""
    text = json.dumps({
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}], "buffers": [{"byteLength": 36}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": count, "type": "VEC3"}],
    }).encode()  # fmt: skip
    text += b" " * (-len(text) % 4)
    head = b"glTF" + struct.pack("<II", 2, 12 + 8 + len(text) + 8 + 36)
    return head + struct.pack("<I", len(text)) + b"JSON" + text + struct.pack("<I", 36) + b"BIN\0" + b"\0" * 36


def ply(vertices: int) -> bytes:
    return (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {vertices}\nproperty float x\nproperty float y\n"
        f"property float z\nelement face {vertices}\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode() + b"\0" * 100


#: file -> a rule that must find it, or what the error must say
CASES: dict[str, tuple[bytes, str]] = {
    "empty.usda": (b"", "error"),
    "empty.usdc": (b"", "error"),
    "empty.usdz": (b"", "error"),
    "empty.obj": (b"", "error"),
    "empty.glb": (b"", "error"),
    "nothing.usda": (b"#usda 1.0\n", "geometry.invalid"),
    "cut.usda": (mesh()[:120], "error"),
    "junk.usdc": (b"PXR-USDC" + bytes([0, 8, 0, 0, 0, 0, 0, 0]) + b"\xff" * 8 + b"\0" * 1000, "error"),
    "zip.usdz": (b"PK\x03\x04" + b"\0" * 100, "error"),
    "nan.usda": (mesh(points="(nan,0,0),(1,0,0),(0,1,0)"), "geometry.invalid"),
    "inf.usda": (mesh(points="(inf,0,0),(1,0,0),(0,1,0)"), "geometry.invalid"),
    "huge.usda": (mesh(points="(1e38,0,0),(-1e38,0,0),(0,1e38,0)"), "geometry.invalid"),
    "no-faces.usda": (mesh(counts="", indices=""), "geometry.invalid"),
    "counts.usda": (mesh(counts="3,2000000000,-5"), "geometry.invalid"),
    "indices.usda": (mesh(counts="3,3", indices="0,1,2,2147483647,-2147483648,1"), "geometry.invalid"),
    "words.usda": (
        usda('def Mesh "A"\n{\nstring points = "x"\nfloat[] faceVertexCounts = [3]\ntoken faceVertexIndices = "a"\n}'),
        "geometry.invalid",
    ),
    "denormal.usda": (mesh(points="(1e-42,0,0),(0,1e-42,0),(0,0,1e-42)"), "scale.implausible"),
    "one-point.usda": (mesh(points="(1,1,1)", indices="0,0,0"), "geometry.degenerate-faces"),
    "uv-nan.usda": (
        mesh(more='texCoord2f[] primvars:st = [(nan,0),(1e38,0),(0,-inf)] (\ninterpolation = "vertex"\n)'),
        "uv.out-of-range",
    ),
    "cyclic-layers.usda": (usda("", "subLayers = [@./cyclic-layers.usda@]"), "usd.CompositionErrorTest"),
    "cyclic-arcs.usda": (
        usda(f'def Mesh "A" (\nreferences = @./cyclic-arcs.usda@\n)\n{{{TRIANGLE}}}'),
        "usd.CompositionErrorTest",
    ),
    "flat-scale.usda": (
        usda(f'def Xform "A"\n{{\ndouble3 xformOp:scale = (0,0,0)\nuniform token[] xformOpOrder = ["xformOp:scale"]\n'
             f'def Mesh "m"\n{{{TRIANGLE}}}\n}}'),
        "scale.implausible",
    ),
    "deep.usda": (usda('def Xform "A"\n{\n' + 'def Xform "p"\n{\n' * 1500 + "}\n" * 1501), "geometry.invalid"),
    "gone.usda": (textured("./gone.png"), "texture.missing"),
    "device.usda": (textured("/dev/zero"), "texture.missing"),
    "folder.usda": (textured("./"), "texture.missing"),
    "pipe.usda": (textured("./pipe.png"), "texture.missing"),
    "bomb.usda": (textured("./bomb.png"), "texture.missing"),
    "billion.ply": (ply(10**9), "error"),
    "billion.stl": (b"\0" * 80 + struct.pack("<I", 10**9) + b"\0" * 50, "error"),
    "billion.glb": (glb(10**9), "error"),
    "billion.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 1000000000\n", "error"),
    "nan.obj": (b"v nan 0 0\nv 0 1 0\nv 1 0 0\nf 1 2 3\n", "any"),
    "words.xyz": (b"hello", "error"),
}  # fmt: skip


def bomb() -> bytes:
    """A PNG of some kilobytes that holds 2.7 GB of pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    pack = zlib.compressobj(9)
    data = b"".join(pack.compress(b"\0" * (1 << 20)) for _ in range(64)) + pack.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def judged(path: Path) -> Report | GatesError:
    """A report or an error of ours; anything else fails the test. A minute of this process is more than bounded."""
    started = time.process_time()
    try:
        result: Report | GatesError = inspect(path)
    except GatesError as error:
        result = error
    assert time.process_time() - started < 60
    return result


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_is_a_finding_or_a_clear_error(name: str, tmp_path: Path) -> None:
    content, wanted = CASES[name]
    (tmp_path / name).write_bytes(content)
    if name == "pipe.usda":
        os.mkfifo(tmp_path / "pipe.png")
    if name == "bomb.usda":
        (tmp_path / "bomb.png").write_bytes(bomb())
    result = judged(tmp_path / name)
    if isinstance(result, GatesError):
        assert wanted in ("error", "any")
        assert str(result).strip()
        assert name in str(result)
    else:
        assert not result.errors  # no rule broke
        assert result.verdict in ("revise", "reject")
        assert wanted == "any" or wanted in {f.rule for f in result.findings}
        json.loads(result.model_dump_json())  # no number that JSON cannot hold


def test_ten_thousand_materials(tmp_path: Path) -> None:
    one = 'def Material "M{0}"\n{{\ntoken outputs:surface\n}}\n'
    body = f'def Xform "A"\n{{\ndef Mesh "m"\n{{{TRIANGLE}}}\n' + "".join(one.format(i) for i in range(10_000)) + "}"
    (tmp_path / "many.usda").write_bytes(usda(body))
    result = judged(tmp_path / "many.usda")
    assert isinstance(result, Report)
    assert not result.errors


@pytest.mark.long
def test_a_great_many_tiny_prims(tmp_path: Path) -> None:
    """Cost per prim stays flat: ten times as many take about ten times as long."""
    spent = {}
    for many in (4_000, 40_000):
        body = 'def Xform "A"\n{\n' + "".join(f'def Xform "p{i}"\n{{\n}}\n' for i in range(many)) + "}"
        (tmp_path / f"{many}.usda").write_bytes(usda(body))
        started = time.process_time()
        assert isinstance(judged(tmp_path / f"{many}.usda"), Report)
        spent[many] = time.process_time() - started
    assert spent[40_000] < 60 * max(spent[4_000], 0.2)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Small sound files of each format, by extension."""
    from pxr import Sdf

    folder = tmp_path_factory.mktemp("sound")
    ball = trimesh.creation.icosphere(1)
    files: dict[str, bytes] = {}
    for suffix in ("obj", "ply", "stl", "glb"):
        ball.export(folder / f"a.{suffix}")
        files[suffix] = (folder / f"a.{suffix}").read_bytes()
    files["usda"] = textured("./a.png")
    layer = Sdf.Layer.CreateAnonymous(".usda")
    layer.ImportFromString(files["usda"].decode())
    layer.Export(str(folder / "a.usdc"))
    files["usdc"] = (folder / "a.usdc").read_bytes()
    return files


def damaged(content: bytes, seed: int) -> bytes:
    """Bytes changed, cut out, doubled, or numbers made large."""
    random = np.random.default_rng(seed)
    data = bytearray(content)
    for _ in range(int(random.integers(1, 6))):
        at = int(random.integers(len(data)))
        kind = int(random.integers(5))
        if kind == 0:
            data[at] = int(random.integers(256))
        elif kind == 1:
            del data[at : at + int(random.integers(1, 40))]
        elif kind == 2:
            data[at:at] = data[at : at + int(random.integers(1, 40))]
        elif kind == 3:
            data[at : at + 4] = struct.pack("<I", int(random.choice([0, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000, 10**9])))
        else:
            data[at:] = b""
        if not data:
            break
    return bytes(data)


def _fuzz(sound: dict[str, bytes], suffix: str, seeds: range, folder: Path, check: Callable[[Any], None]) -> None:
    for seed in seeds:
        path = folder / f"f{seed}.{suffix}"
        path.write_bytes(damaged(sound[suffix], seed))
        check(judged(path))


def _no_rule_broke(result: Any) -> None:
    if isinstance(result, Report):
        assert not result.errors
        json.loads(result.model_dump_json())


@pytest.mark.parametrize("suffix", ["obj", "ply", "stl", "glb", "usda", "usdc"])
def test_damaged_files(sound: dict[str, bytes], suffix: str, tmp_path: Path) -> None:
    _fuzz(sound, suffix, range(3), tmp_path, _no_rule_broke)


@pytest.mark.long
@pytest.mark.parametrize("suffix", ["obj", "ply", "stl", "glb", "usda", "usdc"])
def test_many_damaged_files(sound: dict[str, bytes], suffix: str, tmp_path: Path) -> None:
    _fuzz(sound, suffix, range(100, 120), tmp_path, _no_rule_broke)


@pytest.mark.parametrize("seed", [1070, 1198, 1243])
def test_damage_that_once_broke_a_reader(sound: dict[str, bytes], seed: int, tmp_path: Path) -> None:
    """Values outside the file, an axis without a name, properties without one: found by longer runs."""
    _fuzz(sound, "usdc", range(seed, seed + 1), tmp_path, _no_rule_broke)

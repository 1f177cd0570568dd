# SPDX-License-Identifier: Apache-2.0
"""Mutated files kill nothing and leave nothing behind. The seeds are the test's parameters."""

from __future__ import annotations

import io
import os
import struct
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import trimesh
from pxr import Usd, UsdUtils

from pipeline import sandbox
from pipeline.errors import ImportRefused, SandboxLimit
from pipeline.importers import import_file
from pipeline.sandbox import client

DATA = Path(__file__).parents[1] / "data"
LIMITS = sandbox.Limits(memory=1 << 30, cpu=10, wall=20)
KINDS = ("glb", "gltf", "obj", "mtl", "stl", "ply", "usda", "usdc", "usdz", "png", "jpg", "exr", "fbx")
PICTURES = ("png", "jpg", "exr")
#: mutations of each kind: 385 times 13 is a little over 5,000
LONG, SHORT = 385, 6
_EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Bits flipped, numbers made extreme, pieces cut, doubled, moved or made random.

    Every second one is gentle: a few bytes changed in place, so that most of the file is still well-formed.
    """
    out = bytearray(data)
    gentle = rng.random() < 0.5
    for _ in range(int(rng.integers(1, 4 if gentle else 9))):
        if not out:
            break
        everywhere = gentle or rng.random() < 0.6
        at = int(rng.integers(len(out))) if everywhere else int(rng.integers(min(len(out), 400)))
        span = int(rng.integers(1, 64))
        match int(rng.integers(3 if gentle else 7)):
            case 0:
                out[at] ^= 1 << int(rng.integers(8))
            case 1:
                out[at : at + 4] = struct.pack("<I", _EXTREMES[int(rng.integers(len(_EXTREMES)))])
            case 2:
                out[at] = int(rng.integers(256))
            case 3:
                del out[at : at + span]
            case 4:
                out[at:at] = out[at : at + span]
            case 5:
                out[at : at + span] = rng.bytes(span)
            case 6:
                if rng.random() < 0.3:
                    del out[at:]
                else:
                    there = int(rng.integers(len(out)))
                    out[at : at + span] = out[there : there + span]
    return bytes(out)


def picture(path: Path) -> bytes:
    rng = np.random.default_rng(5)
    out = oiio.ImageOutput.create(str(path))
    out.open(str(path), oiio.ImageSpec(24, 16, 3, "half" if path.suffix == ".exr" else "uint8"))
    out.write_image(rng.random((16, 24, 3), np.float32))
    out.close()
    return path.read_bytes()


@pytest.fixture
def bases(tmp_path: Path, glb: Any) -> dict[str, bytes]:
    """One good file of each kind, small and with much in it."""
    found = {kind: picture(tmp_path / f"made.{kind}") for kind in PICTURES}
    ball = trimesh.creation.icosphere(subdivisions=1)
    glb.add("images", bufferView=glb.view(found["png"]), mimeType="image/png")
    glb.add("textures", source=0)
    glb.add("materials", name="m", pbrMetallicRoughness={"baseColorTexture": {"index": 0}}, normalTexture={"index": 0})
    n = len(ball.vertices)
    attributes = {
        "TEXCOORD_0": glb.accessor(ball.vertices[:, :2]), "NORMAL": glb.accessor(ball.vertices),
        "JOINTS_0": glb.accessor(np.zeros((n, 4)), "u1"), "WEIGHTS_0": glb.accessor(np.tile([1, 0, 0, 0], (n, 1))),
    }  # fmt: skip
    joint = glb.node(name="joint", translation=[0, 1, 0])
    skin = glb.add("skins", joints=[joint], inverseBindMatrices=glb.accessor(np.eye(4).reshape(1, 16)))
    target = [{"POSITION": glb.accessor(ball.vertices)}]
    glb.node(
        name="ball",
        mesh=glb.mesh(ball.vertices, ball.faces, attributes=attributes, material=0, targets=target),
        skin=skin,
    )
    moves = {"input": glb.accessor([0, 1]), "output": glb.accessor([[0, 0, 0], [1, 1, 1]])}
    glb.add("animations", samplers=[moves], channels=[{"sampler": 0, "target": {"node": joint, "path": "translation"}}])
    found["glb"] = glb.bytes()
    (tmp_path / "made.glb").write_bytes(found["glb"])
    found["gltf"] = trimesh.Scene(ball).export(file_type="gltf", embed_buffers=True)["model.gltf"]
    found["mtl"] = (
        b"newmtl m\nKd 0.5 0.5 0.5\nNs 20\nPr 0.5\nmap_Kd -s 1 2 3 made.png\nmap_Bump -bm 1 made.png\nd 0.5\nKe 1 1 1\n"
    )
    found["obj"] = b"mtllib made.mtl\no part\nusemtl m\n" + ball.export(file_type="obj").encode()
    found["stl"], found["ply"] = ball.export(file_type="stl"), ball.export(file_type="ply")
    import_file(tmp_path / "made.glb", tmp_path / "package")
    stage = Usd.Stage.Open(str(tmp_path / "package/payload.usdc"))
    found["usdc"] = (tmp_path / "package/payload.usdc").read_bytes()
    stage.GetRootLayer().Export(str(tmp_path / "package/made.usda"))
    found["usda"] = (tmp_path / "package/made.usda").read_bytes()
    UsdUtils.CreateNewUsdzPackage(str(tmp_path / "package/made.usda"), str(tmp_path / "made.usdz"))
    found["usdz"] = (tmp_path / "made.usdz").read_bytes()
    for fbx in sorted(DATA.rglob("*.fbx"))[:1]:
        found["fbx"] = fbx.read_bytes()
    return found


def try_one(kind: str, data: bytes, bases: dict[str, bytes]) -> str:
    """Read one mutated file in a folder of its own; the outcome, after looking for leftovers."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        home = Path(folder, "in")
        home.mkdir()
        (home / "made.png").write_bytes(bases["png"])
        (home / "made.mtl").write_bytes(data if kind == "mtl" else bases["mtl"])
        path = home / f"file.{'obj' if kind == 'mtl' else kind}"
        path.write_bytes(bases["obj"] if kind == "mtl" else data)
        before = sorted(p.name for p in home.iterdir())
        out = Path(folder, "out")
        try:
            if kind in PICTURES:
                sandbox.check_image(path)
            else:
                report = import_file(path, out, limits=LIMITS)
                stage = Usd.Stage.Open(str(out / report.layer))  # what was accepted opens here
                assert stage.GetDefaultPrim()
                assert not stage.GetCompositionErrors()
            outcome = "read"
        except SandboxLimit:
            outcome = "limit"
        except ImportRefused:
            outcome = "refused"
        assert sorted(p.name for p in home.iterdir()) == before
        left = {p.name for p in Path(folder).iterdir()} - {"in"}
        assert left == ({"out"} if outcome == "read" and kind not in PICTURES else set())
        return outcome


def mutations(kind: str, base: bytes, count: int) -> Iterator[bytes]:
    for seed in range(count):
        rng = np.random.default_rng([KINDS.index(kind), seed])
        yield mutate_inside(base, rng) if kind == "usdz" and seed % 2 else mutate(base, rng)


def mutate_inside(base: bytes, rng: np.random.Generator) -> bytes:
    """An archive that is whole, with one of its files mutated: checksums do not save the reader."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(base)) as old, zipfile.ZipFile(buffer, "w") as new:
        names = old.namelist()
        victim = names[0] if rng.random() < 0.8 else names[int(rng.integers(len(names)))]
        for name in names:
            new.writestr(name, mutate(old.read(name), rng) if name == victim else old.read(name))
    return buffer.getvalue()


def run(kind: str, bases: dict[str, bytes], count: int, workers: int) -> Counter[str]:
    if kind not in bases:
        pytest.skip("no such file to start from")
    assert try_one(kind, bases[kind], bases) == "read"
    with ThreadPoolExecutor(workers) as pool:
        return Counter(pool.map(lambda data: try_one(kind, data, bases), mutations(kind, bases[kind], count)))


@pytest.fixture
def nothing_left() -> Iterator[Callable[[], None]]:
    before = set(Path(tempfile.gettempdir()).glob("fuzz-*"))

    def check() -> None:
        assert set(Path(tempfile.gettempdir()).glob("fuzz-*")) <= before
        server = client._host.process
        assert server is not None
        assert server.poll() is None, "the fork server died"
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert children == []

    yield check


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_mutations(kind: str, bases: dict[str, bytes], nothing_left: Callable[[], None]) -> None:
    outcomes = run(kind, bases, SHORT, 1)
    assert outcomes.total() == SHORT
    nothing_left()


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_five_thousand_mutations(kind: str, bases: dict[str, bytes], nothing_left: Callable[[], None]) -> None:
    outcomes = run(kind, bases, LONG, min(2, os.cpu_count() or 1))
    print(kind, dict(outcomes))
    assert outcomes.total() == LONG
    assert outcomes["refused"] > 0 or kind == "mtl"  # a bad material library is a loss
    nothing_left()

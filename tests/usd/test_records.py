# SPDX-License-Identifier: Apache-2.0
"""Records are typed prims: what is authored is what is read, and stock USD keeps it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom

from pipeline.project.memory import Memory
from pipeline.usd.colour import ciede2000, from_oklab, linear_of_hex, saturation, to_lab, to_linear, to_oklab, to_srgb
from pipeline.usd.digest import subtree_digest
from pipeline.usd.records import valid_name
from pipeline.usd.schemas import RECORDS, register


def test_a_record_is_read_as_it_was_written() -> None:
    register()
    stage = Usd.Stage.CreateInMemory()
    memory = Memory(kind="scale", text="market stall", height=(2.5, 2.7), palette=[(0.25, 0.5, 1.0)])
    prim = memory.author(stage, "/Project/Memory/stalls")
    assert prim.GetTypeName() == "GatesMemory"
    assert Memory.read(prim) == memory
    assert Memory.find(stage, "/Project/Memory/nothing") is None


def test_a_fallback_is_the_schemas_own() -> None:
    register()
    stage = Usd.Stage.CreateInMemory()
    assert Memory.read(stage.DefinePrim("/m", "GatesMemory")).kind == "style"


def test_stock_usd_keeps_the_values_of_types_it_does_not_know(tmp_path: Path) -> None:
    register()
    stage = Usd.Stage.CreateNew(str(tmp_path / "m.usda"))
    Memory(kind="banned", text="plastic").author(stage, "/m")
    stage.Save()
    code = (
        "import sys\nfrom pxr import Usd\ns = Usd.Stage.Open(sys.argv[1])\n"
        "print(s.GetPrimAtPath('/m').GetAttribute('gates:text').Get())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path / "m.usda")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "plastic"


def test_schemas_are_registered_too_late_is_an_error() -> None:
    code = (
        "from pxr import Usd\nUsd.Stage.CreateInMemory()\nUsd.SchemaRegistry()\n"
        "from pipeline.usd.schemas import register\n"
        "from pipeline.errors import StageError\n"
        "try:\n    register()\nexcept StageError as e:\n    print('told:', e)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "told:" in done.stdout


def test_every_record_type_is_in_the_schema() -> None:
    register()
    registry = Usd.SchemaRegistry()
    assert all(registry.FindConcretePrimDefinition(name) for name in RECORDS)


@pytest.mark.parametrize(
    ("text", "name"), [("market stall", "market_stall"), ("9 lives", "_9_lives"), ("", "unnamed"), ("Käse", "Käse")]
)
def test_any_text_becomes_a_prim_name(text: str, name: str) -> None:
    assert valid_name(text) == name


def box(stage: Usd.Stage, size: float = 1.0) -> Usd.Prim:
    root = UsdGeom.Xform.Define(stage, "/a")
    mesh = UsdGeom.Mesh.Define(stage, "/a/m")
    mesh.CreatePointsAttr([(0, 0, 0), (size, 0, 0), (0, size, 0)])
    return root.GetPrim()


def test_a_digest_follows_what_is_composed_and_not_where_it_is_said() -> None:
    one, two = Usd.Stage.CreateInMemory(), Usd.Stage.CreateInMemory()
    first = subtree_digest(box(one))
    over = Usd.Stage.CreateInMemory()
    box(over)
    two.GetRootLayer().subLayerPaths = [over.GetRootLayer().identifier]
    assert subtree_digest(two.GetPrimAtPath("/a")) == first
    other = Usd.Stage.CreateInMemory()
    assert subtree_digest(box(other, 1.0001)) != first
    UsdGeom.Xformable(one.GetPrimAtPath("/a")).AddTranslateOp().Set(Gf.Vec3d(1, 2, 3))
    assert subtree_digest(one.GetPrimAtPath("/a")) == first  # its placement is no part of it
    UsdGeom.Xformable(one.GetPrimAtPath("/a/m")).AddTranslateOp().Set(Gf.Vec3d(1, 2, 3))
    assert subtree_digest(one.GetPrimAtPath("/a")) != first


def test_ciede2000_against_the_published_pairs() -> None:
    """Sharma, Wu, Dalal, The CIEDE2000 Color-Difference Formula (2005), table 1: pairs 1, 7, 13, 17, 25, 34."""
    pairs = [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, -0.001, 2.49), (50.0, 0.0011, -2.49), 4.7461),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for a, b, expected in pairs:
        assert float(ciede2000(np.array(a), np.array(b))) == pytest.approx(expected, abs=1e-4)


def test_colour_spaces_are_inverse_and_hit_known_points() -> None:
    grid = np.linspace(0, 1, 9)
    colours = np.stack(np.meshgrid(grid, grid, grid), -1).reshape(-1, 3)
    assert np.allclose(to_linear(to_srgb(colours)), colours, atol=1e-9)
    assert np.allclose(from_oklab(to_oklab(colours)), colours, atol=1e-6)
    assert np.allclose(to_lab(np.ones(3)), (100, 0, 0), atol=0.02)  # the white point
    assert np.allclose(to_oklab(np.ones(3)), (1, 0, 0), atol=1e-6)
    assert saturation(np.array([1.0, 0.5, 0.5])) == pytest.approx(0.5)
    assert linear_of_hex("#ff8000")[0] == 1.0
    assert linear_of_hex("#ff8000")[1] == pytest.approx(0.2158605, abs=1e-6)  # 128/255 by IEC 61966-2-1

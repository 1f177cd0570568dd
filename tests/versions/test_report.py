# SPDX-License-Identifier: Apache-2.0
"""What a diff tells: by element for programs, by prim and briefly for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from pxr import Sdf, Usd, UsdGeom, Vt

from pipeline.project import Project
from pipeline.project.sheet import draw_sheet
from pipeline.versions.diff import Diff, compare
from pipeline.versions.report import lines
from pipeline.versions.views import StackView

Layer = Callable[[str], Sdf.Layer]


def diff(a: Sdf.Layer, b: Sdf.Layer) -> Diff:
    return compare(StackView((a,), ("a",), "a"), StackView((b,), ("b",), "b"))


def text(found: Diff) -> list[str]:
    return [f"{sign} {line.strip()}" for sign, line in lines(found)]


def test_a_moved_point_is_told_by_extent(layer_of: Layer) -> None:
    a, b = layer_of('def Mesh "m"\n{\n}'), layer_of('def Mesh "m"\n{\n}')
    points = Vt.Vec3fArray(1000)
    for layer in (a, b):
        Sdf.AttributeSpec(layer.GetPrimAtPath("/m"), "points", Sdf.ValueTypeNames.Point3fArray).default = points
        points[7] = (0, 0.25, 0)
    found = diff(a, b)
    (change,) = found.changed
    assert change.extent == "1 of 1,000 differ, at most by 0.25, within (0, 0.25, 0) … (0, 0.25, 0)"
    assert f"~ points: {change.extent}" in text(found)
    told = json.loads(found.model_dump_json())["changed"][0]
    assert told["new"] == {"array": "Vec3fArray", "length": 1000, "min": [0, 0, 0], "max": [0, 0.25, 0]}


def test_samples_are_told_by_time(layer_of: Layer) -> None:
    a = layer_of('def "x"\n{\n    double n.timeSamples = {\n        0: 1,\n        1: 2,\n        2: 3,\n    }\n}')
    b = layer_of('def "x"\n{\n    double n.timeSamples = {\n        0: 1,\n        1: 9,\n        3: 4,\n    }\n}')
    (change,) = diff(a, b).changed
    assert change.old == {1.0: 2.0, 2.0: 3.0}
    assert change.new == {1.0: 9.0, 3.0: 4.0}


def test_list_operations_are_told_by_item(layer_of: Layer) -> None:
    a = layer_of('def "x" (prepend references = [@./a.usd@, @./b.usd@])\n{\n}')
    b = layer_of('def "x" (prepend references = [@./a.usd@, @./c.usd@</C> (offset = 3)])\n{\n}')
    (change,) = diff(a, b).changed
    assert change.elements == ["- prepended @./b.usd@", "+ prepended @./c.usd@</C> (offset 3, scale 1)"]


def test_dictionaries_are_told_by_key(layer_of: Layer) -> None:
    a = layer_of('def "x" (customData = {\n    int k = 1\n    dictionary d = {\n        int e = 2\n    }\n})\n{\n}')
    b = layer_of('def "x" (customData = {\n    int k = 1\n    dictionary d = {\n        int e = 5\n    }\n})\n{\n}')
    (change,) = diff(a, b).changed
    assert (change.field, change.old, change.new) == ("customData:d:e", 2, 5)


def test_a_new_prim_is_one_line(layer_of: Layer) -> None:
    found = diff(
        layer_of('def "w"\n{\n}'),
        layer_of('def "w"\n{\n    def "n"\n    {\n        int a\n        def "c"\n        {\n        }\n    }\n}'),
    )
    assert found.added == ["/w/n", "/w/n.a", "/w/n/c"]
    assert text(found) == ["+ /w/n  (1 prim, 1 property)", "@ 3 added"]


def test_long_diffs_are_cut(layer_of: Layer) -> None:
    many = "\n".join(f'def "p{i}"\n{{\n}}' for i in range(50))
    rows = list(lines(diff(layer_of(""), layer_of(many)), most=10))
    assert len(rows) == 11
    assert "40 more changes" in rows[-1][1]


def test_unselected_variants_are_seen(layer_of: Layer) -> None:
    base = """
def "x" (
    prepend variantSets = "v"
)
{
    variantSet "v" = {
        "a" {
        }
        "b" {
            int n = %d
        }
    }
}
"""
    (change,) = diff(layer_of(base % 1), layer_of(base % 2)).changed
    assert change.path == "/x{v=b}.n"


def test_a_sheet_shows_both_sides(project: Project, tmp_path: Path) -> None:
    with project.edit() as stage:
        UsdGeom.Cube.Define(stage, "/World/Set/stays")
    project.commit("one")
    before = project.open_stage("main")
    with project.edit() as stage:
        cube = UsdGeom.Cube.Define(stage, "/World/Set/comes")
        UsdGeom.XformCommonAPI(cube).SetTranslate((4, 0, 0))
    project.commit("two")
    after = project.open_stage("main")
    found = project.diff(project.log()[1].id, "main")
    out = draw_sheet(before, after, found, tmp_path / "sheet.png", size=(160, 120))
    from pipeline.render.picture import read

    pixels = read(out)
    third = pixels.shape[1] // 3
    green = (pixels[..., 1] > pixels[..., 0] + 0.3) & (pixels[..., 1] > pixels[..., 2] + 0.3)
    assert not green[:, :third].any(), "what came is not framed on the old side"
    assert green[:, third : 2 * third].any(), "but on the new one"
    assert Usd.Stage.Open(before.GetRootLayer()).GetPrimAtPath("/World/Set/stays")

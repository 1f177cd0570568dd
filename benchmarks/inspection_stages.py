# SPDX-License-Identifier: Apache-2.0
"""Inspection of stages of very many prims: CPU seconds and peak memory of one `gates inspect`, and what a floor costs.

    python benchmarks/inspection_stages.py [CASE[:COUNT]]… [--keep FOLDER]

Each case is a stage of one kind, written once and inspected by a process of its own. Beside it, in the same run and
each in a process of its own as well:

* floor: usd-core opens the stage and fetches points, counts and indices of every mesh, nothing else;
* usd: USD's own validators on the opened stage.

`ratio` is the inspection by the sum of the two, which is what any tool pays that looks at everything once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

POINTS = "point3f[] points = [(0,0,0),({0},0,0),({0},1,0),(0,1,0),(0,0,1),({0},0,1),({0},1,1),(0,1,1)]\n"
FACES = """int[] faceVertexCounts = [4,4,4,4,4,4]
int[] faceVertexIndices = [0,3,2,1,4,5,6,7,0,1,5,4,1,2,6,5,2,3,7,6,3,0,4,7]
uniform token subdivisionScheme = "none"
"""
CUBE = POINTS.format(1) + FACES
HEAD = '#usda 1.0\n(\ndefaultPrim = "Asset"\nmetersPerUnit = 1\nupAxis = "Y"\n)\n'


def _written(folder: Path, text: Any) -> Path:
    """A crate of lines of text."""
    from pxr import Sdf

    plain = folder / "stage.usda"
    with plain.open("w") as out:
        out.write(HEAD)
        for part in text:
            out.write(part)
    layer = Sdf.Layer.FindOrOpen(str(plain))
    layer.Export(str(folder / "stage.usdc"))
    plain.unlink()
    return folder / "stage.usdc"


def tiny_meshes(folder: Path, count: int) -> Path:
    """Boxes of eight points, no two alike, a thousand beneath each group."""

    def lines() -> Any:
        yield 'def Xform "Asset" (\nkind = "component"\n)\n{\n'
        for i in range(count):
            if i % 1000 == 0:
                yield f'def Xform "g{i // 1000}"\n{{\n'
            x, y, z = i % 100 * 2, i // 10000 * 2, i // 100 % 100 * 2
            yield f'def Mesh "m{i}"\n{{\n{POINTS.format(1 + i / count / 2)}{FACES}'
            yield f"double3 xformOp:translate = ({x},{y},{z})\n"
            yield 'uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n'
            if i % 1000 == 999 or i == count - 1:
                yield "}\n"
        yield "}\n"

    return _written(folder, lines())


def scopes(folder: Path, count: int) -> Path:
    """Prims that hold nothing."""

    def lines() -> Any:
        yield f'def Xform "Asset"\n{{\ndef Mesh "m"\n{{\n{CUBE}}}\n'
        for i in range(count):
            if i % 1000 == 0:
                yield f'def Scope "g{i // 1000}"\n{{\n'
            yield f'def Scope "s{i}"\n{{\n}}\n'
            if i % 1000 == 999 or i == count - 1:
                yield "}\n"
        yield "}\n"

    return _written(folder, lines())


def deep(folder: Path, count: int) -> Path:
    """One prim in another, the mesh at the end."""
    return _written(
        folder,
        ['def Xform "Asset"\n{\n', 'def Xform "p"\n{\n' * count, f'def Mesh "m"\n{{\n{CUBE}}}\n', "}\n" * (count + 1)],
    )


def native(folder: Path, count: int) -> Path:
    """Native instances of fifty prototypes."""

    def lines() -> Any:
        for k in range(50):
            yield f'class Xform "p{k}"\n{{\ndef Mesh "m"\n{{\n{CUBE}}}\n}}\n'
        yield 'def Xform "Asset"\n{\n'
        for i in range(count):
            yield f'def Xform "i{i}" (\ninstanceable = true\nreferences = </p{i % 50}>\n)\n{{\n'
            yield f"double3 xformOp:translate = ({i % 300 * 2},0,{i // 300 * 2})\n"
            yield 'uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n'
        yield "}\n"

    return _written(folder, lines())


def swarm(folder: Path, count: int) -> Path:
    """A point instancer of two prototypes."""
    import numpy as np
    from pxr import Usd, UsdGeom, Vt

    path = folder / "stage.usdc"
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, "Y")
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Asset").GetPrim())
    made = UsdGeom.PointInstancer.Define(stage, "/Asset/swarm")
    for k in range(2):
        UsdGeom.Cube.Define(stage, f"/Asset/swarm/p{k}")
        made.CreatePrototypesRel().AddTarget(f"/Asset/swarm/p{k}")
    places = np.random.default_rng(0).random((count, 3), np.float32) * 1000
    made.CreatePositionsAttr(Vt.Vec3fArray.FromNumpy(places))
    made.CreateProtoIndicesAttr(Vt.IntArray.FromNumpy((np.arange(count) % 2).astype(np.int32)))
    stage.Save()
    return path


def materials(folder: Path, count: int) -> Path:
    """As many materials, each on a mesh of its own, each with a picture of its own."""
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(60, 200, (16, 16, 3), np.uint8)
    (folder / "t").mkdir()

    def lines() -> Any:
        yield 'def Xform "Asset"\n{\n'
        for i in range(count):
            pixels[0, 0] = i % 256, i // 256 % 256, 0
            Image.fromarray(pixels).save(folder / "t" / f"{i}.png")
            yield (
                f'def Mesh "m{i}" (\nprepend apiSchemas = ["MaterialBindingAPI"]\n)\n{{\n{CUBE}'
                f"texCoord2f[] primvars:st = [{','.join(['(0,0),(1,0),(1,1),(0,1)'] * 6)}] "
                '(\ninterpolation = "faceVarying"\n)\n'
                f"rel material:binding = </Asset/M{i}>\n}}\n"
                f'def Material "M{i}"\n{{\ntoken outputs:surface.connect = </Asset/M{i}/s.outputs:surface>\n'
                f'def Shader "s"\n{{\nuniform token info:id = "UsdPreviewSurface"\n'
                f"color3f inputs:diffuseColor.connect = </Asset/M{i}/t.outputs:rgb>\ntoken outputs:surface\n}}\n"
                f'def Shader "t"\n{{\nuniform token info:id = "UsdUVTexture"\nasset inputs:file = @./t/{i}.png@\n'
                "float3 outputs:rgb\n}\n}\n"
            )
        yield "}\n"

    return _written(folder, lines())


def subsets(folder: Path, count: int) -> Path:
    """One mesh of as many faces, each in a subset of its own."""
    import numpy as np

    side = int(count**0.5) + 1

    def lines() -> Any:
        x, y = np.meshgrid(np.arange(side + 1), np.arange(side + 1))
        points = ",".join(f"({a},{b},0)" for a, b in zip(x.ravel().tolist(), y.ravel().tolist(), strict=True))
        i = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).ravel()
        faces = np.stack([i, i + 1, i + side + 2, i + side + 1], 1).ravel()
        yield 'def Xform "Asset"\n{\ndef Mesh "m"\n{\nuniform token subdivisionScheme = "none"\n'
        yield f"point3f[] points = [{points}]\nint[] faceVertexCounts = [{','.join(['4'] * side * side)}]\n"
        yield f"int[] faceVertexIndices = [{','.join(map(str, faces.tolist()))}]\n"
        for k in range(count):
            yield (
                f'def GeomSubset "s{k}"\n{{\nuniform token elementType = "face"\n'
                f'uniform token familyName = "materialBind"\nint[] indices = [{k}]\n}}\n'
            )
        yield "}\n}\n"

    return _written(folder, lines())


def udim(folder: Path, count: int) -> Path:
    """One material whose picture has as many tiles."""
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(60, 200, (16, 16, 3), np.uint8)
    (folder / "t").mkdir()
    for i in range(min(count, 8999)):
        pixels[0, 0] = i % 256, i // 256 % 256, 0
        Image.fromarray(pixels).save(folder / "t" / f"{1001 + i}.png")
    text = (
        f'def Xform "Asset"\n{{\ndef Mesh "m" (\nprepend apiSchemas = ["MaterialBindingAPI"]\n)\n{{\n{CUBE}'
        f"texCoord2f[] primvars:st = [{','.join(['(0,0),(1,0),(1,1),(0,1)'] * 6)}] "
        '(\ninterpolation = "faceVarying"\n)\n'
        'rel material:binding = </Asset/M>\n}\ndef Material "M"\n{\n'
        'token outputs:surface.connect = </Asset/M/s.outputs:surface>\ndef Shader "s"\n{\n'
        'uniform token info:id = "UsdPreviewSurface"\n'
        "color3f inputs:diffuseColor.connect = </Asset/M/t.outputs:rgb>\ntoken outputs:surface\n}\n"
        'def Shader "t"\n{\nuniform token info:id = "UsdUVTexture"\nasset inputs:file = @./t/<UDIM>.png@\n'
        "float3 outputs:rgb\n}\n}\n}\n"
    )
    return _written(folder, [text])


def samples(folder: Path, count: int) -> Path:
    """A mesh whose place is sampled as often."""
    keys = ",".join(f"{t}:({t % 100},0,0)" for t in range(count))
    return _written(
        folder,
        [f'def Xform "Asset"\n{{\ndef Mesh "m"\n{{\n{CUBE}double3 xformOp:translate.timeSamples = {{{keys}}}\n'
         'uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n}\n'],
    )  # fmt: skip


def layers(folder: Path, count: int) -> Path:
    """As many referenced layers of one cube each."""
    (folder / "l").mkdir()
    for i in range(count):
        (folder / "l" / f"{i}.usda").write_text(f'{HEAD}def Mesh "Asset"\n{{\n{CUBE}}}\n')
    body = "".join(f'def "i{i}" (\nreferences = @./l/{i}.usda@\n)\n{{\n}}\n' for i in range(count))
    return _written(folder, ['def Xform "Asset"\n{\n', body, "}\n"])


def assemblies(folder: Path, count: int) -> Path:
    """Meshes of eight thousand triangles."""
    import numpy as np
    import trimesh
    from pxr import Usd, UsdGeom, Vt

    path = folder / "stage.usdc"
    ball = trimesh.creation.icosphere(subdivisions=4)
    points, faces = np.asarray(ball.vertices, np.float32), np.asarray(ball.faces, np.int32)
    faces = np.concatenate([faces, faces[:0]])
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, "Y")
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Asset").GetPrim())
    for i in range(count):
        mesh = UsdGeom.Mesh.Define(stage, f"/Asset/m{i}")
        move = np.array([i % 50 * 3, 0, i // 50 * 3], np.float32)
        mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points + move))
        mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(faces), 3, np.int32)))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1)))
        mesh.CreateSubdivisionSchemeAttr("none")
    stage.Save()
    return path


CASES: dict[str, tuple[Callable[[Path, int], Path], int]] = {
    "tiny-meshes": (tiny_meshes, 100_000),
    "scopes": (scopes, 100_000),
    "deep": (deep, 1_000),
    "native": (native, 100_000),
    "swarm": (swarm, 10_000_000),
    "materials": (materials, 10_000),
    "subsets": (subsets, 100_000),
    "udim": (udim, 8_999),
    "samples": (samples, 1_000_000),
    "layers": (layers, 10_000),
    "meshes-8k": (assemblies, 2_000),
}

FLOOR = """
import sys
from pxr import Usd, UsdGeom
stage = Usd.Stage.Open(sys.argv[1])
for prim in Usd.PrimRange(stage.GetPseudoRoot(), Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)):
    if prim.IsA(UsdGeom.Mesh):
        mesh = UsdGeom.Mesh(prim)
        mesh.GetPointsAttr().Get(), mesh.GetFaceVertexCountsAttr().Get(), mesh.GetFaceVertexIndicesAttr().Get()
"""
VALIDATORS = """
import sys
from pxr import Usd, UsdValidation
stage = Usd.Stage.Open(sys.argv[1])
registry = UsdValidation.ValidationRegistry()
names = [d.name for d in registry.GetAllValidatorMetadata() if not d.isSuite]
UsdValidation.ValidationContext(registry.GetOrLoadValidatorsByName(names)).Validate(stage)
"""
STARTING = "import sys; from pxr import Usd, UsdGeom, UsdValidation"


def measured(command: list[str]) -> dict[str, Any]:
    """CPU seconds with all children, wall seconds, peak memory of the largest process, exit code."""
    probe = (
        "import json, resource, subprocess, sys, time\n"
        "t = time.time()\n"
        "code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "cpu = u.ru_utime + u.ru_stime\n"
        "print(json.dumps({'cpu': cpu, 'wall': time.time() - t, 'mb': u.ru_maxrss / 1024, 'exit': code}))"
    )
    done = subprocess.run([sys.executable, "-c", probe, *command], capture_output=True, text=True, check=False)
    result: dict[str, Any] = json.loads(done.stdout)
    result["said"] = done.stderr.strip().splitlines()[-1:] if done.stderr.strip() else []
    return result


def bench(case: str, count: int, folder: Path) -> dict[str, Any]:
    """One line of the table."""
    made = folder / f"{case}-{count}"
    path = made / "stage.usdc"
    if not path.exists():
        made.mkdir(parents=True, exist_ok=True)
        builder = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import inspection_stages as b\n"
        builder += f"b.CASES[{case!r}][0](__import__('pathlib').Path({str(made)!r}), {count})"
        subprocess.run([sys.executable, "-c", builder], check=True)
    start = measured([sys.executable, "-c", STARTING])["cpu"]
    floor = measured([sys.executable, "-c", FLOOR, str(path)])
    usd = measured([sys.executable, "-c", VALIDATORS, str(path)])
    page, report = made / "page.html", made / "report.json"
    ours = measured([
        sys.executable, "-c",
        f"import sys; sys.stdout = open({str(report)!r}, 'w'); from pipeline.__main__ import main; sys.exit(main())",
        "inspect", str(path), "--json", "--html", str(page),
    ])  # fmt: skip
    told = json.loads(report.read_text() or "{}") if report.exists() else {}
    floor["cpu"] -= start
    usd["cpu"] -= start
    return {
        "case": f"{case} {count:,}", "floor_s": floor["cpu"], "usd_s": usd["cpu"], "inspect_s": ours["cpu"],
        "wall_s": ours["wall"], "ratio": ours["cpu"] / max(floor["cpu"] + usd["cpu"], 0.01), "floor_mb": floor["mb"],
        "usd_mb": usd["mb"], "inspect_mb": ours["mb"], "exit": ours["exit"], "said": ours["said"],
        "findings": len(told.get("findings", [])), "json_kb": report.stat().st_size / 1024,
        "html_kb": page.stat().st_size / 1024 if page.exists() else 0.0, "verdict": told.get("verdict", ""),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE[:COUNT]", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--keep", type=Path, help="write the stages here, and take those that are there")
    options = parser.parse_args()
    unknown = [name for name in options.cases if name.partition(":")[0] not in CASES]
    if unknown:
        parser.error(f"no case {unknown[0]!r}: use one of {', '.join(CASES)}")
    print(f"{os.cpu_count()} processors, {resource.getpagesize() * os.sysconf('SC_PHYS_PAGES') >> 30} GB", flush=True)
    print(f"{'':22}{'floor s':>8}{'usd s':>8}{'ours s':>8}{'wall s':>8}{'ratio':>7}{'floor MB':>9}{'usd MB':>8}"
          f"{'ours MB':>8}{'found':>7}{'json KB':>9}{'html KB':>9}", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.cases or list(CASES):
            case, _, count = name.partition(":")
            r = bench(case, int(count.replace("_", "") or CASES[case][1]), options.keep or Path(scratch))
            numbers = (r["floor_s"], r["usd_s"], r["inspect_s"], r["wall_s"])
            print(f"{r['case']:22}" + "".join(f"{n:8.1f}" for n in numbers) + f"{r['ratio']:7.1f}{r['floor_mb']:9.0f}"
                  f"{r['usd_mb']:8.0f}{r['inspect_mb']:8.0f}{r['findings']:7}{r['json_kb']:9.0f}{r['html_kb']:9.0f}  "
                  f"{r['verdict'] or ' '.join(r['said'])[:160]}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

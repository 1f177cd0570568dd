# SPDX-License-Identifier: Apache-2.0
"""Where findings are, for viewers: every face and point, as a USD layer of subsets or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.protocol import Marks
from pipeline.checks.report import FindingReport, Report
from pipeline.checks.subject import Part, Subject
from pipeline.errors import UsageError
from pipeline.mesh.distinct import distinct

#: the family of the subsets, so that no material binding takes them for its own
FAMILY = "gatesFindings"
#: faces by their worst finding, linear Rec. 709; the others
COLOURS = {"info": (0.03, 0.21, 0.67), "warning": (0.69, 0.32, 0.0), "error": (0.68, 0.02, 0.05)}
CLEAN = (0.5, 0.5, 0.5)
#: the layer's dictionary that says of which meshes nothing could be marked, and why
UNMARKED = "gatesUnmarked"
_LAYERS = frozenset({".usd", ".usda", ".usdc"})


def write_marks(report: Report, subject: Subject, out: Path) -> None:
    """Write the faces and points of all findings; what was there is replaced only by a whole file.

    A USD layer has the inspected file beneath it and a `GeomSubset` of the family `gatesFindings` for each finding and
    mesh, its rule, severity and message as custom data: usdview and every other tool can select them. Indices are those
    of the prim's own faces and points. What an instance holds is marked on its prototype's source, where that is on the
    stage; else `customLayerData["gatesUnmarked"]` says why not. For readers that pass subsets of strange families over
    (Blender), the primvar `gatesFindings` has a colour for each face, by its worst finding. JSON has the triangles as
    well, counted as the faces are cut in order.

    Parameters
    ----------
    out
        `.usda`, `.usdc` or `.usd` where a USD file or stage was inspected; `.json` for whatever.

    Raises
    ------
    UsageError
        Another extension, or a layer of a file that is no USD.
    """
    from pipeline.usd.writing import replace_layer, replace_text

    suffix = out.suffix.lower()
    out.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".json":
        replace_text(out, json.dumps({"path": report.path, "findings": _as_json(report, subject.parts)}) + "\n")
    elif suffix in _LAYERS:
        if subject.stage is None or not subject.native:
            raise UsageError(
                f"{Path(report.path).name} is no USD file that a layer could lie on",
                remedy="write marks as .json, or ingest it first",
            )
        replace_layer(out, _as_layer(report, subject, out))
    else:
        raise UsageError(f"marks cannot be written as {suffix or 'that'}", remedy="use .usda, .usdc or .json")


def _as_json(report: Report, parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [
        {
            "finding": number,
            "rule": finding.rule,
            "severity": finding.severity,
            "prim": parts[mark.part].prim,
            "faces": _faces(parts[mark.part], mark).tolist(),
            "triangles": mark.faces.tolist(),
            "points": mark.points.tolist(),
        }
        for number, finding in enumerate(report.findings)
        for mark in report.marks(number)
    ]


def _as_layer(report: Report, subject: Subject, out: Path) -> Any:
    from pxr import Sdf, UsdGeom, Vt

    layer = Sdf.Layer.CreateAnonymous(out.name)
    below = subject.stage.GetRootLayer()
    if not below.anonymous:
        layer.subLayerPaths = [_relative(Path(below.realPath), out)]
        for key in ("defaultPrim", "upAxis", "metersPerUnit", "kilogramsPerUnit"):
            if below.pseudoRoot.HasInfo(key):
                layer.pseudoRoot.SetInfo(key, below.pseudoRoot.GetInfo(key))
    found: dict[tuple[str, int, str], list[NDArray]] = {}
    unmarked: dict[str, str] = {}
    places: dict[str, tuple[str, str]] = {}
    for number in range(len(report.findings)):
        for mark in report.marks(number):
            part = subject.parts[mark.part]
            place, why = places.setdefault(part.prim, _markable(subject.stage, part.prim))
            if not place:
                unmarked[part.prim] = why
                continue
            for kind, indices in (("face", _faces(part, mark)), ("point", mark.points)):
                if len(indices):
                    found.setdefault((place, number, kind), []).append(indices)
    with Sdf.ChangeBlock():
        for (place, number, kind), runs in found.items():
            finding = report.findings[number]
            name = f"{finding.rule.replace('.', '_').replace('-', '_')}_{number}_{kind}"
            spec = Sdf.CreatePrimInLayer(layer, f"{place}/{name}")
            spec.specifier, spec.typeName = Sdf.SpecifierDef, "GeomSubset"
            _attribute(spec, "elementType", Sdf.ValueTypeNames.Token, kind)
            _attribute(spec, "familyName", Sdf.ValueTypeNames.Token, FAMILY)
            array = Vt.IntArray.FromNumpy(distinct(np.concatenate(runs)).astype(np.int32))
            _attribute(spec, "indices", Sdf.ValueTypeNames.IntArray, array)
            spec.customData = {"gates": _said(finding)}
        for prim, painted in _painted(report, subject, places).items():
            spec = Sdf.CreatePrimInLayer(layer, prim)
            colours = Sdf.AttributeSpec(spec, f"primvars:{FAMILY}", Sdf.ValueTypeNames.Color3fArray)
            colours.default = Vt.Vec3fArray.FromNumpy(painted)
            colours.SetInfo("interpolation", UsdGeom.Tokens.uniform)
    if unmarked:
        layer.customLayerData = {UNMARKED: {f"{i}": f"{p}: {why}" for i, (p, why) in enumerate(unmarked.items())}}
    return layer


def _painted(report: Report, subject: Subject, places: Mapping[str, tuple[str, str]]) -> dict[str, NDArray[np.float32]]:
    """(f, 3) colours of the faces of each mesh that has marked ones, by where it is marked."""
    from pxr import UsdGeom

    result: dict[str, NDArray[np.float32]] = {}
    for severity, colour in COLOURS.items():  # the worst lies on top
        for number, finding in enumerate(report.findings):
            for mark in report.marks(number) if finding.severity == severity else ():
                part = subject.parts[mark.part]
                place = places[part.prim][0]
                if not len(mark.faces) or not place:
                    continue
                if place not in result:
                    mesh = UsdGeom.Mesh(subject.stage.GetPrimAtPath(part.prim))
                    many = len(mesh.GetFaceVertexCountsAttr().Get() or ())
                    result[place] = np.tile(np.array(CLEAN, np.float32), (many, 1))
                result[place][_faces(part, mark)] = colour
    return result


def _markable(stage: Any, path: str) -> tuple[str, str]:
    """Where subsets of a mesh may stand, empty where nowhere, and why not.

    Nothing may be said of what an instance holds; it is marked where its prototype comes from, if that is here.
    """
    from pxr import UsdGeom

    prim = stage.GetPrimAtPath(path)
    if not prim or not prim.IsA(UsdGeom.Mesh):
        return "", "it is no mesh, and only those have subsets of faces"
    if not prim.IsInstanceProxy():
        return path, ""
    own = set(stage.GetLayerStack())
    specs = prim.GetPrimInPrototype().GetPrimStack()
    for spec in specs:
        source = stage.GetPrimAtPath(spec.path) if not spec.path.ContainsPrimVariantSelection() else None
        if source and spec.layer in own and not source.IsInstanceProxy():
            return str(spec.path), ""
    last = specs[-1] if specs else None
    file = f"{Path(last.layer.realPath or last.layer.identifier).name} <{last.path}>" if last else "a prototype"
    return "", f"it is an instance of {file}: inspect that file to mark it"


def _said(finding: FindingReport) -> dict[str, str]:
    return {"rule": finding.rule, "severity": finding.severity, "message": finding.message, "advice": finding.advice}


def _attribute(spec: Any, name: str, kind: Any, value: Any) -> None:
    from pxr import Sdf

    Sdf.AttributeSpec(spec, name, kind, Sdf.VariabilityUniform).default = value


def _faces(part: Part, mark: Marks) -> NDArray[np.int64]:
    """(k,) the prim's own faces that some of a part's triangles are cut from."""
    mesh = part.shape.mesh
    face = distinct(np.asarray(mesh.triangle_faces)[mark.faces]) if len(mark.faces) else np.zeros(0, np.int64)
    source = mesh.source_faces
    return np.asarray(face if source is None else source[face], np.int64)


def _relative(path: Path, out: Path) -> str:
    related = Path(os.path.relpath(path, out.parent.resolve())).as_posix()
    return related if related.startswith(".") else f"./{related}"

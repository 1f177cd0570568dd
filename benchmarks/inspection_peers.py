# SPDX-License-Identifier: Apache-2.0
"""Each question that trimesh or pymeshlab answers as well: their CPU seconds against ours on the same mesh.

    python benchmarks/inspection_peers.py [--triangles 1300000] [--kind smooth] [--pymeshlab INTERPRETER]

Two figures are ours. `adds`: what the rule adds in an inspection, where weld, edges, bodies, areas, the tree of rays
and the islands are there already, made once for all rules (the first row says what they cost). `alone`: from the bare
arrays, as if nothing else were asked. The sums compare all of their questions of a kind, each from a mesh as it is
read, with what is shared by that kind and all of our rules. CPU counts, not wall: pymeshlab uses one thread, trimesh
one, ours one here (the tree of rays is built by two). pymeshlab is named by `--pymeshlab` or the environment variable
`GATES_PYMESHLAB`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from inspection_meshes import KINDS, Arrays
from inspection_rules import subject, warm

from pipeline.checks.context import Context
from pipeline.checks.registry import built_in
from pipeline.settings.jobs import brief_for

RULES = {rule.id: rule for rule in built_in()}
#: question -> what answers it here: rules by id, or what a context keeps
OURS: dict[str, tuple[str, ...]] = {
    "weld": ("weld",),
    "holes, non-manifold, bodies": (
        "geometry.holes", "geometry.non-manifold-edges", "geometry.non-manifold-vertices", "bodies",
    ),
    "area, volume, size": ("measures",),
    "open borders": ("geometry.holes",),
    "non-manifold edges": ("geometry.non-manifold-edges",),
    "non-manifold vertices": ("geometry.non-manifold-vertices",),
    "faces without area": ("geometry.degenerate-faces",),
    "repeated faces": ("geometry.duplicate-faces",),
    "winding": ("geometry.inverted-normals",),
    "bodies": ("bodies",),
    "small bodies": ("geometry.floaters",),
    "self-intersection": ("geometry.self-intersection",),
    "slender faces": ("topology.slivers",),
    "edge lengths": ("topology.uneven-density",),
    "wall thickness": ("geometry.thin",),
    "UV seams": ("uv.fragmented",),
    "UV stretch": ("uv.stretch",),
}  # fmt: skip


def topology(context: Context) -> Any:
    """The topology of the only mesh."""
    return context.shapes[0].shape.topology


KEPT: dict[str, Callable[[Context], Any]] = {
    "weld": lambda c: topology(c).weld,
    "bodies": lambda c: topology(c).shells,
    "measures": lambda c: (c.subject.bounds, c.body.area.sum(), topology(c).shells.volume),
}


def trimesh_questions(arrays: Arrays) -> dict[str, tuple[str, Callable[[], Any]]]:
    """Question -> trimesh's name of it, and the work on a mesh that keeps nothing of an earlier one."""

    def fresh() -> trimesh.Trimesh:
        return trimesh.Trimesh(arrays[0], arrays[1], process=False)

    def welded() -> trimesh.Trimesh:
        mesh = fresh()
        mesh.merge_vertices()
        return mesh

    def measured(mesh: trimesh.Trimesh) -> Any:
        return mesh.area, mesh.volume, mesh.bounds

    def thick() -> Any:
        mesh = fresh()
        places, face = trimesh.sample.sample_surface(mesh, 20000, seed=1)
        return trimesh.proximity.thickness(mesh, places, normals=mesh.face_normals[face], method="ray")

    return {
        "weld": ("merge_vertices", welded),
        "open borders": ("merge_vertices, is_watertight", lambda: welded().is_watertight),
        "non-manifold edges": ("repair.broken_faces", lambda: trimesh.repair.broken_faces(fresh())),
        "faces without area": ("nondegenerate_faces", lambda: fresh().nondegenerate_faces()),
        "repeated faces": ("unique_faces", lambda: fresh().unique_faces()),
        "winding": ("repair.fix_normals", lambda: trimesh.repair.fix_normals(fresh(), multibody=True)),
        "bodies": ("split", lambda: fresh().split(only_watertight=False)),
        "area, volume, size": ("area, volume, bounds", lambda: measured(fresh())),
        "slender faces": ("face_angles", lambda: fresh().face_angles),
        "edge lengths": ("edges_unique_length", lambda: fresh().edges_unique_length),
        "wall thickness": ("proximity.thickness of 20,000", thick),
    }


def cpu(work: Callable[[], Any]) -> float:
    """CPU seconds of one run."""
    started = time.process_time()
    work()
    return time.process_time() - started


def ask(context: Context, name: str) -> Any:
    """One rule, or one thing that is kept."""
    return KEPT[name](context) if name in KEPT else list(RULES[name]().run(context))


def shared_edges(context: Context) -> None:
    """Weld, edges, bodies and areas."""
    made = topology(context)
    _ = made.weld, made.degenerate, made.duplicate, made.edges.paired, made.edges.conflicting, made.shells.closed
    _ = context.body.area, context.body.size, made.area


def shared_rays(context: Context) -> None:
    """The tree of rays; it is built when it is first asked."""
    context.body.rays.first(np.zeros((1, 3)), np.ones((1, 3)))


def shared_layout(context: Context) -> None:
    """Islands, and areas on the surface."""
    for surface in context.surfaces:
        _ = surface.area, surface.islands


#: what is shared by questions of a kind; `edges` by all others
SHARED = {"edges": shared_edges, "rays": shared_rays, "layout": shared_layout}


def kind_of(question: str) -> str:
    """Which of `SHARED` a question works on."""
    if question in ("self-intersection", "wall thickness"):
        return "rays"
    return "layout" if question.startswith("UV") else "edges"


def ours(arrays: Arrays) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """CPU seconds of what is shared, of each question after that, and of each alone."""
    brief = brief_for("game-ready-prop")
    context = Context(subject(*arrays), brief)
    common = {kind: cpu(lambda m=make: m(context)) for kind, make in SHARED.items()}
    names = sorted({name for parts in OURS.values() for name in parts})
    added = {name: cpu(lambda n=name: ask(context, n)) for name in names}
    del context
    alone = {}
    for question, parts in OURS.items():
        context = Context(subject(*arrays), brief)
        alone[question] = cpu(lambda c=context, p=parts: [ask(c, name) for name in p])
    return common, added, alone


def pymeshlab_seconds(interpreter: str, arrays: Arrays) -> dict[str, tuple[float, float]]:
    """CPU and wall seconds of each question, measured by pymeshlab's own process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mesh.npz"
        np.savez(file, points=arrays[0], faces=arrays[1], uv=arrays[2])
        script = Path(__file__).with_name("peer_pymeshlab.py")
        ran = subprocess.run([interpreter, str(script), str(file)], capture_output=True, text=True, check=True)
    told: dict[str, tuple[float, float]] = json.loads(ran.stdout.strip().splitlines()[-1])
    return told


def main() -> None:
    """Print a row for each equivalent, and the sums."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--triangles", type=int, default=1_300_000)
    options.add_argument("--kind", choices=sorted(KINDS), default="smooth")
    options.add_argument("--pymeshlab", default=os.environ.get("GATES_PYMESHLAB", ""), metavar="INTERPRETER")
    options.add_argument("--no-trimesh", action="store_true")
    given = options.parse_args()
    arrays = KINDS[given.kind](given.triangles)
    warm()
    common, added, alone = ours(arrays)
    told_common = ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in common.items())
    print(f"{given.kind}, {len(arrays[1]):,} triangles; shared by all rules: {told_common}")
    print(f"{'':10} {'question':28} {'theirs':>8} {'adds':>8} {'ratio':>7} {'alone':>8} {'ratio':>7}")
    theirs: dict[str, dict[str, float]] = {}
    if not given.no_trimesh:
        for question, (_, work) in trimesh_questions(arrays).items():
            try:
                theirs.setdefault("trimesh", {})[question] = cpu(work)
            except Exception as error:  # noqa: BLE001  a peer that breaks on a mesh is told, the others go on
                print(f"{'trimesh':10} {question:28} {type(error).__name__}")
    if given.pymeshlab:
        theirs["pymeshlab"] = {q: s[0] for q, s in pymeshlab_seconds(given.pymeshlab, arrays).items()}
    else:
        print("pymeshlab: not measured (name an interpreter that has it: --pymeshlab or GATES_PYMESHLAB)")
    for peer, told in theirs.items():
        for question, seconds in told.items():
            mine = sum(added[name] for name in OURS[question])
            print(
                f"{peer:10} {question:28} {seconds:8.3f} {mine:8.3f} {_times(seconds, mine):>7} "
                f"{alone[question]:8.3f} {_times(seconds, alone[question]):>7}"
                f"{'' if seconds >= 5 * mine else '   below 5'}"
            )
        for kind in SHARED:
            asked = [q for q in told if kind_of(q) == kind]
            mine = common[kind] + sum(added[name] for name in {n for q in asked for n in OURS[q]})
            if asked:
                total = sum(told[q] for q in asked)
                print(f"{peer:10} {kind + ', with the shared':28} {total:8.3f} {mine:8.3f} {_times(total, mine):>7}")


def _times(theirs: float, mine: float) -> str:
    return f"{theirs / mine:.1f}" if theirs < 200 * mine else ">200"


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""What the version store costs, against what else one would do.

    python benchmarks/versions_scale.py [--versions 10000] [--specs 100000] [--mb 120]

Prints, each with the ratio to its peer: commit by length of history; opening a branch against the flat stage;
log; diff and merge by spec count, against USD text and a line diff; one moved point in a large geometry layer;
commit against copying whole files. CPU seconds of this process (children for opening), so that a busy machine
does not matter much.
"""

from __future__ import annotations

import argparse
import difflib
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pxr import Sdf, Vt

from pipeline.project import Project
from pipeline.versions.comparing import diff_files
from pipeline.versions.diff import compare
from pipeline.versions.merge import merge_views
from pipeline.versions.version import root_metadata, set_root_metadata
from pipeline.versions.views import view_of_version
from pipeline.versions.work import mark

OPEN = """
import sys, time, json, resource
from pxr import Usd
def once(path):
    t = time.process_time(); s = Usd.Stage.Open(path); n = 0
    for p in s.Traverse():
        for a in p.GetAttributes():
            a.Get(); n += 1
    return time.process_time() - t, n
once(sys.argv[2]); a, n = once(sys.argv[1]); b, m = once(sys.argv[2])
print(json.dumps([a, b, n, m]))
"""


def cpu(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = action()
    return time.process_time() - start, result


def say(what: str, seconds: float, peer: str = "", other: float | None = None) -> None:
    ratio = f"   {seconds / other:8.3f} x {peer} ({other:.3f} s)" if other else ""
    print(f"{what:<62}{seconds * 1e3:10.1f} ms{ratio}", flush=True)


def work_layer(project: Project, author: Callable[[Sdf.Layer], None]) -> None:
    """Put opinions into the work layer without opening the stage, which is not what is measured."""
    head = project.head()
    layer = Sdf.Layer.CreateAnonymous(".usda")
    set_root_metadata(layer, project.store.metadata(head))
    mark(layer, head, whole=False)
    with Sdf.ChangeBlock():
        author(layer)
    project.work_path.parent.mkdir(parents=True, exist_ok=True)
    layer.Export(str(project.work_path))


def numbers(layer: Sdf.Layer, which: range | list[int], value: int, define: bool = False) -> None:
    for i in which:
        prim = Sdf.CreatePrimInLayer(layer, f"/World/Set/p{i}")
        if define:
            prim.specifier, prim.typeName = Sdf.SpecifierDef, "Xform"
        Sdf.AttributeSpec(prim, "n", Sdf.ValueTypeNames.Int).default = value


def opened(branch: Path, flat: Path) -> tuple[float, float]:
    rows = []
    for _ in range(5):
        run = subprocess.run(
            [sys.executable, "-c", OPEN, str(branch), str(flat)], capture_output=True, text=True, check=True
        )
        rows.append(json.loads(run.stdout))
    return statistics.median(r[0] for r in rows), statistics.median(r[1] for r in rows)


def history(folder: Path, versions: int, prims: int) -> None:
    print(f"\n# {versions:,} versions of {prims:,} prims, five edits each")
    project = Project.create(folder / "history", work="ada")
    work_layer(project, lambda layer: numbers(layer, range(prims), 0, define=True))
    project.commit("base")
    times: list[float] = []
    marks = [10, 100, 1000, versions]
    for k in range(1, versions + 1):
        edits = [(k * 37 + j * 101) % prims for j in range(5)]
        work_layer(project, lambda layer, e=edits, v=k: numbers(layer, e, v))  # type: ignore[misc]
        seconds, _ = cpu(lambda n=k: project.commit(f"edit {n}"))  # type: ignore[misc]
        times.append(seconds)
        if k in marks:
            say(
                f"commit, after {k:,} versions (median of the last ten)",
                statistics.median(times[-10:]),
                "the first ten",
                statistics.median(times[:10]),
            )
            branch = project.layout.branch("main")
            flat = folder / "flat.usdc"
            project.export_history("main", flat, flat=True)
            mine, peer = opened(branch, flat)
            say(f"open and read a branch of {k:,} versions", mine, "the flat stage", peer)
    say("commit, mean of all", statistics.mean(times))
    copy = cpu(lambda: shutil.copyfile(flat, folder / "copy.usdc"))[0]
    size = sum(p.stat().st_size for p in project.layout.objects.rglob("*") if p.is_file())
    whole = flat.stat().st_size * versions
    print(
        f"{'bytes of all objects':<62}{size / 1e6:10.1f} MB   {size / whole:8.3f} x a whole copy a version; "
        f"copying one takes {copy * 1e3:.1f} ms"
    )
    say("log of all", cpu(project.log)[0])
    shutil.rmtree(project.layout.private)
    say("log of all, index deleted", cpu(project.log)[0])
    old, new = project.log()[versions // 2].id, project.head()
    say("diff across half of the history, first time", cpu(lambda: project.diff(old, new))[0])
    seconds, found = cpu(lambda: project.diff(old, new))
    say(f"diff across half of the history ({len(found.changed):,} changes)", seconds)


def specs(folder: Path, count: int) -> None:
    print(f"\n# {count:,} specs")
    prims = count // 2
    project = Project.create(folder / f"specs{count}", work="ada")
    work_layer(project, lambda layer: numbers(layer, range(prims), 0, define=True))
    first = cpu(lambda: project.commit("base"))
    say("commit of everything", first[0])
    base = project.head()
    step = max(prims // 100, 1)
    work_layer(project, lambda layer: numbers(layer, range(0, prims, step), 1))
    say("commit of 100 changes", cpu(lambda: project.commit("hundred"))[0])
    head = project.head()
    files = []
    for name, ref in (("a", base), ("b", head)):
        layer = view_of_version(project.store, ref).folded(".usda")
        layer.Export(str(folder / f"{name}.usda"))
        layer.Export(str(folder / f"{name}.usdc"))
        files.append(folder / f"{name}.usda")

    def lines() -> int:
        # usdcat a > a.txt, usdcat b > b.txt, then a line diff, as text tools do it
        texts = [Sdf.Layer.OpenAsAnonymous(str(f.with_suffix(".usdc"))).ExportToString().splitlines() for f in files]
        return sum(1 for _ in difflib.unified_diff(*texts, n=0))

    peer = cpu(lines)[0]
    say("diff of two versions, 100 changes", cpu(lambda: project.diff(base, head))[0], "usdcat and difflib", peer)
    project.store.objects.add_file(folder / "a.usdc")
    from pipeline.versions.digests import digests_of

    views = []
    for name in ("a", "b"):
        path = project.store.objects.add_file(folder / f"{name}.usdc")
        seconds, _ = cpu(lambda p=path: digests_of(project.layout, p.name, Sdf.Layer.FindOrOpen(str(p))))  # type: ignore[misc]
        views.append((path, seconds))
    from pipeline.versions.views import StackView

    say("digest index of one whole layer (once)", views[0][1])
    pair = [StackView((Sdf.Layer.FindOrOpen(str(p)),), (p.name,)) for p, _ in views]
    seconds, found = cpu(lambda: compare(*pair, project.store))
    say(f"diff of two whole layers by digests ({len(found.changed)} changes)", seconds, "usdcat and difflib", peer)
    seconds, found = cpu(lambda: diff_files(*[f.with_suffix(".usdc") for f in files]))
    say(f"diff of two foreign layers ({len(found.changed)} changes)", seconds, "usdcat and difflib", peer)
    project.branch("other", base)
    project.switch("other")
    work_layer(project, lambda layer: numbers(layer, range(1, prims, step), 2))
    project.commit("another hundred")
    sides = [view_of_version(project.store, r) for r in (base, head, "other") if r != "other"]
    sides.append(view_of_version(project.store, project.head("other")))
    say(
        "three-way merge, 100 changes a side",
        cpu(lambda: merge_views(*sides, store=project.store))[0],
        "usdcat and difflib",
        peer,
    )
    say("merge as a version", cpu(lambda: project.merge(head))[0])
    assert root_metadata(sides[0].layers[-1])


def geometry(folder: Path, megabytes: int) -> None:
    count = megabytes * 1_000_000 // 12
    print(f"\n# a geometry layer of {megabytes} MB, one point moved")
    points = Vt.Vec3fArray(count)
    paths = []
    for name in ("a", "b"):
        layer = Sdf.Layer.CreateAnonymous(".usdc")
        prim = Sdf.CreatePrimInLayer(layer, "/Asset/mesh")
        Sdf.AttributeSpec(prim, "points", Sdf.ValueTypeNames.Point3fArray).default = points
        paths.append(folder / f"geo_{name}.usdc")
        layer.Export(str(paths[-1]))
        del layer
        points[count // 2] = (0, 0.25, 0)
    seconds, found = cpu(lambda: diff_files(*paths))
    say(f"diff ({len(found.changed)} change)", seconds)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--versions", type=int, default=10_000)
    options.add_argument("--prims", type=int, default=2_000)
    options.add_argument("--specs", type=int, nargs="*", default=[10_000, 100_000])
    options.add_argument("--mb", type=int, default=120)
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="versions "))
    try:
        for count in given.specs:
            specs(folder, count)
        if given.mb:
            geometry(folder, given.mb)
        if given.versions:
            history(folder, given.versions, given.prims)
        print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

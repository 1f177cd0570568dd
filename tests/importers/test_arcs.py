# SPDX-License-Identifier: Apache-2.0
"""What a file composes to is counted before it is composed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pxr import Sdf, Tf, Usd, UsdUtils

from pipeline.errors import ImportRefused
from pipeline.importers.arcs import survey
from pipeline.importers.vetting import vet_stage

MESH = "point3f[] points = [(0,0,0),(1,0,0),(0,1,0)]\nint[] faceVertexCounts = [3]\nint[] faceVertexIndices = [0,1,2]\n"


def usda(body: str, head: str = "") -> str:
    return f'#usda 1.0\n(\ndefaultPrim = "A"\n{head})\n{body}\n'


def twice(folder: Path, levels: int, arc: str) -> Path:
    """Layers of which each refers to the next two times."""
    for i in range(levels):
        body = "".join(f'def "x{k}" (\n{arc} = @./l{i + 1}.usda@\n)\n{{\n}}\n' for k in (0, 1))
        (folder / f"l{i}.usda").write_text(usda(f'def Xform "A"\n{{\n{body}}}'))
    (folder / f"l{levels}.usda").write_text(usda(f'def Mesh "A"\n{{\n{MESH}}}'))
    return folder / "l0.usda"


def inside(folder: Path, levels: int, more: str = "") -> Path:
    """The same in one layer."""
    body = f'def Xform "A" (\nreferences = </c0>\n)\n{{\n}}\nclass Mesh "c{levels}"\n{{\n{MESH}}}\n'
    for i in range(levels):
        held = "".join(f'def "x{k}" (\n{more}references = </c{i + 1}>\n)\n{{\n}}\n' for k in (0, 1))
        body += f'class "c{i}"\n{{\n{held}}}\n'
    (folder / "a.usda").write_text(usda(body))
    return folder / "a.usda"


def composed(path: Path) -> int:
    """Prims that USD itself makes of it, the default prim and what lies beneath."""
    stage = Usd.Stage.Open(str(path))
    prims = Usd.PrimRange(stage.GetDefaultPrim(), Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate))
    return sum(1 for _ in prims)


@pytest.mark.parametrize("arc", ["references", "payload"])
def test_prims_of_layers_are_counted(tmp_path: Path, arc: str) -> None:
    path = twice(tmp_path, 4, arc)
    assert composed(path) == 2**5 - 1  # a tree of two children each, five levels high
    # each prim that an arc lies on is counted with what the arc brings
    assert 2**5 - 1 <= survey(str(path)) <= 2 * 2**5


@pytest.mark.parametrize("arc", ["references", "payload"])
def test_a_million_million_prims_are_refused_by_the_layer_that_makes_them(tmp_path: Path, arc: str) -> None:
    path = twice(tmp_path, 40, arc)
    started = time.process_time()
    with pytest.raises(ImportRefused, match=r"composes to .*e\+12 prims.* of l0.usda refers to l1.usda"):
        vet_stage(path)
    assert time.process_time() - started < 20


@pytest.mark.parametrize("more", ["", "instanceable = true\n"])
def test_so_are_those_of_one_layer(tmp_path: Path, more: str) -> None:
    with pytest.raises(ImportRefused, match=r"</A> of a.usda refers to </c0>"):
        vet_stage(inside(tmp_path, 40, more))


def test_sublayers_that_multiply_are_refused(tmp_path: Path) -> None:
    for i in range(40):
        for name in "kl":
            (tmp_path / f"{name}{i}.usda").write_text(usda("", f"subLayers = [@./k{i + 1}.usda@, @./l{i + 1}.usda@]\n"))
    for name in "kl":
        (tmp_path / f"{name}40.usda").write_text(usda(f'def Mesh "A"\n{{\n{MESH}}}'))
    with pytest.raises(ImportRefused, match=r"of l0.usda refers to"):
        vet_stage(tmp_path / "l0.usda")


@pytest.mark.parametrize(
    "body",
    [
        'def Mesh "A" (\nreferences = @./p.usda@\n)\n{\n}',
        'def Mesh "A" (\npayload = @./p.usda@\n)\n{\n}',
        'def Mesh "A" (\nclips = {\ndictionary default = {\nasset[] assetPaths = [@./p.usda@]\nstring primPath = "/A"\n'
        "double2[] active = [(0, 0)]\ndouble2[] times = [(0, 0)]\n}\n}\n)\n{\n}",
    ],
)
def test_a_pipe_is_never_opened_as_a_layer(tmp_path: Path, body: str) -> None:
    os.mkfifo(tmp_path / "p.usda")
    (tmp_path / "a.usda").write_text(usda(body))
    with pytest.raises(ImportRefused, match=r"names .*p.usda as a layer, which is no regular file"):
        vet_stage(tmp_path / "a.usda")


def test_nor_is_a_device_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "z.usda").symlink_to("/dev/zero")
    (tmp_path / "a.usda").write_text(usda('def Mesh "A"\n{\n}', "subLayers = [@./z.usda@]\n"))
    with pytest.raises(ImportRefused, match="no regular file"):
        vet_stage(tmp_path / "a.usda")


@pytest.mark.parametrize("arc", ["references", "payload", "inherits", "specializes"])
def test_what_refers_to_itself_ends(tmp_path: Path, arc: str) -> None:
    target = "@./a.usda@" if arc in ("references", "payload") else "</A>"
    (tmp_path / "a.usda").write_text(usda(f'def Mesh "A" (\n{arc} = {target}\n)\n{{\n{MESH}}}'))
    assert survey(str(tmp_path / "a.usda")) < 10


@pytest.mark.parametrize("broken", ["ExtractExternalReferences", "GetCompositionAssetDependencies"])
def test_values_that_cannot_be_read_do_not_end_it(tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged crate raises where its values are asked for; whether it opens all the same is composition's to say."""

    def raises(*_: object) -> None:
        Tf.RaiseRuntimeError("Attempted to unpack unsupported type enum value 0")

    owner = UsdUtils if broken.startswith("Extract") else Sdf.Layer
    monkeypatch.setattr(owner, broken, raises)
    assert survey(str(twice(tmp_path, 4, "references"))) >= 2**5 - 1


def test_layers_named_by_expressions_are_followed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.usda")
    head = 'expressionVariables = {\nstring X = "p"\n}\n'
    (tmp_path / "a.usda").write_text(usda('def Mesh "A" (\nreferences = @`"./${X}.usda"`@\n)\n{\n}', head))
    with pytest.raises(ImportRefused, match="no regular file"):
        vet_stage(tmp_path / "a.usda")

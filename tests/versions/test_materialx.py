# SPDX-License-Identifier: Apache-2.0
"""MaterialX documents are stored with what they name: found again by following the names in the stored files."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from pipeline.errors import StageError
from pipeline.project import Project
from pipeline.versions.layout import Layout
from pipeline.versions.objects import ObjectStore


def document(*inputs: str, prefix: str = "", include: str = "") -> str:
    files = "".join(f'<input name="i{n}" type="filename" value="{name}"/>' for n, name in enumerate(inputs))
    also = f'<xi:include href="{include}"/>' if include else ""
    return (
        f'<?xml version="1.0"?><materialx xmlns:xi="http://www.w3.org/2001/XInclude" version="1.38"'
        f' fileprefix="{prefix}">{also}<image name="wood" type="color3">{files}</image></materialx>'
    )


def named(stored: Path) -> list[Path]:
    """The files that a stored document names, as a reader finds them: relative to the document, prefixes in front."""
    found = []
    for element in Xml.parse(stored).iter():
        assert "fileprefix" not in element.attrib
        if element.get("type") == "filename":
            found.append(stored.parent / element.attrib["value"])
        if element.tag.endswith("include"):
            found.append(stored.parent / element.attrib["href"])
    return found


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(Layout(tmp_path / "project"))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    home = tmp_path / "library"
    (home / "maps").mkdir(parents=True)
    (home / "maps/oak.png").write_bytes(b"oak")
    for tile in (1001, 1002):
        (home / f"maps/bark.{tile}.png").write_bytes(f"bark {tile}".encode())
    (home / "common.mtlx").write_text(document("maps/oak.png"))
    (home / "wood.mtlx").write_text(document("oak.png", "bark.<UDIM>.png", prefix="maps/", include="common.mtlx"))
    (home / "look.usda").write_text('#usda 1.0\ndef "Looks" (references = @./wood.mtlx@</MaterialX>)\n{\n}\n')
    return home


def test_a_document_is_stored_with_its_pictures_and_the_documents_it_includes(
    store: ObjectStore, library: Path
) -> None:
    layer = store.add_layer(library / "look.usda")
    (wood,) = [p for p in store.layout.objects.rglob("*.mtlx") if len(named(p)) == 3]
    assert wood.name in layer.read_text()
    common, oak, bark = named(wood)
    assert [p.resolve().read_bytes() for p in named(common.resolve())] == [b"oak"]
    assert oak.resolve().read_bytes() == b"oak"
    tiles = sorted(bark.resolve().parent.glob(bark.name.replace("<UDIM>", "*")))
    assert [t.read_bytes() for t in tiles if "<UDIM>" not in t.name] == [b"bark 1001", b"bark 1002"]


def test_the_same_document_has_one_name(store: ObjectStore, library: Path) -> None:
    assert store.add_layer(library / "look.usda") == store.add_layer(library / "look.usda")


def test_documents_that_include_each_other_are_refused(store: ObjectStore, library: Path) -> None:
    (library / "common.mtlx").write_text(document(include="wood.mtlx"))
    with pytest.raises(StageError, match=r"in a circle: .*wood\.mtlx → common\.mtlx → wood\.mtlx"):
        store.add_layer(library / "look.usda")


def test_a_broken_document_is_stored_as_it_is(store: ObjectStore, library: Path) -> None:
    (library / "wood.mtlx").write_text("<materialx")
    store.add_layer(library / "look.usda")
    (kept,) = store.layout.objects.rglob("*.mtlx")
    assert kept.read_text() == "<materialx"


def test_a_committed_look_finds_its_pictures_after_its_library_is_gone(tmp_path: Path, library: Path) -> None:
    project = Project.create(tmp_path / "stall", job="concept")
    with project.edit() as stage:
        stage.DefinePrim("/World/Looks").GetReferences().AddReference(str(library / "wood.mtlx"), "/MaterialX")
    project.commit("wood")
    shutil.rmtree(library)
    documents = list(project.layout.objects.rglob("*.mtlx"))
    assert len(documents) == 2
    pictures = [p.resolve() for d in documents for p in named(d) if p.suffix == ".png" and "<" not in p.name]
    assert pictures
    assert all(p.is_file() for p in pictures)
    assert project.verify().problems == []

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest
from pxr import Sdf, Usd, UsdMedia

from pipeline.errors import StageError, UsageError
from pipeline.usd import provenance


@pytest.fixture
def prim() -> Iterator[Usd.Prim]:
    stage = Usd.Stage.CreateInMemory()
    yield stage.DefinePrim("/Asset", "Xform")
    del stage


def test_a_record_is_what_usd_itself_reads(prim: Usd.Prim) -> None:
    provenance.record(
        prim, "generate", tool="Hull", version="2.1", model="h-large", prompt="a red stall", seed=7,
        inputs={"front": "sha256:ab"}, cost=0.125, licence="CC0-1.0", source_type="generated", creator="ana",
    )  # fmt: skip
    [api] = UsdMedia.AuthorshipAPI.GetAll(prim)
    assert api.GetSoftwarePackageAttr().Get() == "Hull"
    assert api.GetUsageTermsAttr().Get() == "CC0-1.0"
    assert (
        api.GetDigitalSourceTypeAttr().Get() == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    )
    flat = list(api.GetInputsAttr().Get())
    assert len(flat) % 2 == 0
    assert dict(zip(flat[::2], flat[1::2], strict=True)) == {
        "model": "h-large", "prompt": "a red stall", "seed": "7", "cost": "0.125 USD", "front": "sha256:ab",
    }  # fmt: skip
    [back] = provenance.read(prim)
    assert (back.model, back.seed, back.source_type, back.creator) == ("h-large", "7", "generated", ("ana",))
    assert back.inputs == {"front": "sha256:ab"}


def test_steps_add_up_and_get_names_of_their_own(prim: Usd.Prim) -> None:
    for expected in ("decimate", "decimate_2", "decimate_3"):
        name = provenance.next_name(prim, "decimate")
        assert name == expected
        provenance.record(prim, name, tool="t")
    assert len(provenance.read(prim)) == 3
    assert len({r.instance_id for r in provenance.read(prim)}) == 3


def test_inside_a_variant_it_belongs_to_that_variant(prim: Usd.Prim) -> None:
    variants = prim.GetVariantSets().AddVariantSet("candidate")
    for name in ("c01", "c02"):
        variants.AddVariant(name)
        variants.SetVariantSelection(name)
        with variants.GetVariantEditContext():
            provenance.record(prim, "generate", tool=f"tool-{name}")
    assert [r.tool for r in provenance.read(prim)] == ["tool-c02"]
    variants.SetVariantSelection("c01")
    assert [r.tool for r in provenance.read(prim)] == ["tool-c01"]


def test_the_same_instant_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    texts = []
    for _ in range(2):
        stage = Usd.Stage.CreateInMemory()
        prim = stage.DefinePrim("/Asset")
        provenance.record(prim, "fix", tool="t", seed=1)
        texts.append(stage.GetRootLayer().ExportToString())
    assert texts[0] == texts[1]
    assert provenance.read(prim)[0].created == "1970-01-02T00:00:00Z"


def test_refusals_name_the_prim_and_what_to_do(prim: Usd.Prim) -> None:
    with pytest.raises(UsageError, match="generated"):
        provenance.record(prim, "x", tool="t", source_type="magic")
    stage = prim.GetStage()
    weak = Sdf.Layer.CreateAnonymous(".usda")
    stage.GetRootLayer().subLayerPaths.append(weak.identifier)
    prim.SetMetadata("apiSchemas", Sdf.TokenListOp.CreateExplicit(["GeomModelAPI"]))
    stage.SetEditTarget(Usd.EditTarget(weak))
    with pytest.raises(StageError, match="/Asset"):
        provenance.record(prim, "x", tool="t")


def test_an_instance_proxy_is_refused() -> None:
    stage = Usd.Stage.CreateInMemory()
    stage.DefinePrim("/Source/geo")
    user = stage.DefinePrim("/User")
    user.GetReferences().AddInternalReference("/Source")
    user.SetInstanceable(True)
    with pytest.raises(StageError, match="instance"):
        provenance.record(stage.GetPrimAtPath("/User/geo"), "x", tool="t")

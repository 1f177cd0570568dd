# SPDX-License-Identifier: Apache-2.0
"""A candidate as a prim: a variant of the asset with its payload, record, thumbnail, labels and numbers.

What USD has a place for stands there: `UsdMedia.AuthorshipAPI` (who and from what), `UsdMedia.AssetPreviewsAPI`
(thumbnail), `UsdSemantics.LabelsAPI` (what it is, which part is which). The numbers that a shortlist is made of
are customData `gates:candidate` of the same variant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from pipeline.errors import UsageError
from pipeline.gates.board import mark
from pipeline.gates.evidence import ASSETS
from pipeline.render.likeness import PictureLikeness
from pipeline.usd.clock import now

if TYPE_CHECKING:
    from pxr import Sdf, Usd

    from pipeline.project import Project

__all__ = ["CANDIDATE", "CandidateRow", "Scores", "author", "component", "next_name", "read_candidate", "write_looks"]

#: the variant set that holds the candidates of an asset
CANDIDATE = "candidate"
#: taxonomy of the semantic label that says what the asset is
CATEGORY = "category"


class Scores(BaseModel):
    """What a candidate's score is made of, each part 0-1; None where it was not measured.

    Attributes
    ----------
    likeness
        Mean over the reference pictures.
    why
        One sentence for each part, with its numbers.
    """

    inspection: float | None = None
    likeness: float | None = None
    pictures: list[PictureLikeness] = Field(default_factory=list)
    why: list[str] = Field(default_factory=list)


class CandidateRow(BaseModel):
    """One candidate.

    Attributes
    ----------
    score
        Inspection and likeness together; None until one of them was measured.
    rank
        1 is first on the shortlist; 0 before there is one.
    cost
        By currency: the generator's own `credits`, and money.
    layer
        Name of the stored package layer, which is the digest of its content.
    """

    variant: str
    generator: str
    seed: int | None = None
    triangles: int = 0
    score: float | None = None
    rank: int = 0
    verdict: str = ""
    scores: Scores = Field(default_factory=Scores)
    cost: dict[str, float] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    layer: str = ""
    thumbnail: str = ""
    made: str = ""


def component(stage: Usd.Stage, asset: str) -> Usd.Prim:
    """The asset's component prim with its class and its name, made where it is missing."""
    from pxr import Kind, Sdf, Usd, UsdGeom

    path = f"{ASSETS}/{asset}"
    prim = stage.GetPrimAtPath(path)
    if prim and prim.IsDefined():
        return prim
    stage.CreateClassPrim("/__class__")
    stage.CreateClassPrim(f"/__class__/{asset}")
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    Usd.ModelAPI(prim).SetKind(Kind.Tokens.component)
    prim.GetInherits().AddInherit(Sdf.Path(f"/__class__/{asset}"))
    model = Usd.ModelAPI(prim)
    model.SetAssetName(asset)
    return prim


def author(project: Project, asset: str, row: CandidateRow, layer: Path, replace: bool) -> None:
    """Author one candidate as a variant; an older one of that name is emptied first where `replace` says so.

    Raises
    ------
    UsageError
        There is one of that name and it is not to be replaced.
    """
    from pxr import Sdf, UsdMedia

    from pipeline.gates.variants import empty_variant
    from pipeline.usd.provenance import record

    if replace:
        empty_variant(project, asset, (CANDIDATE, row.variant))
    with project.edit() as stage:
        prim = component(stage, asset)
        variants = prim.GetVariantSets().AddVariantSet(CANDIDATE)
        if row.variant in variants.GetVariantNames() and not replace:
            raise UsageError(
                f"{asset} has a candidate {row.variant!r} already",
                prim=str(prim.GetPath()),
                remedy="leave --as away, or take another name",
            )
        before = variants.GetVariantSelection()
        variants.AddVariant(row.variant)
        variants.SetVariantSelection(row.variant)
        with variants.GetVariantEditContext():
            prim.GetPayloads().AddPayload(project.anchor(layer), Sdf.Path("/Asset"))
            record(prim, f"{row.generator}_{row.variant}", **_authorship(row))
            UsdMedia.AssetPreviewsAPI.Apply(prim)
            _label(prim, asset)
            prim.SetCustomDataByKey("gates:candidate", _numbers(row))
        if before:
            variants.SetVariantSelection(before)
        mark(stage, asset, "generation", "revise", "nobody has selected one of the candidates yet")


def write_looks(
    project: Project, asset: str, variant: str, thumbnail: Path | None, pictures: list[PictureLikeness], seen: str
) -> None:
    """Write what was seen of a candidate: its thumbnail, and its likeness to the reference pictures.

    Parameters
    ----------
    seen
        Digest of the pictures it was compared with: with others the likeness does not count.
    """
    from pxr import Sdf, UsdMedia

    with project.edit() as stage:
        prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
        variants = prim.GetVariantSet(CANDIDATE)
        before = variants.GetVariantSelection()
        variants.SetVariantSelection(variant)
        with variants.GetVariantEditContext():
            if thumbnail is not None:
                previews = UsdMedia.AssetPreviewsAPI.Apply(prim)
                image = Sdf.AssetPath(project.anchor(thumbnail))
                previews.SetDefaultThumbnails(UsdMedia.AssetPreviewsAPI.Thumbnails(defaultImage=image))
            prim.SetCustomDataByKey("gates:candidate:likeness", _likeness_data(pictures, seen))
        if before and before != variant:
            variants.SetVariantSelection(before)


def read_candidate(stage: Usd.Stage, asset: str, variant: str, seen: str = "") -> CandidateRow:
    """A candidate's row, read from the variant's own specs without selecting it; its score is not summed yet.

    `seen` is the digest of the pictures that count now; a likeness to others is left out, and that is said.
    """
    data = _data(stage, asset, variant)
    scores = Scores()
    likeness = data.get("likeness")
    if likeness and likeness.get("seen") == seen:
        scores.pictures = [
            PictureLikeness(**{**dict(p), "notes": list(p.get("notes", []))})
            for _, p in sorted(dict(likeness.get("pictures", {})).items())
        ]
        measured = [p.score for p in scores.pictures if p.score is not None]
        scores.likeness = round(sum(measured) / len(measured), 3) if measured else None
    elif likeness and seen:
        scores.why.append("the pictures changed since the likeness was measured: gates candidates --score")
    return CandidateRow(
        variant=variant,
        generator=str(data.get("generator", "")),
        seed=data.get("seed"),
        triangles=int(data.get("triangles", 0)),
        cost={k: float(v) for k, v in dict(data.get("cost", {})).items()},
        provenance=dict(data.get("provenance", {})),
        notes=list(data.get("notes", [])),
        layer=str(data.get("layer", "")),
        thumbnail=_thumbnail(stage, asset, variant),
        made=str(data.get("made", "")),
        scores=scores,
    )


def next_name(stage: Usd.Stage, asset: str) -> str:
    """The first of c01, c02, … that is free."""
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    taken = prim.GetVariantSet(CANDIDATE).GetVariantNames() if prim else []
    number = 1
    while f"c{number:02d}" in taken:
        number += 1
    return f"c{number:02d}"


def _label(prim: Usd.Prim, asset: str) -> None:
    """What the asset is, in words; the parts are labelled inside the package."""
    from pxr import UsdSemantics

    UsdSemantics.LabelsAPI.Apply(prim, CATEGORY).CreateLabelsAttr().Set([_words(asset)])


def _words(name: str) -> str:
    """`front_post_2` as `front post`."""
    words = [w for w in name.replace("-", "_").split("_") if w and not w.isdigit()]
    return " ".join(words).lower() or name


def _authorship(row: CandidateRow) -> dict[str, Any]:
    """The candidate's record in the words of `pipeline.usd.provenance`."""
    facts = row.provenance
    inputs = {k: str(v) for k, v in dict(facts.get("inputs", {})).items()}
    more = {"job": "job_id", "negative_prompt": "negative_prompt", "task": "task", "sha256": "source_sha256"}
    told = {name: str(facts[key]) for name, key in more.items() if facts.get(key)}
    return {
        "tool": str(facts.get("tool", row.generator)),
        "version": str(facts.get("version", "")) or _version(row),
        "model": str(facts.get("model", "")),
        "prompt": str(facts.get("prompt", "")),
        "seed": row.seed,
        "inputs": {**told, **inputs},
        "cost": ", ".join(f"{v:g} {k}" for k, v in row.cost.items() if v) or None,
        "licence": str(facts.get("licence", "")),
        "source_type": facts.get("digital_source_type") or "human",
    }


def _version(row: CandidateRow) -> str:
    """The model's version as the generator names it, `kit/2` or `v3.1-20260211`; ours for a plain ingest."""
    from importlib.metadata import version

    return str(row.provenance.get("model", "")) or version("sevengates")


def _numbers(row: CandidateRow) -> dict[str, Any]:
    """The candidate's numbers as customData; only types that USD dictionaries hold."""
    from pxr import Vt

    data: dict[str, Any] = {"generator": row.generator, "triangles": row.triangles, "layer": row.layer}
    data["cost"] = dict(row.cost)
    data["made"] = now()
    if row.seed is not None:
        data["seed"] = row.seed
    if row.notes:
        data["notes"] = Vt.StringArray(row.notes)
    data["provenance"] = {k: _plain(v) for k, v in row.provenance.items() if v is not None}
    return data


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return value if isinstance(value, int | float | str) else json.dumps(value, default=str)


def _likeness_data(pictures: list[PictureLikeness], seen: str) -> dict[str, Any]:
    from pxr import Vt

    rows = {}
    for number, picture in enumerate(pictures):
        row = {k: v for k, v in picture.model_dump().items() if v not in (None, [], "")}
        if picture.notes:
            row["notes"] = Vt.StringArray(picture.notes)
        rows[f"picture_{number + 1:02d}"] = row
    return {"seen": seen, "pictures": rows}


def _specs(stage: Usd.Stage, asset: str, variant: str) -> list[tuple[Sdf.Layer, Sdf.PrimSpec]]:
    from pxr import Sdf

    path = Sdf.Path(f"{ASSETS}/{asset}").AppendVariantSelection(CANDIDATE, variant)
    held = ((layer, layer.GetPrimAtPath(path)) for layer in stage.GetLayerStack())
    return [(layer, spec) for layer, spec in held if spec]


def _data(stage: Usd.Stage, asset: str, variant: str) -> dict[str, Any]:
    """customData of all layers together, the strongest first: dictionaries compose by key."""
    found: dict[str, Any] = {}
    for _, spec in reversed(_specs(stage, asset, variant)):
        # a colon in a customData key is a nested dictionary
        found |= dict(spec.customData.get("gates", {}).get("candidate", {}))
    return found


def _thumbnail(stage: Usd.Stage, asset: str, variant: str) -> str:
    """Absolute path of a candidate's thumbnail; empty where there is none."""
    for layer, spec in _specs(stage, asset, variant):
        try:
            image = spec.assetInfo["previews"]["thumbnails"]["default"]["defaultImage"]
        except KeyError:
            continue
        return str(layer.ComputeAbsolutePath(image.path))
    return ""

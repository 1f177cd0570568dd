# SPDX-License-Identifier: Apache-2.0
"""Who or what made this prim, and from what: `UsdMedia.AuthorshipAPI`, one instance a step.

USD keeps the tool, the licence and the IPTC digital source type as attributes of their own. What it has no
attribute for (model, prompt, seed, cost) goes into `authorship:<step>:inputs`, which USD defines as a flat
list of name, value pairs, so that any reader of the schema sees it.

A record belongs on every prim that others may reference: referencing a child loses its parent's record.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pxr import Tf, Usd, UsdMedia

from pipeline.errors import StageError, UsageError
from pipeline.usd.clock import now

__all__ = ["SOURCE_TYPES", "Record", "next_name", "read", "record"]

_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
#: short names of the IPTC digital source types that occur in 3D work, and the concept each stands for
SOURCE_TYPES: dict[str, str] = {
    "generated": _IPTC + "trainedAlgorithmicMedia",
    "generated-composite": _IPTC + "compositeWithTrainedAlgorithmicMedia",
    "procedural": _IPTC + "algorithmicMedia",
    "enhanced": _IPTC + "algorithmicallyEnhanced",
    "human": _IPTC + "digitalCreation",
    "human-edits": _IPTC + "humanEdits",
    "capture": _IPTC + "digitalCapture",
    "computational-capture": _IPTC + "computationalCapture",
    "composite": _IPTC + "composite",
    "data-driven": _IPTC + "dataDrivenMedia",
}
#: names in `inputs` that a Record shows as fields of its own
_FIELDS = ("model", "prompt", "seed", "cost")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://openusd.org/schemas/AuthorshipAPI")


@dataclass(frozen=True)
class Record:
    """One step in the making of a prim, as read from the stage.

    Attributes
    ----------
    name
        Instance name of the schema: the step.
    tool, version
        Software package and its version.
    model, prompt, seed, cost
        What a generator was told and what it charged (`"0.12 USD"`); empty where none.
    inputs
        Everything else it was given, by name: digests of pictures, settings of an operation.
    licence
        Usage terms of the result, best an SPDX identifier.
    source_type
        Short name of `SOURCE_TYPES`, or the URI itself where it is another.
    created
        ISO 8601, UTC.
    """

    name: str
    tool: str = ""
    version: str = ""
    model: str = ""
    prompt: str = ""
    seed: str = ""
    cost: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    licence: str = ""
    source_type: str = ""
    created: str = ""
    creator: tuple[str, ...] = ()
    copyright_owner: tuple[str, ...] = ()
    description: str = ""
    instance_id: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)


def next_name(prim: Usd.Prim, step: str) -> str:
    """An instance name for another `step` on `prim`: `decimate`, then `decimate_2`, …"""
    base = Tf.MakeValidIdentifier(step)
    taken = {api.GetName() for api in UsdMedia.AuthorshipAPI.GetAll(prim)}
    if base not in taken:
        return str(base)
    count = 2
    while f"{base}_{count}" in taken:
        count += 1
    return f"{base}_{count}"


def record(
    prim: Usd.Prim,
    instance_name: str,
    *,
    tool: str,
    version: str = "",
    model: str = "",
    prompt: str = "",
    seed: int | str | None = None,
    inputs: Mapping[str, object] | Iterable[tuple[str, object]] | None = None,
    cost: float | str | None = None,
    licence: str = "",
    source_type: str = "procedural",
    creator: str | Iterable[str] = (),
    copyright_owner: str | Iterable[str] = (),
    description: str = "",
    created: str | None = None,
    instance_id: str | None = None,
) -> UsdMedia.AuthorshipAPI:
    """Write one authorship record on `prim` in the stage's current edit target.

    Writing the same instance name again replaces the values given, field by field.

    Parameters
    ----------
    prim
        A prim that can be edited (no instance proxy).
    instance_name
        The step, `generate` or `decimate`; made a valid identifier. See `next_name` for one that is free.
    cost
        A number is US dollars; a string says its own currency.
    source_type
        A key of `SOURCE_TYPES`, or a URI.

    Raises
    ------
    UsageError
        `source_type` is neither.
    StageError
        The prim cannot hold the record: an instance proxy, or a stronger layer lists its schemas explicitly.
    """
    if not prim or prim.IsInstanceProxy() or prim.IsInPrototype():
        raise StageError(
            "authorship cannot be written on an instance",
            prim=str(prim.GetPath()) if prim else None,
            remedy="write it on the prototype's source or through the inherited class",
        )
    uri = SOURCE_TYPES.get(source_type, source_type)
    if "://" not in uri:
        raise UsageError(
            f"unknown digital source type {source_type!r}", remedy=f"use one of: {', '.join(SOURCE_TYPES)}"
        )
    name = Tf.MakeValidIdentifier(instance_name)
    pairs = dict(inputs.items() if isinstance(inputs, Mapping) else inputs or ())
    told = {"model": model, "prompt": prompt, "seed": seed, "cost": _money(cost)}
    flat = {k: _text(v) for k, v in {**{k: v for k, v in told.items() if v not in ("", None)}, **pairs}.items()}
    api = UsdMedia.AuthorshipAPI.Apply(prim, name)
    if name not in {a.GetName() for a in UsdMedia.AuthorshipAPI.GetAll(prim)}:
        raise StageError(
            f"the authorship record {name!r} is hidden by a stronger layer's explicit apiSchemas",
            prim=str(prim.GetPath()),
            remedy="edit that layer, or author into a stronger one",
        )
    created = created or now()
    identity = "\n".join([str(prim.GetPath()), name, tool, version, created, *map("=".join, flat.items())])
    api.CreateSoftwarePackageAttr().Set(tool)
    api.CreateCreatedAttr().Set(created)
    api.CreateDigitalSourceTypeAttr().Set(uri)
    api.CreateInstanceIDAttr().Set(instance_id or uuid.uuid5(_NAMESPACE, identity).urn)
    if version:
        api.CreateSoftwareVersionAttr().Set(version)
    if licence:
        api.CreateUsageTermsAttr().Set(licence)
    if description:
        api.CreateDescriptionAttr().Set(description)
    if flat:
        api.CreateInputsAttr().Set([part for pair in flat.items() for part in pair])
    if people := _listed(creator):
        api.CreateCreatorAttr().Set(people)
    if owners := _listed(copyright_owner):
        api.CreateCopyrightOwnerAttr().Set(owners)
    return api


def read(prim: Usd.Prim) -> list[Record]:
    """The records of `prim`, oldest first (by `created`, then by name)."""
    short = {uri: name for name, uri in SOURCE_TYPES.items()}
    found = []
    for api in UsdMedia.AuthorshipAPI.GetAll(prim):
        flat = list(api.GetInputsAttr().Get() or ())
        pairs = dict(zip(flat[::2], flat[1::2], strict=False))
        uri = api.GetDigitalSourceTypeAttr().Get() or ""
        found.append(
            Record(
                name=api.GetName(),
                tool=api.GetSoftwarePackageAttr().Get() or "",
                version=api.GetSoftwareVersionAttr().Get() or "",
                **{k: pairs.pop(k, "") for k in _FIELDS},
                inputs=pairs,
                licence=api.GetUsageTermsAttr().Get() or "",
                source_type=short.get(uri, uri),
                created=api.GetCreatedAttr().Get() or "",
                creator=tuple(api.GetCreatorAttr().Get() or ()),
                copyright_owner=tuple(api.GetCopyrightOwnerAttr().Get() or ()),
                description=api.GetDescriptionAttr().Get() or "",
                instance_id=api.GetInstanceIDAttr().Get() or "",
            )
        )
    return sorted(found, key=lambda r: (r.created, r.name))


def _money(cost: float | str | None) -> str | None:
    return f"{cost:.6g} USD" if isinstance(cost, int | float) else cost


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value)


def _listed(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) and value else list(value)

# SPDX-License-Identifier: Apache-2.0
"""The generator that is always there: deterministic, offline, no weights, on a CPU.

It is honest about its class: blockouts and simple stylised props, not likenesses.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.generators.base import ALGORITHMIC, Candidate, Capability, Request, provenance

if TYPE_CHECKING:
    from pipeline.generators.embedded.model import Model

__all__ = ["FORMATS", "MODES", "VERSION", "EmbeddedGenerator"]

#: changes whenever the same request would give other bytes
VERSION = "2"
MODES = ("kit", "hull", "relief", "fault")
FORMATS = ("usdc", "glb")


def _model(mode: str, request: Request, seed: int) -> Model:
    if mode == "hull":
        from pipeline.generators.embedded.hull import hull_model

        return hull_model(request, seed)
    if mode == "relief":
        from pipeline.generators.embedded.relief import relief_model

        return relief_model(request, seed)
    if mode == "fault":
        from pipeline.generators.embedded.fault import fault_model

        asked = request.options.get("embedded", {}).get("faults", ())
        return fault_model(request, seed, [asked] if isinstance(asked, str) else list(asked))
    from pipeline.generators.embedded.kit import kit_model

    return kit_model(request, seed)


def _write(model: Model, folder: Path, name: str, form: str) -> Path:
    if form == "glb":
        from pipeline.generators.embedded.gltf import write_glb

        return write_glb(model, folder / f"{name}.glb")
    from pipeline.generators.embedded.package import write_package

    return write_package(model, folder, name)


class EmbeddedGenerator:
    """Four modes, chosen by `options["embedded"]["mode"]`.

    `kit` builds parametric props from the words of the prompt, `hull` carves a solid from several silhouettes,
    `relief` inflates one picture, `fault` plants known faults in a kit (`options["embedded"]["faults"]`).
    `options["embedded"]["format"]` is `usdc` (a package folder) or `glb`.
    """

    name = "embedded"

    def capability(self) -> Capability:
        """What it can do."""
        return Capability(
            tasks=frozenset({"text", "image", "multiview"}),
            honours=frozenset(
                {"prompt", "negative_prompt", "images", "palette", "size_m", "seed", "count", "target_triangles"}
            ),
            formats=FORMATS,
            offline=True,
            deterministic=True,
            models=MODES,
            note="a procedural kit of blockout quality; pictures steer colours",
        )

    def generate(self, request: Request, out: Path) -> list[Candidate]:
        """Make the candidates as package folders `out/<asset>-<seed>`.

        Raises
        ------
        UsageError
            An unknown mode or an impossible size.
        GeneratorError
            A picture cannot be read or the folder not written.
        """
        options = request.options.get(self.name, {})
        mode, form = str(options.get("mode", "kit")), str(options.get("format", "usdc"))
        if mode not in MODES or form not in FORMATS:
            known = MODES if mode not in MODES else FORMATS
            raise UsageError(
                f"unknown mode or format: {mode if mode not in MODES else form!r}",
                remedy=f"use one of: {', '.join(known)}",
            )
        result = []
        for i in range(request.count):
            seed = (request.seed + i) % 2**32
            model = _model(mode, request, seed)
            file = _write(model, out / f"{request.asset}-{seed}", request.asset, form)
            result.append(
                Candidate(
                    file=file,
                    generator=self.name,
                    model=f"{mode}/{VERSION}",
                    seed=seed,
                    label=f"{request.asset} {mode} {seed}",
                    provenance=provenance(
                        request, source_type=ALGORITHMIC, licence="CC0-1.0", triangles=model.triangles
                    ),
                    notes=list(model.notes),
                )
            )
        return result

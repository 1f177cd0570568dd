# SPDX-License-Identifier: Apache-2.0
"""The generator that is always there: deterministic, offline, no weights, on a CPU.

It is honest about its class: blockouts and simple stylised props, not likenesses.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UsageError
from pipeline.generators.base import ALGORITHMIC, Candidate, Capability, Request, provenance

__all__ = ["MODES", "VERSION", "EmbeddedGenerator"]

#: changes whenever the same request would give other bytes
VERSION = "1"
MODES = ("kit",)


class EmbeddedGenerator:
    """Mode `kit` builds parametric props from the words of the prompt."""

    name = "embedded"

    def capability(self) -> Capability:
        """What it can do."""
        return Capability(
            tasks=frozenset({"text", "image", "multiview"}),
            honours=frozenset(
                {"prompt", "negative_prompt", "images", "palette", "size_m", "seed", "count", "target_triangles"}
            ),
            formats=("usdc",),
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
        from pipeline.generators.embedded.kit import kit_model
        from pipeline.generators.embedded.package import write_package

        mode = str(request.options.get(self.name, {}).get("mode", "kit"))
        if mode not in MODES:
            raise UsageError(f"unknown mode {mode!r}", remedy=f"use one of: {', '.join(MODES)}")
        result = []
        for i in range(request.count):
            seed = (request.seed + i) % 2**32
            model = kit_model(request, seed)
            file = write_package(model, out / f"{request.asset}-{seed}", request.asset)
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

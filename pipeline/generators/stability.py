# SPDX-License-Identifier: Apache-2.0
"""Stability (api.stability.ai): SF3D and SPAR3D, one picture in, the file comes in the answer."""

from __future__ import annotations

from typing import Any, ClassVar

from pipeline.generators.base import Capability, Request
from pipeline.generators.failures import JobLost
from pipeline.generators.http import Connection
from pipeline.generators.jobs import Job
from pipeline.generators.payloads import clamp, mime, picture_bytes
from pipeline.generators.provider import Provider
from pipeline.generators.service import Look, Started

POINTS = "stable-point-aware-3d"


class Stability(Provider):
    """Stability as a generator; the model is `stable-point-aware-3d` or `stable-fast-3d`."""

    name: ClassVar[str] = "stability"
    licence: ClassVar[str] = "Stability AI community licence"

    def capability(self) -> Capability:
        """What it can do."""
        return Capability(
            tasks=frozenset({"image"}),
            honours=frozenset({"images", "seed", "target_triangles", "topology", "count"}),
            needs_key=True,
            models=(POINTS, "stable-fast-3d"),
            note="synchronous: a call whose answer is lost cannot be resumed",
        )

    def fields(self, request: Request, seed: int) -> dict[str, str]:
        """The form's fields beside the picture."""
        side = next((s for s in (512, 1024) if request.texture_size <= s), 2048)
        fields = {"texture_resolution": str(side)}
        remesh = "quad" if request.topology == "quad" else "triangle" if request.target_triangles else "none"
        fields["remesh"] = remesh
        if self.model(request) == POINTS:
            # 0 asks for a random seed there
            fields["seed"] = str(seed % 4294967294 + 1)
            if request.target_triangles:
                fields |= {"target_type": "face", "target_count": str(clamp(request.target_triangles, 100, 20000))}
        elif request.target_triangles:
            fields["vertex_count"] = str(clamp(request.target_triangles / 2, 100, 20000))
        return fields

    def unhonoured(self, request: Request) -> list[str]:
        """The older model has no seed."""
        notes = super().unhonoured(request)
        if request.seed and self.model(request) != POINTS:
            notes.append("stable-fast-3d has no seed")
        return notes

    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Send the picture and take the file."""
        picture = request.pictures("shape", "blockout")[0]
        parts: list[tuple[str, Any]] = [("image", (picture.path.name, picture_bytes(picture), mime(picture.path)))]
        parts += [(key, (None, value)) for key, value in self.fields(request, seed).items()]
        answer = await link.create(f"v2beta/3d/{self.model(request)}", files=parts, raw=True)
        return Started({}, Look("done", 100, inline={"glb": bytes(answer.content)}))

    async def look(self, link: Connection, job: Job) -> Look:
        """There is nothing to look at."""
        raise JobLost("Stability answers once; a lost answer cannot be asked for again", remedy="ask anew")

# SPDX-License-Identifier: Apache-2.0
"""Rodin (api.hyper3d.com): one multipart create, a status of several jobs, a download list."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pipeline.generators.base import Capability, Request
from pipeline.generators.failures import NoCredit
from pipeline.generators.http import Connection, refusal, words_of
from pipeline.generators.jobs import Job
from pipeline.generators.payloads import clamp, mime, picture_bytes
from pipeline.generators.provider import Provider
from pipeline.generators.service import Look, Started


class Rodin(Provider):
    """Rodin as a generator; the model is its tier."""

    name: ClassVar[str] = "rodin"

    def capability(self) -> Capability:
        """What Rodin can do."""
        return Capability(
            tasks=frozenset({"text", "image", "multiview"}),
            honours=frozenset(
                {"prompt", "images", "seed", "size_m", "target_triangles", "topology", "pbr", "pose", "count"}
            ),
            formats=("glb", "usdz", "fbx", "obj", "stl"),
            needs_key=True,
            models=("Gen-2.5-Low", "Gen-2.5-Medium", "Gen-2.5-High", "Gen-2.5-Extreme-High", "Gen-2"),
            note="seeds count up to 65535; the size is a hint",
        )

    def credits(self, request: Request, step: str) -> float:
        """The largest tier costs double."""
        return super().credits(request, step) * (2.0 if "Extreme-High" in self.model(request) else 1.0)

    def fields(self, request: Request, seed: int) -> dict[str, str]:
        """The form's fields beside the pictures."""
        fields = {
            "tier": self.model(request),
            "geometry_file_format": "glb",
            "material": "PBR" if request.pbr else "Shaded",
            "seed": str(seed % 65536),
            "mesh_mode": "Quad" if request.topology == "quad" else "Raw",
            "texture_delight": "true",
        }
        if request.prompt:
            fields["prompt"] = request.prompt
        if request.target_triangles:
            quad = request.topology == "quad"
            faces = (
                clamp(request.target_triangles / 2, 1000, 50_000)
                if quad
                else clamp(request.target_triangles, 500, 1_000_000)
            )
            fields["quality_override"] = str(faces)
        if request.pose == "t-pose":
            fields["TAPose"] = "true"
        if request.size_m:
            w, h, d = (round(100 * s) for s in request.size_m)
            fields |= {"bbox_condition": json.dumps([w, h, d]), "height": str(h)}
        return fields

    async def create(self, link: Connection, request: Request, seed: int, step: str, before: list[Job]) -> Started:
        """Send the form."""
        pictures = [] if step == "text" else request.pictures("shape", "blockout")[:5]
        parts: list[tuple[str, Any]] = [("images", (p.path.name, picture_bytes(p), mime(p.path))) for p in pictures]
        parts += [(key, (None, value)) for key, value in self.fields(request, seed).items()]
        answer = await link.create("api/v2/rodin", files=parts)
        _no_error(answer)
        return Started({"id": str(answer["uuid"]), "subscription": str(answer["jobs"]["subscription_key"])})

    async def look(self, link: Connection, job: Job) -> Look:
        """Done only when all jobs are; then the list of files is asked for."""
        asked = {"subscription_key": job.remote.get("subscription", "")}
        answer = await link.read("api/v2/status", method="POST", json=asked)
        _no_error(answer)
        states = [str(j.get("status")) for j in answer.get("jobs", [])]
        if "Failed" in states:
            return Look("failed", message="one of its jobs failed")
        if "Canceled" in states:
            return Look("cancelled", message="cancelled")
        if not states or any(s != "Done" for s in states):
            busy = "running" if any(s in ("Generating", "Done") for s in states) else "queued"
            share = sum(s == "Done" for s in states) * 100 // max(len(states), 1)
            return Look("running" if busy == "running" else "queued", share, f"{states.count('Done')} of {len(states)}")
        listed = await link.read("api/v2/download", method="POST", json={"task_uuid": job.remote_id})
        links: dict[str, str] = {}
        for item in listed.get("list", []):
            kind = str(item.get("name", "")).rpartition(".")[2].lower()
            if kind in ("glb", "usdz", "fbx", "obj", "stl", "zip"):
                links.setdefault(kind, str(item.get("url", "")))
        if not links:
            return Look("running", 99, "the list of files is not complete yet")
        return Look("done", 100, urls=links)


def _no_error(answer: Any) -> None:
    """Answers that carry an error although their status is a success."""
    error = str(answer.get("error") or "") if isinstance(answer, dict) else ""
    if error and error != "OK":
        if "INSUFFICIENT" in error:
            raise NoCredit(f"rodin: {error}", remedy="buy credits, or take another generator")
        raise refusal("rodin", 400, words_of(answer))

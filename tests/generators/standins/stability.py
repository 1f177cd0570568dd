# SPDX-License-Identifier: Apache-2.0
"""Stability's contract: one multipart call that answers with the file."""

from __future__ import annotations

from .server import Reply, Seen, StandIn, answer

KEY = "sk-stand-in"


class StabilityStandIn(StandIn):
    def route(self, seen: Seen) -> Reply:
        if seen.headers.get("authorization") != f"Bearer {KEY}":
            return answer(401, {"id": "x", "name": "unauthorized", "errors": ["invalid key"]})
        fault = self.fault("create")
        if fault:
            return fault
        if not seen.form["image"][0].startswith(b"\x89PNG"):
            return answer(400, {"id": "x", "name": "bad_request", "errors": ["image: not a picture"]})
        self.begin(seen.path, seen.form)
        return Reply(200, self.model, {"Content-Type": "model/gltf-binary"})

# SPDX-License-Identifier: Apache-2.0
"""Hunyuan3D's own server, 2.1: unknown and crashed jobs answer `processing` for ever, ranges are checked."""

from __future__ import annotations

import base64

from .server import Reply, Seen, StandIn, answer

_RANGES = {"octree_resolution": (64, 512), "num_inference_steps": (1, 20), "face_count": (1000, 100_000)}


class HunyuanStandIn(StandIn):
    def route(self, seen: Seen) -> Reply:
        if seen.method == "POST":
            fault = self.fault("create")
            if fault:
                return fault
            for name, (low, high) in _RANGES.items():
                if not low <= seen.json.get(name, low) <= high:
                    return answer(422, {"detail": [{"loc": ["body", name], "msg": "out of range", "type": "value"}]})
            if "image" not in seen.json:
                return answer(422, {"detail": [{"loc": ["body", "image"], "msg": "Field required"}]})
            if seen.path == "/generate":
                return Reply(200, self.model, {"Content-Type": "application/octet-stream"})
            return answer(200, {"uid": self.begin("send", seen.json).id})
        fault = self.fault("status")
        if fault:
            return fault
        task = self.tasks.get(seen.path.rpartition("/")[2])
        if task is None or self.stuck:
            return answer(200, {"status": "processing"})
        state, progress = self.state(task)
        if state == "failed":
            return answer(500, {"status": "error", "message": self.fail})
        if state != "done" or not task.body["texture"]:
            return answer(200, {"status": "texturing" if progress > 50 else "processing"})
        model = self.fault("download")
        body = model.body[: model.cut] if model else self.model
        return answer(200, {"status": "completed", "model_base64": base64.b64encode(body).decode()})

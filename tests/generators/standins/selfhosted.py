# SPDX-License-Identifier: Apache-2.0
"""StableProjectorz' contract: one slot, the create answers at the end, the file lies under a fixed route."""

from __future__ import annotations

from .server import Reply, Seen, StandIn, answer


class SelfHostedStandIn(StandIn):
    def route(self, seen: Seen) -> Reply:
        if seen.path == "/download/model":
            return self.file(seen) if self.tasks else answer(404, {"detail": "no file"})
        if seen.path == "/status":
            return answer(200, {"status": "PROCESSING", "progress": 40, "message": "sampling", "busy": True})
        if seen.path.startswith("/generate"):
            fault = self.fault("create")
            if fault:
                return fault
            self.begin(seen.path, seen.form)
            if self.fail:
                return answer(200, {"status": "FAILED", "progress": 10, "message": self.fail})
            return answer(200, {"status": "COMPLETE", "progress": 100, "message": "ok", "model_url": "/download/model"})
        return answer(404, {"detail": "Not Found"})

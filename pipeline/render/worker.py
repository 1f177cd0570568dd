# SPDX-License-Identifier: Apache-2.0
"""A process that draws some frames of a range: a job as JSON on stdin, one line of JSON for each frame on stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> int:
    """Draw what stdin asks for; errors are an answer, not a traceback."""
    import numpy as np

    from pipeline.errors import GatesError
    from pipeline.render.picturing import Options
    from pipeline.render.ranges import draw_frames
    from pipeline.usd.scene import open_stage

    job = json.loads(sys.stdin.read())
    plain = job["options"]
    for name in ("size", "prims", "purposes"):
        plain[name] = tuple(plain[name])
    if isinstance(plain["background"], list):
        plain["background"] = tuple(plain["background"])
    frames = [(float(t), Path(p)) for t, p in job["frames"]]

    def told() -> None:
        print(json.dumps({"frame": True}), flush=True)

    try:
        name, notes = draw_frames(
            open_stage(job["stage"]), job["camera"], frames, Options(**plain), job["backend"],
            np.asarray(job["around"]), told,
        )  # fmt: skip
    except GatesError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    print(json.dumps({"renderer": name, "notes": [n.model_dump() for n in notes]}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Does the product still look as it was approved? Colour and silhouette in matched pictures.

Both versions are drawn with one camera, one light and no placement. Colour is the mean CIEDE2000 over the pixels that
both cover, the silhouette is intersection over union.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from pxr import Usd

from pipeline.render.drifting import DriftView, product_drift
from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View
from pipeline.scenes.placement import without_placement
from pipeline.usd.scene.opening import private_stage

__all__ = ["ProductDrift", "seen_drift"]


class ProductDrift(Measure):
    """The asset against its approved version."""

    kind = "drift"
    title = "drift from the approved version"
    limit = 3.0  # mean CIEDE2000: about three times what is just noticeable
    ceiling = 0.02  # share of the silhouette that is another's
    unit = "CIEDE2000"
    advice = "Go back to the approved look, or ask for a new decision."

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        if situation.approved is None:
            return
        setting = situation.setting(self)
        with TemporaryDirectory() as folder:
            found = seen_drift(situation, Path(folder), setting.limit, 1 - setting.ceiling)
        worst = max(found, key=lambda v: v.drift.colour_mean)
        if worst.drift.colour_mean > setting.limit:
            yield self.note(
                situation,
                f"its colours have drifted from the approved version, most in the {worst.view} view",
                against="colour",
                measured=f"ΔE00 mean {worst.drift.colour_mean:.2f}, 95 % {worst.drift.colour_95:.2f}",
                expected=f"mean at most {setting.limit:g} (CIE Lab, D65)",
                value=worst.drift.colour_mean,
            )
        worst = min(found, key=lambda v: v.drift.silhouette)
        if 1 - worst.drift.silhouette > setting.ceiling:
            yield self.note(
                situation,
                f"its outline has drifted from the approved version, most in the {worst.view} view",
                against="silhouette",
                measured=f"{worst.drift.silhouette:.1%} the same (intersection over union)",
                expected=f"at least {1 - setting.ceiling:.0%}",
                value=worst.drift.silhouette,
            )


def seen_drift(situation: Situation, folder: Path, colour: float = 3.0, silhouette: float = 0.98) -> list[DriftView]:
    """Matched views of the approved version and the present one, each in its own space."""
    assert situation.approved is not None
    path = str(situation.asset.GetPath())
    return product_drift(
        _alone(situation.approved, path), _alone(situation.stage, path), path, folder, colour_limit=colour,
        silhouette_limit=silhouette,
    )  # fmt: skip


def _alone(stage: Usd.Stage, path: str) -> Usd.Stage:
    """The stage with the asset back in its own space; the one that was given stays as it is."""
    own: Usd.Stage = private_stage(stage)
    without_placement(own.GetPrimAtPath(path))
    return own

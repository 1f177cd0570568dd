# SPDX-License-Identifier: Apache-2.0
"""Objects that look another way than their pictures say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh

RULE = "silhouette.heading"


def pistol(asset: Any, quarters: int) -> None:
    """A body along +X with a grip near its end at -X, 0.2 thick; turned counter-clockwise, seen from above."""
    shape = trimesh.util.concatenate(
        [
            trimesh.creation.box((1, 0.3, 0.2)).apply_translation([0, 0.55, 0]),
            trimesh.creation.box((0.25, 0.8, 0.2)).apply_translation([-0.3, 0.25, 0]),
        ]
    )
    shape.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2 * quarters, [0, 1, 0]))
    asset.tri(shape)


def pictures(asset: Any) -> dict[str, str]:
    """It from the front and from the right, drawn by hand: 200 pixels a metre."""
    front, right = np.full((2, 240, 240, 3), 255, np.uint8)
    front[50:110, 20:220] = 40  # the body, 1 x 0.3
    front[60:220, 35:85] = 40  # the grip, to the left of the picture
    right[50:110, 100:140] = 40
    right[60:220, 100:140] = 40
    return {str(asset.picture("f.png", front)): "front", str(asset.picture("r.png", right)): "right"}


@pytest.mark.parametrize(
    ("quarters", "says"),
    [(0, ""), (1, "90 degrees clockwise"), (2, "180 degrees"), (3, "90 degrees counter-clockwise")],
)
def test_a_turn_is_found_and_said(asset: Any, job: Any, quarters: int, says: str) -> None:
    pistol(asset, quarters)
    views = pictures(asset)
    findings = asset.findings(RULE, job(references={"shape": list(views)}, views=views))
    assert [says in f.message for f in findings] == ([True] if says else [])


def test_pictures_of_no_known_side_say_nothing(asset: Any, job: Any) -> None:
    pistol(asset, 1)
    views = pictures(asset)
    assert asset.findings(RULE, job(references={"shape": list(views)})) == []
    assert asset.findings(RULE, job(references={"shape": list(views)}, views=dict.fromkeys(views, "top"))) == []


def test_what_is_round_has_no_heading(asset: Any, job: Any) -> None:
    asset.tri(
        trimesh.creation.cylinder(
            0.4, 1, transform=np.array([[1, 0, 0, 0], [0, 0, 1, 0.5], [0, -1, 0, 0], [0, 0, 0, 1]])
        )
    )
    views = pictures(asset)
    assert asset.findings(RULE, job(references={"shape": list(views)}, views=views)) == []

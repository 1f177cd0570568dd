# SPDX-License-Identifier: Apache-2.0
"""Gate 1."""

from __future__ import annotations

import pytest

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.brief import brief_of
from pipeline.gates.intent import set_intent, unlock
from pipeline.project import Project

from .conftest import ASSET


def test_what_is_given_is_set_and_the_rest_is_kept(project: Project) -> None:
    set_intent(project, ASSET, max_triangles=800)
    result = set_intent(project, ASSET, size=(1.0, 2.0, 3.0))
    assert result.budgets.max_triangles == 800
    assert result.size == (1.0, 2.0, 3.0)
    assert set_intent(project, ASSET) == result


def test_the_intent_replaces_the_jobs_budget_in_the_brief(project: Project) -> None:
    set_intent(project, ASSET, max_triangles=123, parts=["lid"])
    brief = brief_of(project, ASSET)
    assert brief.job.budgets.max_triangles == 123
    assert brief.job.needs.separable
    assert brief.size_m is None


def test_a_locked_intent_does_not_change(briefed: Project) -> None:
    with pytest.raises(GateRefused, match="max_triangles"):
        set_intent(briefed, ASSET, max_triangles=9)
    assert set_intent(briefed, ASSET).budgets.max_triangles == 500
    unlock(briefed, ASSET)
    assert set_intent(briefed, ASSET, max_triangles=9).budgets.max_triangles == 9


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"job": "hero-prop"}, "hero-prop"),
        ({"formats": ["max"]}, "max"),
        ({"target": "roblox"}, "roblox"),
        ({"size": (1.0, 0.0, 1.0)}, "above zero"),
    ],
)
def test_what_means_nothing_is_refused_and_nothing_changes(project: Project, given: dict, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        set_intent(project, ASSET, **given)
    assert not project.open_stage().GetPrimAtPath("/Project/Assets/crate")


def test_a_name_that_is_no_prim_name_is_refused_with_one_that_is(project: Project) -> None:
    with pytest.raises(UsageError, match="market_stall"):
        set_intent(project, "market stall")

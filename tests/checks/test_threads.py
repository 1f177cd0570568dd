# SPDX-License-Identifier: Apache-2.0
"""Rules side by side: the same result whatever the threads do, one failure hurts nobody else, Ctrl-C is heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import trimesh

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.reading import from_stage
from pipeline.checks.running import run_all
from pipeline.checks.threads import mapped, side_by_side
from pipeline.mesh.once import once
from pipeline.settings.jobs import brief_for


class _Says(Rule):
    """Finds one thing, after a while."""

    def __init__(self, name: str, wait: float = 0.0, alone: bool = False) -> None:
        self.id = f"test.{name}"  # type: ignore[misc]
        self.alone = alone  # type: ignore[misc]
        self.wait = wait
        self.thread: threading.Thread | None = None

    id = "test.says"
    title = "says its name"

    def run(self, context: Context) -> Iterator[Finding]:
        self.thread = threading.current_thread()
        time.sleep(self.wait)
        yield self.found(context, self.id)


class _Breaks(_Says):
    """Ends in an exception."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("breaks")
        self.error = error

    def run(self, context: Context) -> Iterator[Finding]:
        raise self.error


@pytest.fixture
def context(asset: Any, ball: trimesh.Trimesh) -> Context:
    asset.tri(ball)
    return Context(from_stage(asset.stage), brief_for(None))


def test_order_is_the_rules_own_not_that_of_threads(context: Context) -> None:
    rules = [_Says("slow", 0.05), _Says("quick"), _Says("middle", 0.02)]
    told = [o.findings[0].message for o in run_all(rules, context, threads=3)]
    assert told == ["test.slow", "test.quick", "test.middle"]


def test_all_rules_say_the_same_in_one_thread_and_in_many(asset: Any, ball: trimesh.Trimesh) -> None:
    from pipeline.checks import inspect

    asset.tri(ball)
    asset.tri(ball.copy(), name="again", move=(0.02, 0, 0))
    one, many = (inspect(asset.stage, threads=n).model_dump(exclude={"seconds"}) for n in (1, 5))
    assert one == many
    assert one["findings"]


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3)])
def test_a_rule_that_breaks_is_reported_and_the_rest_go_on(context: Context, error: BaseException) -> None:
    broken, sound = run_all([_Breaks(error), _Says("sound")], context, threads=2)
    assert type(error).__name__ in broken.failure
    assert [f.message for f in sound.findings] == ["test.sound"]


def test_an_interruption_ends_the_run_at_once(context: Context) -> None:
    waits = [_Says(f"n{i}", 0.2) for i in range(40)]
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        run_all([*waits, _Breaks(KeyboardInterrupt())], context, threads=2)
    assert time.perf_counter() - started < 4  # not the eight seconds that forty rules in two threads would take
    time.sleep(0.3)
    assert sum(w.thread is not None for w in waits) < 40


def test_what_must_be_alone_runs_in_the_calling_thread(context: Context) -> None:
    shy, other = _Says("shy", alone=True), _Says("other")
    run_all([shy, other, _Says("third")], context, threads=3)
    assert shy.thread is threading.current_thread()
    assert other.thread is not threading.current_thread()


def test_shared_results_are_computed_once() -> None:
    class Costly:
        made = 0

        @once
        def value(self) -> int:
            Costly.made += 1
            time.sleep(0.05)
            return 7

    costly = Costly()
    assert mapped(lambda _: costly.value, range(8)) == [7] * 8
    assert Costly.made == 1


def test_context_keeps_one_result_for_each_key(context: Context) -> None:
    made: list[str] = []

    def make() -> str:
        made.append("x")
        time.sleep(0.05)
        return "kept"

    tasks = [lambda: context.keep("key", make)] * 4
    assert set(side_by_side(tasks, 4)) == {"kept"}
    assert made == ["x"]

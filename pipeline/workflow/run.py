# SPDX-License-Identifier: Apache-2.0
"""Running a workflow: node after node, taking from the memo what did not change."""

from __future__ import annotations

import time
import tomllib
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from pipeline.errors import ConfigError, ProjectError
from pipeline.progress import step
from pipeline.workflow.memo import Memo, key_of
from pipeline.workflow.model import Workflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.project import Project

__all__ = ["NodeResult", "RunResult", "run_workflow"]

State = Literal["cached", "ran", "failed", "skipped"]


class NodeResult(BaseModel):
    """One node of a run."""

    node: str
    op: str
    gate: str = ""
    title: str = ""
    state: State
    seconds: float = 0.0
    outputs: dict[str, Any] = Field(default_factory=dict)
    message: str = ""


class RunResult(BaseModel):
    """What `gates run` prints."""

    run: str
    workflow: str
    project: str
    asset: str
    nodes: list[NodeResult]
    seconds: float = 0.0

    def output(self, node: str) -> dict[str, Any]:
        """What one node gave."""
        return next(n.outputs for n in self.nodes if n.node == node)


def run_workflow(workflow: Workflow, project: Project, report: Callable[[NodeResult], None] | None = None) -> RunResult:
    """Run every node of a workflow in a project; `report` is called after each.

    A node that fails stops the run: its error is raised after the node was reported. What ran before it stays,
    so that the next run begins there.

    Raises
    ------
    ProjectError
        Another run is under way in this project.
    """
    from pipeline.workflow.operations import find

    memo = Memo(project.layout.private / "memo")
    results: list[NodeResult] = []
    outputs: dict[str, dict[str, Any]] = {"settings": workflow.settings}
    begin = time.monotonic()
    with _alone(project):
        for i, node in enumerate(workflow.nodes):
            step(node.title or node.id, i, len(workflow.nodes))
            operation = find(node.op)
            params = {k: _resolved(v, outputs, workflow) for k, v in node.params.items()}
            seen = {name: _field(name, outputs) for name in node.sees}
            key = key_of(node.op, operation.version, {"asset": workflow.asset, **params}, seen)
            start = time.monotonic()
            known = memo.get(node.id, key, project.open_stage(), project.root)
            result = NodeResult(node=node.id, op=node.op, gate=node.gate, title=node.title, state="cached")
            if known is None:
                result.state = "ran"
                try:
                    known = operation.run(project, workflow.asset, params)
                except BaseException as error:
                    result.state, result.message = "failed", str(error)
                    result.seconds = round(time.monotonic() - start, 3)
                    if report and not isinstance(error, KeyboardInterrupt):
                        report(result)
                    raise
                memo.put(node.id, key, known)
            result.outputs = known
            result.seconds = round(time.monotonic() - start, 3)
            outputs[node.id] = known
            results.append(result)
            if report:
                report(result)
    return RunResult(
        run=uuid.uuid4().hex[:12],
        workflow=workflow.name,
        project=str(project.root),
        asset=workflow.asset,
        nodes=results,
        seconds=round(time.monotonic() - begin, 3),
    )


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """One run at a time in a project; the lock dies with its process."""
    import fcntl

    path = project.layout.private / "locks" / "workflow.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ProjectError(
                "another run is under way in this project",
                path=project.root,
                remedy="wait until it is done, or give this one another folder",
            ) from error
        yield


def _resolved(value: Any, outputs: dict[str, dict[str, Any]], workflow: Workflow) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        return _field(value[1:], outputs)
    if isinstance(value, str) and value.startswith("@"):
        path = (workflow.home / value[1:]).resolve()
        if not path.is_relative_to(workflow.home):
            raise ConfigError(
                f"{value} leaves the workflow's folder", path=workflow.home, remedy="keep files beside it"
            )
        return path
    if isinstance(value, dict):
        return {k: _resolved(v, outputs, workflow) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolved(v, outputs, workflow) for v in value]
    return value


def _field(name: str, outputs: dict[str, dict[str, Any]]) -> Any:
    path, question, otherwise = (part.strip() for part in name.partition("?"))
    node, *fields = path.split(".")
    value: Any = outputs[node]
    if not fields:
        return {k: v for k, v in value.items() if k not in ("prims", "files")}
    for field in fields:
        if not isinstance(value, dict) or field not in value:
            if question:
                return tomllib.loads(f"v = {otherwise}")["v"]
            known = ", ".join(value) if isinstance(value, dict) else "no fields"
            raise ConfigError(f"{path!r}: there is no {field!r}", remedy=f"there is: {known}")
        value = value[field]
    return value

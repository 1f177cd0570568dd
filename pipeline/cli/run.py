# SPDX-License-Identifier: Apache-2.0
"""Runs a workflow through the gates; what did not change is taken from the memo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import PAIR, pairs
from pipeline.cli.output import Session, json_option, say, show

if TYPE_CHECKING:
    from pipeline.project import Project
    from pipeline.workflow import NodeResult, RunResult, Workflow

SIGNS: dict[str, tuple[str, str | None]] = {
    "cached": ("=", "cyan"),
    "ran": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", None),
}


@click.command(name="run")
@click.argument("workflow")
@click.option("--set", "settings", type=PAIR, multiple=True, metavar="NODE.PARAM=VALUE", help="Another value.")
@click.option("--executor", type=click.Choice(["local"]), default="local", show_default=True, help="Where nodes run.")
@json_option
@click.pass_obj
def command(
    session: Session, workflow: str, settings: tuple[tuple[str, str], ...], executor: str, as_json: bool
) -> None:
    """Run a workflow that ships or one in a file, in this project (or a new one at -C DIR).

    Example: gates -C build/market_stall run market-stall --set settings.max_triangles=9000
    """
    from pipeline.workflow import load_workflow, run_workflow

    graph = load_workflow(workflow).with_settings(pairs(settings))
    project = _project(session, graph)
    say(f"{graph.title}\nin {project.root}")
    with session.progress():
        result = run_workflow(graph, project, report=_Teller(project, graph))
    show(result, as_json, lambda: _summary(project, result))


def _project(session: Session, graph: Workflow) -> Project:
    """The project to run in; made at -C DIR (or ./<asset>) where there is none."""
    from pipeline.project import Project

    folder = session.directory or Path.cwd()
    if (folder / "project.usda").exists():
        return Project.open(folder)
    if session.directory is None:
        folder = folder / graph.asset
        if (folder / "project.usda").exists():
            return Project.open(folder)
    return Project.create(folder, job=graph.job)


class _Teller:
    """Tells each node as it ends, and the board's line when a gate is done."""

    def __init__(self, project: Project, graph: Workflow) -> None:
        self.project = project
        self.asset = graph.asset
        self.last = {n.gate: n.id for n in graph.nodes if n.gate}
        self.spent: dict[str, float] = {}

    def __call__(self, node: NodeResult) -> None:
        sign, colour = SIGNS[node.state]
        took = f"{node.seconds:6.2f} s" if node.state != "cached" else "  cached"
        clear = "\r\x1b[2K" if sys.stderr.isatty() else ""
        say(f"{clear}  {click.style(sign, fg=colour)} {took}  {node.title or node.node}")
        if node.message:
            say(f"      {node.message}")
        self.spent[node.gate] = self.spent.get(node.gate, 0.0) + node.seconds
        if node.gate and self.last[node.gate] == node.node:
            from pipeline.cli.status import SIGNS as STATES
            from pipeline.gates.board import cells

            stage = self.project.open_stage()
            cell = next(c for c in cells(stage, self.project, self.asset) if c.gate == node.gate)
            sign, colour = STATES[cell.state]
            told = f"{cell.gate:<11} {cell.state:<9} {self.spent[node.gate]:6.1f} s"
            say(f"{click.style(sign, fg=colour)} {click.style(told, bold=True)}  {cell.why}")


def _summary(project: Project, result: RunResult) -> str:
    """The board, the files, and the line that opens the stage."""
    from pipeline.cli.status import text
    from pipeline.gates.overview import board

    lines = ["", text(board(project, result.asset)), ""]
    files = [name for node in result.nodes for name in node.outputs.get("files", {})]
    textures = [name for name in files if "_files/" in name or "/textures/" in name]
    lines += ["files:", *(f"  {project.root / name}" for name in files if name not in textures)]
    if textures:
        lines.append(f"  and {len(textures)} textures beside them")
    ran = sum(n.state == "ran" for n in result.nodes)
    lines += ["", f"{ran} of {len(result.nodes)} nodes ran, {result.seconds:.1f} s"]
    lines += ["open the stage:", f"  usdview '{project.stage_path}'"]
    return "\n".join(lines)

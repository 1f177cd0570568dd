# SPDX-License-Identifier: Apache-2.0
"""Lists and shows workflows."""

from __future__ import annotations

import click

from pipeline.cli.output import json_option, show


@click.command(name="workflow")
@click.argument("action", type=click.Choice(["list", "show"]))
@click.argument("name", required=False)
@json_option
def command(action: str, name: str | None, as_json: bool) -> None:
    """List the workflows that ship, or show one's nodes.

    Example: gates workflow show market-stall
    """
    from pipeline.errors import UsageError
    from pipeline.workflow import load_workflow, workflow_names

    if action == "list":
        show({"workflows": workflow_names()}, as_json, "\n".join(workflow_names()))
        return
    if name is None:
        raise UsageError("show which workflow?", remedy=f"one of: {', '.join(workflow_names())}")
    graph = load_workflow(name)
    lines = [graph.title] + [f"  {n.id:<12} {n.gate:<11} {n.op:<9} {n.title}" for n in graph.nodes]
    show(graph, as_json, "\n".join(lines))

# SPDX-License-Identifier: Apache-2.0
"""Workflows: gates as repeatable nodes, each run only when what it depends on changed."""

from __future__ import annotations

from pipeline.workflow.model import Node, Workflow, load_workflow, workflow_names
from pipeline.workflow.run import NodeResult, RunResult, run_workflow

__all__ = ["Node", "NodeResult", "RunResult", "Workflow", "load_workflow", "run_workflow", "workflow_names"]

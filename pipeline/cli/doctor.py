# SPDX-License-Identifier: Apache-2.0
"""What this machine can do, and the line to type for what is missing."""

from __future__ import annotations

import sys

import click

from pipeline.cli.output import json_option, show


@click.command(name="doctor")
@click.option("--live", is_flag=True, help="Try the providers whose keys are set, over the network.")
@json_option
def command(live: bool, as_json: bool) -> None:
    """Check libraries, readers, renderers, sandbox and keys; exits 1 when something required is missing.

    Example: gates doctor
    """
    from pipeline.plugins.machine import examine

    rows = examine(live=live)
    signs = {True: click.style("✓", fg="green"), False: click.style("✗", fg="red"), None: click.style("-", fg="yellow")}
    lines = [f"{signs[r.ok]} {r.name:<26} {r.found}" + (f"\n    {r.remedy}" if r.remedy else "") for r in rows]
    show({"checks": [r.model_dump() for r in rows]}, as_json, "\n".join(lines))
    sys.exit(1 if any(r.ok is False for r in rows) else 0)

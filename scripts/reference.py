# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference and schemas/json from the code. `make docs` calls it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
HEAD = "<!-- made by scripts/reference.py: change the code, then `make docs` -->\n\n"


def commands() -> str:
    """Every command with its options and its example."""
    from pipeline.cli import gates

    lines = [
        "# Commands\n",
        "`gates -C DIR COMMAND …` runs in another project folder. Every command that prints a result",
    ]
    lines += [
        "takes `--json`. Exit codes: 0 done or pass, 1 failed, 2 wrong usage, 3 verdict revise or a gate refused,"
    ]
    lines += ["4 verdict reject, 5 merge conflict or a lost race, 130 interrupted.\n"]
    context = click.Context(gates, info_name="gates")
    for name, command in _every(gates, context, ""):
        own = click.Context(command, info_name=f"gates {name}", parent=None)
        usage = command.get_usage(own).removeprefix("Usage: ")
        text = " ".join(part.strip() for part in (command.help or "").splitlines()).strip()
        text = text.replace("Example: ", "\n\nExample: `") + ("`" if "Example: " in text else "")
        lines += [f"## {name}\n", f"`{' '.join(usage.split())}`\n", text.strip() + "\n"]
        rows = []
        for option in command.params:
            record = option.get_help_record(own) if isinstance(option, click.Option) else None
            if record and "--help" not in record[0]:
                rows.append(f"| `{record[0].replace('|', chr(92) + '|')}` | {' '.join(record[1].split())} |")
        if rows:
            lines += ["| option | meaning |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _every(group: click.Group, context: click.Context, before: str) -> Iterator[tuple[str, click.Command]]:
    """Each command by its whole name, a group before what is in it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield before + name, command
        if isinstance(command, click.Group):
            yield from _every(command, context, f"{before}{name} ")


def jobs() -> str:
    """The decision matrix as a table."""
    from pipeline.settings.jobs import GATES, job_names, load_job

    every = [load_job(name) for name in job_names()]
    lines = [
        "# Jobs\n",
        "The decision matrix, `config/jobs.toml`. ● is required. Override any key in `$GATES_STUDIO/jobs.toml`",
    ]
    lines += ["or in `[jobs.<name>]` of a project's `gates.toml`.\n"]
    lines += ["| job | " + " | ".join(GATES) + " |", "|---" * (len(GATES) + 1) + "|"]
    lines += [f"| {j.name} | " + " | ".join("●" if j.requires(g) else "" for g in GATES) + " |" for j in every]
    lines += [
        "",
        "| job | prioritises | formats | triangles | materials | textures | LODs |",
        "|---|---|---|---|---|---|---|",
    ]
    for job in every:
        b = job.budgets
        sides = f"{b.texture_min}-{b.texture_max}"
        lines.append(
            f"| {job.name} | {', '.join(job.prioritises)} | {', '.join(job.formats)} | {b.max_triangles or 'any'} "
            f"| {b.max_materials or 'any'} | {sides} | {b.lods} |"
        )
    return "\n".join(lines) + "\n"


def errors() -> str:
    """Every error of the tree with its code and exit code."""
    import pipeline.generators.failures  # noqa: F401  its errors are part of the tree
    from pipeline.errors import GatesError

    lines = [
        "# Errors\n",
        "Each error has a stable code, says what happened, to which file and prim, and what to do.\n",
    ]
    lines += ["| code | error | exit | meaning |", "|---|---|---|---|"]

    def walk(kind: type[GatesError]) -> None:
        meaning = (kind.__doc__ or "").strip().splitlines()[0]
        lines.append(f"| `{kind.code}` | {kind.__name__} | {kind.exit_code} | {meaning} |")
        for child in sorted(kind.__subclasses__(), key=lambda c: c.__name__):
            walk(child)

    walk(GatesError)
    return "\n".join(lines) + "\n"


def records() -> str:
    """The typed records of our codeless schemas."""
    from pipeline.usd.schemas import RECORDS, register

    register()
    from pxr import Usd

    registry = Usd.SchemaRegistry()
    lines = [
        "# Records\n",
        "Typed prims of `schemas/gates`. Opened without them, the values stay and the types are unknown.\n",
    ]
    for name in RECORDS:
        definition = registry.FindConcretePrimDefinition(name)
        lines += [
            f"## {name}\n",
            definition.GetDocumentation() + "\n",
            "| property | type | meaning |",
            "|---|---|---|",
        ]
        for prop in sorted(definition.GetPropertyNames()):
            attribute = definition.GetAttributeDefinition(prop)
            kind = str(attribute.GetTypeName()) if attribute else "rel"
            lines.append(f"| `{prop}` | {kind} | {definition.GetPropertyDocumentation(prop)} |")
        lines.append("")
    return "\n".join(lines)


def rules() -> str:
    """What inspection looks for."""
    from pipeline.checks.catalogue import as_markdown

    return as_markdown()


#: the JSON documents that commands print, by command
RESULTS = {
    "status": "pipeline.gates.overview:Board",
    "intent": "pipeline.gates.intent:IntentResult",
    "input": "pipeline.gates.inputs:InputResult",
    "generate": "pipeline.gates.generation:GenerationResult",
    "ingest": "pipeline.gates.generation:CandidateRow",
    "candidates": "pipeline.gates.generation:CandidatesResult",
    "inspect": "pipeline.checks.report:Report",
    "place": "pipeline.gates.dressing:PrimResult",
    "camera": "pipeline.gates.filming:CameraResult",
    "light": "pipeline.gates.filming:LightResult",
    "scene-new": "pipeline.gates.scenes:SceneRow",
    "scene-add": "pipeline.gates.dressing:AssetResult",
    "scene-variant": "pipeline.gates.revising:VariantResult",
    "scene-remove": "pipeline.gates.revising:RemoveResult",
    "scene-scatter": "pipeline.gates.scattering:ScatterResult",
    "scene-rendering": "pipeline.gates.filming:RenderSettingsResult",
    "scene-continuity": "pipeline.gates.scene_versions:ContinuityResult",
    "scene-commit": "pipeline.gates.scene_versions:SceneCommit",
    "scene-restore": "pipeline.gates.scene_versions:RestoreResult",
    "scene-pins": "pipeline.gates.scene_versions:PinsResult",
    "context": "pipeline.gates.context:ContextResult",
    "refine": "pipeline.refiners:RefineResult",
    "render": "pipeline.render:RenderResult",
    "export": "pipeline.exporters.result:ExportResult",
    "publish": "pipeline.gates.delivery:PublishResult",
    "run": "pipeline.workflow:RunResult",
}


def json_schemas() -> dict[str, str]:
    """JSON Schema of what each command prints with `--json`, by file name."""
    import json
    from importlib import import_module

    made = {}
    for command, place in RESULTS.items():
        module, _, name = place.partition(":")
        schema = getattr(import_module(module), name).model_json_schema(mode="serialization")
        made[f"{command}.json"] = json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "reference")
    parser.add_argument("--schemas", type=Path, default=ROOT / "schemas" / "json")
    given = parser.parse_args()
    for folder in (given.out, given.schemas):
        folder.mkdir(parents=True, exist_ok=True)
    for page in (commands, jobs, errors, records, rules):
        (given.out / f"{page.__name__}.md").write_text(HEAD + page().rstrip() + "\n", encoding="utf-8")
    for name, schema in json_schemas().items():
        (given.schemas / name).write_text(schema, encoding="utf-8")

# SPDX-License-Identifier: Apache-2.0
"""Gate 7, delivery: where does it go, can a team approve it?

A version is reviewed, the decision names that exact version, and what is published is that version: exported in
every style and format of the intent, each file read back by a reader that is not ours, with the receipt
beside it. Nothing of a package can be seen before all of it is there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from pipeline.errors import GateRefused, NothingToCommit, UsageError
from pipeline.gates.board import ASSETS, cells, known_asset, mark, require
from pipeline.gates.inspection import choose, selections
from pipeline.gates.intent import read_intent
from pipeline.gates.refinement import STYLE
from pipeline.gates.scratch import scratch
from pipeline.progress import step

if TYPE_CHECKING:
    from pipeline.exporters import ExportResult
    from pipeline.plugins.hooks import HookRun
    from pipeline.project import Project
    from pipeline.review.decisions import DecisionRow

__all__ = ["PublishResult", "approve", "commit_if_changed", "export_asset", "publish", "request_review"]


class PublishResult(BaseModel):
    """What `gates publish` prints; `path` is relative to the project."""

    asset: str
    number: int
    version: str
    path: str
    files: list[str]
    hooks: list[dict[str, Any]] = Field(default_factory=list)
    exports: list[dict[str, Any]] = Field(default_factory=list)


def export_asset(
    project: Project,
    asset: str,
    out: Path,
    *,
    ref: str | None = None,
    target: str | None = None,
    variants: dict[str, str] | None = None,
    **options: Any,
) -> ExportResult:
    """Write one file of an asset, in its own space: its placement in the scene stays behind.

    Raises
    ------
    GateRefused
        The job may not be delivered in that format, or a required gate has not passed.
    """
    from pipeline.exporters import export
    from pipeline.scenes.placement import without_placement

    stage = project.open_stage(ref)
    known_asset(stage, asset)
    extension = out.suffix.lower().lstrip(".")
    formats = _formats(project, asset)
    if extension not in formats["allowed"]:
        raise GateRefused(
            f"a {formats['title']} is not delivered as {extension or 'a file without an ending'}",
            prim=f"{ASSETS}/{asset}",
            remedy=f"choose from: {', '.join(formats['allowed'])}, or change the job's formats",
        )
    require(stage, project, asset, "delivery")
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    choose(stage, prim, {**selections(prim), **(variants or {})})
    without_placement(prim)
    return export(
        stage,
        out,
        target=target or _target(project, asset),
        prim=str(prim.GetPath()),
        project=project.root,
        **options,
    )


def commit_if_changed(project: Project, message: str) -> str:
    """Commit the work; where there is none, the branch's head is the version. Returns its id."""
    try:
        return project.commit(message).id
    except NothingToCommit:
        return project.store.refs.head(project.branch_name)


def request_review(project: Project, asset: str, version: str | None = None, comment: str = "") -> DecisionRow:
    """Ask for a decision on a version (default: the branch's head)."""
    from pipeline.review.decisions import decide

    return decide(project, asset, "requested", version or project.branch_name, comment)


def approve(
    project: Project, asset: str, version: str | None = None, comment: str = "", by: str | None = None
) -> DecisionRow:
    """Approve one exact version (default: the branch's head).

    Raises
    ------
    GateRefused
        A required gate had not passed in that version.
    """
    from pipeline.plugins import hooks
    from pipeline.review.decisions import decide

    exact = project.store.refs.resolve(version or project.branch_name)
    stage = project.open_stage(exact)
    known_asset(stage, asset)
    require(stage, project, asset, "delivery")
    row = decide(project, asset, "approved", exact, comment, by)
    hooks.run("post_decision", {"decision": row.model_dump()}, project.root)
    return row


def publish(
    project: Project, asset: str, *, targets: list[str] | None = None, formats: list[str] | None = None
) -> PublishResult:
    """Publish the approved version as the next numbered package.

    Raises
    ------
    GateRefused
        No version is approved, or a required gate had not passed in it.
    HookFailed
        A hook before the publish said no; nothing changed.
    ReadbackMismatch
        A written file is not what the stage says; nothing changed.
    """
    from pipeline.gates.inputs import add_inputs
    from pipeline.plugins import hooks
    from pipeline.review.decisions import approved_version, decisions
    from pipeline.versions.packages import publish_package

    now = project.open_stage()
    known_asset(now, asset)
    version = approved_version(now, asset)
    if version is None:
        raise GateRefused(
            f"no version of {asset} is approved",
            prim="/Project/Decisions",
            remedy=f"gates commit -m TEXT, then gates review approve {asset}",
        )
    stage = project.open_stage(version)
    require(stage, project, asset, "delivery")
    wanted = formats or _formats(project, asset)["wanted"]
    facts: dict[str, Any] = {
        "asset": asset,
        "version": version,
        "project": str(project.root),
        "formats": wanted,
        "targets": targets or [],
        "inputs": [i.model_dump() for i in add_inputs(project, asset).inputs],
        "gates": [c.model_dump() for c in cells(stage, project, asset)],
        "job": _formats(project, asset)["job"],
    }
    runs: list[HookRun] = hooks.run("pre_publish", facts, project.root)
    with scratch(project, "publish") as folder:
        files, exports = _write_files(project, asset, version, folder, wanted, targets)
        receipt = {
            **facts,
            "project": project.name,
            "by": project.work,
            "history": [v.model_dump(mode="json") for v in project.log(version, limit=20)],
            "decisions": [d.model_dump() for d in decisions(now, asset) if d.version == version],
            "exports": exports,
            "hooks": [r.model_dump() for r in runs],
        }
        number, path = publish_package(project, asset, files, version, receipt)
    package = path.relative_to(project.root).as_posix()
    with project.edit() as edit:
        mark(edit, asset, "delivery", "passed", f"published as {path.name}")
    listed = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    runs += hooks.run("post_publish", {**facts, "number": number, "path": package, "files": listed}, project.root)
    return PublishResult(
        asset=asset,
        number=number,
        version=version,
        path=package,
        files=listed,
        hooks=[r.model_dump() for r in runs],
        exports=exports,
    )


def _write_files(
    project: Project, asset: str, version: str, folder: Path, formats: list[str], targets: list[str] | None
) -> tuple[dict[str, Path], list[dict[str, Any]]]:
    """Export every style in every format, and draw the preview; names relative to the package."""
    from pipeline.render import render
    from pipeline.usd.package_root import write_package_root

    stage = project.open_stage(version)
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    has_styles = prim.GetVariantSets().HasVariantSet(STYLE)
    styles = list(prim.GetVariantSet(STYLE).GetVariantNames()) if has_styles else [""]
    files: dict[str, Path] = {}
    exports: list[dict[str, Any]] = []
    wanted: list[str | None] = [*targets] if targets else [_target(project, asset)]
    jobs = [(s, f, t) for s in styles for f in formats for t in wanted]
    for i, (style, extension, target) in enumerate(jobs):
        stem = f"{asset}_{style}" if style else asset
        stem = f"{stem}_{target}" if targets and len(targets) > 1 else stem
        step(f"exports {stem}.{extension}", i, len(jobs))
        out = folder / extension / f"{stem}.{extension}"
        out.parent.mkdir(exist_ok=True)
        report = export_asset(
            project,
            asset,
            out,
            ref=version,
            target=target if extension not in ("usd", "usda", "usdc") else None,
            variants={STYLE: style} if style else None,
        )
        row = report.model_dump(mode="json")
        row["path"] = out.relative_to(folder).as_posix()
        exports.append({"style": style, **row})
    layers = {row["style"]: row["path"] for row in exports if Path(row["path"]).suffix in (".usd", ".usda", ".usdc")}
    if layers and "" not in layers:
        write_package_root(folder / f"{asset}.usda", asset, layers, selections(prim).get(STYLE, ""))
    preview = folder / "preview.png"
    render(project.open_stage(version), preview, prims=[f"{ASSETS}/{asset}"], size=(512, 512), quality="draft")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            files[path.relative_to(folder).as_posix()] = path
    return files, exports


def _formats(project: Project, asset: str) -> dict[str, Any]:
    """The formats that the intent wants and the job allows."""
    from pipeline.gates.intent import Intent
    from pipeline.settings.jobs import load_job

    stage = project.open_stage()
    intent = read_intent(stage, asset) or Intent(job=project.job)
    job = load_job(intent.job or project.job, project.root)
    if not job.formats:
        raise UsageError(f"job {job.name!r} has no formats", remedy="give it some in jobs.toml")
    return {
        "allowed": job.formats,
        "wanted": intent.formats or job.formats[:1],
        "title": job.title.lower(),
        "job": job.name,
    }


def _target(project: Project, asset: str) -> str | None:
    intent = read_intent(project.open_stage(), asset)
    return (intent.target if intent else "") or project.target or None

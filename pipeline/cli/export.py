# SPDX-License-Identifier: Apache-2.0
"""One file for an engine, a viewer or a printer, read back before it is delivered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import PAIR, pairs
from pipeline.cli.output import json_option, show

if TYPE_CHECKING:
    from pipeline.cli.output import Session
    from pipeline.exporters.result import ExportResult


@click.command()
@click.argument("source", metavar="ASSET|STAGE|REF")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--target", metavar="TARGET", help="unreal, unity, godot, web, print, ar or one of your own.")
@click.option("--variant", "variants", type=PAIR, multiple=True, metavar="SET=NAME", help="Select a variant.")
@click.option(
    "--purpose",
    type=click.Choice(["render", "proxy"]),
    default="render",
    show_default=True,
    help="Which geometry is drawn beside the default.",
)
@click.option("--prim", metavar="PATH", help="Only what lies beneath this prim.")
@click.option("--no-verify", is_flag=True, help="Do not read the file back.")
@json_option
@click.pass_obj
def command(
    session: Session,
    source: str,
    out: Path,
    target: str | None,
    variants: tuple[tuple[str, str], ...],
    purpose: str,
    prim: str | None,
    no_verify: bool,
    as_json: bool,
) -> None:
    """Export an asset of the project, any USD stage, or a branch, tag or version; the suffix names the format.

    Formats: .glb .gltf .fbx .obj .stl .usdz .usd .usda .usdc

    Example: gates export crate.usda crate.glb --target web
    """
    from pipeline.exporters import export

    purposes = ("default", purpose)
    with session.progress():
        stage, root, project = _stage(session, source)
        if root is not None:
            from pipeline.gates.delivery import export_asset

            result = export_asset(
                session.project(),
                source,
                out,
                target=target,
                variants=pairs(variants),
                purposes=purposes,
                verify=not no_verify,
            )
            show(result, as_json, lambda: _text(result))
            return
        result = export(
            stage,
            out,
            target=target,
            variants=pairs(variants),
            purposes=purposes,
            prim=prim,
            verify=not no_verify,
            project=project,
        )
    show(result, as_json, lambda: _text(result))


def _stage(session: Session, source: str) -> tuple[Any, str | None, Path | None]:
    """What to open, the prim to export (None for all), and the project's folder."""
    from pipeline.errors import GatesError, StageError, UnknownRef

    if Path(source).is_file() or "[" in source:
        return source, None, session.directory
    try:
        project = session.project()
    except GatesError as error:
        raise StageError(
            f"{source!r} is no file, and there is no project here that could have it",
            path=source,
            remedy="give the path of a USD file, or run inside of a project",
        ) from error
    stage = project.open_stage()
    path = f"/World/Assets/{source}"
    if "/" not in source and stage.GetPrimAtPath(path):
        return stage, path, project.root
    try:
        return project.open_stage(source), None, project.root
    except UnknownRef as error:
        assets = stage.GetPrimAtPath("/World/Assets")
        names = ", ".join(p.GetName() for p in assets.GetChildren()) if assets else ""
        raise UnknownRef(
            f"{source!r} is no file, no asset of this project and no branch, tag or version",
            remedy=f"assets: {names}" if names else "gates status lists what there is",
        ) from error


def _text(result: ExportResult) -> str:
    """The result for people."""
    s = result.stats
    lines = [
        f"{result.path}  {result.bytes / 1024:.1f} KB in {result.seconds:.2f} s",
        f"{s.triangles} triangles, {s.instances} instances of {s.meshes} meshes, {s.materials} materials, "
        f"{s.textures} textures, {s.joints} joints, {s.clips} clips",
    ]
    if s.bounds_m:
        sides = [high - low for low, high in zip(*s.bounds_m, strict=True)]
        lines.append("size " + " x ".join(f"{side:.3f}" for side in sides) + " m")
    if result.readback.reader:
        lines.append(f"read back by {result.readback.reader}: as the stage says")
    lines += [f"not asked: {reader}" for reader in result.readback.unavailable]
    lines += [f"lost: <{x.prim}> {x.what}: {x.why}" for x in result.losses]
    return "\n".join(lines)

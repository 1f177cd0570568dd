# SPDX-License-Identifier: Apache-2.0
"""The wish: what a generator is asked for, from the intent, the input set and project memory.

The same brief drives any generator; what one cannot honour it says itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.brief import brief_of
from pipeline.gates.inputs import Input, list_inputs
from pipeline.gates.intent import Intent, read_intent

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.generators.base import Picture, Request
    from pipeline.project import Project

__all__ = ["Asked", "Wish", "make_wish"]

#: tasks that start from a model
FROM_MODEL = ("retexture", "remesh", "rig", "animate")
#: pixels of a blockout's views
VIEW_SIDE = 512


@dataclass(frozen=True)
class Asked:
    """What `gates generate` says beside the input set.

    Attributes
    ----------
    task
        `text`, `image`, `multiview`, `retexture`, `remesh`, `rig`, `animate`; empty by what is there.
    source
        The model that a task starts from; the input set's blockout unless given.
    banned
        What happens to words that the project bans: refuse, or strip them from the prompt.
    """

    generator: str = "embedded"
    count: int = 1
    seed: int = 0
    target_triangles: int = 0
    task: str = ""
    action: str = ""
    source: Path | None = None
    banned: Literal["refuse", "strip"] = "refuse"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """A request with what there is to say about how it came to be, one sentence each."""

    request: Request
    notes: tuple[str, ...] = ()


def make_wish(project: Project, stage: Usd.Stage, asset: str, asked: Asked, folder: Path) -> Wish:
    """The request for one generator.

    Parameters
    ----------
    folder
        An empty folder for models and pictures that are made for it.

    Raises
    ------
    GateRefused
        The prompt says what the project bans.
    UsageError
        A task starts from a model and there is none.
    """
    from pipeline.generators.base import Request

    intent = read_intent(stage, asset) or Intent(job=project.job)
    brief = brief_of(project, asset, stage)
    inputs = list_inputs(stage, asset)
    notes: list[str] = []
    prompt, negative = _words(stage, asset, intent, inputs, asked.banned, notes)
    blockout = next((i for i in inputs.values() if i.kind == "asset" and i.role in ("blockout", "shape")), None)
    size = brief.size_m
    if size is None and blockout is not None and all(blockout.size):
        size = blockout.size
        notes.append("the size is the blockout's: {:.3g} x {:.3g} x {:.3g} m".format(*size))
    pictures = _pictures(stage, inputs)
    if blockout is not None and asked.task not in FROM_MODEL and not any(p.role == "shape" for p in pictures):
        pictures += _views(Path(blockout.file), folder)
        notes.append("the blockout is given as four pictures of its sides")
    request = Request(
        asset=asset,
        prompt=prompt,
        negative_prompt=negative,
        images=pictures,
        source=_source(asked, blockout, folder),
        task=asked.task,  # type: ignore[arg-type]
        action=asked.action,
        count=asked.count,
        seed=asked.seed,
        target_triangles=asked.target_triangles,
        size_m=size,
        pbr=brief.job.needs.pbr,
        pose=brief.job.needs.pose,
        parts=intent.parts,
        materials=intent.materials,
        palette=_palette(brief.remembered.palette, inputs),
        job=brief.job.name,
        usage=brief.job.usage,
        options={asked.generator: asked.options},
    )
    return Wish(request, tuple(notes))


def _words(
    stage: Usd.Stage, asset: str, intent: Intent, inputs: dict[str, Input], banned: str, notes: list[str]
) -> tuple[str, str]:
    """Prompt with the project's style notes, and negative prompt with what it bans."""
    from pipeline.project.memory import banned_in, recall
    from pipeline.settings.bans import phrases, without

    texts = {i.role: i.text for i in inputs.values() if i.kind == "text"}
    style = [m.text for m in recall(stage, "style").values()]
    prompt = ". ".join([texts.get("prompt", intent.statement or asset.replace("_", " ")), *style])
    said = banned_in(stage, prompt)
    if said and banned == "refuse":
        words = ", ".join(repr(w) for w in said)
        raise GateRefused(
            f"the prompt says {words}, which this project bans",
            prim=f"/Project/Memory/{next(iter(said.values()))}",
            remedy="say it otherwise, strip it with --banned strip, or change the project's memory",
        )
    if said:
        prompt = without(prompt, said)
        notes.append(f"taken out of the prompt, because the project bans it: {', '.join(said)}")
    bans = [p for m in recall(stage, "banned").values() for p in phrases(m.text)]
    negative = ", ".join(dict.fromkeys([*filter(None, [texts.get("negative", "")]), *bans]))
    return prompt, negative


def _pictures(stage: Usd.Stage, inputs: dict[str, Input]) -> list[Picture]:
    """The input set's pictures, then those that the project remembers as references."""
    from pipeline.generators.base import Picture
    from pipeline.project.memory import recall

    own = [
        Picture(path=Path(i.file), role=i.role, view=i.view) for i in inputs.values() if i.kind == "image" and i.file
    ]
    kept = [Picture(path=Path(m.file), role=m.role) for m in recall(stage, "reference").values() if m.file]
    there = {p.path for p in own}
    return own + [p for p in kept if p.path not in there]


def _palette(remembered: list[tuple[float, float, float]], inputs: dict[str, Input]) -> list[str]:
    """`#rrggbb` of the project's palette and of the scenes in the input set."""
    from pipeline.usd.colour import hex_of_srgb, to_srgb

    scenes = [c for i in inputs.values() if i.role == "scene" for c in i.palette]
    return list(dict.fromkeys(hex_of_srgb(to_srgb(np.array(c))) for c in [*remembered, *scenes]))


def _views(layer: Path, folder: Path) -> list[Picture]:
    """A blockout from its four sides, as pictures with an alpha channel."""
    from pipeline.generators.base import Picture
    from pipeline.references.png import write_png
    from pipeline.render.portrait import Portrait
    from pipeline.usd.scene import open_stage

    portrait = Portrait(open_stage(str(layer)), "/Asset")
    made = []
    for view in ("front", "right", "back", "left"):
        path = folder / f"blockout_{view}.png"
        write_png(path, portrait.side(view, VIEW_SIDE))
        made.append(Picture(path=path, role="blockout", view=view))
    return made


def _source(asked: Asked, blockout: Input | None, folder: Path) -> Path | None:
    """The model that a task starts from, as GLB: what every service takes.

    Raises
    ------
    UsageError
        There is none.
    """
    if asked.task not in FROM_MODEL:
        return None
    model = asked.source or (Path(blockout.file) if blockout else None)
    if model is None:
        raise UsageError(
            f"{asked.task} starts from a model and the input set has none",
            remedy="give one: gates input ASSET --existing FILE, or gates generate ASSET --source FILE",
        )
    if model.suffix.lower() == ".glb":
        return model
    from pipeline.exporters import export

    out = folder / "source.glb"
    export(str(model), out, verify=False)
    return out

# SPDX-License-Identifier: Apache-2.0
"""What every generator is asked and what it answers, whichever service or method is behind it.

A `Request` speaks the intent's words (prompt, pictures with roles, size in metres, triangles, parts); each
generator maps them to what its service knows and says in `Candidate.notes` what it could not honour.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import GeneratorError

#: IPTC digital source types, http://cv.iptc.org/newscodes/digitalsourcetype/
ALGORITHMIC = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

Task = Literal["text", "image", "multiview", "retexture", "remesh", "rig", "animate"]
View = Literal["", "front", "left", "back", "right", "top", "bottom"]


class _Edge(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Picture(_Edge):
    """One reference picture: a file, what it stands for, and the side it shows where that is known."""

    path: Path
    role: str = "shape"
    view: View = ""


class Request(_Edge):
    """One wish for candidates, in the words of the intent.

    Attributes
    ----------
    images
        Pictures in order of weight. `role` is `shape`, `material`, `style` or `blockout`; two or more `shape`
        pictures with a `view` make a multi-view request.
    source
        An existing model (a file any importer reads): retexture, remesh, rig and animate start from it.
    task
        What is asked; empty picks by what is there (see `resolved_task`).
    seed, count
        Candidate number i of `count` uses `seed + i`.
    size_m
        Real width (x), height (y), depth (z) in metres, Y up.
    target_triangles
        0 leaves it to the generator.
    palette
        Colours wanted, `#rrggbb` (sRGB), from pictures or project memory.
    options
        A generator's own settings: `options["meshy"]["ai_model"]`; keys of other generators are ignored.
    """

    asset: str = Field(min_length=1)
    prompt: str = ""
    negative_prompt: str = ""
    images: list[Picture] = Field(default_factory=list)
    source: Path | None = None
    task: Task | Literal[""] = ""
    action: str = ""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    count: int = Field(default=1, ge=1, le=64)
    size_m: tuple[float, float, float] | None = None
    target_triangles: int = Field(default=0, ge=0)
    topology: Literal["triangle", "quad"] = "triangle"
    pbr: bool = True
    texture_size: int = Field(default=1024, ge=64, le=8192)
    pose: Literal["", "a-pose", "t-pose"] = ""
    parts: list[str] = Field(default_factory=list)
    materials: list[str] = Field(default_factory=list)
    palette: list[str] = Field(default_factory=list)
    job: str = ""
    usage: str = "prop"
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def pictures(self, *roles: str) -> list[Picture]:
        """The pictures with one of these roles, in their order."""
        return [p for p in self.images if p.role in roles]

    @property
    def resolved_task(self) -> Task:
        """The task asked, or the one that what is there means: several views, one picture, words."""
        if self.task:
            return self.task
        shapes = self.pictures("shape")
        if len([p for p in shapes if p.view]) > 1:
            return "multiview"
        return "image" if shapes else "text"

    def input_digests(self) -> dict[str, str]:
        """The sha256 of every file this request reads, by file name.

        Raises
        ------
        GeneratorError
            A file cannot be read.
        """
        files = [p.path for p in self.images] + ([self.source] if self.source else [])
        result: dict[str, str] = {}
        for i, path in enumerate(files):
            try:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError as error:
                raise GeneratorError(
                    f"cannot read the input {path.name}: {error.strerror}",
                    path=path,
                    remedy="give a readable picture or model file",
                ) from error
            result[path.name if path.name not in result else f"{i}/{path.name}"] = digest
        return result

    def digest(self) -> str:
        """sha256 over everything asked, with the inputs by content: the same wish has the same digest."""
        plain = self.model_dump(mode="json")
        plain["images"] = [{"role": p.role, "view": p.view} for p in self.images]
        plain["source"] = bool(self.source)
        plain["inputs"] = list(self.input_digests().values())
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


class Capability(_Edge):
    """What a generator can do at all; `gates plugins` and the choice of a generator read it.

    `honours` names the fields of `Request` that change its result.
    """

    tasks: frozenset[Task]
    honours: frozenset[str] = frozenset()
    formats: tuple[str, ...] = ("glb",)
    offline: bool = False
    deterministic: bool = False
    needs_key: bool = False
    models: tuple[str, ...] = ()
    note: str = ""


class Cost(_Edge):
    """What a candidate cost: the service's credits, and money where a price is configured."""

    credits: float = 0.0
    money: float = 0.0
    currency: str = "USD"


class Candidate(_Edge):
    """One result: a file that the importers read (a package folder's layer, or a downloaded model).

    Attributes
    ----------
    provenance
        `prompt`, `negative_prompt`, `inputs` (sha256 by name), `task`, `job_id`, `licence`,
        `digital_source_type` (IPTC URI), `created` (empty for what is deterministic) and whatever else the
        generator can tell.
    notes
        What could not be honoured, and what a reader should know, one sentence each.
    """

    file: Path
    generator: str
    model: str
    seed: int
    label: str = ""
    cost: Cost = Cost()
    provenance: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)


class Failure(_Edge):
    """A candidate that did not come: which generator, a stable code, and why."""

    generator: str
    code: str
    message: str
    seed: int = 0
    job_id: str = ""
    retry: bool = False


@runtime_checkable
class Generator(Protocol):
    """The seam: anything with a name, a capability and `generate`."""

    name: str

    def capability(self) -> Capability:
        """What it can do; called without keys and without a network."""
        ...

    def generate(self, request: Request, out: Path) -> list[Candidate]:
        """Make `request.count` candidates, each in its own place below the existing folder `out`.

        Raises
        ------
        GeneratorError
            Nothing came; the message says why and what to do.
        """
        ...


def provenance(request: Request, *, source_type: str, licence: str, **more: Any) -> dict[str, Any]:
    """The record that every candidate carries, from the request and what the generator adds."""
    record: dict[str, Any] = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "task": request.resolved_task,
        "inputs": request.input_digests(),
        "licence": licence,
        "digital_source_type": source_type,
        "job_id": "",
        "created": "",
    }
    record.update(more)
    return record

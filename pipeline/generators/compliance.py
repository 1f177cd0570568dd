# SPDX-License-Identifier: Apache-2.0
"""What the author of a generator runs to know that it keeps the agreement."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import GatesError
from pipeline.generators.base import Candidate, Capability, Generator, Request

#: what every candidate's record has to say
RECORD = ("prompt", "inputs", "licence", "digital_source_type")


def comply(generator: object, request: Request, out: Path) -> list[str]:
    """Everything in which a generator breaks the agreement, one sentence each; empty is good.

    Parameters
    ----------
    request
        One it should be able to do; two candidates are asked, and a deterministic generator is asked twice.
    out
        A new folder.
    """
    problems: list[str] = []
    if not isinstance(generator, Generator):
        return ["it needs a name, capability() and generate(request, out)"]
    capability: object = generator.capability()
    if not isinstance(capability, Capability):
        return ["capability() gives no Capability"]
    if request.resolved_task not in capability.tasks:
        return [f"the request is {request.resolved_task}, which its capability does not name"]
    pair = request.model_copy(update={"count": 2})
    try:
        (out / "first").mkdir(parents=True)
        made = generator.generate(pair, out / "first")
    except GatesError as error:
        return [f"it failed: {error}" + ("" if error.remedy else " (and told no remedy)")]
    except Exception as error:  # noqa: BLE001  that is what is looked for
        return [f"it raised {type(error).__name__}, which is none of ours: {error}"]
    if len(made) != pair.count:
        problems.append(f"{pair.count} candidates were asked and {len(made)} came without an error")
    for candidate in made:
        problems += _candidate(generator, candidate, pair, out / "first")
    if capability.deterministic and not problems:
        (out / "again").mkdir()
        again = generator.generate(pair, out / "again")
        same = [a.file.read_bytes() == b.file.read_bytes() for a, b in zip(made, again, strict=True)]
        if not all(same):
            problems.append("it says it is deterministic and gives other bytes the second time")
    return problems


def _candidate(generator: Generator, made: Candidate, request: Request, out: Path) -> list[str]:
    problems = []
    if not made.file.is_file():
        problems.append(f"{made.file.name} does not exist")
    elif not made.file.resolve().is_relative_to(out.resolve()):
        problems.append(f"{made.file} lies outside the folder it was given")
    if made.generator != generator.name:
        problems.append(f"the candidate calls its generator {made.generator!r}, not {generator.name!r}")
    if not made.model:
        problems.append("the candidate names no model or version")
    missing = [key for key in RECORD if key not in made.provenance]
    if missing:
        problems.append(f"the provenance lacks {', '.join(missing)}")
    seeds = range(request.seed, request.seed + request.count)
    honoured = "seed" in generator.capability().honours
    if made.seed not in seeds and (honoured or not made.notes):
        problems.append(f"the seed {made.seed} was not asked for and no note says why")
    if not made.provenance.get("digital_source_type") and not made.notes:
        problems.append("neither the source type nor a note tells where it comes from")
    return problems

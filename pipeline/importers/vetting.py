# SPDX-License-Identifier: Apache-2.0
"""A USD file that is to be opened where it lies, tried in a worker first.

An import makes a package and checks every path. Looking at somebody's stage must leave it as it is and may
follow its references anywhere; what it must not do is end or hang this process.
"""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path

from pipeline import sandbox
from pipeline.errors import ImportRefused
from pipeline.usd.reasons import reason

sandbox.prepare("pipeline.importers.vetting")

#: address space of a worker that composes a stage, bytes
MEMORY = 8 << 30


def vet_stage(path: str | PathLike[str], *, limits: sandbox.Limits | None = None) -> int:
    """Open, compose and traverse a stage in a worker that may read everything and write nothing.

    Parameters
    ----------
    path
        Any USD file.
    limits
        Of the worker; by the file's size where None.

    Returns
    -------
    int
        Prims of the composed stage, instances counted.

    Raises
    ------
    ImportRefused
        It is no USD file, or is broken; `SandboxLimit` where opening it crashes, hangs or never ends.
    """
    sandbox.refuse_irregular(Path(path))
    real = Path(path).resolve()
    ran = sandbox.run(
        "pipeline.importers.vetting:compose", {"path": str(real)}, read=[Path("/")],
        limits=limits or _limits(real.stat().st_size), path=path,
    )  # fmt: skip
    return int(ran.result)


def _limits(size: int) -> sandbox.Limits:
    """A small file may name large ones: memory for those; processor time by what lies here."""
    own = sandbox.Limits.for_size(size)
    return replace(own, memory=max(own.memory, MEMORY), cpu=own.cpu - 30, wall=own.wall - 30)


def compose(path: str) -> int:
    """The part of `vet_stage` that runs in the worker."""
    from pxr import Tf, Usd

    from pipeline.importers.arcs import survey

    survey(path)
    try:
        stage = Usd.Stage.Open(path)
    except Tf.ErrorException as e:
        told = reason(e).replace(f"{path}:", "line ")
        raise ImportRefused(f"does not open: {told}", path=path, remedy="export it again") from None
    prims = stage.Traverse(Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate))
    return sum(1 for prim in prims if prim.GetPropertyNames() is not None)

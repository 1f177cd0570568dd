# SPDX-License-Identifier: Apache-2.0
"""Every error that Seven Gates raises on purpose.

    GatesError                     exit 1
    ├── UsageError                 exit 2   a wrong option, an unknown job, rule or format
    │   └── ConfigError            exit 2   a configuration file that cannot be used
    ├── ProjectError               exit 1   no project here, one already here, not writable
    │   └── UntrustedProject       exit 1   project-local code that nobody trusted
    ├── StageError                 exit 1   a layer or stage that does not open or compose
    ├── VersionError               exit 1
    │   ├── NothingToCommit        exit 1   the branch says all of it already
    │   ├── UnknownRef             exit 1   no such branch, tag, version or layer
    │   ├── RaceLost               exit 5   the branch moved meanwhile: retry
    │   └── MergeConflict          exit 5   both sides changed the same field
    ├── GateRefused                exit 3   a required gate has not passed
    ├── ImportRefused              exit 1   an outside file that is broken, hostile or unknown
    │   └── SandboxLimit           exit 1   its reader ran into a limit or died
    ├── GeneratorError             exit 1   a generator failed, was refused, or is over budget
    ├── RefineError                exit 1   an operation that cannot be done on this mesh
    ├── ExportError                exit 1
    │   └── ReadbackMismatch       exit 1   what was written is not what the stage says
    ├── RenderError                exit 1
    ├── HookFailed                 exit 1   a hook stopped the work
    └── MissingDependency          exit 1   an optional library or program is not installed

Each error has a stable `code` (its place in the documentation), a message that says what happened, the
file and the prim it happened to where there are any, and a remedy: what to do next.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any, ClassVar


class GatesError(Exception):
    """Base of the tree.

    Parameters
    ----------
    message
        What happened, one sentence.
    path
        The file or folder it happened to.
    prim
        The prim path it happened to.
    remedy
        What the reader can do about it, one sentence in the imperative.
    """

    code: ClassVar[str] = "gates.error"
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        path: str | PathLike[str] | None = None,
        prim: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = None if path is None else fspath(path)
        self.prim = None if prim is None else str(prim)
        self.remedy = remedy

    def __str__(self) -> str:
        text = self.message
        where = [w for w in (self.path, self.prim and f"<{self.prim}>") if w and w not in text]
        if where:
            text += f" [{' '.join(where)}]"
        if self.remedy:
            text += f" — {self.remedy}"
        return text

    def as_dict(self) -> dict[str, Any]:
        """The same for programs: `code`, `message`, `path`, `prim`, `remedy`."""
        return {
            "code": self.code,
            "message": self.message,
            "path": self.path,
            "prim": self.prim,
            "remedy": self.remedy,
        }


class UsageError(GatesError):
    """A wrong option, an unknown job, rule, target or format."""

    code = "usage"
    exit_code = 2


class ConfigError(UsageError):
    """A configuration file that cannot be read, or a key in it that means nothing."""

    code = "config"


class ProjectError(GatesError):
    """No project here, one already here, or one that cannot be written."""

    code = "project"


class UntrustedProject(ProjectError):
    """Code that lies in a project which nobody trusted."""

    code = "project.untrusted"


class StageError(GatesError):
    """A layer or stage that does not open, or composes with errors."""

    code = "stage"


class VersionError(GatesError):
    """Something the version store cannot do."""

    code = "version"


class NothingToCommit(VersionError):
    """The branch says all of it already."""

    code = "version.nothing"


class UnknownRef(VersionError):
    """No such branch, tag, version or layer."""

    code = "version.unknown-ref"


class RaceLost(VersionError):
    """The branch moved meanwhile; the work is kept and the caller may retry."""

    code = "version.race"
    exit_code = 5


class MergeConflict(VersionError):
    """Both sides changed the same field; `conflicts` lists them."""

    code = "version.conflict"
    exit_code = 5

    def __init__(self, message: str, *, conflicts: list[Any] | None = None, **where: Any) -> None:
        super().__init__(message, **where)
        self.conflicts = conflicts or []


class GateRefused(GatesError):
    """A required gate has not passed, or a locked intent would be changed."""

    code = "gate.refused"
    exit_code = 3


class ImportRefused(GatesError):
    """A file from outside that is broken, hostile or of an unknown format."""

    code = "import.refused"


class SandboxLimit(ImportRefused):
    """The worker that read an outside file ran into a limit or died."""

    code = "import.limit"


class GeneratorError(GatesError):
    """A generator failed, was refused by its service, or is over budget."""

    code = "generator"


class RefineError(GatesError):
    """An operation that cannot be done on this geometry."""

    code = "refine"


class ExportError(GatesError):
    """A file could not be written."""

    code = "export"


class ReadbackMismatch(ExportError):
    """What a foreign reader found in the written file is not what the stage says."""

    code = "export.readback"


class RenderError(GatesError):
    """A picture could not be drawn."""

    code = "render"


class HookFailed(GatesError):
    """A hook stopped the work with its own message."""

    code = "hook"


class MissingDependency(GatesError):
    """An optional library or program is not installed; the remedy is the line to type."""

    code = "dependency"

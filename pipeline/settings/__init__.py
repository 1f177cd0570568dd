# SPDX-License-Identifier: Apache-2.0
"""Configuration: what ships, what the studio says, what the project says; the later wins key by key.

Precedence, weakest first:

1. `config/<name>.toml` that ships with the package, where every key is documented;
2. `<name>.toml` in the studio's folder, named by the environment variable `GATES_STUDIO`;
3. the table `[<name>]` of the project's `gates.toml`.

Tables merge by key, anything else replaces. Secrets never come from here (see `pipeline.generators`).
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError
from pipeline.resources import folder

__all__ = ["load", "merged", "studio_folder"]


def studio_folder() -> Path | None:
    """The studio's configuration folder, where `GATES_STUDIO` names one."""
    value = os.environ.get("GATES_STUDIO")
    return Path(value) if value else None


def load(name: str, project: Path | None = None) -> dict[str, Any]:
    """The configuration called `name` as it counts for the project in the folder `project`.

    Parameters
    ----------
    name
        `jobs`, `targets`, `thresholds`, `naming`, `providers`, …: a file of `config/`.
    project
        The folder that holds `gates.toml`; None for what counts without a project.

    Raises
    ------
    ConfigError
        A file is not TOML, or there is no configuration of that name.
    """
    shipped = folder("config") / f"{name}.toml"
    if not shipped.exists():
        known = ", ".join(sorted(p.stem for p in folder("config").glob("*.toml")))
        raise ConfigError(f"no configuration called {name!r}", remedy=f"use one of: {known}")
    result = _read(shipped)
    studio = studio_folder()
    if studio and (studio / f"{name}.toml").exists():
        result = merged(result, _read(studio / f"{name}.toml"))
    if project and (project / "gates.toml").exists():
        table = _read(project / "gates.toml").get(name, {})
        # jobs.toml holds [jobs.<name>] tables, and so does gates.toml
        result = merged(result, {name: table} if name in result else table)
    return result


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `over`, table by table; neither is changed."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not valid TOML: {error}", path=path, remedy="mend that line") from error

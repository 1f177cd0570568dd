# SPDX-License-Identifier: Apache-2.0
"""What this machine has, for `gates doctor`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel

__all__ = ["Check", "examine"]


class Check(BaseModel):
    """One thing looked at; `ok` is None where it is optional and not there."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


def examine(live: bool = False) -> list[Check]:
    """Everything, required things first; `live` also asks the services whose keys are set."""
    rows = [_python(), *_libraries(), _schemas(), _sandbox(), *_programs()]
    return rows + (_services() if live else [])


REQUIRED = (
    "usd-core",
    "numpy",
    "scipy",
    "pydantic",
    "click",
    "trimesh",
    "OpenImageIO",
    "embreex",
    "manifold3d",
    "xatlas",
)
OPTIONAL = {
    "mitsuba": "pip install 'sevengates[render]'",
    "mitsuba-oidn": "pip install 'sevengates[render]'",
    "meshoptimizer": "pip install 'sevengates[fast]'  (needs a C++ compiler)",
    "httpx": "pip install 'sevengates[providers]'",
    "keyring": "pip install 'sevengates[providers]'",
}


def _python() -> Check:
    ok = sys.version_info >= (3, 11)
    return Check(
        name="Python", ok=ok, found=sys.version.split()[0], remedy="" if ok else "install Python 3.11 or later"
    )


def _libraries() -> list[Check]:
    rows = []
    for name in (*REQUIRED, *OPTIONAL):
        required = name in REQUIRED
        try:
            rows.append(Check(name=name, ok=True, found=version(name)))
        except PackageNotFoundError:
            line = "pip install sevengates" if required else OPTIONAL[name]
            rows.append(Check(name=name, ok=False if required else None, found="not installed", remedy=line))
    return rows


def _schemas() -> Check:
    from pipeline.errors import GatesError
    from pipeline.usd.schemas import RECORDS, register

    try:
        register()
    except GatesError as error:
        return Check(name="USD schemas", ok=False, found=error.message, remedy=error.remedy or "")
    return Check(name="USD schemas", ok=True, found=f"{len(RECORDS)} types registered")


def _sandbox() -> Check:
    from pipeline.sandbox import protections

    active = {p.name: p.active for p in protections()}
    names = [name for name, on in active.items() if on]
    missing = [name for name, on in active.items() if not on]
    return Check(
        name="sandbox",
        ok=True if not missing else None,
        found=", ".join(names) or "none",
        remedy=f"not available here: {', '.join(missing)}" if missing else "",
    )


def _programs() -> list[Check]:
    def node() -> tuple[str | None, str]:
        tools = os.environ.get("GATES_NODE_TOOLS")
        has = bool(tools) and (Path(str(tools)) / "node_modules" / "gltf-validator").is_dir()
        found = shutil.which("node") if has else None
        return found, "npm install --prefix DIR gltf-validator, then GATES_NODE_TOOLS=DIR"

    def blender() -> tuple[str | None, str]:
        found = os.environ.get("GATES_BLENDER_PYTHON")
        line = "python -m venv DIR && DIR/bin/pip install bpy, then GATES_BLENDER_PYTHON=DIR/bin/python"
        return (found if found and Path(found).exists() else None), line

    def on_path(program: str, line: str) -> Callable[[], tuple[str | None, str]]:
        return lambda: (shutil.which(program), line)

    programs: dict[str, Callable[[], tuple[str | None, str]]] = {
        "glTF validator": node,
        "Blender (own process)": blender,
        "assimp": on_path("assimp", "apt-get install assimp-utils"),
        "usdview": on_path("usdview", "install OpenUSD with usdview"),
        "usdrecord": on_path("usdrecord", "install OpenUSD with Hydra"),
    }
    rows = []
    for name, look in programs.items():
        found, line = look()
        rows.append(
            Check(name=name, ok=True if found else None, found=found or "not found", remedy="" if found else line)
        )
    return rows


def _services() -> list[Check]:
    """Services whose key is set, or that need none and whose address was given: one call that costs nothing."""
    from pipeline.errors import GatesError
    from pipeline.generators.control import probe
    from pipeline.generators.keys import find_key
    from pipeline.generators.provider import Provider
    from pipeline.generators.registry import load_generator, names

    rows = []
    for name in names():
        try:
            provider = load_generator(name)
            if not isinstance(provider, Provider):
                continue
            known = find_key(name, provider.settings.key_env) if provider.needs_key else None
            if known is None and (provider.needs_key or f"GATES_{name.upper()}_URL" not in os.environ):
                rows.append(Check(name=name, ok=None, found="not tried", remedy="no key or address is set for it"))
                continue
            rows.append(Check(name=name, ok=True, found=probe(provider)))
        except GatesError as error:
            rows.append(Check(name=name, ok=False, found=error.message, remedy=error.remedy or ""))
    return rows

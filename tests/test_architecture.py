# SPDX-License-Identifier: Apache-2.0
"""Imports point one way (docs/decisions/0001), nothing heavy loads early, and the public names are what they say."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pipeline"

#: a package may import those on a lower floor
FLOORS = [
    {"callables", "errors", "resources", "progress"},
    {"settings"},
    {"mesh", "references", "usd", "sandbox"},
    {"versions", "importers", "exporters", "refiners", "generators", "render"},
    {"checks", "project", "scenes"},
    {"review", "plugins"},
    {"gates"},
    {"workflow"},
    {"cli", "integrations"},
    {"__main__"},
]
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in names}
#: neighbours on one floor that may know each other, one way
NEIGHBOURS = {("sandbox", "usd"), ("references", "sandbox"), ("references", "usd"), ("scenes", "project")}


def imported(path: Path) -> set[str]:
    """Dotted names of ours that a module imports at run time (not those that only a type checker sees)."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.orelse:
                visit(child)
            return
        if isinstance(node, ast.Import):
            found.update(a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.update(f"{node.module}.{a.name}" for a in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return {name for name in found if name.startswith("pipeline.")}


def imports(path: Path) -> set[str]:
    """Packages of ours that a module imports at run time."""
    return {name.split(".")[1] for name in imported(path)}


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "_shipped" not in p.parts)


def home(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    here = home(path)
    if here == "__init__":
        return
    assert here in FLOOR, f"{here} has no floor: say where it belongs in docs/decisions/0001"
    for other in imports(path) - {here}:
        if other not in FLOOR:
            continue
        fine = FLOOR[other] < FLOOR[here] or (here, other) in NEIGHBOURS
        assert fine, f"{path.relative_to(ROOT)} on floor {FLOOR[here]} imports pipeline.{other} on {FLOOR[other]}"


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_no_two_files_import_each_other() -> None:
    """Not by way of others either, nor inside of functions: a circle hides which of two files knows of the other."""
    files = {dotted(path): path for path in modules()}
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        # `from package import name` means the module of that name where there is one, else the package
        targets = {n if n in files else n.rpartition(".")[0] for n in imported(path)}
        graph[name] = {t for t in targets if t in files and t != name}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"these import each other in a circle: {' -> '.join(error.args[1])}")


def test_no_package_is_left_out() -> None:
    found = {home(p) for p in modules()} - {"__init__"}
    assert found == set(FLOOR) & found
    assert {p.name for p in PACKAGE.iterdir() if p.is_dir() and (p / "__init__.py").exists()} <= set(FLOOR)


def loaded_by(code: str) -> set[str]:
    probe = f"import sys\n{code}\nprint(' '.join(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_is_free() -> None:
    heavy = {"pxr", "numpy", "scipy", "trimesh", "OpenImageIO", "httpx", "PySide6", "mitsuba", "pydantic", "click"}
    assert not loaded_by("import pipeline") & heavy


def test_the_projects_api_needs_neither_qt_nor_a_network_client() -> None:
    heavy = {"PySide6", "httpx", "requests", "aiohttp", "fastapi", "mitsuba"}
    code = "import pipeline.project, pipeline.gates.board, pipeline.gates.delivery, pipeline.workflow"
    assert not loaded_by(code) & heavy


def test_help_loads_nothing_heavy() -> None:
    code = "from pipeline.cli import gates\ntry:\n    gates.main(['--help'])\nexcept SystemExit:\n    pass"
    heavy = {"pxr", "numpy", "scipy", "trimesh", "OpenImageIO", "pydantic", "rich", "httpx"}
    assert not loaded_by(code) & heavy


def test_public_names_are_sorted_and_there() -> None:
    import pipeline

    assert pipeline.__all__ == sorted(pipeline.__all__)
    for name in pipeline.__all__:
        assert getattr(pipeline, name) is not None
    with pytest.raises(AttributeError):
        pipeline.nothing_of_that_name  # noqa: B018


def packages_with_names() -> list[str]:
    names = []
    for path in sorted(PACKAGE.rglob("__init__.py")):
        if "_shipped" in path.parts or path.parent == PACKAGE:
            continue
        names.append(".".join(path.parent.relative_to(ROOT).parts))
    return names


@pytest.mark.parametrize("name", packages_with_names())
def test_every_package_lists_what_is_public(name: str) -> None:
    module = import_module(name)
    listed = getattr(module, "__all__", [])
    assert list(listed) == sorted(listed, key=lambda n: (not n.isupper(), not n[0].isupper(), n)) or list(
        listed
    ) == sorted(listed)
    for public in listed:
        assert hasattr(module, public), f"{name}.__all__ lists {public}, which is not there"


def test_every_file_names_its_licence() -> None:
    for path in [*modules(), *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "hooks").rglob("*.py"))]:
        first = path.read_text(encoding="utf-8")[:60]
        assert "SPDX-License-Identifier: Apache-2.0" in first, f"{path} does not name its licence"

"""Who may import whom: the core knows no plug-in, and plug-ins know only the public names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchbench

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "benchbench").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").glob("*.py"))

LAYERS = (
    {"cli", "pytest_plugin"},
    {"commands"},
    {"report", "engine", "worker"},
    {"conformance"},
    {"reporters", "leaderboard", "runner", "plots"},
    {"across"},
    {"comparison"},
    {"pretraining", "metric_learning", "inner_loop", "fixed_way"},
    {"episodic"},
    {"training", "checkpoints"},
    {"figures", "ranking"},
    {"standing"},
    {"results"},
    {"source", "streams", "manifest", "store", "stats", "metrics", "published"},
    {"samplers", "datasets", "backbones", "compute", "vision", "full_context", "adaptation"},
    {
        "plugins",
        "method",
        "episodes",
        "specs",
        "hookspecs",
        "progress",
        "places",
        "files",
        "numbers",
        "errors",
        "contamination",
    },
)
"""From top to bottom; a module imports from its own layer and those below it."""


def imports(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """The absolute names of the modules that a file imports at run time, wherever it does."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            yield node.module or "", node


def layer(module: str) -> int | None:
    part = module.removeprefix("benchbench.").split(".")[0]
    return next((rank for rank, names in enumerate(LAYERS) if part in names), None)


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_no_plugin_module(path: Path) -> None:
    modules = {module.split(".")[0] for module, _ in imports(path)}
    assert not modules & {"benchbench_plugins", "plugins"}


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.name)
def test_plugins_import_only_public_names_of_the_core(path: Path) -> None:
    for module, node in imports(path):
        if module.split(".")[0] != "benchbench":
            assert module.split(".")[0] != "benchbench_plugins", "plug-ins share nothing"
            continue
        assert isinstance(node, ast.ImportFrom), "write `from benchbench import ...`"
        assert module == "benchbench", f"{path.name} reaches into {module}"
        assert {alias.name for alias in node.names} <= set(benchbench.__all__)


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down_the_layers(path: Path) -> None:
    if path == ROOT / "benchbench" / "__init__.py":
        return
    own = layer(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert own is not None, f"{path.name} has no place in LAYERS"
    for module, _ in imports(path):
        if module.startswith("benchbench."):
            other = layer(module)
            assert other is not None
            assert other >= own, f"{path.name} imports {module} from a layer above it"


def test_every_public_name_can_be_imported() -> None:
    for name in benchbench.__all__:
        assert getattr(benchbench, name) is not None


def test_running_the_core_on_its_own_imports_no_plugin_module() -> None:
    script = (
        "import sys, benchbench.runner, benchbench.leaderboard, benchbench.datasets;"
        "assert not [m for m in sys.modules if m.startswith('benchbench_plugins')]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("command", [["--help"], ["list"]])
def test_help_and_list_import_no_heavy_library(command: list[str]) -> None:
    script = (
        "import sys\n"
        "from benchbench.cli import main\n"
        f"sys.argv = ['benchbench', *{command}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)

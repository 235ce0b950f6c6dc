"""Who may import whom, as ARCHITECTURE.md says: layers in the core, public names in plug-ins."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

import benchbench

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "benchbench").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").glob("*.py"))

LONGEST_PLUGIN, MEDIAN_PLUGIN = 150, 65
"""Lines of a file, and lines of code of the median one."""

LAYERS = """
cli pytest_plugin
grid
engine prediction
conformance
learners evaluation
training
results
verification
metrics
runs
samplers
datasets
augmentations backbones episodes
images method registry system stats
errors
"""
"""From top to bottom; a folder imports from its own line and those below it."""

RANKS = {name: rank for rank, line in enumerate(LAYERS.split("\n")) for name in line.split()}

BUILT_ON = {"learn2learn_maml": "benchbench_plugins.maml"}
"""Plug-ins that are another's with one part replaced; all others share nothing."""

UPWARD_FOR_TYPES = {
    ("method", "training"),  # `Method.train` names its argument
    ("registry", "runs"),  # so do the hooks of observers
}


def imports(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """The absolute names of the modules that a file imports, those for annotations included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            yield node.module or "", node


def rooms(module: str, node: ast.AST) -> set[str]:
    """The folders and files at the top of `benchbench/` that an import reaches into."""
    _, _, inside = module.partition("benchbench.")
    if inside:
        return {inside.split(".")[0]}
    if isinstance(node, ast.Import):  # of `benchbench` itself, for its version
        return set()
    assert isinstance(node, ast.ImportFrom)
    return {alias.name for alias in node.names} & set(RANKS)


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_no_plugin_module(path: Path) -> None:
    modules = {module.split(".")[0] for module, _ in imports(path)}
    assert not modules & {"benchbench_plugins", "plugins"}


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.name)
def test_plugins_import_only_public_names_of_the_core(path: Path) -> None:
    for module, node in imports(path):
        if module.split(".")[0] != "benchbench":
            is_plugin = module.split(".")[0] == "benchbench_plugins"
            assert not is_plugin or module == BUILT_ON.get(path.stem), "plug-ins share nothing"
            continue
        assert isinstance(node, ast.ImportFrom), "write `from benchbench import ...`"
        assert module == "benchbench", f"{path.name} reaches into {module}"
        assert {alias.name for alias in node.names} <= set(benchbench.__all__)


def documentation(tree: ast.AST) -> set[ast.Constant]:
    """The strings that stand alone: docstrings, and those below a constant."""
    alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {n for n in alone if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def lines_of_code(path: Path) -> int:
    """Lines without documentation, comments, imports and blank ones."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    documented = documentation(tree)
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or node in documented:
            left_out |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    written = enumerate(map(str.strip, text.splitlines()), 1)
    return len({line for line, part in written if part and part[0] != "#"} - left_out)


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_is_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_PLUGIN, "what another method could use belongs in learners/"


def test_the_median_plugin_is_a_screen_of_code() -> None:
    lengths = [lines_of_code(path) for path in PLUGINS if path.stem != "__init__"]
    assert 10 < median(lengths) <= MEDIAN_PLUGIN


def names_and_texts(tree: ast.AST) -> Iterator[str]:
    """The words of a module's code: what it defines, uses and says, but not its documentation."""
    documented = documentation(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in documented:
            yield from re.findall(r"\w+", node.value) if isinstance(node.value, str) else ()
        for part in ("id", "name", "attr", "arg"):
            if isinstance(found := getattr(node, part, None), str):
                yield found


NAMES_OF_OTHERS = {
    "datasets/clip_sets.py": {"coop"},
    "datasets/clip_sets_table.py": {"coop"},
    "samplers/kshot.py": {"coop"},
}
"""The paper of the method CoOp has lists of splits and a protocol as well, which bear its name."""


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_of_the_core_names_a_method(path: Path) -> None:
    """But for the command line, whose defaults and examples are methods."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    methods = set(content["project"]["entry-points"]["benchbench.methods"])
    if path.relative_to(ROOT / "benchbench").parts[0] != "cli":
        found = set(names_and_texts(ast.parse(path.read_text(encoding="utf-8"))))
        others = NAMES_OF_OTHERS.get(path.relative_to(ROOT / "benchbench").as_posix(), set())
        assert {path.stem, *map(str.lower, found)} & methods == others


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down_the_layers(path: Path) -> None:
    own = path.relative_to(ROOT / "benchbench").with_suffix("").parts[0]
    if own == "__init__":
        return
    for module, node in imports(path):
        if module == "benchbench" or module.startswith("benchbench."):
            for other in rooms(module, node) - {own}:
                allowed = RANKS[other] >= RANKS[own] or (own, other) in UPWARD_FOR_TYPES
                assert allowed, f"{path.name} imports {module} from a layer above it"


def test_the_architecture_page_shows_the_same_layers() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    shown = page.partition("```\n")[2].partition("```")[0]
    assert [line.split() for line in shown.splitlines()] == [
        line.split() for line in LAYERS.strip().splitlines()
    ]


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What runs when a module is imported, outside its functions and classes."""
    for statement in body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) != "TYPE_CHECKING":
            yield from statements([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try):
            yield from statements(statement.body)
        else:
            yield statement


def test_modules_import_each_other_in_no_circle() -> None:
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in CORE}
    modules = {name.removesuffix(".__init__"): path for name, path in names.items()}
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for statement in statements(ast.parse(path.read_text(encoding="utf-8")).body):
            if isinstance(statement, ast.ImportFrom) and statement.module:
                places = [f"{statement.module}.{alias.name}" for alias in statement.names]
                graph[name] |= {p if p in modules else statement.module for p in places}
    inside = {name: found & (set(modules) - {"benchbench"}) for name, found in graph.items()}
    assert sum(map(len, inside.values())) > 500
    TopologicalSorter(inside).prepare()


def test_every_room_has_a_layer() -> None:
    found = {path.relative_to(ROOT / "benchbench").with_suffix("").parts[0] for path in CORE}
    assert found - {"__init__"} == set(RANKS)
    hidden = ("_", ".")
    shown = [p for p in (ROOT / "benchbench").iterdir() if not p.name.startswith(hidden)]
    assert len(shown) <= 25


def test_every_public_name_can_be_imported() -> None:
    for name in benchbench.__all__:
        assert getattr(benchbench, name) is not None


def test_running_the_core_on_its_own_imports_no_plugin_module() -> None:
    script = (
        "import sys, benchbench.evaluation.job, benchbench.results.leaderboard;"
        "assert not [m for m in sys.modules if m.startswith('benchbench_plugins')]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_wheel_has_every_package() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(content["tool"]["setuptools"]["packages"])
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for file in (ROOT / "benchbench").rglob("__init__.py")
        if "templates" not in file.parts
    }
    assert found <= listed

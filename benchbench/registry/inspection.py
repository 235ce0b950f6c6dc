"""What a plug-in's source shows without importing it, and where in its files an error arose."""

from __future__ import annotations

import ast
import importlib.util
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from benchbench.registry.entry_points import KINDS, Provenance

RE_EXPORTS = 3
"""How many imports are followed from a plug-in's module to the class that it registers."""


def summary(provenance: Provenance, kind: str = "method") -> str:
    """The first line of the class's docstring, read from source without an import.

    The class is in the entry point's module, or in one that this imports its hook or the class
    itself from. Of two that have the name it is the one that the hook of the kind registers.
    """
    classes = _classes_of(provenance, kind)
    return (ast.get_docstring(classes[0]) or "").split("\n", 1)[0] if classes else ""


def family(provenance: Provenance) -> str:
    """What a method is listed under, read from source as in `summary`; `other` if it does not say.

    A base class counts if it is in the same module.
    """
    declared = (_declared(node, "family") for node in _classes_of(provenance))
    return next(filter(None, declared), "other")


def _classes_of(provenance: Provenance, kind: str = "method") -> list[ast.ClassDef]:
    """The plug-in's class and those of its base classes that are in its module, nearest first."""
    name, module, hook = provenance.name, provenance.module, KINDS[kind][1]
    try:
        own = _named(_tree(module), name, hook)
        own = own or _named(_tree(_home_of_hooks(module)), name, hook)
        return own or _imported(module, name, hook)
    except SyntaxError:
        return []


def _named(tree: ast.Module, name: str, hook: str) -> list[ast.ClassDef]:
    """The class with this value of its attribute `name`, and its bases; perhaps none.

    Of several it is the first that the hook's function mentions.
    """
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found = [node for node in classes.values() if _declared(node, "name") == name]
    mentioned = _mentioned(tree, hook)
    found.sort(key=lambda node: node.name not in mentioned)
    return _with_bases(found[0], classes) if found else []


def _imported(module: str, name: str, hook: str) -> list[ast.ClassDef]:
    """As `_named`, for a class that the hook's function mentions and the module imports."""
    wanted = _mentioned(_tree(module), hook)
    found: list[ast.ClassDef] = []
    for _ in range(RE_EXPORTS):
        homes = _homes(_tree(module), wanted)
        for home in homes:
            found = found or _named(_tree(home), name, hook)
        if found or not homes:
            break
        module = homes[-1]
    return found


def _homes(tree: ast.Module, wanted: set[str]) -> list[str]:
    """The modules from which one of these names is imported, other than Python's own."""
    return [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        if node.module.partition(".")[0] not in sys.stdlib_module_names
        if wanted & {alias.asname or alias.name for alias in node.names}
    ]


def _mentioned(tree: ast.Module, function: str) -> set[str]:
    """The names that a function of the module mentions."""
    bodies = [node for node in tree.body if getattr(node, "name", "") == function]
    inside = (node for body in bodies for node in ast.walk(body))
    return {node.id for node in inside if isinstance(node, ast.Name)}


def _with_bases(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> list[ast.ClassDef]:
    found = [node]
    for each in found:  # which grows
        names = [base.id for base in each.bases if isinstance(base, ast.Name)]
        found += [classes[name] for name in names if name in classes and classes[name] not in found]
    return found


def _home_of_hooks(module: str) -> str:
    """The module from which this one imports a hook of `KINDS`, or this one itself."""
    hooks = {hook for _, hook in KINDS.values()}
    spec = spec_of(module)
    package = spec.name if spec and spec.submodule_search_locations else module.rpartition(".")[0]
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and hooks & {alias.name for alias in node.names}:
            return importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    return module


def visible_fault(provenance: Provenance) -> str:
    """The fault of a plug-in that shows without importing it, or an empty text."""
    if spec_of(provenance.module) is None:
        return f"there is no module {provenance.module}"
    try:
        _tree(provenance.module)
    except SyntaxError as error:
        return f"a syntax error in line {error.lineno} of {provenance.module}"
    return ""


def _tree(module: str) -> ast.Module:
    """A module's source, parsed; empty if it has none. Raises SyntaxError."""
    spec = spec_of(module)
    try:
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        return _parsed(source)
    except (OSError, UnicodeDecodeError):
        return ast.parse("")
    except ValueError as error:  # null bytes, before Python 3.12
        raise SyntaxError(str(error)) from error


@lru_cache(maxsize=1)
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def spec_of(module: str) -> ModuleSpec | None:
    """Where a module is, or None; its parent packages are located, not imported."""
    parent = module.rpartition(".")[0]
    if not parent:
        return _located(module, None)
    package = spec_of(parent)
    if package is None or package.submodule_search_locations is None:
        return None
    return _located(module, list(package.submodule_search_locations))


def _located(name: str, place: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, place)
        except (ImportError, ValueError, AttributeError):
            continue
        if spec is not None:
            return spec
    return None


def place_of(error: BaseException, module: str) -> str:
    """The last line of the plug-in's own code in the error's traceback, or an empty text."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    spec = spec_of(module.split(".")[0])
    homes = [*(spec.submodule_search_locations or []), spec.origin] if spec else []
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if any(home and Path(frame.filename).is_relative_to(home) for home in homes):
            return f"{frame.filename}, line {frame.lineno}"
    return ""


def _declared(node: ast.ClassDef, attribute: str) -> str | None:
    """The text that the class itself gives an attribute, if any."""
    for statement in node.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text)))
            ) if name == attribute:
                return text
    return None

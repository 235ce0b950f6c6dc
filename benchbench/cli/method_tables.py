"""The installed methods in markdown, by family, as they describe themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from benchbench.method import Method
from benchbench.registry import entry_points, loading, specs
from benchbench.registry.declarations import by_default, deciding, paper_address
from benchbench.registry.description import first_line
from benchbench.results.printed import markdown_text
from benchbench.results.reporters.markdown import heading

FAMILIES = (
    "metric-based",
    "optimisation-based",
    "black-box",
    "transfer",
    "transductive",
    "semi-supervised",
    "zero-shot",
    "image-text",
)
"""The order of the tables; other families follow by name, and those of none come last."""

FACTS = (
    "method",
    "in a sentence",
    "paper",
    "setting",
    "order of the support",
    "way",
    "class names",
    "attributes",
)
PARAMETERS = ("method", "parameter", "what it may be", "default")


def method_tables(package: str | None = None) -> str:
    """Two tables for each family: what its methods declare, and their parameters.

    package: only the plug-ins of this one. Raises BenchbenchError if one of them does not load.
    """
    families: dict[str, dict[str, type[Method]]] = {}
    for name, entry in entry_points.available("method").items():
        if package in (None, entry.package):
            cls: type[Method] = loading.load("method", name)
            families.setdefault(cls.family, {})[name] = cls
    return "\n".join(_section(family, families[family]) for family in sorted(families, key=_rank))


def _rank(family: str) -> tuple[int, str]:
    known = FAMILIES.index(family) if family in FAMILIES else len(FAMILIES)
    return (known + (family == "other"), family)


def _section(family: str, methods: dict[str, type[Method]]) -> str:
    facts = [_facts(name, cls) for name, cls in methods.items()]
    parameters = [row for name, cls in methods.items() for row in _parameters(name, cls)]
    tables = [_table(FACTS, facts), *([_table(PARAMETERS, parameters)] if parameters else [])]
    title = heading(family[:1].upper() + family[1:], 3)
    return "\n\n".join([title, *tables]) + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _facts(name: str, cls: type[Method]) -> list[str]:
    usual = by_default(cls)
    return [
        _code(name),
        markdown_text(first_line(cls)),
        _paper(usual.paper),
        _declared(cls, usual, "transductive", ("inductive", "transductive")),
        _declared(cls, usual, "order_dependent", ("does not count", "counts")),
        "fixed" if usual.fixed_way else "any",
        "needed" if usual.uses_class_names else "not read",
        "needed" if usual.uses_attributes else "not read",
    ]


def _declared(cls: type, usual: Any, declaration: str, words: tuple[str, str]) -> str:
    """What is declared by default, and the parameters with which it is the other thing."""
    declared = bool(getattr(usual, declaration))
    others = " or ".join(map(_code, deciding(cls, declaration)))
    return words[declared] + (f"; {words[not declared]} with {others}" if others else "")


def _paper(paper: str) -> str:
    address = paper_address(paper)
    shown = urlsplit(address).netloc if address == paper else paper
    return f"[{markdown_text(shown)}]({address})" if address else markdown_text(paper)


def _parameters(name: str, cls: type) -> list[list[str]]:
    return [
        [_code(name), _code(key), markdown_text(specs.type_name(kind)), _default(cls, key)]
        for key, kind in specs.parameter_types(cls).items()
    ]


def _default(cls: type, parameter: str) -> str:
    """The default; a required parameter has none, and a dataclass keeps others on the class."""
    if not hasattr(cls, parameter):
        return "required"
    value = getattr(cls, parameter)
    return _code(specs.value_text(value)) if value != "" else "nothing"


def _code(text: str) -> str:
    return markdown_text(text) if "`" in text else f"`{text.replace('|', chr(92) + '|')}`"

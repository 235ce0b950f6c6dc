"""What a method declares, and which of its parameters decide on that."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.bounds import split_bounds

ARXIV = re.compile(r"arXiv:(\S+)")


def paper_address(paper: str) -> str:
    """The address on the web of `arXiv:NUMBER`, of an address itself, or else an empty text."""
    if found := ARXIV.fullmatch(paper):
        return f"https://arxiv.org/abs/{found[1]}"
    return paper if paper.startswith(("https://", "http://")) else ""


def by_default(cls: type) -> Any:
    """The method with its default parameters, or its class if it has none for one of them."""
    try:
        return specs.construct(cls, cls.__name__)
    except BenchbenchError:
        return cls


def deciding(cls: type, declaration: str) -> list[str]:
    """The single parameters, as `bn=transductive`, with which a declaration is another one.

    Words, truth values, none and the lowest number that is allowed are tried, each by itself. Where
    the class cannot be made, as a library is missing, its nearest base class that can is asked.
    """
    made = next(base for base in cls.__mro__ if by_default(base) is not base)
    usual = getattr(by_default(made), declaration, None)
    found = []
    for name, kind in specs.parameter_types(made).items():
        for value in _tried(kind):
            with suppress(BenchbenchError):
                changed: Any = specs.construct(made, made.__name__, **{name: value})
                if getattr(changed, declaration) != usual:
                    found.append(f"{name}={specs.value_text(value)}")
    return found


def _tried(kind: Any) -> Iterator[Any]:
    for option, bounds in map(split_bounds, specs.alternatives(kind)):
        if typing.get_origin(option) is Literal:
            yield from typing.get_args(option)
        elif option is bool:
            yield from (False, True)
        elif option is type(None):
            yield None
        elif option in (int, float) and bounds.ge is not None:
            yield option(bounds.ge)

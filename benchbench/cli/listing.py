"""`benchbench list` and `benchbench describe`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from benchbench.errors import BenchbenchError
from benchbench.registry import entry_points, inspection
from benchbench.system.files import read_text, write_text
from benchbench.system.marked_lines import MarkedLines
from benchbench.system.progress import say
from benchbench.system.texts import legible, legible_lines

KINDS = [
    "all",
    "methods",
    "datasets",
    "backbones",
    "augmentations",
    "pretrainings",
    "samplers",
    "metrics",
    "engines",
    "class_vectors",
]


MARKED = MarkedLines("benchbench list methods")

FILE_BYTES = 2**24
"""The most that a file for the tables may have."""


class Listed(NamedTuple):
    """What a line of the list says behind a name; family: of a method."""

    text: str
    home: str
    family: str = ""


@click.command("list")
@click.argument("kind", default="all", type=click.Choice(KINDS), metavar="[KIND]")
@click.option(
    "--format",
    "style",
    default="text",
    show_default=True,
    type=click.Choice(["text", "markdown"]),
    help="markdown is for methods: tables of what they declare and of their parameters, by family.",
)
@click.option("--package", metavar="NAME", help="Only the methods of this package, in markdown.")
@click.option(
    "--into",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The markdown file that gets the tables between two marked lines; the text around them "
    "is kept.",
)
def list_(kind: str, style: str, package: str | None, into: Path | None) -> None:
    """List the methods, data sets and so on that are installed.

    A KIND lists all of one kind: methods, datasets, backbones, augmentations,
    pretrainings, samplers, metrics, engines or class_vectors. Behind a method's
    name is its family.
    """
    if style == "markdown":
        _print_markdown(kind, package, into)
        return
    if package or into:
        raise BenchbenchError("--package and --into are for --format markdown; add that.")
    for each in ["methods", "datasets", "pretrainings"] if kind == "all" else [kind]:
        single = each.removesuffix("s")
        installed = single in entry_points.KINDS
        click.echo(f"{each}:")
        click.echo(
            "".join(_lines(_announced(single) if installed else _registered(each))), nl=False
        )
        for entry in entry_points.claimed_twice(single) if installed else []:
            holder = entry_points.available(single)[entry.name].package
            click.echo(
                f"  {entry.name}  NOT USED: the name is taken by {holder} "
                f"[{entry.package} {entry.version}]"
            )


def _print_markdown(kind: str, package: str | None, into: Path | None) -> None:
    """Print the tables of methods, or put them into a file."""
    from benchbench.cli.method_tables import method_tables

    if kind != "methods":
        raise BenchbenchError("--format markdown is for methods: benchbench list methods.")
    text = method_tables(package)
    if into is None:
        click.echo(text, nl=False)
        return
    if not into.exists():
        raise BenchbenchError(f"There is no file {into}; --into fills one that has marked lines.")
    content = MARKED.replaced(read_text(into, FILE_BYTES), text)
    if content is None:
        raise BenchbenchError(
            f"{into} has no place for the tables; put the lines '{MARKED.begin}' and "
            f"'{MARKED.end}' into it."
        )
    write_text(into, content)
    say(f"wrote {into}")


def _lines(things: dict[str, Listed]) -> Iterator[str]:
    """A line for each: its name, its family if these have one, what it is, and its home."""
    rows = [(name, one.family) for name, one in things.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, one in zip(rows, things.values(), strict=True):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width]
        yield legible("  ".join(["", *cells, f"{one.text} [{one.home}]"])) + "\n"


def _announced(kind: str) -> dict[str, Listed]:
    """What is installed of a kind, by entry point; nothing is imported."""
    found = {}
    for name, entry in entry_points.available(kind).items():
        home = f"{entry.package} {entry.version}"
        if fault := inspection.visible_fault(entry):
            found[name] = Listed(f"BROKEN: {fault}; see `benchbench doctor`", home)
        else:
            family = inspection.family(entry) if kind == "method" else ""
            found[name] = Listed(inspection.summary(entry, kind), home, family)
    return found


def _registered(kinds: str) -> dict[str, Listed]:
    """What the hook `register_<kinds>` registers, and the modules that it is from."""
    from benchbench.registry import loading
    from benchbench.registry.description import first_line

    things = loading.registered(f"register_{kinds}")
    return {name: Listed(first_line(one), one.__module__) for name, one in sorted(things.items())}


@click.command()
@click.argument("name")
def describe(name: str) -> None:
    """Explain a method, a data set, or whatever else has a name.

    That is a backbone, an augmentation, a sampler, a metric, an engine or a source of class
    vectors. Its documentation, parameters and declarations are printed. NAME may have
    parameters, as in `matchingnet[fce=true]`, which can change what a method declares.
    """
    from benchbench.registry.description import described

    click.echo(legible_lines("\n".join(described(name))), nl=False)

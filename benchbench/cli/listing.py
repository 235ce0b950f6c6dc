"""`benchbench list` and `benchbench describe`."""

from __future__ import annotations

import inspect

import click

from benchbench.registry import entry_points, inspection
from benchbench.system.texts import legible, legible_lines

KINDS = [
    "all",
    "methods",
    "datasets",
    "backbones",
    "augmentations",
    "samplers",
    "metrics",
    "engines",
]


@click.command("list")
@click.argument("kind", default="all", type=click.Choice(KINDS), metavar="[KIND]")
def list_(kind: str) -> None:
    """List the methods and data sets that are installed.

    A KIND lists all of one kind: methods, datasets, backbones, augmentations, samplers,
    metrics or engines.
    """
    for each in ["methods", "datasets"] if kind == "all" else [kind]:
        single = each.removesuffix("s")
        installed = single in entry_points.KINDS
        known = _announced(single) if installed else _registered(each)
        width = max(map(len, known), default=0)
        click.echo(f"{each}:")
        for name, (text, home) in known.items():
            click.echo(legible(f"  {name:<{width}}  {text} [{home}]"))
        for entry in entry_points.claimed_twice(single) if installed else []:
            holder = entry_points.available(single)[entry.name].package
            click.echo(
                f"  {entry.name}  NOT USED: the name is taken by {holder} "
                f"[{entry.package} {entry.version}]"
            )


def _announced(kind: str) -> dict[str, tuple[str, str]]:
    """Name to summary and package, by entry point; nothing is imported."""
    found = {}
    for name, entry in entry_points.available(kind).items():
        summary = inspection.summary(entry)
        if fault := inspection.visible_fault(entry):
            summary = f"BROKEN: {fault}; see `benchbench doctor`"
        found[name] = summary, f"{entry.package} {entry.version}"
    return found


def _registered(kinds: str) -> dict[str, tuple[str, str]]:
    """Name to summary and module, from the hook `register_<kinds>`."""
    from benchbench.registry import loading

    things = loading.registered(f"register_{kinds}")
    return {
        name: ((inspect.getdoc(thing) or "").split("\n", 1)[0], thing.__module__)
        for name, thing in sorted(things.items())
    }


@click.command()
@click.argument("name")
def describe(name: str) -> None:
    """Explain a method, a data set, or whatever else has a name.

    That is a backbone, an augmentation, a sampler, a metric or an engine. Its documentation,
    parameters and declarations are printed. NAME may have parameters, as in
    `matchingnet[fce=true]`, which can change what a method declares.
    """
    from benchbench.registry.description import described

    click.echo(legible_lines("\n".join(described(name))), nl=False)

"""`benchbench new`: a package with a method or a data set that works, to begin from."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shlex
from pathlib import Path
from string import Template

import click

import benchbench
from benchbench.cli.options import FOLDER
from benchbench.errors import BenchbenchError
from benchbench.registry import entry_points
from benchbench.system.files import write_text

HOME = Path(benchbench.__file__).parent
CONSTRAINTS = HOME.parent / "constraints.txt"
"""The tested versions, if benchbench is run from a checkout."""


@click.command()
@click.argument("kind", type=click.Choice(["method", "dataset"]))
@click.argument("name")
@click.option(
    "--out",
    type=FOLDER,
    show_default="NAME",
    help="The folder that the package is written to; it must not exist yet.",
)
def new(kind: str, name: str, out: Path | None) -> None:
    """Write a package with a method or data set to begin from.

    It works as it is, and has a test. NAME becomes the name of the plug-in, of its package and of
    its Python module.
    """
    check_name(name)
    folder = out or Path(name)
    if folder.exists() or folder.is_symlink():
        raise BenchbenchError(f"{folder} exists already; choose another --out, or remove it.")
    files = package_files(kind, name)
    for path, text in files.items():
        write_text(folder / path, text)
        click.echo(f"wrote {folder / path}")
    click.echo("\n".join(["", "Next:", *_next_steps(kind, name, folder)]))


def check_name(name: str) -> None:
    """Raise BenchbenchError if the name cannot be that of a module, a package and a plug-in."""
    if not re.fullmatch(r"[A-Za-z](\w*[A-Za-z0-9])?", name, re.ASCII):
        raise BenchbenchError(
            f"'{name}' cannot be the name of a Python module; use letters, digits and _, with a "
            "letter first and no _ last."
        )
    if keyword.iskeyword(name):
        raise BenchbenchError(f"'{name}' is a word of the Python language; choose another name.")
    for kind in entry_points.KINDS:
        if holder := entry_points.available(kind).get(name):
            raise BenchbenchError(
                f"'{name}' is a {kind} of package {holder.package}; choose another name."
            )
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.origin is not None:
        raise BenchbenchError(
            f"'{name}' is a module that can be imported already; choose another name."
        )


def package_files(kind: str, name: str) -> dict[Path, str]:
    """The text of each file, by its path in the package."""
    home = Path(__file__).parent / "templates" / kind
    templates = {path: path.read_text(encoding="utf-8") for path in sorted(home.rglob("*.txt"))}
    values = {
        "name": name,
        "class_name": _class_name(kind, name, " ".join(templates.values())),
        "distribution": name.replace("_", "-").lower(),
    }
    files = {}
    for path, text in templates.items():
        destination = path.relative_to(home).with_name(path.stem.replace("module", name))
        files[destination] = Template(text).substitute(values)
    return files


def _class_name(kind: str, name: str, taken: str) -> str:
    """`my_method` as `MyMethod`; the kind is added where the word stands in the templates."""
    words = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    if keyword.iskeyword(words) or re.search(rf"\b{words}\b", taken):
        return words + kind.capitalize()
    return words


def _next_steps(kind: str, name: str, folder: Path) -> list[str]:
    """The commands to install the package and to use it, from this folder."""
    here, tested = Path.cwd(), CONSTRAINTS
    tested = tested.relative_to(here) if tested.is_relative_to(here) else tested
    constraints = ["-c", str(tested)] if tested.is_file() else []
    place = str(folder) if folder.is_absolute() else f".{os.sep}{folder}"
    install = ["python", "-m", "pip", "install", *constraints, "-e", f"{place}[test]"]
    if kind == "method":
        check = ["benchbench", "check", name]
        run = ["benchbench", "run", "--methods", f"knn,{name}", "--budget", "smoke"]
    else:
        check = ["python", "-m", "pytest", str(folder)]
        run = ["benchbench", "run", "--dataset", name, "--methods", "knn", "--budget", "smoke"]
    return [f"  {shlex.join(command)}" for command in (install, check, run)]

"""Plug-ins as if installed: pretended in this process, or as pip leaves them for another one."""

import importlib.metadata
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchbench.registry import entry_points, loading

METHOD = '''
from benchbench import Method, hookimpl

class Toy(Method):
    """A toy.

    With more to say.
    """
    name = "{name}"

@hookimpl
def register_methods(register):
    register(Toy)
'''

OBSERVER = """
from benchbench import hookimpl

seen = []

@hookimpl
def episode_scored(record):
    seen.append(record["episode"])
"""


def install(site: Path, package: str, sources: dict[str, str], entry_points: str) -> Path:
    """A package, version 1.5, as pip leaves it: modules, and a .dist-info that announces them.

    site: goes to PYTHONPATH; what was there before is replaced. sources: code by module, or by path
    of a package's.
    """
    site.mkdir(exist_ok=True)
    for module, source in sources.items():
        (site / f"{module}.py").parent.mkdir(parents=True, exist_ok=True)
        (site / f"{module}.py").write_text(source, encoding="utf-8")
    info = announce(site, package, entry_points)
    listed = [f"{module}.py,," for module in sources]
    (info / "RECORD").write_text("\n".join([*listed, f"{info.name}/METADATA,,"]) + "\n")
    return site


def install_editable(
    site: Path, home: Path, package: str, sources: dict[str, str], entry_points: str, tops: str
) -> None:
    """As `install`, but the code lies in a folder `home`, of which the site has a .pth file only.

    tops: the names of top-level modules that the installation tells, by line; may be empty.
    """
    site.mkdir(exist_ok=True)
    for module, source in sources.items():
        (home / f"{module}.py").parent.mkdir(parents=True, exist_ok=True)
        (home / f"{module}.py").write_text(source, encoding="utf-8")
    info = announce(site, package, entry_points)
    pth = f"__editable__.{package}-1.5.pth"
    (site / pth).write_text(f"{home}\n", encoding="utf-8")
    (info / "RECORD").write_text(f"{pth},,\n{info.name}/METADATA,,\n")
    if tops:
        (info / "top_level.txt").write_text(tops)


def announce(site: Path, package: str, entry_points: str) -> Path:
    """The metadata of a package; returns its folder."""
    info = site / f"{package}-1.5.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(entry_points)
    return info


def methods_of(module: str, names: Iterable[str]) -> str:
    """The entry points of methods that one module registers."""
    return "[benchbench.methods]\n" + "".join(f"{name} = {module}\n" for name in names)


class Installation:
    """Pretended entry points, and modules that exist in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: list[SimpleNamespace] = []

    def add(
        self, group: str, name: str, source: str | None, package: str = "other", module: str = ""
    ) -> str:
        """Announce a module, written from `source`; returns its name."""
        module = module or f"fake_{package}_{name}"
        if source is not None:
            (self.folder / f"{module}.py").write_text(source, encoding="utf-8")
        distribution = SimpleNamespace(name=package, version="1.0")
        self.entries.append(
            SimpleNamespace(group=group, name=name, value=module, dist=distribution)
        )
        return module

    def method(self, name: str, source: str | None = None, package: str = "other") -> str:
        return self.add("benchbench.methods", name, source or METHOD.format(name=name), package)

    def extra(self, name: str, source: str | None) -> str:
        return self.add("benchbench.plugins", name, source)


def forget() -> None:
    loading.extras.cache_clear()
    loading.registered.cache_clear()


@contextmanager
def pretended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Nothing else is installed in this context; what was imported is forgotten after it."""
    installation = Installation(folder)

    def select(group: str) -> list[SimpleNamespace]:
        return [entry for entry in installation.entries if entry.group == group]

    def found(**wanted: str) -> Any:
        """As `importlib.metadata.entry_points`, which libraries call with a group as well."""
        return select(**wanted) if wanted else SimpleNamespace(select=select)

    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(importlib.metadata, "entry_points", found)
    keeps_nothing = entry_points._by_group.__wrapped__  # for more may be pretended later
    monkeypatch.setattr(entry_points, "_by_group", keeps_nothing)
    forget()
    yield installation
    forget()
    for name in set(sys.modules) - before:
        if name.startswith("fake_"):
            del sys.modules[name]

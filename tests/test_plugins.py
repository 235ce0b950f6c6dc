"""Discovery: nothing is imported before it is used, and a broken plug-in harms no other."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchbench import plugins
from benchbench.errors import BenchbenchError
from benchbench.hookspecs import hookimpl

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
    plugins._manager.cache_clear()
    plugins.registered.cache_clear()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    installation = Installation(tmp_path)

    def entry_points(*, group: str) -> list[SimpleNamespace]:
        return [entry for entry in installation.entries if entry.group == group]

    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    forget()
    yield installation
    forget()
    for name in set(sys.modules) - before:
        if name.startswith("fake_"):
            del sys.modules[name]


def module(name: str) -> SimpleNamespace:
    return importlib.import_module(name)  # type: ignore[return-value]


def test_names_are_sorted_and_say_where_they_come_from(installed: Installation) -> None:
    installed.method("zeta", package="b")
    home = installed.method("alpha", package="a")
    found = plugins.available("method")
    assert list(found) == ["alpha", "zeta"]
    assert found["alpha"] == plugins.Provenance("alpha", home, "a", "1.0")


def test_a_method_is_loaded_by_its_entry_points_name(installed: Installation) -> None:
    home = installed.method("toy")
    cls = plugins.load("method", "toy")
    assert cls is module(home).Toy


def test_one_module_may_hold_several_methods(installed: Installation) -> None:
    source = METHOD.format(name="first") + (
        "class Second(Toy):\n    name = 'second'\n\n"
        "@hookimpl\ndef register_methods(register):\n    register(Toy)\n    register(Second)\n"
    )
    home = installed.add("benchbench.methods", "first", source)
    installed.add("benchbench.methods", "second", None, module=home)
    assert plugins.load("method", "first").name == "first"
    assert plugins.load("method", "second").name == "second"


def test_kinds_do_not_mix(installed: Installation) -> None:
    installed.method("toy")
    assert plugins.available("dataset") == {}
    with pytest.raises(BenchbenchError, match="There is no dataset named 'toy'; known: none"):
        plugins.load("dataset", "toy")


def test_an_unknown_name_gets_a_suggestion(installed: Installation) -> None:
    installed.method("protonet")
    with pytest.raises(BenchbenchError, match="no method named 'protnet'; did you mean protonet"):
        plugins.load("method", "protnet")


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def register_methods(:", "SyntaxError"),
        ("", "AttributeError: .* has no attribute 'register_methods'"),
        ("def register_methods(register): register(object)", "AttributeError"),
        ("def register_methods(): pass", "TypeError"),
    ],
    ids=["import", "raises", "syntax", "no hook", "no name", "wrong signature"],
)
def test_a_broken_method_is_one_error_and_harms_no_other(
    installed: Installation, source: str, cause: str
) -> None:
    installed.add("benchbench.methods", "broken", source, package="shaky")
    installed.method("sound")
    assert list(plugins.available("method")) == ["broken", "sound"]
    message = rf"'broken' of package shaky cannot be loaded \({cause}.*benchbench doctor"
    with pytest.raises(BenchbenchError, match=message):
        plugins.load("method", "broken")
    assert plugins.load("method", "sound").name == "sound"


def test_an_entry_point_with_another_name_than_the_class(installed: Installation) -> None:
    installed.method("toy", METHOD.format(name="tyo"))
    with pytest.raises(BenchbenchError, match="announces the method 'toy' but registers tyo"):
        plugins.load("method", "toy")


@pytest.mark.parametrize(
    ("packages", "holder"),
    [(("zoo", "ark"), "ark"), (("ark", "benchbench", "zoo"), "benchbench")],
)
def test_a_name_claimed_twice(
    installed: Installation, packages: tuple[str, ...], holder: str
) -> None:
    for package in packages:
        installed.method("toy", package=package)
    assert plugins.available("method")["toy"].package == holder
    losers = [entry.package for entry in plugins.claimed_twice("method")]
    assert sorted(losers) == sorted(set(packages) - {holder})
    assert plugins.load("method", "toy").__module__ == f"fake_{holder}_toy"


def test_the_same_entry_point_seen_twice_is_one(installed: Installation) -> None:
    home = installed.method("toy")
    installed.add("benchbench.methods", "toy", None, module=home)
    assert plugins.claimed_twice("method") == []


def test_an_entry_point_without_a_distribution(installed: Installation) -> None:
    installed.method("toy")
    installed.entries[0].dist = None
    assert plugins.available("method")["toy"].package == "?"


def test_listing_imports_no_plug_in_and_no_torch() -> None:
    code = (
        "import sys\n"
        "from benchbench import plugins\n"
        "known = {**plugins.available('method'), **plugins.available('dataset')}\n"
        "assert {'protonet', 'glyphs'} <= set(known), known\n"
        "assert all(plugins.summary(entry) for entry in known.values()), known\n"
        "heavy = {'torch', 'scipy', 'pandas', 'benchbench_plugins', 'benchbench.datasets'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_summary_is_read_without_import(installed: Installation) -> None:
    home = installed.method("toy", METHOD.format(name="toy") + "\nraise RuntimeError\n")
    assert plugins.summary(plugins.available("method")["toy"]) == "A toy."
    assert home not in sys.modules


def test_summary_in_a_package_does_not_import_the_package(installed: Installation) -> None:
    package = installed.folder / "fake_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError\n")
    source = METHOD.format(name="toy").replace('name = "toy"', 'name: "ClassVar[str]" = "toy"')
    (package / "inner.py").write_text(source)
    installed.add("benchbench.methods", "toy", None, module="fake_package.inner")
    assert plugins.summary(plugins.available("method")["toy"]) == "A toy."
    assert "fake_package" not in sys.modules


@pytest.mark.parametrize(
    "source",
    [None, "class (", METHOD.format(name="other"), METHOD.format(name="toy").replace('"""', "#")],
    ids=["no module", "syntax error", "another class", "no docstring"],
)
def test_summary_is_empty_where_there_is_none(installed: Installation, source: str | None) -> None:
    installed.add("benchbench.methods", "toy", source)
    assert plugins.summary(plugins.available("method")["toy"]) == ""


@pytest.mark.parametrize("name", ["sys", "no_such.deep.module", "os.path.join"])
def test_summary_of_what_is_no_source_file_is_empty(name: str) -> None:
    assert plugins.summary(plugins.Provenance("toy", name, "?", "?")) == ""


BROKEN_EXTRAS = {
    "broken import": ("import no_such_module", "no_such_module"),
    "misspelled hook": (
        OBSERVER + "@hookimpl\ndef run_finnished(run): pass\n",
        "unknown hook 'run_finnished'",
    ),
    "misspelled argument": (
        OBSERVER + "@hookimpl\ndef run_started(rnu): pass\n",
        "rnu",
    ),
}


@pytest.mark.parametrize(("source", "cause"), BROKEN_EXTRAS.values(), ids=BROKEN_EXTRAS.keys())
def test_a_broken_extra_is_left_out_whole(
    installed: Installation, caplog: pytest.LogCaptureFixture, source: str, cause: str
) -> None:
    bad = installed.extra("bad", source)
    good = installed.extra("good", OBSERVER)
    plugins.observer("episode_scored")(run=None, record={"episode": 7})
    assert list(plugins.broken_extras()) == ["bad"]
    assert cause in str(plugins.broken_extras()["bad"])
    assert "plug-in bad is left out" in caplog.text
    assert module(good).seen == [7]
    assert bad not in sys.modules or module(bad).seen == []


def test_no_extras_are_broken_where_none_are_installed(installed: Installation) -> None:
    assert plugins.broken_extras() == {}


def test_an_observer_that_raises_harms_nobody(
    installed: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    first = installed.extra("first", OBSERVER)
    installed.extra(
        "clumsy", OBSERVER.replace('seen.append(record["episode"])', "raise ValueError('oops')")
    )
    last = installed.extra("last", OBSERVER)
    notify = plugins.observer("episode_scored")
    for episode in (0, 1):
        notify(run=None, record={"episode": episode})
    assert module(first).seen == module(last).seen == [0, 1]
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == ["plug-in clumsy failed in episode_scored: ValueError: oops"] * 2


def test_without_observers_notifying_does_nothing(installed: Installation) -> None:
    installed.extra("other", OBSERVER)
    plugins.observer("run_started")(run=None)
    assert plugins.broken_extras() == {}


def test_observers_take_only_the_arguments_that_they_name(installed: Installation) -> None:
    both = installed.extra(
        "both",
        "from benchbench import hookimpl\nseen = []\n"
        "@hookimpl\ndef episode_scored(record, run): seen.append((run, record))\n",
    )
    plugins.observer("episode_scored")(run="run", record={"episode": 1})
    assert module(both).seen == [("run", {"episode": 1})]


METRIC = """
from benchbench import hookimpl

def accuracy(scores, labels):
    return -1.0

def {name}(scores, labels):
    return 0.5

@hookimpl
def register_metrics(register):
    register(accuracy)
    register({name})
"""


def test_extras_add_metrics_but_cannot_replace_the_cores_own(installed: Installation) -> None:
    from benchbench.metrics import accuracy

    home = installed.extra("more", METRIC.format(name="entropy"))
    assert plugins.find("register_metrics", "metric", "accuracy") is accuracy
    assert plugins.find("register_metrics", "metric", "entropy") is module(home).entropy


def test_an_extra_that_fails_while_registering_harms_no_other(
    installed: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    installed.extra("bad", METRIC.format(name="half") + "    raise RuntimeError('no')\n")
    installed.extra("good", METRIC.format(name="whole"))
    assert {"accuracy", "whole"} <= set(plugins.registered("register_metrics"))
    assert "plug-in bad failed in register_metrics: RuntimeError: no" in caplog.text


def test_the_core_registers_its_samplers_reporters_and_backbones(installed: Installation) -> None:
    assert "fixed" in plugins.registered("register_samplers")
    assert {"markdown", "csv", "json"} <= set(plugins.registered("register_reporters"))
    assert {"conv4", "pixels"} <= set(plugins.registered("register_backbones"))


def test_find_suggests_near_names(installed: Installation) -> None:
    with pytest.raises(BenchbenchError, match="no format named 'markdwon'; did you mean markdown"):
        plugins.find("register_reporters", "format", "markdwon")


def test_plug_ins_add_commands(installed: Installation) -> None:
    installed.extra(
        "command",
        "from benchbench import hookimpl\n"
        "@hookimpl\ndef register_commands(group): group.append('hello')\n",
    )
    commands: list[str] = []
    plugins.add_commands(commands)
    assert commands == ["hello"]


def hook_specifications() -> dict[str, Callable[..., None]]:
    from benchbench import hookspecs

    return {
        name: value for name, value in vars(hookspecs).items() if hasattr(value, "benchbench_spec")
    }


def test_every_hook_has_a_docstring() -> None:
    assert len(hook_specifications()) >= 10
    assert all((hook.__doc__ or "").strip() for hook in hook_specifications().values())


@pytest.mark.parametrize("hook", [hook for _, hook in plugins.KINDS.values()])
def test_the_hooks_of_kinds_exist(hook: str) -> None:
    assert hook in hook_specifications()


@pytest.mark.parametrize(("hook", "home"), plugins.CORE_MODULES.items())
def test_core_modules_implement_their_hook(hook: str, home: str) -> None:
    implementation = getattr(importlib.import_module(home), hook)
    assert hook in hook_specifications()
    assert hasattr(implementation, "benchbench_impl")


def test_the_marker_of_plug_ins_is_the_managers() -> None:
    assert hookimpl.project_name == "benchbench"

"""Discovery: nothing is imported before it is used, and a broken plug-in harms no other."""

import importlib
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.installations import METHOD, OBSERVER, Installation, pretended

from benchbench.errors import BenchbenchError
from benchbench.registry import entry_points, inspection, loading
from benchbench.registry.hookspecs import hookimpl


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    with pretended(tmp_path, monkeypatch) as installation:
        yield installation


def module(name: str) -> SimpleNamespace:
    return importlib.import_module(name)  # type: ignore[return-value]


def test_names_are_sorted_and_say_where_they_come_from(installed: Installation) -> None:
    installed.method("zeta", package="b")
    home = installed.method("alpha", package="a")
    found = entry_points.available("method")
    assert list(found) == ["alpha", "zeta"]
    assert found["alpha"] == entry_points.Provenance("alpha", home, "a", "1.0")


def test_a_method_is_loaded_by_its_entry_points_name(installed: Installation) -> None:
    home = installed.method("toy")
    cls = loading.load("method", "toy")
    assert cls is module(home).Toy


def test_one_module_may_hold_several_methods(installed: Installation) -> None:
    source = METHOD.format(name="first") + (
        "class Second(Toy):\n    name = 'second'\n\n"
        "@hookimpl\ndef register_methods(register):\n    register(Toy)\n    register(Second)\n"
    )
    home = installed.add("benchbench.methods", "first", source)
    installed.add("benchbench.methods", "second", None, module=home)
    assert loading.load("method", "first").name == "first"
    assert loading.load("method", "second").name == "second"


def test_kinds_do_not_mix(installed: Installation) -> None:
    installed.method("toy")
    assert entry_points.available("dataset") == {}
    with pytest.raises(BenchbenchError, match="There is no dataset named 'toy'; known: none"):
        loading.load("dataset", "toy")


def test_an_unknown_name_gets_a_suggestion(installed: Installation) -> None:
    installed.method("protonet")
    with pytest.raises(BenchbenchError, match="no method named 'protnet'; did you mean protonet"):
        loading.load("method", "protnet")


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def register_methods(:", "SyntaxError"),
        ("", "AttributeError: .* has no attribute 'register_methods'"),
        ("def register_methods(): pass", "TypeError"),
    ],
    ids=["import", "raises", "syntax", "no hook", "wrong signature"],
)
def test_a_broken_method_is_one_error_and_harms_no_other(installed, source, cause) -> None:
    installed.add("benchbench.methods", "broken", source, package="shaky")
    installed.method("sound")
    assert list(entry_points.available("method")) == ["broken", "sound"]
    message = rf"'broken' of package shaky cannot be loaded \({cause}.*benchbench doctor"
    with pytest.raises(BenchbenchError, match=message):
        loading.load("method", "broken")
    assert loading.load("method", "sound").name == "sound"


def test_an_entry_point_with_another_name_than_the_class(installed: Installation) -> None:
    installed.method("toy", METHOD.format(name="tyo"))
    with pytest.raises(BenchbenchError, match="announces the method 'toy' but registers tyo"):
        loading.load("method", "toy")


@pytest.mark.parametrize("thing", ["Impostor", "Toy()"])
def test_what_is_no_method_class_is_refused_and_harms_no_other(installed, thing) -> None:
    source = METHOD.format(name="toy") + (
        "class Impostor:\n    name = 'impostor'\n\nToy.name = 'toy'\nimpostor = Toy()\n"
        "impostor.name = 'impostor'\n\n"
        f"@hookimpl\ndef register_methods(register):\n    register({thing})\n    register(Toy)\n"
    ).replace("Toy())", "impostor)")
    home = installed.add("benchbench.methods", "toy", source)
    installed.add("benchbench.methods", "impostor", None, module=home)
    with pytest.raises(BenchbenchError, match=r"'impostor' is not a subclass of benchbench.Method"):
        loading.load("method", "impostor")
    assert loading.load("method", "toy").name == "toy"


def test_a_method_is_no_data_set(installed: Installation) -> None:
    source = METHOD.format(name="toy").replace("register_methods", "register_datasets")
    installed.add("benchbench.datasets", "toy", source)
    with pytest.raises(BenchbenchError, match=r"'toy' is not a subclass of benchbench.Dataset"):
        loading.load("dataset", "toy")


@pytest.mark.parametrize(
    ("packages", "holder"), [(("zoo", "ark"), "ark"), (("ark", "benchbench", "zoo"), "benchbench")]
)
def test_a_name_claimed_twice(installed, packages, holder) -> None:
    for package in packages:
        installed.method("toy", package=package)
    assert entry_points.available("method")["toy"].package == holder
    losers = [entry.package for entry in entry_points.claimed_twice("method")]
    assert sorted(losers) == sorted(set(packages) - {holder})
    assert loading.load("method", "toy").__module__ == f"fake_{holder}_toy"


def test_the_same_entry_point_seen_twice_is_one(installed: Installation) -> None:
    home = installed.method("toy")
    installed.add("benchbench.methods", "toy", None, module=home)
    assert entry_points.claimed_twice("method") == []


def test_an_entry_point_without_a_distribution(installed: Installation) -> None:
    installed.method("toy")
    installed.entries[0].dist = None
    assert entry_points.available("method")["toy"].package == "?"


def test_listing_imports_no_plug_in_and_no_torch() -> None:
    code = (
        "import sys\n"
        "from benchbench.registry import entry_points, inspection\n"
        "known = {**entry_points.available('method'), **entry_points.available('dataset')}\n"
        "assert {'protonet', 'glyphs'} <= set(known), known\n"
        "assert all(inspection.summary(entry) for entry in known.values()), known\n"
        "heavy = {'torch', 'scipy', 'pandas', 'benchbench_plugins', 'benchbench.datasets'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_summary_is_read_without_import(installed: Installation) -> None:
    home = installed.method("toy", METHOD.format(name="toy") + "\nraise RuntimeError\n")
    assert inspection.summary(entry_points.available("method")["toy"]) == "A toy."
    assert home not in sys.modules


def test_of_two_classes_of_one_name_the_hook_of_the_kind_decides(installed: Installation) -> None:
    other = (
        'class Objective:\n    """An objective."""\n    name = "toy"\n\n'
        "@hookimpl\ndef register_pretrainings(register): register(Objective)\n"
    )
    installed.method("toy", METHOD.format(name="toy") + "\n" + other)
    entry = entry_points.available("method")["toy"]
    assert inspection.summary(entry) == "A toy."
    assert inspection.summary(entry, "pretraining") == "An objective."


def test_summary_in_a_package_does_not_import_the_package(installed: Installation) -> None:
    package = installed.folder / "fake_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError\n")
    source = METHOD.format(name="toy").replace('name = "toy"', 'name: "ClassVar[str]" = "toy"')
    (package / "inner.py").write_text(source)
    installed.add("benchbench.methods", "toy", None, module="fake_package.inner")
    assert inspection.summary(entry_points.available("method")["toy"]) == "A toy."
    assert "fake_package" not in sys.modules


@pytest.mark.parametrize("home", [".inner", "fake_package.inner"])
def test_summary_of_a_class_that_a_package_has_from_a_module_of_its_own(installed, home) -> None:
    package = installed.folder / "fake_package"
    package.mkdir()
    (package / "__init__.py").write_text(f"from {home} import Toy, register_methods\n")
    (package / "inner.py").write_text(METHOD.format(name="toy"))
    installed.add("benchbench.methods", "toy", None, module="fake_package")
    assert inspection.summary(entry_points.available("method")["toy"]) == "A toy."


def test_summary_of_a_class_that_a_plugin_imports_and_registers(installed: Installation) -> None:
    """As `clip` has it, whose class is the core's and comes by way of `benchbench`."""
    source = "from benchbench import {0}\ndef register_pretrainings(register): register({0})\n"
    for name, cls in (("clip", "ImageTextPretraining"), ("toy", "Nothing")):
        installed.add("benchbench.pretrainings", name, source.format(cls))
    known = entry_points.available("pretraining")
    assert inspection.summary(known["clip"], "pretraining").startswith("Tells an image's text")
    assert inspection.summary(known["toy"], "pretraining") == ""


@pytest.mark.parametrize(
    "source",
    [None, "class (", METHOD.format(name="other"), METHOD.format(name="toy").replace('"""', "#")],
    ids=["no module", "syntax error", "another class", "no docstring"],
)
def test_summary_is_empty_where_there_is_none(installed: Installation, source: str | None) -> None:
    installed.add("benchbench.methods", "toy", source)
    assert inspection.summary(entry_points.available("method")["toy"]) == ""


@pytest.mark.parametrize("name", ["sys", "no_such.deep.module", "os.path.join"])
def test_summary_of_what_is_no_source_file_is_empty(name: str) -> None:
    assert inspection.summary(entry_points.Provenance("toy", name, "?", "?")) == ""


BROKEN_EXTRAS = {
    "broken import": ("import no_such_module", "no_such_module"),
    "misspelled hook": (
        OBSERVER + "@hookimpl\ndef run_finnished(run): pass\n",
        "unknown hook 'run_finnished'",
    ),
    "misspelled argument": (OBSERVER + "@hookimpl\ndef run_started(rnu): pass\n", "rnu"),
}


@pytest.mark.parametrize(("source", "cause"), BROKEN_EXTRAS.values(), ids=BROKEN_EXTRAS.keys())
def test_a_broken_extra_is_left_out_whole(installed, caplog, source, cause) -> None:
    bad = installed.extra("bad", source)
    good = installed.extra("good", OBSERVER)
    loading.observer("episode_scored")(run=None, record={"episode": 7})
    assert list(loading.broken_extras()) == ["bad of other"]
    assert cause in str(loading.broken_extras()["bad of other"])
    assert "plug-in bad of other is left out" in caplog.text
    assert module(good).seen == [7]
    assert bad not in sys.modules or module(bad).seen == []


def test_a_module_announced_twice_works_once(installed: Installation) -> None:
    home = installed.extra("first", OBSERVER)
    installed.add("benchbench.plugins", "second", None, module=home)
    loading.observer("episode_scored")(run=None, record={"episode": 7})
    assert module(home).seen == [7]
    assert [fault.entry.name for fault in loading.extras().faults] == ["second"]


def test_two_packages_may_use_one_name(installed: Installation) -> None:
    homes = [installed.add("benchbench.plugins", "log", OBSERVER, package=p) for p in ("a", "b")]
    loading.observer("episode_scored")(run=None, record={"episode": 7})
    assert [module(home).seen for home in homes] == [[7], [7]]
    assert loading.extras().faults == []


def test_no_extras_are_broken_where_none_are_installed(installed: Installation) -> None:
    assert loading.extras().entries == {}
    assert loading.extras().faults == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [("raise ValueError('oops')", "ValueError: oops"), ("raise SystemExit(3)", "SystemExit: 3")],
)
def test_an_observer_that_raises_harms_nobody_and_is_told_once_a_run(
    installed: Installation, caplog: pytest.LogCaptureFixture, statement: str, reason: str
) -> None:
    first = installed.extra("first", OBSERVER)
    clumsy = installed.extra(
        "clumsy", OBSERVER.replace('seen.append(record["episode"])', statement)
    )
    last = installed.extra("last", OBSERVER)
    place = f"{installed.folder / clumsy}.py, line 8"
    for run in (1, 2):
        notify = loading.observer("episode_scored")
        for episode in range(600):
            notify(run=None, record={"episode": episode})
        warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        told = f"plug-in clumsy of other failed in episode_scored: {reason} ({place})"
        assert warnings == [told] * run
    assert module(first).seen == module(last).seen == [*range(600)] * 2


def test_without_observers_notifying_does_nothing(installed: Installation) -> None:
    installed.extra("other", OBSERVER)
    loading.observer("run_started")(run=None)
    assert loading.extras().faults == []


def test_observers_take_only_the_arguments_that_they_name(installed: Installation) -> None:
    both = installed.extra(
        "both",
        "from benchbench import hookimpl\nseen = []\n"
        "@hookimpl\ndef episode_scored(record, run): seen.append((run, record))\n",
    )
    loading.observer("episode_scored")(run="run", record={"episode": 1})
    assert module(both).seen == [("run", {"episode": 1})]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (METHOD.format(name="toy"), ""),
        ("raise RuntimeError", ""),
        (None, "there is no module fake_other_toy"),
        ("\n\nclass (", "a syntax error in line 3 of fake_other_toy"),
    ],
    ids=["sound", "raises", "no module", "syntax"],
)
def test_what_shows_without_import(installed: Installation, source: str | None, fault: str) -> None:
    home = installed.add("benchbench.methods", "toy", source)
    assert inspection.visible_fault(entry_points.available("method")["toy"]) == fault
    assert home not in sys.modules


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
    assert loading.find("register_metrics", "metric", "accuracy") is accuracy
    assert loading.find("register_metrics", "metric", "entropy") is module(home).entropy


def test_an_extra_that_fails_while_registering_harms_no_other(installed, caplog) -> None:
    installed.extra("bad", METRIC.format(name="half") + "    raise RuntimeError('no')\n")
    installed.extra("good", METRIC.format(name="whole"))
    assert {"accuracy", "whole"} <= set(loading.registered("register_metrics"))
    assert "plug-in bad of other failed in register_metrics: RuntimeError: no" in caplog.text
    fault, *_ = loading.extras().faults
    assert (fault.entry.name, fault.hook) == ("bad", "register_metrics")


@pytest.mark.parametrize(
    ("hook", "thing", "reason"),
    [
        ("register_metrics", "3", "'3' is not a function"),
        ("register_samplers", "object", "'object' is not a subclass of benchbench.Sampler"),
        ("register_backbones", "object", "'object' is not a subclass of benchbench.Backbone"),
        (
            "register_augmentations",
            "object",
            "'object' is not a subclass of benchbench.Augmentation",
        ),
        (
            "register_reporters",
            "'csv', str",
            "The name 'csv' is taken by benchbench.results.reporters",
        ),
        ("register_reporters", "'a', str, 'b'", "takes from 3 to 4 positional arguments"),
    ],
)
def test_an_extra_that_registers_what_it_must_not_is_told_and_the_rest_works(
    installed: Installation, caplog: pytest.LogCaptureFixture, hook: str, thing: str, reason: str
) -> None:
    source = f"@hookimpl\ndef {hook}(register):\n    register({thing})\n"
    installed.extra("bad", OBSERVER + source)
    assert {"accuracy", "fixed", "conv4", "flip", "csv"} & set(loading.registered(hook))
    (fault,) = loading.extras().faults
    assert reason in str(fault.error)
    assert reason in caplog.text


def test_the_core_registers_its_samplers_reporters_and_backbones(installed: Installation) -> None:
    assert "fixed" in loading.registered("register_samplers")
    assert {"markdown", "csv", "json"} <= set(loading.registered("register_reporters"))
    assert {"conv4", "pixels"} <= set(loading.registered("register_backbones"))


AUGMENTATION = """
from dataclasses import dataclass
from benchbench import Augmentation, hookimpl

@dataclass
class Shade(Augmentation):
    name = "shade"
    by: int = 1

    def __call__(self, pixels, rng):
        return pixels // self.by

@hookimpl
def register_augmentations(register):
    register(Shade)
"""


def test_an_extra_adds_an_augmentation_with_its_parameters(installed: Installation) -> None:
    from benchbench.augmentations import create_augmentation

    installed.extra("shady", AUGMENTATION)
    augment = create_augmentation("flip[share=1]+shade[by=10]")
    pixels = np.array([[[[100], [200]]]], np.uint8)
    assert augment(pixels, np.random.default_rng(0)).tolist() == [[[[20], [10]]]]


def test_find_suggests_near_names(installed: Installation) -> None:
    with pytest.raises(BenchbenchError, match="no format named 'markdwon'; did you mean markdown"):
        loading.find("register_reporters", "format", "markdwon")


def test_plug_ins_add_commands(installed: Installation) -> None:
    installed.extra(
        "command",
        "from benchbench import hookimpl\n"
        "@hookimpl\ndef register_commands(group): group.append('hello')\n",
    )
    commands: list[str] = []
    loading.add_commands(commands)
    assert commands == ["hello"]


def hook_specifications() -> dict[str, Callable[..., None]]:
    from benchbench.registry import hookspecs

    return {
        name: value for name, value in vars(hookspecs).items() if hasattr(value, "benchbench_spec")
    }


def test_every_hook_has_a_docstring() -> None:
    assert len(hook_specifications()) >= 10
    assert all((hook.__doc__ or "").strip() for hook in hook_specifications().values())


@pytest.mark.parametrize("hook", [hook for _, hook in entry_points.KINDS.values()])
def test_the_hooks_of_kinds_exist(hook: str) -> None:
    assert hook in hook_specifications()


@pytest.mark.parametrize(("hook", "home"), loading.CORE_MODULES.items())
def test_core_modules_implement_their_hook(hook: str, home: str) -> None:
    implementation = getattr(importlib.import_module(home), hook)
    assert hook in hook_specifications()
    assert hasattr(implementation, "benchbench_impl")


def test_the_marker_of_plug_ins_is_the_managers() -> None:
    assert hookimpl.project_name == "benchbench"

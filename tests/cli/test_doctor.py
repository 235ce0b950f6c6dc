"""`benchbench doctor` and `benchbench list` on plug-ins that are broken: what, where, the cure."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import invoke, process
from support.installations import METHOD, OBSERVER, Installation, install, pretended

import benchbench
from benchbench.registry import loading
from benchbench.system import sandbox

HOOKED = "from benchbench import hookimpl\n\n@hookimpl\n"
CALLER = "def helper():\n    return 1 / 0\n\nhelper()\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    with pretended(tmp_path, monkeypatch) as installation:
        yield installation


def diagnose() -> tuple[str, bool]:
    """What `benchbench doctor` prints, and whether nothing is broken."""
    result = invoke("doctor")
    return result.stdout, result.exit_code == 0


def lines(text: str, *marks: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(marks)]


METHODS = {
    "another library": (
        "import os\nimport no_such_library.part\n",
        "ModuleNotFoundError: No module named 'no_such_library' (FILE, line 2); "
        "install no_such_library, and name it in the dependencies of other.",
    ),
    "no module": (
        None,
        "ModuleNotFoundError: No module named 'fake_other_toy'; "
        "correct the entry point of other, and install it again.",
    ),
    "another version": (
        "from benchbench import Mehtod\n",
        "ImportError: cannot import name 'Mehtod' from 'benchbench' (BENCHBENCH) (FILE, line 1); "
        "install versions of other and of what it imports that fit together.",
    ),
    "raises": (
        CALLER,
        "ZeroDivisionError: division by zero (FILE, line 2); mend that line, or uninstall other.",
    ),
    "syntax": (
        "x = 1\ndef f(:\n",
        "SyntaxError: invalid syntax (FILE, line 2); mend that line, or uninstall other.",
    ),
    "no hook": (
        "x = 1\n",
        "AttributeError: module 'fake_other_toy' has no attribute 'register_methods'; "
        "add register_methods(register), marked @benchbench.hookimpl.",
    ),
    "misspelled hook": (
        METHOD.format(name="toy").replace("register_methods", "register_method"),
        "AttributeError: module 'fake_other_toy' has no attribute 'register_methods'; "
        "rename register_method to register_methods.",
    ),
    "raises in the hook": (
        HOOKED + "def register_methods(register):\n    register(Toy)\n",
        "NameError: name 'Toy' is not defined (FILE, line 5); mend that line, or uninstall other.",
    ),
    "wrong arguments": (
        HOOKED + "def register_methods():\n    pass\n",
        "TypeError: register_methods() takes 0 positional arguments but 1 was given; "
        "it has to be register_methods(register), and to give register what docs/hooks.md says.",
    ),
    "no method": (
        HOOKED + "def register_methods(register):\n    register(type('Toy', (), {'name': 'toy'}))",
        "What package other registers as the method 'toy' is not a subclass of benchbench.Method; "
        "derive its class from that.",
    ),
    "another name": (
        METHOD.format(name="tyo"),
        "Package other announces the method 'toy' but registers tyo; "
        "its entry point needs the name of the class.",
    ),
}


@pytest.mark.parametrize(("source", "line"), METHODS.values(), ids=METHODS.keys())
def test_a_broken_method_is_explained_and_harms_no_other(installed, source, line) -> None:
    home = installed.add("benchbench.methods", "toy", source)
    installed.method("sound", package="another")
    text, healthy = diagnose()
    line = line.replace("FILE", str(installed.folder / f"{home}.py"))
    line = line.replace("BENCHBENCH", str(Path(benchbench.__file__)))
    assert lines(text, "FAIL method") == [f"FAIL method toy of other: {line}"]
    assert lines(text, "ok   method") == ["ok   method sound (another 1.0)"]
    assert not healthy


def test_the_cause_is_in_the_plug_ins_own_files(installed: Installation) -> None:
    """Not in the library that it called wrongly."""
    home = installed.method("toy", "import json\n\njson.loads('{')\n")
    text, _ = diagnose()
    (line,) = lines(text, "FAIL")
    assert f"({installed.folder / home}.py, line 3)" in line


EXTRAS = {
    "misspelled hook": (
        OBSERVER + "@hookimpl\ndef run_finnished(run): pass\n",
        r"PluginValidationError: unknown hook 'run_finnished' .*; rename it to run_finished\.",
    ),
    "unheard-of hook": (
        OBSERVER + "@hookimpl\ndef xyzzy(run): pass\n",
        r"PluginValidationError: unknown hook 'xyzzy' .*; docs/hooks\.md has all hooks\.",
    ),
    "misspelled argument": (
        OBSERVER + "@hookimpl\ndef run_started(rnu): pass\n",
        r"PluginValidationError: .*; it has to be run_started\(run\)\.",
    ),
    "raises": (
        OBSERVER + "1 / 0\n",
        r"ZeroDivisionError: division by zero \(FILE, line 9\); mend that line, or .* other\.",
    ),
    "raises while it registers": (
        HOOKED + "def register_metrics(register): register(1 / 0)\n",
        r"ZeroDivisionError: division by zero \(FILE, line 4\); mend that line, or .* other\.",
    ),
    "raises while it adds commands": (
        HOOKED + "def register_commands(group): group.add_comand(None)\n",
        r"AttributeError: .* \(FILE, line 4\); mend that line, or uninstall other\.",
    ),
    "taken name": (
        HOOKED + "def register_reporters(register): register('csv', str)\n",
        r"The name 'csv' is taken by benchbench\.results\.reporters; rename it\.",
    ),
    "no sampler": (
        HOOKED + "def register_samplers(register): register(object)\n",
        r"'object' is not a subclass of benchbench\.Sampler; derive its class from that\.",
    ),
}


@pytest.mark.parametrize(("source", "line"), EXTRAS.values(), ids=EXTRAS.keys())
def test_a_broken_extra_is_explained_and_harms_no_other(installed, source, line) -> None:
    home = installed.extra("toy", source)
    installed.extra("sound", OBSERVER)
    text, healthy = diagnose()
    (found,) = lines(text, "FAIL plug-in")
    pattern = line.replace("FILE", re.escape(str(installed.folder / f"{home}.py")))
    assert re.fullmatch(f"FAIL plug-in toy of other: {pattern}", found)
    assert lines(text, "ok   plug-in") == ["ok   plug-in sound (other 1.0)"]
    assert not healthy


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ("run_finished", "is called only in the group benchbench.plugins; announce the module"),
        ("run_finnished", "there is no hook run_finnished; rename it to run_finished."),
    ],
)
def test_a_hook_of_a_methods_module_that_nobody_calls(installed, hook, told) -> None:
    source = METHOD.format(name="toy") + f"\n@hookimpl\ndef {hook}(run): pass\n"
    home = installed.method("toy", source)
    text, healthy = diagnose()
    (line,) = lines(text, "note method toy of other: ")
    assert told in line
    assert lines(text, "FAIL") == []
    assert healthy
    if hook == "run_finished":
        installed.add("benchbench.plugins", "toy", None, module=home)
        loading.extras.cache_clear()
        assert lines(diagnose()[0], "note method") == []


def test_a_taken_name_is_told_by_both(installed: Installation) -> None:
    installed.method("toy", package="first")
    installed.method("toy", package="second")
    text, healthy = diagnose()
    assert lines(text, "FAIL") == [
        "FAIL method toy of second: the name is taken by package first; rename it."
    ]
    assert not healthy
    listed = invoke("list", "methods").stdout
    assert "  toy  other  A toy. [first 1.0]\n" in listed
    assert "  toy  NOT USED: the name is taken by first [second 1.0]\n" in listed


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (None, "BROKEN: there is no module fake_other_toy; see `benchbench doctor`"),
        ("class (", "BROKEN: a syntax error in line 1 of fake_other_toy; see `benchbench doctor`"),
        (METHOD.format(name="toy") + "raise RuntimeError\n", "other  A toy."),
    ],
    ids=["no module", "syntax", "raises"],
)
def test_list_marks_what_shows_without_import(installed, source, shown) -> None:
    home = installed.add("benchbench.methods", "toy", source)
    assert invoke("list", "methods").stdout == f"methods:\n  toy  {shown} [other 1.0]\n"
    assert home not in sys.modules


class TestInformation:
    def test_doctor(self, site: Path, extras: Path) -> None:
        result = process("doctor", path=(site, extras))
        assert result.returncode == 0, result.stdout + result.stderr
        assert "method chance (third_party 1.5)" in result.stdout
        assert result.stdout.endswith("Everything works.\n")

    def test_doctor_names_what_is_broken(self, tmp_path: Path) -> None:
        site = install(
            tmp_path / "site",
            "unwell",
            {"unwell_method": "import no_such_module\n", "unwell_extra": "1 / 0\n"},
            "[benchbench.methods]\nunwell = unwell_method\nknn = unwell_method\n"
            "[benchbench.plugins]\nunwell_extra = unwell_extra\n",
        )
        result = process("doctor", path=(site,))
        assert result.returncode == 1
        assert "Traceback" not in result.stdout + result.stderr
        failed = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
        assert len(failed) == 3
        assert any("method unwell" in line and "no_such_module" in line for line in failed)
        assert any("method knn" in line and "the name is taken" in line for line in failed)
        assert any("unwell_extra" in line and "ZeroDivisionError" in line for line in failed)
        assert process("list", path=(site,)).returncode == 0

    def test_doctor_notices_a_cache_that_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        result = process("doctor", BENCHBENCH_CACHE=str(tmp_path / "file" / "cache"))
        assert result.returncode == 1
        assert "FAIL cache" in result.stdout


@pytest.mark.parametrize(
    ("abi", "line"),
    [(7, "ok   sandbox for methods: Landlock ABI 7"), (0, "note no sandbox for methods: ")],
)
def test_doctor_tells_what_confines_methods(
    monkeypatch: pytest.MonkeyPatch, abi: int, line: str
) -> None:
    monkeypatch.setattr(sandbox, "landlock_abi", lambda: abi)
    text, _ = diagnose()
    assert len(lines(text, line)) == 1

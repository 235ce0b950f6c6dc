"""A package's code is known without importing it, however it is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.installations import install, install_editable, methods_of

from benchbench.registry.entry_points import Provenance, available
from benchbench.registry.sources import package_files, package_sha256

CODE = {
    "coded/__init__": "raise SystemExit('it was imported')",
    "coded/methods": "",
    "coded/deep/helper": "power = 1",
}
ENTRY = methods_of("coded.methods", ["coded_one"])

Install = Callable[[dict[str, str]], Provenance]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def make(code: dict[str, str]) -> Provenance:
        install(tmp_path / "site", "coded", code, ENTRY)
        return available("method")["coded_one"]

    return make


@pytest.fixture
def editable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(tmp_path / "home"))  # as the .pth file does

    def make(code: dict[str, str]) -> Provenance:
        install_editable(tmp_path / "site", tmp_path / "home", "coded", code, ENTRY, "coded\n")
        return available("method")["coded_one"]

    return make


@pytest.fixture(params=["wheel", "editable"])
def installed(request: pytest.FixtureRequest) -> Install:
    made: Install = request.getfixturevalue(request.param)
    return made


def test_an_edited_helper_is_another_package(installed: Install) -> None:
    before = package_sha256(installed(CODE))
    assert package_sha256(installed(CODE)) == before
    assert package_sha256(installed(CODE | {"coded/deep/helper": "power = 2"})) != before


def test_a_module_that_is_added_or_renamed_is_another_package(installed: Install) -> None:
    provenance = installed(CODE)
    before = package_sha256(provenance)
    assert package_sha256(installed(CODE | {"coded/more": ""})) != before
    helper = package_files(installed(CODE))["coded/deep/helper.py"]
    helper.rename(helper.with_name("renamed.py"))
    assert package_sha256(provenance) != before


def test_a_file_that_is_no_code_does_not_count(installed: Install) -> None:
    provenance = installed(CODE)
    before = package_sha256(provenance)
    folder = package_files(provenance)["coded/methods.py"].parent
    (folder / "README.md").write_text("A reader's guide.")
    (folder / "methods.pyc").write_bytes(b"\0")
    assert package_sha256(provenance) == before


def test_nothing_is_imported(installed: Install) -> None:
    package_sha256(installed(CODE))
    assert not [name for name in sys.modules if name.startswith("coded")]


def test_a_wheel_and_an_editable_installation_of_the_same_code_are_equal(
    wheel: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_wheel = package_files(wheel(CODE))
    hash_of_wheel = package_sha256(wheel(CODE))
    for file in of_wheel.values():
        file.unlink()
    home = tmp_path / "home"
    install_editable(tmp_path / "site", home, "coded", CODE, ENTRY, "coded\n")
    monkeypatch.syspath_prepend(str(home))
    provenance = available("method")["coded_one"]
    assert set(package_files(provenance)) == set(of_wheel)
    assert package_sha256(provenance) == hash_of_wheel


@pytest.mark.parametrize("tops", ["", "coded\nbeside\n"], ids=["not told", "told"])
def test_top_level_modules_count_as_far_as_the_installation_tells_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tops: str
) -> None:
    site, home = tmp_path / "site", tmp_path / "home"
    code = CODE | {"beside": ""}
    install_editable(site, home, "coded", code, ENTRY, tops)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.syspath_prepend(str(home))
    found = package_files(available("method")["coded_one"])
    expected = {"coded/__init__.py", "coded/methods.py", "coded/deep/helper.py"}
    assert set(found) == (expected | {"beside.py"} if tops else expected)


def test_of_a_package_without_metadata_the_entry_points_module_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lonely.py").write_text("power = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    lonely = Provenance("lonely", "lonely", "not_installed_at_all", "1.0")
    assert list(package_files(lonely)) == ["lonely.py"]
    missing = Provenance("missing", "no_such_module", "not_installed_at_all", "1.0")
    assert package_files(missing) == {}

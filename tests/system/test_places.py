"""Where data and cache lie: the argument, then the environment, then the platform."""

from pathlib import Path

import platformdirs
import pytest

from benchbench.system.places import Places


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BENCHBENCH_CACHE", raising=False)
    monkeypatch.delenv("BENCHBENCH_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_the_platforms_cache_is_the_default() -> None:
    cache = platformdirs.user_cache_path("benchbench")
    assert Places.find() == Places(cache / "data", cache)


def test_the_environment_comes_before_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHBENCH_CACHE", "/the/cache")
    assert Places.find() == Places(Path("/the/cache/data"), Path("/the/cache"))
    monkeypatch.setenv("BENCHBENCH_DATA", "/the/data")
    assert Places.find() == Places(Path("/the/data"), Path("/the/cache"))


@pytest.mark.parametrize("argument", ["/other", Path("/other")], ids=["text", "path"])
def test_the_argument_comes_first(monkeypatch: pytest.MonkeyPatch, argument: str | Path) -> None:
    monkeypatch.setenv("BENCHBENCH_DATA", "/the/data")
    assert Places.find(argument).data_root == Path("/other")


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    unset = Places.find()
    monkeypatch.setenv("BENCHBENCH_CACHE", "")
    monkeypatch.setenv("BENCHBENCH_DATA", "")
    assert Places.find() == unset


def test_places_are_absolute_and_know_the_home_folder(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("BENCHBENCH_CACHE", "~/cache")
    assert Places.find("data") == Places(tmp_path / "data", tmp_path / "cache")
    assert Places.find().data_root == tmp_path / "cache" / "data"


def test_finding_makes_no_folder(tmp_path: Path) -> None:
    Places.find("data")
    assert list(tmp_path.iterdir()) == []

"""Where data and cache lie: the argument, then the environment, then the platform."""

from pathlib import Path

import platformdirs
import pytest

from benchbench.errors import BenchbenchError
from benchbench.system.places import Places, expanded


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


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home folder, neither in the environment nor in the system's list."""

    def unknown(_: object) -> None:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name in ("getpwuid", "getpwnam"):
        monkeypatch.setattr(f"pwd.{name}", unknown)


def test_without_a_home_the_variable_is_named(no_home: None) -> None:
    with pytest.raises(BenchbenchError, match="no home folder for the cache; set BENCHBENCH_CACHE"):
        Places.find("/data")


def test_without_a_home_a_named_cache_will_do(
    no_home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHBENCH_CACHE", "/some/cache")
    assert Places.find() == Places(Path("/some/cache/data"), Path("/some/cache"))


@pytest.mark.parametrize("path", ["~nobody_of_this_name/images", "~/images"])
def test_no_folder_called_tilde_is_meant(no_home: None, path: str) -> None:
    with pytest.raises(BenchbenchError, match=f"home folder that {path} begins with; write"):
        expanded(path)


def test_a_path_is_looked_for_as_given_and_then_below_the_data_root(tmp_path: Path) -> None:
    places = Places.find(tmp_path / "data")
    below = places.data_root / "birds"
    assert places.located(Path("birds")) is None
    below.mkdir(parents=True)
    assert places.located(Path("birds")) == below
    Path("birds").mkdir()
    assert places.located(Path("birds")) == tmp_path / "birds"
    assert places.located(below) == below

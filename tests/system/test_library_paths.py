"""What a Python process with its libraries reads, and the folder that is its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import types
import zipfile
from pathlib import Path

import pytest
import torch.hub

import benchbench
from benchbench.system.library_paths import cache_fault, library_paths, model_caches
from benchbench.system.places import Places
from benchbench.system.private import move_to, private_environment


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("BENCHBENCH_CACHE", raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


def covered(path: str | Path) -> bool:
    resolved = Path(path).resolve()
    return any(found == resolved or found in resolved.parents for found in library_paths())


def test_they_exist_and_none_is_below_another() -> None:
    paths = library_paths()
    assert all(path.exists() and path == path.resolve() for path in paths)
    assert not any(path in other.parents for path in paths for other in paths)


@pytest.mark.parametrize(
    "path",
    [os.__file__, pytest.__file__, benchbench.__file__, sys.executable, "/etc/passwd"],
    ids=["the standard library", "a package", "benchbench", "python", "the system"],
)
def test_what_is_in_use_is_there(path: str) -> None:
    assert covered(path)


def test_places_of_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "current").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    with zipfile.ZipFile(tmp_path / "code.zip", "w"):
        pass
    monkeypatch.chdir(tmp_path / "current")
    places = ["", str(tmp_path / "link"), str(tmp_path / "code.zip"), "/no/such/place"]
    monkeypatch.setattr(sys, "path", [*sys.path, *places])
    for name in ("current", "folder", "code.zip"):
        assert covered(tmp_path / name)
    assert not covered(tmp_path / "home")


def test_packages_found_by_setuptools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "single.py").touch()
    (tmp_path / "other.py").touch()
    finder = types.ModuleType("__editable___toy_1_0_finder")
    mapping = {name: str(tmp_path / name) for name in ("package", "single")}
    finder.MAPPING = mapping  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, finder.__name__, finder)
    assert covered(tmp_path / "package")
    assert covered(tmp_path / "single.py")
    assert not covered(tmp_path / "other.py")


def test_weights_are_there_and_data_sets_are_not(own_home: Path) -> None:
    hub = own_home / ".cache" / "huggingface" / "hub"
    for name in ("models--a--b", "datasets--a--b"):
        (hub / name).mkdir(parents=True)
    (own_home / ".cache" / "torch").mkdir()
    assert covered(hub / "models--a--b")
    assert covered(own_home / ".cache" / "torch")
    assert not covered(hub / "datasets--a--b")
    assert not covered(hub.parent / "token")


def test_caches_lie_where_the_libraries_look_for_them(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def libraries_look() -> list[str]:
        script = "import huggingface_hub.constants as h; print(h.HF_HOME, h.HF_HUB_CACHE)"
        found = subprocess.check_output([sys.executable, "-c", script], text=True).split()
        return [*found, torch.hub._get_torch_home()]  # which looks when it is asked

    assert list(model_caches().values()) == libraries_look()
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_home / "x"))
    monkeypatch.setenv("HUGGINGFACE_HUB_CACHE", str(own_home / "hub"))
    assert list(model_caches().values()) == libraries_look()
    monkeypatch.setenv("HF_HOME", "~/h")
    monkeypatch.setenv("HF_HUB_CACHE", str(own_home / "other"))
    monkeypatch.setenv("TORCH_HOME", "~/t")
    assert list(model_caches().values()) == libraries_look()


def test_a_private_environment_keeps_the_weights(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, places = model_caches(), Places.find()
    found = private_environment(tmp_path / "private")
    for name in ("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        assert Path(found[name]).is_dir()
        assert list(Path(found["TMPDIR"]).iterdir()) == []
    private = {name for name, value in found.items() if str(tmp_path / "private") in value}
    assert private == set(found) - set(weights) - {"BENCHBENCH_CACHE"}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    assert model_caches() == weights
    assert Places.find() == places
    assert not Path(found["HF_TOKEN_PATH"]).exists()


def test_moving_moves_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/elsewhere")
    for name, value in private_environment(tmp_path / "private").items():
        monkeypatch.setenv(name, value)  # so that the test's end restores it
    move_to(tmp_path / "private")
    assert Path(tempfile.gettempdir()) == tmp_path / "private" / "tmp"
    assert Path.home() == tmp_path / "private" / "home"


def test_a_cache_that_cannot_be_written_names_its_variable(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_fault("HF_HOME") == ""
    (own_home / ".cache").touch()
    assert cache_fault("HF_HOME") == (
        f"Cannot write to the cache {own_home}/.cache/huggingface; "
        "set HF_HOME to a folder that you may write to."
    )
    monkeypatch.setenv("HF_HOME", str(own_home / "other"))
    assert cache_fault("HF_HOME") == ""
    monkeypatch.setenv("TORCH_HOME", "/proc/no/such")
    assert "set TORCH_HOME" in cache_fault("TORCH_HOME")


def test_a_process_has_a_private_home_where_the_user_has_none(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: object) -> None:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setenv("BENCHBENCH_CACHE", str(tmp_path / "cache"))
    assert model_caches() == {}
    assert cache_fault("TORCH_HOME").endswith("set TORCH_HOME to a folder that you may write to.")
    found = private_environment(tmp_path / "private")
    assert Path(found["HOME"]).is_dir()
    assert all(path.exists() for path in library_paths())


def test_what_is_another_users_is_left_out(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exists = os.stat

    def refused(path: str | Path, **options: object) -> os.stat_result:
        if str(path).startswith(str(own_home)):
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", refused)
    assert not any(own_home in (path, *path.parents) for path in library_paths())

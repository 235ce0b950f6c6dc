"""The folder of runs: where each lies, which there are, and its secret."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchbench.errors import BenchbenchError
from benchbench.runs.directory import RunDirectory
from benchbench.runs.names import run_hash
from benchbench.runs.store import Store

# Folders

IDENTITY = {"method": "toy", "protocol": "5way-1shot-15query", "seed": 0}


def test_a_run_has_a_place_of_its_own(tmp_path: Path) -> None:
    run = Store(tmp_path).run("glyphs", IDENTITY)
    assert run.path.parent == tmp_path / "glyphs" / "5way-1shot-15query"
    assert run.path.name == f"toy-{run_hash(IDENTITY)}"
    assert not run.path.exists()
    assert Store(tmp_path).run("glyphs", {**IDENTITY, "seed": 1}).path != run.path
    assert Store(tmp_path).run("omniglot", IDENTITY).path != run.path


def test_runs_are_found_at_any_depth_in_order(tmp_path: Path) -> None:
    for name in ("b/c/run-2", "a/c/run-1", "b/c/run-1"):
        (tmp_path / name).mkdir(parents=True)
        RunDirectory(tmp_path / name).update(status="finished")
    (tmp_path / "b" / "empty").mkdir()
    found = [run.path.relative_to(tmp_path).as_posix() for run in Store(tmp_path).runs()]
    assert found == ["a/c/run-1", "b/c/run-1", "b/c/run-2"]


def test_runs_behind_links_are_found_once(tmp_path: Path) -> None:
    """A folder of another disk is one of the store, and a loop of links ends."""
    store, disk = tmp_path / "store", tmp_path / "disk"
    (disk / "run").mkdir(parents=True)
    RunDirectory(disk / "run").update(status="finished")
    store.mkdir()
    for name, target in (("a", disk), ("b", disk), ("loop", store)):
        (store / name).symlink_to(target)
    assert [run.path for run in Store(store).runs()] == [store / "a" / "run"]


def test_a_folder_that_stands_for_a_manifest_is_found(tmp_path: Path) -> None:
    (tmp_path / "run" / "manifest.json").mkdir(parents=True)
    (run,) = Store(tmp_path).runs()
    with pytest.raises(BenchbenchError, match=r"manifest\.json is a folder"):
        _ = run.manifest


def test_a_folder_that_cannot_be_written_may_hold_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchbench.runs.store.can_write", lambda folder: False)
    store = Store(tmp_path)
    store.check()
    with pytest.raises(BenchbenchError, match="Cannot write results to"):
        store.check_writing(store.run("glyphs", IDENTITY))


def test_checking_a_store_leaves_no_trace(tmp_path: Path) -> None:
    Store(tmp_path / "new" / "results").check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "results", "deep/results"])
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchbenchError, match=r"Cannot write results to .*choose another --out"):
        Store(tmp_path / "file" / below).check()


class TestSalt:
    @pytest.fixture(autouse=True)
    def _made_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("BENCHBENCH_SALT")

    def test_one_is_made_for_a_folder_that_only_its_owner_reads(self, tmp_path: Path) -> None:
        salt = Store(tmp_path / "new").salt()
        assert len(salt) == 32
        assert Store(tmp_path / "new").salt() == salt
        assert (tmp_path / "new" / ".salt").stat().st_mode & 0o777 == 0o600
        assert Store(tmp_path / "other").salt() != salt

    def test_many_at_once_get_the_same(self, tmp_path: Path) -> None:
        """Whenever one of them looks, the file is whole or missing."""
        with ThreadPoolExecutor(16) as pool:
            for number in range(20):
                store = Store(tmp_path / str(number))
                ready = threading.Barrier(16)

                def ask(store: Store = store, ready: threading.Barrier = ready) -> bytes:
                    ready.wait()
                    return store.salt()

                (salt,) = {one.result() for one in [pool.submit(ask) for _ in range(16)]}
                assert len(salt) == 32

    def test_an_empty_one_that_a_kill_has_left_is_no_secret(self, tmp_path: Path) -> None:
        (tmp_path / ".salt").touch()
        salt = Store(tmp_path).salt()
        assert len(salt) == 32
        assert Store(tmp_path).salt() == salt

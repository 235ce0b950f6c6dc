"""The cells that the last grid of a results folder wanted."""

from __future__ import annotations

from pathlib import Path

from benchbench.grid.cell import Cell
from benchbench.grid.wanted import NAME, Wanted, folder_within, read_wanted, write_wanted

WANTED = [
    Wanted(Cell("knn", seed=seed, sampling=(("way", 5),)), f"glyphs/5way/knn-{seed}", 600)
    for seed in range(3)
]


def test_what_is_written_is_read_and_the_last_grid_counts(tmp_path: Path) -> None:
    root = tmp_path / "new" / "results"
    assert read_wanted(root) == []
    write_wanted(root, WANTED)
    assert read_wanted(root) == WANTED
    write_wanted(root, WANTED[:1])
    assert read_wanted(root) == WANTED[:1]
    assert [file.name for file in root.iterdir()] == [NAME]


def test_an_equal_grid_writes_nothing(tmp_path: Path) -> None:
    write_wanted(tmp_path, WANTED)
    (tmp_path / NAME).chmod(0o400)
    before = (tmp_path / NAME).stat()
    write_wanted(tmp_path, WANTED)
    after = (tmp_path / NAME).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_lines_of_another_version_are_left_out(tmp_path: Path) -> None:
    write_wanted(tmp_path, WANTED)
    with (tmp_path / NAME).open("a") as file:
        file.write(
            '{"run": "x"}\n[]\nnothing\n{"method": "knn", "run": "y", "count": "many"}\n{"me'
        )
    assert read_wanted(tmp_path) == WANTED


def test_folders_are_relative_to_the_results(tmp_path: Path) -> None:
    assert folder_within(tmp_path, str(tmp_path / "a" / "b")) == "a/b"
    assert folder_within(Path("results"), "results/a/b") == "a/b"

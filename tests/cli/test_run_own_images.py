"""`benchbench run` on a folder or archive of one's own, whole or damaged."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image
from support.command_line import (
    SIZE,
    assert_one_sentence,
    invoke,
    manifests,
    stored,
    task,
    write_pictures,
)

from benchbench.system.progress import say_once


class TestOwnImages:
    """Mistakes in a folder or archive of one's own."""

    def run(self, path: Path, out: Path) -> Result:
        return invoke(*task(f"folder:{path}[size={SIZE}]", out=out))

    def archive(self, tmp_path: Path) -> Path:
        write_pictures(tmp_path / "images")
        return Path(shutil.make_archive(str(tmp_path / "images"), "zip", tmp_path / "images"))

    def test_an_archive_is_as_good_as_its_folder(self, tmp_path: Path) -> None:
        packed = self.archive(tmp_path)
        from_zip = self.run(packed, tmp_path / "a")
        from_folder = self.run(tmp_path / "images", tmp_path / "b")
        assert from_zip.exit_code == 0, from_zip.output
        assert from_zip.stdout == from_folder.stdout
        assert list(stored(tmp_path / "a").values()) == list(stored(tmp_path / "b").values())

    @pytest.mark.parametrize(
        "content", [b"", b"PK\x05\x06" + bytes(18), b"just text\n"], ids=["nothing", "zip", "text"]
    )
    def test_an_empty_archive(self, tmp_path: Path, content: bytes) -> None:
        file = tmp_path / "images.zip"
        file.write_bytes(content)
        assert_one_sentence(self.run(file, tmp_path / "r"), str(file), "copy or download it again")

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
    def test_a_truncated_archive(self, tmp_path: Path, share: float) -> None:
        file = self.archive(tmp_path)
        content = file.read_bytes()
        file.write_bytes(content[: int(share * len(content))])
        assert_one_sentence(self.run(file, tmp_path / "r"), str(file), "copy or download it again")

    def test_an_archive_damaged_inside(self, tmp_path: Path) -> None:
        file = self.archive(tmp_path)
        content = bytearray(file.read_bytes())
        content[len(content) // 3 : len(content) // 3 + 200] = bytes(200)
        file.write_bytes(content)
        assert_one_sentence(self.run(file, tmp_path / "r"), str(file), "damaged")

    def test_a_text_file_named_png_as_the_data_set(self, tmp_path: Path) -> None:
        file = tmp_path / "notes.png"
        file.write_text("these are notes")
        assert_one_sentence(self.run(file, tmp_path / "r"), str(file), "neither a folder")

    def test_a_text_file_named_png_among_images_is_named(self, tmp_path: Path) -> None:
        folder = write_pictures(tmp_path / "images")
        (folder / "class 00" / "notes.png").write_text("these are notes")
        result = self.run(folder, tmp_path / "r")
        assert result.exit_code == 0, result.output
        assert "class 00/notes.png" in result.stderr
        assert manifests(tmp_path / "r")["knn"]["dataset"]["unreadable"] == ["class 00/notes.png"]

    def test_what_is_left_out_is_said_kept_and_verified(self, tmp_path: Path) -> None:
        folder = write_pictures(tmp_path / "images")
        (folder / os.fsdecode(b"notes \xe9.txt")).write_text("these are notes")
        told = "1 file is no image and was ignored: 1 .txt."
        result = self.run(folder, tmp_path / "r")
        assert result.exit_code == 0, result.output
        assert told in result.stderr
        assert manifests(tmp_path / "r")["knn"]["dataset"]["remarks"] == [told]
        spec = f"folder:{folder}[size={SIZE}]"
        assert f"note     reading: {told}" in invoke("data", "verify", spec).stdout
        assert f"  remarks      {told}" in invoke("data", "prepare", spec).stdout
        say_once.cache_clear()
        shown = invoke("data", "show", spec, "--out", tmp_path / "sheet.png")
        assert shown.stderr == f"{spec}: {told}\n"

    def test_only_text_files_named_png(self, tmp_path: Path) -> None:
        folder = tmp_path / "images" / "class"
        folder.mkdir(parents=True)
        (folder / "notes.png").write_text("these are notes")
        assert_one_sentence(self.run(tmp_path / "images", tmp_path / "r"), "no readable image")

    def test_a_folder_without_class_folders(self, tmp_path: Path) -> None:
        flat = tmp_path / "flat"
        flat.mkdir()
        Image.new("L", (SIZE, SIZE)).save(flat / "a.png")
        assert_one_sentence(self.run(flat, tmp_path / "r"), "one folder per class")

    def test_a_bad_split_file(self, tmp_path: Path) -> None:
        folder = write_pictures(tmp_path / "images")
        (folder / "splits.json").write_text("{")
        assert_one_sentence(self.run(folder, tmp_path / "r"), "splits.json")

    def test_a_path_with_brackets(self, tmp_path: Path) -> None:
        folder = write_pictures(tmp_path / "cats [2024]")
        result = self.run(folder, tmp_path / "r")
        assert result.exit_code == 0, result.output

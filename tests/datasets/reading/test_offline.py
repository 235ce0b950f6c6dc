"""Only looking: nothing is downloaded and nothing decoded."""

import urllib.request
from pathlib import Path

import pytest
from support.command_line import write_pictures

from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.datasets.reading.download import download
from benchbench.datasets.reading.offline import (
    WouldDecodeError,
    WouldDownloadError,
    no_downloads,
    only_looking,
)
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.mark.usefixtures("no_network")
def test_a_download_does_not_begin(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.zip"
    with only_looking(), pytest.raises(WouldDownloadError, match="not here yet"):
        download("https://example.org/file.zip", target, "0" * 32)
    assert list(tmp_path.iterdir()) == []
    target.parent.mkdir()
    target.touch()
    with only_looking():
        assert download("https://example.org/file.zip", target, "0" * 32) == target


@pytest.mark.usefixtures("no_network")
def test_a_data_set_that_would_be_downloaded(tmp_path: Path) -> None:
    places = Places(tmp_path / "data", tmp_path / "cache")
    with only_looking(), pytest.raises(WouldDownloadError):
        create_dataset("omniglot").sources(places)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_network")
def test_without_downloads_images_are_decoded(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "pictures", classes=6, count=2)
    places = Places(tmp_path / "data", tmp_path / "cache")
    with no_downloads():
        with pytest.raises(WouldDownloadError):
            open_dataset("omniglot", places)
        assert len(open_dataset(f"folder:{folder}", places).labels) == 12
    with only_looking(), pytest.raises(WouldDecodeError), no_downloads():
        open_dataset("glyphs", places)


def test_a_decoding_does_not_begin(tmp_path: Path) -> None:
    places = Places(tmp_path / "data", tmp_path / "cache")
    with only_looking(), pytest.raises(WouldDecodeError, match="glyphs are not decoded yet"):
        open_dataset(create_dataset("glyphs"), places)
    assert list(tmp_path.iterdir()) == []


def test_the_block_ends_and_a_block_inside_another_does_not_end_it(tmp_path: Path) -> None:
    with only_looking():
        with pytest.raises(KeyError), only_looking():
            raise KeyError
        with pytest.raises(WouldDownloadError):
            download("https://example.org/file.zip", tmp_path / "x", "0" * 32)
    with pytest.raises(BenchbenchError, match="Cannot download"):
        download((tmp_path / "none").as_uri(), tmp_path / "x", "0" * 32)

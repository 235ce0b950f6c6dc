"""The viewer's data: what was predicted, images once each, and reasons where there are none."""

import base64
import csv
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jinja2.utils import htmlsafe_json_dumps
from PIL import Image
from results.report.synthetic import Page, report_on, write_run

from benchbench.datasets.image_files import ImageFiles
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.errors import BenchbenchError
from benchbench.results.entries import tables_of
from benchbench.results.report.predictions import read_predictions
from benchbench.results.report.viewer import Thumbnails, make_viewer, thumbnail
from benchbench.results.stored import read_results
from benchbench.runs.store import Store
from benchbench.system.places import Places
from benchbench.system.texts import legible_lines


def test_predictions_are_those_of_the_file(tmp_path: Path, toy: OpenDataset) -> None:
    folder = write_run(tmp_path, toy, "a", 0.7)
    data = Page(report_on(tmp_path, with_plots=False).html).data
    viewer = data["viewers"]["protocol-0"]
    with (folder / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [episode["number"] for episode in viewer["episodes"]] == list(range(len(rows)))
    for row, episode in zip(rows, viewer["episodes"], strict=True):
        predicted = viewer["methods"][0]["predicted"][row["episode"]]
        assert predicted == [int(slot) for slot in row["predicted"].split()]
        assert episode["query_labels"] == [int(slot) for slot in row["query_labels"].split()]
        for index, image in zip(episode["query"], row["query"].split(), strict=True):
            shown = Image.open(io.BytesIO(base64.b64decode(data["images"][index])))
            assert np.array_equal(np.asarray(shown), toy.pixels[int(image), ..., 0])
        for slot, name in enumerate(episode["names"]):
            image = int(row["support"].split()[slot])
            assert name == toy.class_names[toy.labels[image]]


def test_images_are_shared_by_methods_and_protocols(tmp_path: Path, toy: OpenDataset) -> None:
    for method in ("a", "b"):
        write_run(tmp_path, toy, method, 0.7)
        write_run(tmp_path, toy, method, 0.7, shot=5)
    data = Page(report_on(tmp_path, with_plots=False).html).data
    assert len(data["viewers"]) == 2
    assert len(data["images"]) <= len(toy.pixels)
    assert len(set(data["images"])) == len(data["images"])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_thumbnails_are_small(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (84, 60, channels), dtype=np.uint8)
    text = thumbnail(pixels, 56)
    assert Image.open(io.BytesIO(base64.b64decode(text))).size == (40, 56)
    assert text == thumbnail(pixels, 56)


@pytest.mark.parametrize(("budget", "expected"), [(800_000, 2), (200_000, 1), (1000, 0)])
def test_large_images_leave_fewer_or_smaller_ones(tmp_path, make_dataset, budget, expected) -> None:
    large = make_dataset(classes=(4, 4, 20), per_class=25, shape=(84, 84, 3), noise=120, seed=5)
    write_run(tmp_path, large, "a", 0.7)
    thumbnails = Thumbnails(Places.find())
    thumbnails._sources[large.name] = large
    [entries] = tables_of(read_results(Store(tmp_path).runs()))
    viewer = make_viewer(entries, thumbnails, budget)
    assert sum(map(len, thumbnails.images)) <= budget
    if expected:
        assert len(viewer.episodes) >= expected
        assert viewer.notes[-1].startswith(f"The first {len(viewer.episodes)} of 20")
    else:
        assert viewer.reason == "The images of one episode are more than this page can hold."


@pytest.fixture
def pictures(tmp_path: Path, cache: Path) -> OpenDataset:
    """Files with names that a page must escape, each with a grey of its own in a corner."""
    rng = np.random.default_rng(0)
    for label in range(10):
        folder = tmp_path / "pictures" / f"<b>{label}"
        folder.mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 256, (8, 8)).astype(np.uint8)
            pixels[0, 0] = 12 * label + number
            Image.fromarray(pixels).save(folder / f"{number:02}\u202e<script>&\n'.png")
    return open_dataset(f"folder:{tmp_path}/pictures[size=8,test=0.6]")


def test_each_picture_has_the_name_of_its_file(tmp_path: Path, pictures: OpenDataset) -> None:
    root = tmp_path / "runs"
    for shot in (1, 2):
        write_run(root, pictures, "a", 0.7, shot=shot)
    html = report_on(root, with_plots=False).html
    page = Page(html)
    assert not [tag for tag, _ in page.tags if tag == "b"]
    assert legible_lines(html) == html
    assert "which file each is" not in page.text
    for viewer in page.data["viewers"].values():
        shown = {i for one in viewer["episodes"] for i in (*one["support"], *one["query"])}
        assert sorted(map(int, viewer["files"])) == sorted(shown)
        for index, (number, name) in viewer["files"].items():
            picture = Image.open(io.BytesIO(base64.b64decode(page.data["images"][int(index)])))
            label, place = divmod(int(number), 20)
            assert name == rf"<b>{label}/{place:02}\u202e<script>&\n'.png"
            assert np.asarray(picture)[0, 0] == 12 * label + place


def test_names_of_files_count_for_the_size_of_the_page(tmp_path, pictures, monkeypatch) -> None:
    name = "<" * 5000
    monkeypatch.setattr(ImageFiles, "names", lambda files, ids: [name] * len(ids))
    write_run(tmp_path / "runs", pictures, "a", 0.7)
    [entries] = tables_of(read_results(Store(tmp_path / "runs").runs()))
    for budget in (1_600_000, 3_600_000):
        viewer = make_viewer(entries, Thumbnails(Places.find()), budget)
        assert viewer.files or viewer.reason
        assert len(htmlsafe_json_dumps(viewer.files)) < budget
    assert viewer.files


def test_files_that_are_not_known_are_told_once(tmp_path: Path) -> None:
    for method in ("a", "b"):
        write_run(tmp_path, open_dataset("glyphs"), method, 0.7, episodes=2)
    page = Page(report_on(tmp_path, with_plots=False).html)
    assert page.data["viewers"]["protocol-0"]["files"] == {}
    assert page.text.count("images which file each is.") == 1
    assert not [a for tag, a in page.tags if tag == "details" and a.get("class") == "viewer-files"]


def reason(root: Path) -> str:
    page = Page(report_on(root, with_plots=False).html)
    assert page.data["viewers"] == {}
    assert page.tables
    return page.text


NOWHERE = "The images of toy-9 cannot be shown: There is no toy-9 in <nowhere>; put it there."


@pytest.mark.parametrize(
    ("changes", "predictions", "says"),
    [
        ({}, False, "No run here has stored predictions"),
        ({"name": "toy-9"}, True, NOWHERE),
        ({"name": "nosuchset"}, True, "The images of nosuchset cannot be shown"),
        ({"fingerprint": "ab" * 32}, True, "their fingerprints differ"),
    ],
    ids=["no predictions", "not to be opened", "unknown data set", "another fingerprint"],
)
def test_what_cannot_be_shown_is_told(tmp_path, toy, changes, predictions, says) -> None:
    write_run(tmp_path, replace(toy, **changes), "a", 0.7, predictions=predictions)
    assert says in reason(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "episode,support\n0,1\n", "nonsense", "\x00", "episode\n0\n"]
)
def test_damaged_predictions_leave_the_method_out(tmp_path, toy, content) -> None:
    folder = write_run(tmp_path, toy, "a", 0.7)
    write_run(tmp_path, toy, "b", 0.6)
    (folder / "predictions.csv").write_text(content)
    page = Page(report_on(tmp_path, with_plots=False).html)
    assert [method["name"] for method in page.data["viewers"]["protocol-0"]["methods"]] == ["b"]
    assert "a has no stored predictions." in page.text


@pytest.mark.parametrize(
    "change", [Path.mkdir, os.mkfifo, lambda file: file.symlink_to("/dev/zero")]
)
def test_predictions_that_are_no_file_are_not_read(tmp_path, toy, change) -> None:
    file = write_run(tmp_path, toy, "a", 0.7) / "predictions.csv"
    file.unlink()
    change(file)
    with pytest.raises(BenchbenchError, match=r"predictions\.csv is a"):
        read_predictions(file.parent)


def test_predictions_are_read_however_their_lines_end_and_no_further_than_classes_go(
    tmp_path: Path, toy: OpenDataset
) -> None:
    file = write_run(tmp_path, toy, "a", 0.7) / "predictions.csv"
    before = read_predictions(file.parent)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert read_predictions(file.parent) == before
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    lines[1] = lines[1].rpartition(" ")[0] + " 999999999999"
    file.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="so many classes"):
        read_predictions(file.parent)


def test_predictions_of_other_episodes_are_left_out(tmp_path: Path, toy: OpenDataset) -> None:
    write_run(tmp_path, toy, "a", 0.7)
    folder = write_run(tmp_path, toy, "b", 0.6)
    lines = (folder / "predictions.csv").read_text().splitlines()
    first = lines[1].split(",")
    first[3] = " ".join(reversed(first[3].split()))
    (folder / "predictions.csv").write_text("\n".join([lines[0], ",".join(first), *lines[2:]]))
    page = Page(report_on(tmp_path, with_plots=False).html)
    assert [method["name"] for method in page.data["viewers"]["protocol-0"]["methods"]] == ["a"]
    assert "b is left out: its predictions are of other episodes." in page.text


def test_predictions_of_images_that_do_not_exist_are_told(tmp_path: Path, toy: OpenDataset) -> None:
    folder = write_run(tmp_path, toy, "a", 0.7)
    shown, _ = read_predictions(folder)
    text = (folder / "predictions.csv").read_text()
    (folder / "predictions.csv").write_text(text.replace(f" {shown[0].query[1]} ", " 999999 ", 1))
    assert "name images that the data set does not have" in reason(tmp_path)

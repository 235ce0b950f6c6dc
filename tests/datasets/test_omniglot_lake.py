"""Lake's twenty runs: exactly his pairs and pixels, as prescribed episodes."""

import io
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.opened import split_sizes
from support.sentences import one_sentence

from benchbench.datasets.omniglot_lake import OmniglotLake
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places

GOLDEN = "7d6fde9200b5d430751ce8480c323443e64b6bbc2d019bf4e44e33d0270f56e7"
"""The fingerprint at 105 px, which hangs on the files alone."""


@pytest.fixture(scope="module")
def lake(places: Places) -> OpenDataset:
    return open_dataset("omniglot_lake[size=105]", places)


@pytest.fixture(scope="module")
def runs(data_root: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(data_root / "omniglot-py" / "all_runs.zip") as archive:
        yield archive


def ink(runs: zipfile.ZipFile, file: str) -> np.ndarray:
    """A drawing of the archive as [105, 105, 1] with ink 255."""
    bits = np.asarray(Image.open(io.BytesIO(runs.read(file))))
    assert bits.shape == (105, 105)
    assert bits.dtype == bool
    return np.where(bits, 0, 255)[..., None]


def query_of_support(runs: zipfile.ZipFile, run: int) -> dict[str, str]:
    """The pairs of `class_labels.txt`: training file to test file."""
    lines = runs.read(f"run{run:02}/class_labels.txt").decode().split("\n")
    pairs = dict(reversed(line.split(" ")) for line in lines if line)
    assert len(pairs) == 20
    return pairs


def test_twenty_runs_of_twenty_ways(lake: OpenDataset) -> None:
    episodes = lake.fixed_episodes
    assert len(episodes) == 20
    for episode in episodes:
        assert episode.n_way == 20
        assert episode.support_labels.tolist() == list(range(20))
        assert sorted(episode.query_labels) == list(range(20))
        assert len(set(episode.support) | set(episode.query)) == 40
    assert len(set(episodes.classes)) == 400
    assert episodes.split == "test"
    assert episodes.fingerprint == lake.fingerprint == GOLDEN


def test_pairs_and_pixels_are_lakes(lake: OpenDataset, runs: zipfile.ZipFile) -> None:
    for run, episode in enumerate(lake.fixed_episodes, 1):
        pairs = query_of_support(runs, run)
        names = [lake.class_names[class_id] for class_id in episode.classes]
        files = [f"run{run:02}/training/{name.removeprefix(f'run{run:02}/')}.png" for name in names]
        assert sorted(files) == sorted(pairs)
        np.testing.assert_array_equal(lake.labels[episode.support], episode.classes)
        asked = [pairs[files[slot]] for slot in episode.query_labels]
        expected = np.stack([ink(runs, file) for file in (*files, *asked)])
        found = lake.images(np.concatenate([episode.support, episode.query]))
        np.testing.assert_array_equal(found, expected)


def test_slots_are_permuted_and_queries_shuffled(lake: OpenDataset) -> None:
    slots, queries = set(), set()
    for episode in lake.fixed_episodes:
        slots.add(tuple(episode.classes - episode.classes.min()))
        queries.add(tuple(episode.query_labels))
    in_order = tuple(range(20))
    assert len(slots) == len(queries) == 20
    assert in_order not in slots | queries


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every drawing is one pixel of paper, which is decoded in no time."""
    pixel = np.zeros((1, 1, 1), np.uint8)
    monkeypatch.setattr(OmniglotLake, "decode_image", lambda self, file: pixel)


@pytest.mark.usefixtures("blank")
def test_episodes_do_not_hang_on_the_pixels(places, lake, tmp_path) -> None:
    dataset = open_dataset("omniglot_lake", Places(places.data_root, tmp_path))
    assert dataset.fingerprint != lake.fingerprint
    assert [one.id for one in dataset.fixed_episodes] == [one.id for one in lake.fixed_episodes]


def test_a_run_is_of_one_alphabet_and_two_drawers_of_the_evaluation_images(places, lake) -> None:
    everything = open_dataset("omniglot[size=105]", places)
    evaluation = everything.view("test").rows
    drawer_of = {
        everything.pixels[row].tobytes(): (everything.groups[row], everything.labels[row])
        for row in evaluation
    }
    alphabets: Counter[str] = Counter()
    for episode in lake.fixed_episodes:
        support, query = (
            [drawer_of[lake.pixels[image].tobytes()] for image in images]
            for images in (episode.support, episode.query)
        )
        (drawer,), (other,) = {drawer for drawer, _ in support}, {drawer for drawer, _ in query}
        assert drawer != other
        assert drawer.split("/")[0] == other.split("/")[0]
        alphabets[drawer.split("/")[0]] += 1
        characters = [character for _, character in support]
        assert len(set(characters)) == 20
        assert [character for _, character in query] == [
            characters[slot] for slot in episode.query_labels
        ]
    assert set(alphabets.values()) == {2}
    assert len(alphabets) == 10


def test_groups_tell_support_from_query(lake: OpenDataset) -> None:
    assert set(lake.groups[lake.fixed_episodes.support]) == {"support"}
    assert set(lake.groups[lake.fixed_episodes.query]) == {"query"}


@pytest.mark.parametrize(
    ("split", "train", "val"), [("meta-dataset", 883, 81), ("lake", 964, 0), ("vinyals", 792, 172)]
)
def test_training_classes_are_background_characters(places, lake, split, train, val) -> None:
    dataset = open_dataset(f"omniglot_lake[size=105,split={split}]", places)
    assert split_sizes(dataset) == (train, val, 400)
    assert {dataset.class_names[class_id][:3] for class_id in dataset.splits["test"]} == {"run"}
    assert dataset.fingerprint == lake.fingerprint


@pytest.mark.usefixtures("blank")
def test_only_training_characters_are_turned(places: Places, tmp_path: Path) -> None:
    dataset = open_dataset("omniglot_lake[rotations=true]", Places(places.data_root, tmp_path))
    assert split_sizes(dataset) == (4 * 883, 81, 400)


@pytest.fixture
def unpacked(places: Places, runs: zipfile.ZipFile, tmp_path: Path) -> Places:
    """A data root with the real background and the runs as a folder."""
    folder = tmp_path / "data" / "omniglot-py"
    folder.mkdir(parents=True)
    real = places.data_root / "omniglot-py"
    background = "images_background"
    name = background if (real / background).is_dir() else f"{background}.zip"
    (folder / name).symlink_to(real / name)
    runs.extractall(folder / "all_runs")
    return Places(folder.parent, tmp_path / "cache")


@pytest.fixture
def only_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the background characters out."""
    monkeypatch.setattr(OmniglotLake, "decode_part", lambda self, source, part: iter(()))


@pytest.mark.usefixtures("only_runs")
def test_the_runs_may_be_a_folder(unpacked: Places, lake: OpenDataset) -> None:
    dataset = open_dataset(OmniglotLake(size=105), unpacked)
    np.testing.assert_array_equal(dataset.pixels, lake.pixels[-800:])


def write(run: Path, content: bytes, file: str = "class_labels.txt") -> None:
    (run / file).write_bytes(content)


def forget_a_label(run: Path) -> None:
    write(run, b"\n".join((run / "class_labels.txt").read_bytes().splitlines()[:-1]))


DAMAGES = {
    "no labels": lambda run: (run / "class_labels.txt").unlink(),
    "short labels": forget_a_label,
    "garbled labels": lambda run: write(run, b"run07/test/item01.png\n" * 20),
    "binary labels": lambda run: write(run, b"\xff\xfe" * 50),
    "no image": lambda run: (run / "test" / "item05.png").unlink(),
    "text for an image": lambda run: write(run, b"just text", "test/item05.png"),
    "no run": shutil.rmtree,
}


@pytest.mark.usefixtures("only_runs")
@pytest.mark.parametrize("layout", ["folder", "zip"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_runs_are_one_sentence(unpacked: Places, damage: str, layout: str) -> None:
    folder = unpacked.data_root / "omniglot-py" / "all_runs"
    DAMAGES[damage](folder / "run07")
    if layout == "zip":
        shutil.make_archive(str(folder), "zip", folder)
        shutil.rmtree(folder)
    with one_sentence(r"run07.*; copy or download it again") as caught:
        open_dataset(OmniglotLake(), unpacked)
    assert "all_runs" in str(caught.value)

"""`meta_dataset:SOURCE` end to end, on generated records and files with small specs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.opened import greys, greys_by_class, split_ids
from support.sentences import one_sentence
from support.tfrecord_writer import plain, write_class

from benchbench.datasets.base import SPLITS
from benchbench.datasets.meta_dataset import dataset as module
from benchbench.datasets.meta_dataset.dataset import MetaDatasetSource
from benchbench.datasets.meta_dataset.spec import SOURCES, SourceSpec, source_spec
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places


def small(name: str, classes: dict[str, int]) -> SourceSpec:
    """The source's spec with only the first classes of each split, and their nodes."""
    spec = source_spec(name)
    kept = {split: spec.classes[split][:n] for split, n in classes.items()}
    names = [each for split in SPLITS for each in kept[split]]
    nodes = {
        split: [few for node in spec.nodes[split] if (few := [n for n in node if n in names])]
        for split in spec.nodes
    }
    return SourceSpec(
        name=name,
        title=spec.title,
        classes=kept,
        images_per_class=dict.fromkeys(names, 4),
        parents={each: spec.parents[each] for each in names if each in spec.parents},
        nodes=nodes,
        words={each: spec.words[each] for each in names},
    )


@pytest.fixture
def empty(tmp_path: Path) -> Places:
    """Places of this test alone, without data."""
    (tmp_path / "data").mkdir()
    return Places(tmp_path / "data", tmp_path / "cache")


@pytest.fixture
def smaller(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SourceSpec]:
    def make(name: str, *counts: int) -> SourceSpec:
        spec = small(name, dict(zip(SPLITS, counts, strict=True)))
        monkeypatch.setattr(module, "source_spec", {name: spec}.__getitem__)
        return spec

    return make


def write_records(folder: Path, spec: SourceSpec, count: int = 4) -> None:
    for label in range(len(spec.class_names)):
        images = [plain(10 * label + image, (20, 10)) for image in range(count)]
        write_class(folder / f"{label}.tfrecords", label, images)


def test_records_of_textures(empty: Places, smaller: Callable[..., SourceSpec]) -> None:
    spec = smaller("dtd", 2, 1, 2)
    write_records(empty.data_root / "meta_dataset" / "dtd", spec)
    opened = open_dataset(MetaDatasetSource("textures", size=6), empty)
    assert opened.name == "meta_dataset:dtd[size=6]"
    assert opened.image_shape == (6, 6, 3)
    assert opened.class_names == spec.class_names
    assert split_ids(opened) == [[0, 1], [2], [3, 4]]
    assert greys(opened) == [10 * label + image for label in range(5) for image in range(4)]
    assert opened.nodes is opened.hierarchy is opened.groups is None
    assert opened.names_are_words


def test_records_of_imagenet_have_nodes(empty: Places, smaller: Callable[..., SourceSpec]) -> None:
    spec = smaller("ilsvrc_2012", 3, 2, 2)
    write_records(empty.data_root / "meta_dataset" / "ilsvrc_2012", spec)
    opened = open_dataset(MetaDatasetSource("imagenet", size=6), empty)
    assert opened.class_names[:3] == ["tench", "goldfish", "great white shark"]
    assert list(opened.nodes) == list(spec.nodes)
    for split, nodes in opened.nodes.items():
        names = [[spec.class_names[label] for label in node] for node in nodes]
        assert names == spec.nodes[split]
        assert any(node.tolist() == opened.splits[split].tolist() for node in nodes)


def test_records_of_traffic_signs_are_shuffled(empty, smaller) -> None:
    spec = smaller("traffic_sign", 0, 0, 2)
    write_records(empty.data_root / "meta_dataset" / "traffic_sign", spec, 30)
    opened = open_dataset(MetaDatasetSource("traffic_sign", size=6), empty)
    first = greys_by_class(opened)["Speed limit (20km h)"]
    assert sorted(first) == list(range(30))
    assert first != sorted(first)
    assert len(opened.splits["train"]) == len(opened.splits["val"]) == 0


def test_files_as_published_are_read(empty: Places, smaller: Callable[..., SourceSpec]) -> None:
    spec = smaller("dtd", 1, 1, 1)
    for label, name in enumerate(spec.class_names):
        folder = empty.data_root / "meta_dataset" / "dtd" / "images" / name
        folder.mkdir(parents=True)
        for image in range(4):
            plain(10 * label + image, (20, 10)).save(folder / f"{name}_{image:04}.png")
    opened = open_dataset(MetaDatasetSource("dtd", size=6), empty)
    assert greys(opened) == [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]


def test_omniglot_is_ink_on_black_in_alphabets(empty, smaller) -> None:
    spec = smaller("omniglot", 2, 1, 1)
    for index, name in enumerate(spec.class_names):
        alphabet, _, character = name.rpartition("-")
        part = "images_evaluation" if index == 3 else "images_background"
        folder = empty.data_root / "omniglot-py" / part / alphabet / character
        folder.mkdir(parents=True)
        for drawer in range(1, 5):
            drawing = Image.new("1", (105, 105), 1)
            drawing.paste(0, (0, 0, 50, 105))
            drawing.save(folder / f"0001_{drawer:02}.png")
    opened = open_dataset(MetaDatasetSource("omniglot", size=6), empty)
    assert opened.images(np.array([0]))[0, 0].tolist()[0] == [255, 255, 255]
    assert opened.images(np.array([0]))[0, 0].tolist()[-1] == [0, 0, 0]
    assert opened.hierarchy == [spec.parents[name] for name in spec.class_names]
    assert not opened.names_are_words
    assert len(set(opened.groups[:4])) == 4


def test_omniglot_in_two_places_is_refused(empty, smaller) -> None:
    smaller("omniglot", 1, 1, 1)
    (empty.data_root / "omniglot-py" / "images_background").mkdir(parents=True)
    (empty.cache / "data" / "omniglot-py" / "images_evaluation").mkdir(parents=True)
    with one_sentence("are not in one folder; put them into one"):
        open_dataset(MetaDatasetSource("omniglot"), empty)


def test_origin_is_taken_in_place_of_the_data_root(empty, tmp_path, smaller) -> None:
    write_records(tmp_path / "records" / "dtd", smaller("dtd", 1, 1, 1))
    dataset = MetaDatasetSource("dtd", size=6)
    dataset.origin = tmp_path / "records"
    assert len(open_dataset(dataset, empty).labels) == 12


def test_changed_files_are_decoded_anew(empty: Places, smaller: Callable[..., SourceSpec]) -> None:
    spec = smaller("dtd", 1, 1, 1)
    folder = empty.data_root / "meta_dataset" / "dtd"
    write_records(folder, spec)
    before = open_dataset(MetaDatasetSource("dtd", size=6), empty).fingerprint
    shutil.copy(folder / "0.tfrecords", folder / "old")
    write_class(folder / "0.tfrecords", 0, [plain(99)] * 4)
    assert open_dataset(MetaDatasetSource("dtd", size=6), empty).fingerprint != before


def test_a_class_file_that_is_missing_is_an_error(empty, smaller) -> None:
    spec = smaller("dtd", 1, 1, 1)
    folder = empty.data_root / "meta_dataset" / "dtd"
    write_records(folder, spec)
    (folder / "2.tfrecords").unlink()
    says = "has no readable image of 1 of the 3 classes of meta_dataset:dtd, such as"
    with one_sentence(f"{folder} {says} '{spec.class_names[2]}'; complete"):
        open_dataset(MetaDatasetSource("dtd", size=6), empty)


def test_files_that_are_nowhere(empty: Places) -> None:
    with pytest.raises(BenchbenchError) as caught:
        open_dataset(MetaDatasetSource("birds"), empty)
    assert caught.match(r"source cu_birds is not under the data root: put its files \(CUB_200_2011")
    assert caught.match(r"into meta_dataset/cu_birds there")
    assert caught.match(r"`benchbench data prepare meta_dataset/cu_birds --from PATH`\.$")


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "omniglot"])
def test_every_source_says_what_it_needs(empty: Places, source: str) -> None:
    with one_sentence(rf"meta_dataset/{source} --from PATH"):
        MetaDatasetSource(source).sources(empty)


@pytest.mark.parametrize(
    "spec", ["meta_dataset:birds", "meta_dataset/cub", "meta_dataset:cu_birds"]
)
def test_other_names_are_one_data_set(spec: str) -> None:
    found = create_dataset(spec)
    assert isinstance(found, MetaDatasetSource)
    assert found.source == "cu_birds"
    assert found.pixel_parameters() == MetaDatasetSource("cu_birds").pixel_parameters()


@pytest.mark.parametrize("source", SOURCES)
def test_expected_counts(source: str) -> None:
    counts = MetaDatasetSource(source).expected_counts()
    spec = source_spec(source)
    assert set(counts) == set(spec.words.values())
    if source == "quickdraw":
        assert min(counts.values()) > 1000
        assert counts["hedgehog"] == round(spec.images_per_class["hedgehog"] / 100)
    else:
        assert sum(counts.values()) == sum(spec.images_per_class.values())


def test_quickdraw_can_be_had_whole() -> None:
    counts = MetaDatasetSource("quickdraw", fraction=1).expected_counts()
    assert sum(counts.values()) == 50_426_266


def test_share_of_quickdraw_is_told(empty, smaller, capsys) -> None:
    spec = smaller("quickdraw", 1, 1, 1)
    folder = empty.data_root / "meta_dataset" / "quickdraw"
    folder.mkdir(parents=True)
    for name in spec.class_names:
        np.save(folder / f"{name}.npy", np.zeros((200, 784), np.uint8))
    opened = open_dataset(MetaDatasetSource("quickdraw", size=6), empty)
    assert len(opened.labels) == 3 * 2
    assert "quickdraw keeps 1% of each class" in " ".join("".join(capsys.readouterr()).split())


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("meta_dataset:aircrafts", r"named 'aircrafts'; did you mean .*aircraft"),
        ("meta_dataset:dtd[size=0]", "size must be at least 1 pixel"),
        ("meta_dataset:dtd[fraction=0]", "fraction must be above 0 and at most 1"),
        ("meta_dataset:dtd[fraction=1.5]", "fraction must be above 0 and at most 1"),
    ],
)
def test_parameters_that_cannot_be(spec: str, reason: str) -> None:
    with one_sentence(reason):
        create_dataset(spec)

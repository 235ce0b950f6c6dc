"""The packaged specs against the numbers of the paper and of its repository."""

import json
from collections import Counter
from importlib import resources

import pytest

from benchbench.datasets.meta_dataset.spec import (
    SOURCES,
    SourceSpec,
    source_spec,
)
from benchbench.errors import BenchbenchError

CLASSES = {
    "ilsvrc_2012": (712, 158, 130),
    "omniglot": (883, 81, 659),
    "aircraft": (70, 15, 15),
    "cu_birds": (140, 30, 30),
    "dtd": (33, 7, 7),
    "quickdraw": (241, 52, 52),
    "fungi": (994, 200, 200),
    "vgg_flower": (71, 15, 16),
    "traffic_sign": (0, 0, 43),
    "mscoco": (0, 40, 40),
}

IMAGES = {
    "ilsvrc_2012": 1_281_167 - 403,
    "omniglot": 1623 * 20,
    "aircraft": 100 * 100,
    "cu_birds": 11_788,
    "dtd": 47 * 120,
    "quickdraw": 50_426_266,
    "fungi": 89_760,
    "vgg_flower": 8189,
    "traffic_sign": 39_209,
    "mscoco": 860_001,
}
"""The published sizes of the data sets themselves."""

FIRST_AND_LAST = {
    "ilsvrc_2012": ("n01440764", "n06359193"),
    "omniglot": ("Anglo-Saxon_Futhorc-character01", "ULOG-character26"),
    "aircraft": ("A340-300", "Spitfire"),
    "cu_birds": ("190.Red_cockaded_Woodpecker", "194.Cactus_Wren"),
}

MOST_LEAVES = {"train": 392, "val": 158, "test": 130}
NODES = {"train": 299, "val": 42, "test": 50}
ELIGIBLE = {"train": 113, "val": 18, "test": 15}


@pytest.fixture(params=SOURCES)
def spec(request: pytest.FixtureRequest) -> SourceSpec:
    return source_spec(request.param)


@pytest.fixture
def ilsvrc() -> SourceSpec:
    return source_spec("ilsvrc_2012")


def test_ten_sources_of_4934_classes() -> None:
    assert list(CLASSES) == list(SOURCES)
    assert sum(len(source_spec(name).class_names) for name in SOURCES) == 4934


def test_classes_by_split(spec: SourceSpec) -> None:
    assert tuple(len(spec.classes[s]) for s in ("train", "val", "test")) == CLASSES[spec.name]
    assert len(set(spec.class_names)) == sum(CLASSES[spec.name])


def test_images(spec: SourceSpec) -> None:
    assert list(spec.images_per_class) == spec.class_names
    assert sum(spec.images_per_class.values()) == IMAGES[spec.name]
    assert min(spec.images_per_class.values()) > 0


@pytest.mark.parametrize("name", FIRST_AND_LAST)
def test_order_is_that_of_the_class_ids(name: str) -> None:
    names = source_spec(name).class_names
    assert names[0] == FIRST_AND_LAST[name][0]
    assert names[-1] == FIRST_AND_LAST[name][1]


def test_class_ids_of_mscoco_begin_with_the_validation_classes() -> None:
    spec = source_spec("mscoco")
    assert spec.class_names[0] == "person"
    assert spec.images_per_class["person"] == 262_465
    assert spec.classes["val"] == spec.class_names[:40]


def test_words_are_all_different(spec: SourceSpec) -> None:
    assert list(spec.words) == spec.class_names
    assert len(set(spec.words.values())) == len(spec.words)
    assert not any("/" in words or "_" in words for words in spec.words.values())


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        ("cu_birds", "012.Yellow_headed_Blackbird", "Yellow headed Blackbird"),
        ("vgg_flower", "012.colt's foot", "colt's foot"),
        ("traffic_sign", "14.Stop", "Stop"),
        ("aircraft", "F/A-18", "F A-18"),
        ("ilsvrc_2012", "n01440764", "tench"),
        ("ilsvrc_2012", "n02012849", "crane (wading bird)"),
        ("ilsvrc_2012", "n03126707", "crane (device)"),
        ("fungi", "0226.Cortinarius malicorius", "Cortinarius malicorius"),
        ("fungi", "0186.Cortinarius anomalus", "0186.Cortinarius anomalus"),
        ("fungi", "1333.Cortinarius anomalus", "1333.Cortinarius anomalus"),
    ],
)
def test_words(source: str, name: str, words: str) -> None:
    assert source_spec(source).words[name] == words


def test_alphabets_are_those_of_the_omniglot_data_set() -> None:
    spec = source_spec("omniglot")
    alphabets = {
        split: Counter(spec.parents[name][0] for name in names)
        for split, names in spec.classes.items()
    }
    assert [len(alphabets[split]) for split in ("train", "val", "test")] == [25, 5, 20]
    assert sorted(alphabets["val"].values()) == [14, 14, 16, 17, 20]
    assert alphabets["test"]["Malayalam"] == 47


def test_only_omniglot_has_parents_and_only_ilsvrc_nodes(spec: SourceSpec) -> None:
    assert bool(spec.parents) == (spec.name == "omniglot")
    assert bool(spec.nodes) == (spec.name == "ilsvrc_2012")
    assert bool(spec.left_out) == (spec.name == "ilsvrc_2012")


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_nodes_of_ilsvrc(ilsvrc: SourceSpec, split: str) -> None:
    nodes = ilsvrc.nodes[split]
    members = set(ilsvrc.classes[split])
    assert len(nodes) == NODES[split]
    assert all(set(node) <= members and len(set(node)) == len(node) for node in nodes)
    assert max(map(len, nodes)) == len(members), "the root spans the split"
    assert sum(5 <= len(node) <= 392 for node in nodes) == ELIGIBLE[split]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_smallest_bound_at_which_every_class_is_reached(ilsvrc: SourceSpec, split: str) -> None:
    """392 is the training split's; the other two have it only at their root."""

    def reached(bound: int) -> set[str]:
        return {name for node in ilsvrc.nodes[split] if 5 <= len(node) <= bound for name in node}

    assert reached(MOST_LEAVES[split]) == set(ilsvrc.classes[split])
    assert reached(MOST_LEAVES[split] - 1) != set(ilsvrc.classes[split])


def test_nodes_that_span_the_same_classes_stay(ilsvrc: SourceSpec) -> None:
    assert len({tuple(node) for node in ilsvrc.nodes["train"]}) == NODES["train"] - 1


def test_leaves_of_a_node_are_in_the_order_of_class_ids(ilsvrc: SourceSpec) -> None:
    for split, nodes in ilsvrc.nodes.items():
        order = {name: index for index, name in enumerate(ilsvrc.classes[split])}
        assert all(node == sorted(node, key=order.__getitem__) for node in nodes)


def test_duplicates_are_left_out_of_ilsvrc(ilsvrc: SourceSpec) -> None:
    """What is left out and what is counted make up ImageNet's 1300 images of a class at most."""
    assert len(ilsvrc.left_out) == 403
    assert "n01531178/n01531178_12730.JPEG" in ilsvrc.left_out
    left_out = Counter(name.partition("/")[0] for name in ilsvrc.left_out)
    assert all(ilsvrc.images_per_class[name] + n <= 1300 for name, n in left_out.items())


def test_nothing_is_left_out_of_others() -> None:
    assert not source_spec("cu_birds").left_out


def test_unknown_source() -> None:
    with pytest.raises(BenchbenchError, match=r"named 'aircrafts'; did you mean aircraft\?"):
        source_spec("aircrafts")


def test_packaged_files_are_small_and_say_where_they_come_from() -> None:
    folder = resources.files("benchbench.datasets.meta_dataset") / "specs"
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    assert sum(map(len, files.values())) < 400_000
    assert b"Apache License" in files["LICENSE"]
    assert len(json.loads(files["PROVENANCE.json"])["google-research/meta-dataset"]) == 40

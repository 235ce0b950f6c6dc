"""From a source's files to decoded classes: order, shares, what is missing, what is told."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.sentences import one_sentence
from support.tfrecord_writer import plain

from benchbench.datasets.meta_dataset.decoding import SourceDecoder, class_order, kept_of
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.file_tree import UnreadableImageError

COUNTS = st.integers(1, 3000)
SHARES = st.floats(0.001, 1)


def spec_of(name: str = "fungi", parents: dict[str, tuple[str, ...]] | None = None) -> SourceSpec:
    return SourceSpec(
        name=name,
        title="Fungi",
        classes={"train": ["01.a"], "val": ["00.b"], "test": ["02.c"]},
        images_per_class={"01.a": 3, "00.b": 2, "02.c": 1},
        parents=parents or {},
        words={"01.a": "a", "00.b": "b", "02.c": "c"},
    )


def load(grey: int | str) -> Image.Image:
    if isinstance(grey, str):
        raise UnreadableImageError(grey)
    return plain(grey, (12, 5))


def decoder(images: dict[str, list[Any]] | None = None, **changed: Any) -> SourceDecoder:
    images = images or {"02.c": [30], "00.b": [20, 21], "01.a": [10, 11, 12]}
    values: dict[str, Any] = {
        "spec": spec_of(),
        "files": SourceFiles(images, load),
        "where": "PLACE",
        "size": 4,
        "interpolation": "bilinear",
        "share": 1.0,
    }
    return SourceDecoder(**values | changed)


def test_classes_are_in_the_order_of_the_spec_and_named_in_words() -> None:
    pending = list(decoder().classes())
    decoded = [one.load() for one in pending]
    assert [one.name for one in pending] == [one.name for one in decoded] == ["a", "b", "c"]
    assert [one.images[:, 0, 0, 0].tolist() for one in decoded] == [[10, 11, 12], [20, 21], [30]]
    assert all(one.images.shape[1:] == (4, 4, 3) for one in decoded)


def test_parents_and_groups_follow() -> None:
    spec = spec_of(parents={"01.a": ("Latin",)})
    groups = {"01.a": ["x", "y", "z"], "00.b": ["x", "x"], "02.c": ["y"]}
    images = {"01.a": [10, "broken.png", 12], "00.b": [20, 21], "02.c": [30]}
    one = decoder(spec=spec, files=SourceFiles(images, load, groups)).load("01.a")
    assert one.parent == ("Latin",)
    assert one.groups == ["x", "z"]
    assert one.images[:, 0, 0, 0].tolist() == [10, 12]
    assert one.unreadable == ["broken.png"]


def test_groups_and_images_of_traffic_signs_are_shuffled_alike() -> None:
    greys = list(range(60))
    tracks = [f"track {grey // 30}" for grey in greys]
    files = SourceFiles({"01.a": greys}, load, {"01.a": tracks})
    one = decoder(spec=spec_of("traffic_sign"), files=files).load("01.a")
    found = one.images[:, 0, 0, 0].tolist()
    assert sorted(found) == greys
    assert found != greys
    assert one.groups == [tracks[grey] for grey in found]


def test_absent_and_empty_classes_are_told_before_anything_is_decoded() -> None:
    with one_sentence(r"PLACE has no readable image of 2 of the 3 classes "):
        next(decoder({"01.a": [1], "00.b": []}).classes())


def test_class_of_which_no_image_can_be_read() -> None:
    images: dict[str, list[Any]] = {"01.a": ["x.png"], "00.b": [1], "02.c": [2]}
    with one_sentence(r"1 of the 3 classes of meta_dataset:fungi, such as"):
        decoder(images).load("01.a")


def test_other_counts_than_published_are_told_once(capsys) -> None:
    images: dict[str, list[Any]] = {"01.a": [1, 2], "00.b": [1, 2], "02.c": [1, 2]}
    for one in list(decoder(images).classes()):
        one.load()
    told = " ".join("".join(capsys.readouterr()).split())
    assert told.count("meta_dataset:fungi: 2 class(es) differ from the published counts:") == 1
    assert "a has 2 of 3, c has 2 of 1" in told


def test_nothing_is_told_of_published_counts(capsys) -> None:
    for one in decoder().classes():
        one.load()
    assert not "".join(capsys.readouterr())


def test_share_of_the_images() -> None:
    greys = list(range(200))
    one = decoder(files=SourceFiles({"01.a": greys}, load), share=0.1).load("01.a")
    found = one.images[:, 0, 0, 0].tolist()
    assert len(found) == 20
    assert found == sorted(set(found))
    assert max(found) > 100


@given(count=COUNTS, share=SHARES, source=st.sampled_from(["quickdraw", "traffic_sign"]))
def test_order_is_of_distinct_images(count: int, share: float, source: str) -> None:
    order = class_order(source, "cat", count, share)
    assert len(order) == len(set(order.tolist())) == kept_of(count, share)
    assert 0 <= order.min() <= order.max() < count
    assert (order == class_order(source, "cat", count, share)).all()


@given(count=COUNTS)
def test_all_images_of_most_sources_stay_in_their_order(count: int) -> None:
    assert (class_order("fungi", "x", count, 1.0) == np.arange(count)).all()


def test_orders_of_classes_differ_and_are_the_same_everywhere() -> None:
    first = class_order("traffic_sign", "14.Stop", 8, 1.0).tolist()
    assert first != class_order("traffic_sign", "13.Yield", 8, 1.0).tolist()
    assert first == [2, 7, 1, 5, 0, 6, 3, 4]


def test_neighbours_in_a_film_do_not_stay_neighbours() -> None:
    steps = np.abs(np.diff(class_order("traffic_sign", "14.Stop", 780, 1.0)))
    assert np.median(steps) > 100


@given(counts=st.lists(st.integers(100_000, 350_000), min_size=2, max_size=5))
def test_shares_keep_the_proportions(counts: list[int]) -> None:
    kept = [kept_of(count, 0.01) for count in counts]
    for count, few in zip(counts, kept, strict=True):
        assert few / sum(kept) == pytest.approx(count / sum(counts), rel=0.002)

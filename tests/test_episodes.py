"""Episode sets: their identity, and what is on disk."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench.episodes import Episode, EpisodeSet
from benchbench.errors import BenchbenchError

ORIGIN = {"dataset": "toy", "fingerprint": "ab" * 32, "split": "test", "protocol": "varied"}

# The format of the hash is frozen, for manifests of all times hold it. This is the set of
# `frozen_set` as it was hashed when the format was made.
FROZEN_SHA256 = "1538af6aa2ff4c2eb08489e5abb42d8dec74f41e8591d68a872c9bf54f09e1ea"
FROZEN_EPISODE_ID = "0e263fb5dec3a08d"


def episode(classes: list[int], support: list[list[int]], query: list[list[int]]) -> Episode:
    """An episode of image ids by slot; queries stand slot by slot."""

    def ids(members: list[list[int]]) -> np.ndarray:
        return np.array([image for slot in members for image in slot], dtype=np.int64)

    def labels(members: list[list[int]]) -> np.ndarray:
        return np.repeat(np.arange(len(members)), [len(slot) for slot in members])

    return Episode(
        np.array(classes, dtype=np.int64), ids(support), labels(support), ids(query), labels(query)
    )


def collected(*episodes: Episode, **changes) -> EpisodeSet:
    return EpisodeSet.from_episodes(list(episodes), **{**ORIGIN, **changes})


def frozen_set() -> EpisodeSet:
    """Three episodes of different way, shot and query; the last is zero-shot."""
    return collected(
        episode([4, 2], [[40], [20]], [[41, 42], [21, 22]]),
        episode([1, 2, 3], [[10, 11], [20], [30, 31, 32]], [[12], [21, 22], [33]]),
        episode([3, 4], [[], []], [[30], [40]]),
        seed=3,
    )


def same(first: Episode, second: Episode) -> bool:
    fields = [field.name for field in dataclasses.fields(Episode)]
    return all(np.array_equal(getattr(first, f), getattr(second, f)) for f in fields)


@st.composite
def episodes(draw: st.DrawFn) -> Episode:
    way = draw(st.integers(1, 4))
    ids = st.integers(0, 10**6)
    classes = draw(st.lists(ids, min_size=way, max_size=way, unique=True))
    members = st.lists(st.lists(ids, max_size=3), min_size=way, max_size=way)
    return episode(classes, draw(members), draw(members))


episode_lists = st.lists(episodes(), min_size=1, max_size=5)


@settings(deadline=None)
@given(episode_lists)
def test_variable_sizes_come_back_as_they_were_given(given_episodes: list[Episode]) -> None:
    together = collected(*given_episodes)
    assert len(together) == len(given_episodes)
    assert all(map(same, together, given_episodes))
    assert [e.n_way for e in together] == [len(e.classes) for e in given_episodes]


@settings(deadline=None)
@given(episode_lists, st.data())
def test_head_is_the_set_of_the_first_episodes(given_episodes, data) -> None:
    count = data.draw(st.integers(1, len(given_episodes)))
    assert collected(*given_episodes).head(count) == collected(*given_episodes[:count])


@settings(max_examples=25, deadline=None)
@given(episode_lists)
def test_a_saved_set_is_loaded_again(tmp_path_factory, given_episodes) -> None:
    path = tmp_path_factory.mktemp("sets") / "new folder" / "episodes.npz"
    before = collected(*given_episodes, seed=9)
    before.save(path)
    after = EpisodeSet.load(path)
    assert after == before
    assert (after.dataset, after.origin) == (before.dataset, before.origin)
    assert all(map(same, after, before))
    assert [p.name for p in path.parent.iterdir()] == ["episodes.npz"]


def test_what_does_not_vary_is_known() -> None:
    assert frozen_set().head(1).shape == (2, 1, 2)
    assert frozen_set().shape == (None, None, None)
    assert collected(frozen_set()[2]).shape == (2, 0, 1)
    uneven = collected(episode([4, 2], [[40, 43], [20]], [[41], [21]]))
    assert uneven.shape == (2, None, 1)


@pytest.mark.parametrize(
    ("second", "disjoint"),
    [
        (episode([4, 2], [[43], [22]], [[44], [23]]), True),
        (episode([4, 2], [[40], [22]], [[44], [23]]), False),
        (episode([4, 2], [[43], [22]], [[44], [21]]), False),
        (episode([4, 2], [[41], [22]], [[44], [23]]), False),
    ],
    ids=["none", "support", "query", "query as support"],
)
def test_disjoint_episodes_share_no_image(second: Episode, disjoint: bool) -> None:
    first = episode([4, 2], [[40], [20]], [[41], [21]])
    assert collected(first).disjoint
    assert collected(first, second).disjoint is disjoint
    assert not collected(first, first).disjoint


def test_whether_papers_draw_so_is_kept_and_not_hashed(tmp_path: Path) -> None:
    plain, standard = frozen_set(), dataclasses.replace(frozen_set(), standard=True)
    assert not plain.standard
    assert plain.sha256 == standard.sha256
    assert standard.head(2).standard
    for episodes in (plain, standard):
        episodes.save(tmp_path / "episodes.npz")
        assert EpisodeSet.load(tmp_path / "episodes.npz").standard is episodes.standard


def test_indices_count_from_both_ends_and_stop_there() -> None:
    three = frozen_set()
    assert same(three[-1], three[2])
    assert same(three[-3], three[0])
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"episode {index} of 3"):
            _ = three[index]


def test_more_episodes_than_there_are() -> None:
    with pytest.raises(BenchbenchError, match="4 episodes were asked for and the set holds 3"):
        frozen_set().head(4)


def test_the_hash_is_frozen() -> None:
    assert frozen_set().sha256 == FROZEN_SHA256
    assert frozen_set()[1].id == FROZEN_EPISODE_ID


def test_the_hash_does_not_depend_on_the_integer_type_or_the_name_of_the_data_set() -> None:
    narrow = dataclasses.replace(
        frozen_set(), dataset="renamed", support=frozen_set().support.astype(np.int32)
    )
    assert narrow == frozen_set()


@pytest.mark.parametrize(
    "change",
    [{"fingerprint": "cd" * 32}, {"split": "val"}, {"protocol": "other"}, {"seed": 4}],
    ids=str,
)
def test_the_origin_is_part_of_the_hash(change: dict[str, object]) -> None:
    assert dataclasses.replace(frozen_set(), **change) != frozen_set()


@pytest.mark.parametrize("name", ["classes", "support", "support_labels", "query", "query_labels"])
def test_every_integer_is_part_of_the_hash(name: str) -> None:
    array = getattr(frozen_set(), name)
    hashes = {frozen_set().sha256}
    for position in range(len(array)):
        altered = array.copy()
        altered[position] += 1
        hashes.add(dataclasses.replace(frozen_set(), **{name: altered}).sha256)
    assert len(hashes) == len(array) + 1


def test_the_borders_between_episodes_are_part_of_the_hash() -> None:
    first, second = episode([1, 2], [[], []], [[5], [6]]), episode([3, 4], [[], []], [[7], [8]])
    joined = episode([1, 2, 3, 4], [[], [], [], []], [[5], [6], [7], [8]])
    labels = np.array([0, 1, 0, 1])
    relabelled = dataclasses.replace(collected(joined), query_labels=labels)
    assert collected(first, second) != relabelled


def test_a_set_equals_no_other_thing_and_has_no_hash() -> None:
    assert frozen_set() != frozen_set().sha256
    with pytest.raises(TypeError):
        hash(frozen_set())


def test_episodes_share_an_id_only_where_they_are_the_same_task() -> None:
    base = episode([1, 2], [[10], [20]], [[11], [21]])
    others = [
        episode([2, 1], [[10], [20]], [[11], [21]]),
        episode([1, 2], [[12], [20]], [[11], [21]]),
        episode([1, 2], [[10, 20], []], [[11], [21]]),
        episode([1, 2], [[10], [20]], [[21], [11]]),
        episode([1, 2], [[10], [20]], [[11, 21], []]),
        episode([1, 2, 10], [[20], [], []], [[11], [21], []]),
    ]
    ids = [e.id for e in (base, *others)]
    assert len(set(ids)) == len(ids)
    assert episode([1, 2], [[10], [20]], [[11], [21]]).id == base.id
    assert all(len(i) == 16 and int(i, 16) >= 0 for i in ids)


def test_episodes_compare_by_content() -> None:
    assert frozen_set()[1] == frozen_set()[1]
    assert frozen_set()[1] != frozen_set()[0]


def rewrite(path: Path, **changes: np.ndarray) -> None:
    """Replace arrays of an episode file and leave the rest, its sha256 as well."""
    with np.load(path) as file:
        arrays = {**file, **changes}
    np.savez(path, **arrays)


def saved(folder: Path) -> Path:
    path = folder / "episodes.npz"
    frozen_set().save(path)
    return path


@pytest.mark.parametrize("name", ["query_labels", "support", "class_counts"])
def test_an_altered_array_is_detected(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path)
    altered = getattr(frozen_set(), name).copy()
    altered[0] += 1
    rewrite(path, **{name: altered})
    with pytest.raises(BenchbenchError, match="does not hold what its sha256 says"):
        EpisodeSet.load(path)


def test_an_altered_origin_is_detected(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with np.load(path) as file:
        header = json.loads(str(file["header"]))
    rewrite(path, header=np.array(json.dumps({**header, "seed": 4})))
    with pytest.raises(BenchbenchError, match="does not hold what its sha256 says"):
        EpisodeSet.load(path)


def write_array(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=True)


def write_half(path: Path) -> None:
    frozen_set().save(path)
    path.write_bytes(path.read_bytes()[:200])


OTHER_FILES = {
    "text": lambda path: path.write_text("episode,accuracy\n0,1.0\n"),
    "nothing": lambda path: path.write_bytes(b""),
    "half": write_half,
    "other arrays": lambda path: np.savez(path, images=np.zeros(3)),
    "pickle": lambda path: write_array(path, np.array([{}], dtype=object)),
    "lone array": lambda path: write_array(path, np.arange(3)),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_another_kind_of_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "episodes.npz"
    OTHER_FILES[kind](path)
    with pytest.raises(BenchbenchError, match="is not an episode file; `benchbench episodes make`"):
        EpisodeSet.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchbenchError, match=r"There is no episode file .*nowhere\.npz"):
        EpisodeSet.load(tmp_path / "nowhere.npz")


def test_a_path_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchbenchError, match=r"Cannot write .*episodes\.npz"):
        frozen_set().save(tmp_path / "file" / "episodes.npz")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "episodes.npz").mkdir()
    with pytest.raises(BenchbenchError, match=r"Cannot write .*episodes\.npz"):
        frozen_set().save(tmp_path / "episodes.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["episodes.npz"]


def test_saving_replaces_an_older_file(tmp_path: Path) -> None:
    path = saved(tmp_path)
    frozen_set().head(1).save(path)
    assert EpisodeSet.load(path) == frozen_set().head(1)

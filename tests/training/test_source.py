from dataclasses import replace

import numpy as np
import pytest
from training.oracle import Oracle, classes_of, make_source

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError, MethodError
from benchbench.method import Task
from benchbench.samplers import FixedSampler, Sampler, create_sampler
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource


def test_budgets_are_names_or_steps() -> None:
    assert Budget.parse("smoke").training_steps(smoke=1, quick=2, paper=3) == 1
    assert Budget.parse("paper").choose(smoke="s", quick="q", paper="p") == "p"
    numbered = Budget.parse("123")
    assert numbered.training_steps(smoke=1, quick=2, paper=3) == 123
    assert numbered.choose(smoke="s", quick="q", paper="p") == "q"
    assert str(numbered) == "123"


@pytest.mark.parametrize("text", ["fast", "0", "-3", "1.5", ""])
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(BenchbenchError, match="not a budget"):
        Budget.parse(text)


def test_training_episodes_hold_training_classes_only(dataset: OpenDataset) -> None:
    stream = make_source(dataset).episodes(way=5, shot=1, query=3)
    handles = [stream[step].images for step in range(200)]
    assert classes_of(dataset, handles) == set(dataset.splits["train"].tolist())


def test_way_and_query_are_capped_by_what_there_is(dataset: OpenDataset) -> None:
    stream = make_source(dataset).episodes(way=60, shot=5, query=100)
    assert (stream.way, stream.shot, stream.query) == (12, 5, 15)


def test_too_small_classes_are_left_out_of_training(make_dataset) -> None:
    dataset = make_dataset(classes=(3, 0, 2), per_class=4)
    keep = (dataset.labels != 1) | (np.arange(len(dataset.labels)) % 4 == 0)
    dataset.labels, dataset.pixels = dataset.labels[keep], dataset.pixels[keep]
    stream = make_source(dataset).episodes(way=5, shot=2, query=5)
    assert (stream.way, stream.query) == (2, 2)
    with pytest.raises(BenchbenchError, match=r"0 training classes of 6 or more"):
        make_source(dataset).episodes(way=5, shot=5, query=5)


def test_class_names_by_batch_label_are_for_methods_that_read_them(dataset: OpenDataset) -> None:
    class NameReader(Oracle):
        uses_class_names = True

    names = make_source(dataset, NameReader(dataset)).class_names
    assert names == tuple(dataset.class_names[c] for c in dataset.splits["train"])
    with pytest.raises(MethodError, match="uses_class_names = True"):
        _ = make_source(dataset).class_names


def test_validation_meets_validation_classes_only_and_scores_right(dataset: OpenDataset) -> None:
    oracle = Oracle(dataset)
    assert make_source(dataset, oracle).validate() == 1.0
    assert oracle.seen == set(dataset.splits["val"].tolist())


def test_without_validation_classes_there_is_no_score(make_dataset) -> None:
    assert make_source(make_dataset(classes=(5, 0, 5))).validate() is None
    assert make_source(make_dataset(classes=(5, 1, 5))).validate() is None


def test_the_test_split_is_out_of_reach(dataset: OpenDataset) -> None:
    source = make_source(dataset)
    reachable = [value for value in vars(source).values() if isinstance(value, OpenDataset)]
    assert [set(each.splits) for each in reachable] == [{"train", "val"}]
    assert "test" in dataset.splits


def test_validation_takes_turns_among_the_sources_with_two_classes(two_sources) -> None:
    episodes = make_source(two_sources)._validation_episodes()
    assert len(episodes) == 100
    assert {tuple(sorted(episode.classes)) for episode in episodes} == {(6, 7, 8)}


def variable_source(dataset: OpenDataset, sampler: Sampler | None) -> TrainingSource:
    """A source for a task whose way, shot and query vary."""
    task = Task(dataset.name, "variable", dataset.image_shape, None, None, None)
    return TrainingSource(dataset, Oracle(dataset), task, sampler=sampler)


def test_training_episodes_can_be_drawn_like_the_tests(two_sources: OpenDataset) -> None:
    sampler = create_sampler("meta_dataset[min_way=2]")
    stream = variable_source(two_sources, sampler).task_episodes()
    assert (stream.way, stream.shot, stream.query) == (None, None, None)
    ways, sizes = set(), set()
    for step in range(60):
        names = {two_sources.class_names[c] for c in classes_of(two_sources, [stream[step].images])}
        assert len({name.split("/")[0] for name in names}) == 1
        ways.add(len(names))
        sizes.add(len(stream[step].support.images))
    assert ways == {2, 3, 4, 5, 6}
    assert len(sizes) > 5


def test_a_source_that_cannot_supply_the_tests_episodes_is_left_out(two_sources) -> None:
    stream = variable_source(two_sources, FixedSampler(5, 1, 2)).task_episodes()
    for step in range(20):
        assert len(classes_of(two_sources, [stream[step].images])) == 5
    with pytest.raises(BenchbenchError, match="7-way needs 7 classes"):
        variable_source(two_sources, FixedSampler(7, 1, 2)).task_episodes()


def test_it_must_be_known_how_the_tests_episodes_are_drawn(dataset: OpenDataset) -> None:
    with pytest.raises(BenchbenchError, match="name the --sampler"):
        variable_source(dataset, None).task_episodes()


def test_validation_varies_where_the_test_does(dataset: OpenDataset) -> None:
    source = variable_source(dataset, create_sampler("meta_dataset[min_way=2]"))
    assert {episode.n_way for episode in source._validation_episodes()} == {2, 3, 4, 5, 6}
    source = variable_source(dataset, create_sampler("meta_dataset[min_way=7]"))
    assert {episode.n_way for episode in source._validation_episodes()} == {5}


def test_the_most_shots_leave_a_query_in_two_classes(make_dataset) -> None:
    dataset = make_dataset(per_class=7)
    assert make_source(dataset).most_shots == 6
    assert make_source(dataset).episodes(5, 6, 5).query == 1
    single = replace(dataset, splits={**dataset.splits, "train": dataset.splits["train"][:1]})
    assert make_source(single).most_shots == 1


def test_validation_may_have_a_shape_of_its_own(dataset: OpenDataset) -> None:
    oracle = Oracle(dataset)
    source, shapes = make_source(dataset, oracle, shot=1), []

    def adapt(support):
        shapes.append((support.n_way, len(support.images)))
        return oracle.adapt(support)

    assert source.validate(adapt, way=3, shot=5) == 1.0
    assert set(shapes) == {(3, 15)}
    shapes.clear()
    source.validate(adapt)
    assert set(shapes) == {(5, 5)}


def test_the_training_images_are_those_of_the_training_classes(dataset: OpenDataset) -> None:
    images = make_source(dataset).images
    assert len(images) == 12 * 20
    assert classes_of(dataset, [images]) == set(dataset.splits["train"].tolist())
    nothing = replace(dataset, splits={**dataset.splits, "train": np.empty(0, np.int64)})
    with pytest.raises(BenchbenchError, match="no training classes"):
        _ = make_source(nothing).images

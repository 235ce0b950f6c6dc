"""Strengths that validation classes choose: which, and what is kept of that."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.learning import make_source

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.strengths import STAGE, choices, chosen_place, powers_of_ten
from benchbench.method import Method

OFFERED = [{"c": 1.0}, {"c": 0.1}, {"c": 10.0}]


@dataclass
class Nothing(Method):
    """A method that is only trained."""

    name = "nothing"


@pytest.fixture(scope="module")
def data(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    return make_dataset(classes=(8, 6, 5))


def test_the_grid_is_every_combination_the_usual_first() -> None:
    assert choices(a=(1.0, 2.0), b=3.0) == [{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 3.0}]
    assert powers_of_ten(2) == (1.0, 0.1, 10.0, 0.01, 100.0)
    assert choices() == [{}]


def test_the_manifest_gets_what_is_right_most_often(data: OpenDataset) -> None:
    source = make_source(data, Nothing())
    assert chosen_place(source, "nothing", OFFERED, [0.2, 0.7, 0.7].__getitem__, 6) == 1
    (record,) = source.records
    assert (record.stage, record.steps, record.best_step) == (STAGE, 3, 1)
    assert (record.chosen, record.validation_accuracy) == ({"c": 0.1}, 0.7)


def test_without_validation_classes_the_first_counts_and_is_recorded(data: OpenDataset) -> None:
    source = make_source(data, Nothing())
    assert chosen_place(source, "nothing", OFFERED, [].__getitem__, 0) == 0
    (record,) = source.records
    assert (record.chosen, record.validation_accuracy) == ({"c": 1.0}, None)


def test_one_offer_is_no_choice(data: OpenDataset) -> None:
    source = make_source(data, Nothing())
    assert chosen_place(source, "nothing", OFFERED[:1], [].__getitem__, 6) == 0
    assert source.records == []


def test_a_choice_is_kept_and_not_made_again(data: OpenDataset, tmp_path: Path) -> None:
    first = make_source(data, Nothing(), folder=tmp_path)
    assert chosen_place(first, "nothing", OFFERED, [0.1, 0.2, 0.3].__getitem__, 6) == 2
    again = make_source(data, Nothing(), folder=tmp_path, restores=True)
    assert chosen_place(again, "nothing", OFFERED, [].__getitem__, 6) == 2
    assert again.records == first.records
    assert again.records[0].weights == f"{tmp_path.name}/{STAGE}.safetensors"


def test_an_older_run_is_restored_without_a_record(data: OpenDataset, tmp_path: Path) -> None:
    source = make_source(data, Nothing(), folder=tmp_path, restores=True)
    assert chosen_place(source, "nothing", OFFERED, [0.1, 0.3, 0.2].__getitem__, 6) == 1
    assert source.records == []
    assert not list(tmp_path.iterdir())

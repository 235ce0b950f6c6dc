"""Methods go by the names that they were given, where these mislead nobody."""

from pathlib import Path

import pytest
from support.runs import write_run

from benchbench.results.entries import tables_of
from benchbench.results.labels import labelled_alike, named
from benchbench.results.stored import read_result

CORRECT = [60, 45, 75, 30]


def test_a_method_is_called_by_the_name_that_it_was_given(tmp_path: Path) -> None:
    """Also where one of its runs was given none, but on no other data set."""
    runs = [write_run(tmp_path, "knn[k=3]", CORRECT, seed=seed) for seed in (0, 1)]
    runs.append(write_run(tmp_path, "knn", CORRECT))
    runs[0].update(label="three")
    elsewhere = write_run(tmp_path, "knn[k=3]", CORRECT, dataset="shapes")
    results = [read_result(run) for run in (*runs, elsewhere)]
    labels = [[entry.label for entry in table] for table in tables_of(results)]
    assert labels == [["knn", "three"], ["knn[k=3]"]]
    alike = [[entry.label for entry in table] for table in labelled_alike(tables_of(results))]
    assert alike == [["knn", "knn[k=3]"], ["knn[k=3]"]]


def test_a_name_that_every_data_set_gives_is_kept_over_all(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, "knn[k=3]", CORRECT, dataset=name) for name in ("glyphs", "shapes")]
    for run in runs:
        run.update(label="three")
    other = write_run(tmp_path, "knn", CORRECT, dataset="omniglot")
    tables = tables_of([read_result(run) for run in (*runs, other)])
    labels = [[entry.label for entry in table] for table in labelled_alike(tables)]
    assert labels == [["three"], ["knn"], ["three"]]


def test_one_name_of_two_methods_on_two_data_sets_joins_no_rows(tmp_path: Path) -> None:
    results = []
    for dataset, spec in {"glyphs": "knn", "shapes": "protonet"}.items():
        run = write_run(tmp_path, spec, CORRECT, dataset=dataset)
        run.update(label="mine")
        results.append(read_result(run))
    tables = tables_of(results)
    assert [[entry.label for entry in table] for table in tables] == [["mine"], ["mine"]]
    alike = [[entry.label for entry in table] for table in labelled_alike(tables)]
    assert alike == [["knn"], ["protonet"]]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"a": ["x", "x"], "b": []}, {"a": "x"}),
        ({"a": ["x", "y"], "b": ["z"]}, {"b": "z"}),  # two names for one method
        ({"a": ["x"], "b": ["x"]}, {}),  # one name for two methods
        ({"a": ["b"], "b": []}, {}),  # the other method itself
        ({"a": ["a"], "b": ["x"]}, {"a": "a", "b": "x"}),
    ],
)
def test_names_that_mislead_are_not_used(
    tmp_path: Path, names: dict[str, list[str]], expected: dict[str, str]
) -> None:
    results = []
    for spec, given in names.items():
        for seed, name in enumerate([*given, ""]):
            run = write_run(tmp_path, spec, CORRECT, seed=seed)
            run.update(**({"label": name} if name else {}))
            results.append(read_result(run))
    found = named(results)
    assert found == expected

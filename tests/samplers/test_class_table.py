"""Episodes are drawn from a table of classes as they are from the data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, create_sampler
from benchbench.samplers.class_table import ClassTable

SPECS = (
    "fixed[way=3,query=4]",
    "fixed[way=3,query=4,replacement=none]",
    "fixed[way=2,query=3,classes=hierarchy]",
    "fixed[way=2,query=3,classes=graph]",
    "fixed[way=3,query=4,separate_groups=true]",
    "meta_dataset[min_way=2]",
    "meta_dataset[min_way=2,prior=dirichlet]",
    "kshot[shot=3]",
)


@pytest.fixture
def rich(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    """With parents, groups, a graph and parts."""
    dataset = make_dataset()
    count = len(dataset.class_names)
    images = len(dataset.labels)
    return replace(
        dataset,
        hierarchy=[(f"parent {number % 2}",) for number in range(count)],
        groups=np.array([f"drawer {number % 10}" for number in range(images)]),
        nodes={"test": [dataset.splits["test"][:4], dataset.splits["test"][2:]]},
        parts=np.array([("train", "test", "train", "val")[number % 4] for number in range(images)]),
    )


@pytest.mark.parametrize("spec", SPECS)
def test_the_episodes_are_those_of_the_data_set(
    rich: OpenDataset, tmp_path: Path, spec: str
) -> None:
    file = tmp_path / "table.npz"
    if spec.startswith("kshot"):
        everything = np.arange(len(rich.class_names))
        rich = replace(rich, splits={"train": everything[:0], "test": everything})
    ClassTable.of(rich).save(file)
    table, sampler = ClassTable.load(file), create_sampler(spec)
    drawn = [sampler.sample(ClassPool(one, "test"), 20, 3) for one in (rich, table)]
    assert drawn[0].sha256 == drawn[1].sha256
    assert table.splits_sha256 == rich.splits_sha256


def test_a_table_holds_no_name_of_a_class_or_group(rich: OpenDataset) -> None:
    table = ClassTable.of(rich)
    assert table.class_names[3] == "class 3"
    assert set(table.groups.tolist()) == set("0123456789")


def test_equal_tables_are_equal_files(rich: OpenDataset, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        ClassTable.of(rich).save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (tmp_path / "a.npz").stat().st_size < 4000


@pytest.mark.parametrize("content", [b"", b"PK", b"text"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(BenchbenchError, match="is not a table of classes"):
        ClassTable.load(tmp_path / "x.npz")


def test_it_keeps_which_classes_were_learned_from(rich: OpenDataset, tmp_path: Path) -> None:
    file = tmp_path / "table.npz"
    ClassTable.of(rich).save(file)
    assert ClassTable.load(file).seen is None
    seen = np.arange(len(rich.class_names)) % 3 == 0
    ClassTable.of(replace(rich, seen=seen)).save(file)
    found = ClassTable.load(file).seen
    assert found is not None
    assert found.tolist() == seen.tolist()

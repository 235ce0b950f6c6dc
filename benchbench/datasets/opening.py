"""Data sets by their spec, opened."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from benchbench.datasets.base import Dataset
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Collection, Problem
from benchbench.datasets.tables.prepared import decode_from, prepared_record, sources_and_table
from benchbench.errors import BenchbenchError, MethodError
from benchbench.registry import loading, specs
from benchbench.system.places import Places
from benchbench.system.private import serves_a_method
from benchbench.system.progress import say_once


def create_dataset(text: str) -> Dataset | Collection:
    """The configured data set or collection of a spec such as `omniglot[split=lake]`.

    Nothing is read yet.
    """
    spec = specs.parse(text)
    cls = loading.load("dataset", spec.name)
    single: type[Dataset] | None = getattr(cls, "single", None)
    if single and (spec.argument is not None or single.argument in spec.parameters):
        cls = single
    made: Dataset | Collection = specs.configure(cls, spec)
    return made


def open_dataset(dataset: str | Dataset | Collection, places: Places | None = None) -> OpenDataset:
    """Open a data set, given by its spec or configured, decoding it first if that is not done yet.

    Raises BenchbenchError if that cannot be done, or if several data sets are meant, and
    MethodError in the process of a method.
    """
    _refuse_methods()
    places = places or Places.find()
    made = create_dataset(dataset) if isinstance(dataset, str) else dataset
    if isinstance(made, Dataset):
        return _decoded(made, places)
    if not made.test_source:
        text = specs.text_of(made)
        raise BenchbenchError(f"{text} is several data sets; choose one with test_source=NAME.")
    return made.problems(places)[0].test


def open_problems(text: str, places: Places) -> list[Problem]:
    """The problem of a data set, or one for each data set of a collection.

    Raises MethodError in the process of a method.
    """
    _refuse_methods()
    made = create_dataset(text)
    if isinstance(made, Collection):
        return made.problems(places)
    return [Problem.of(_decoded(made, places))]


def sources_of(text: str, places: Places) -> list[Path]:
    """The files and folders that the images of a data set or collection are decoded from.

    Those of data sets that are missing are left out.
    """
    found: list[Path] = []
    for member in members_of(create_dataset(text), places):
        with suppress(BenchbenchError):
            made = create_dataset(member)
            if isinstance(made, Dataset):
                record = prepared_record(made, places)
                found += map(Path, record.sources) if record else made.sources(places)
    return found


def _refuse_methods() -> None:
    if serves_a_method():
        raise MethodError(
            "a method may not open a data set; what it may learn from is the source that `train` "
            "is given"
        )


def members_of(dataset: Dataset | Collection, places: Places) -> list[str]:
    """The specs of a collection's data sets; of a data set, its own."""
    if isinstance(dataset, Collection):
        return dataset.members(places)
    return [specs.text_of(dataset)]


def prepare(dataset: Dataset, places: Places, origin: Path | None = None) -> OpenDataset:
    """Decode a data set, from `origin` if that is given, which is remembered, and open it.

    Raises BenchbenchError if the images cannot be read.
    """
    if origin is not None:
        decode_from(dataset, places, origin)
    return _decoded(dataset, places)


def _decoded(dataset: Dataset, places: Places) -> OpenDataset:
    sources, table = sources_and_table(dataset, places)
    name = specs.text_of(dataset)
    splits = dataset.split_classes(table.class_names, sources)
    attributes = dataset.attributes(table.class_names, sources)
    remarks = dataset.taken_remarks()
    for remark in remarks:
        say_once(f"{name}: {remark}")
    features = dataset.feature_origin(sources, table.labels, table.parts)
    words = features.names_are_words if features else None
    opened = OpenDataset(
        name=name,
        fingerprint=table.fingerprint,
        pixels=table.pixels,
        labels=table.labels,
        class_names=table.class_names,
        splits=splits,
        hierarchy=table.hierarchy if any(table.hierarchy) else None,
        groups=table.groups,
        unreadable=table.unreadable,
        names_are_words=dataset.names_are_words(table.class_names) if words is None else words,
        nodes=dataset.nodes(table.class_names),
        remarks=table.remarks + remarks,
        parts=table.parts,
        features=features,
        attributes=attributes,
    )
    opened.fixed_episodes = dataset.fixed_episodes(opened)
    return opened

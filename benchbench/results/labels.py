"""What tables call methods: the names that they were given, as far as these mislead nobody."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchbench.results.entries import Entry, Result


def named(results: Iterable[Result]) -> dict[str, str]:
    """The names that methods were given, by spec, as far as nobody can be misled by them.

    Runs of one method have one name or none, and no other method has that name or that spec.
    """
    given: dict[str, set[str]] = {}
    for result in results:
        given.setdefault(result.method, set()).update(filter(None, [result.given_name]))
    single = {spec: next(iter(names)) for spec, names in given.items() if len(names) == 1}
    taken = Counter([*given, *(name for names in given.values() for name in names)])
    return {spec: name for spec, name in single.items() if taken[name] == 1 or name == spec}


def labels_of(results: Sequence[Result], names: Mapping[str, str]) -> list[str]:
    """The methods' names or specs, and as much more as tells apart those that are equal."""
    labels = [names.get(result.method, result.method) for result in results]
    budgets = [f" ({result.identity['budget']})" for result in results]
    hashes = [f" #{text_hash(result.configuration)[:6]}" for result in results]
    for more in (budgets, hashes):
        labels = [
            label + (addition if labels.count(label) > 1 else "")
            for label, addition in zip(labels, more, strict=True)
        ]
    return labels


def labelled_alike(tables: Sequence[list[Entry]]) -> list[list[Entry]]:
    """The tables with one label for each method, so that rows can be joined by it.

    A method keeps a name that all data sets that have it give it; the others get their spec.
    """
    results = [result for table in tables for entry in table for result in entry.results]
    here = names_by_collection(results)
    whole = {
        spec: name
        for spec, name in named(results).items()
        if all(here[one.collection].get(spec) == name for one in results if one.method == spec)
    }
    found = []
    for table in tables:
        labels = labels_of([entry.first for entry in table], whole)
        own = [replace(entry, label=label) for entry, label in zip(table, labels, strict=True)]
        found.append(sorted(own, key=lambda entry: entry.label))
    return found


def names_by_collection(results: Sequence[Result]) -> dict[str, dict[str, str]]:
    """`named` of the results of each data set, or of a collection of several."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.collection, []).append(result)
    return {collection: named(group) for collection, group in groups.items()}


def text_hash(text: str) -> str:
    """The sha256 of a text, in hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()

"""The attributes that were mistaken in a zero-shot protocol, a part of the page for each method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.results.attribute_confusion import (
    COUNT,
    INVENTED,
    MISSED,
    PRESENT,
    SHARE,
    AttributeConfusion,
    Presence,
    attribute_confusion,
)
from benchbench.results.entries import Entry
from benchbench.results.numbers import percent
from benchbench.results.per_class import PerClass
from benchbench.results.report.tables import Table, plain

SHOWN, SWAPS_SHOWN = 30, 15
"""Rows of a table of attributes, and of one of those that were taken for one another."""


@dataclass
class MethodAttributes:
    """The tables of one method; `swaps` is None where no attribute was taken for an alternative."""

    label: str
    mistakes: Table
    swaps: Table | None
    notes: list[str]


@dataclass
class AttributeSection:
    """What the page says of attributes; without methods there are only notes, or nothing."""

    methods: list[MethodAttributes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_zero_shot(entry: Entry) -> bool:
    """Whether no episode of the entry has a support image."""
    return entry.facts.get("shot") == 0


def presence_for(entries: Sequence[Entry], source: OpenDataset) -> Presence | str | None:
    """The attributes of the source's classes, of zero-shot runs on it.

    A sentence on why they are not shown if they are not those of the runs; None if there are none.
    """
    if source.attributes is None or not is_zero_shot(entries[0]):
        return None
    known = {
        (result.manifest["dataset"].get("attributes") or {}).get("sha256")
        for entry in entries
        for result in entry.results
    }
    if known != {source.attributes.sha256}:
        return "Attributes are not shown: those found here are not those of all of these runs."
    try:
        return Presence.of(source.attributes)
    except ValueError as error:
        return f"Attributes are not shown: {error}."


def attribute_section(
    title: str, entries: Sequence[Entry], found: PerClass, source: OpenDataset
) -> AttributeSection:
    """The attributes of the classes of one protocol; empty if there are none."""
    presence = presence_for(entries, source)
    if presence is None or isinstance(presence, str):
        return AttributeSection(notes=[presence] if presence else [])
    section = AttributeSection(notes=_notes(presence))
    for label in map(str, found.accuracy):
        confusion = attribute_confusion(presence, *found.answers(label))
        section.methods.append(_of_method(title, label, confusion))
    return section


def _of_method(title: str, label: str, confusion: AttributeConfusion) -> MethodAttributes:
    mistakes, swaps = confusion.mistakes, confusion.swaps
    frame = pd.DataFrame(
        {"attribute": mistakes.index}
        | {f"{name} %": [*map(percent, mistakes[name])] for name in (PRESENT, MISSED, INVENTED)},
        dtype=object,
    )
    notes = [f"{_number(confusion.wrong)} wrong answers."]
    if confusion.alike:
        notes[0] += f" {_number(confusion.alike)} are of classes with the query's own attributes."
    if len(frame) > SHOWN:
        notes.append(f"The {SHOWN} hardest of {len(frame)} attributes.")
    table = plain(f"Attributes mistaken by {label} on {title}", frame.head(SHOWN))
    if swaps.empty:
        return MethodAttributes(label, table, None, notes)
    if len(swaps) > SWAPS_SHOWN:
        notes.append(f"The {SWAPS_SHOWN} most frequent of {len(swaps)} pairs.")
    pairs = pd.DataFrame(
        {
            "missed": swaps[MISSED],
            "invented": swaps[INVENTED],
            "answers": [*map(_number, swaps[COUNT])],
            "% of missed": [*map(percent, swaps[SHARE])],
        },
        dtype=object,
    )
    shown = plain(f"Attributes taken for one another by {label} on {title}", pairs[:SWAPS_SHOWN])
    return MethodAttributes(label, table, shown, notes)


def _notes(presence: Presence) -> list[str]:
    """What the tables are of, which is the same for all methods."""
    notes = [
        "Attributes of the class that was answered against those of the query's class, of all "
        "stored answers: present, in per cent of the queries; missed, of those whose class has the "
        "attribute; invented, of those whose class has it not. A method need not have seen any "
        "attribute. The hardest have the highest mean of the two. Attributes that all or none of "
        "these classes have are left out. Numbers of answers are means over seeds.",
        "Taken for one another are a missed and an invented attribute of one group (named "
        "group=value or group::value) or, without groups, two that no class has both.",
    ]
    if presence.threshold is not None:
        notes.insert(
            1,
            f"An attribute counts as present above {presence.threshold:.3g}, the mean of all "
            "numbers of all classes.",
        )
    return notes


def _number(count: float) -> str:
    return f"{count:.1f}".removesuffix(".0")

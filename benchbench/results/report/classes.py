"""The classes of a protocol on the page: the hardest ones, and what they are taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchbench.results.entries import Entry
from benchbench.results.per_class import per_class
from benchbench.results.printed import Marked
from benchbench.results.report.attributes import AttributeSection, attribute_section
from benchbench.results.report.tables import Table, plain
from benchbench.results.report.viewer import Thumbnails
from benchbench.results.reporters.per_class import Classes
from benchbench.verification.redrawing import Redrawings

SHOWN = 100
"""Rows of a table of classes, so that a page of many classes stays small."""


@dataclass
class ClassSection:
    """Tables, none of which is there if no run has answers, and notes on them."""

    notes: list[str]
    accuracy: Table | None = None
    confusions: Table | None = None
    confusion_notes: list[str] = field(default_factory=list)
    attributes: AttributeSection = field(default_factory=AttributeSection)


def class_section(
    title: str, entries: Sequence[Entry], thumbnails: Thumbnails, redrawings: Redrawings
) -> ClassSection:
    """The classes of the entries of one protocol, by name where the data can be opened."""
    source = thumbnails.classes(entries[0])
    names = None if isinstance(source, str) else source.class_names
    classes = Classes(entries, per_class(entries, redrawings), names)
    section = ClassSection(classes.accuracy_notes())
    if not classes.found.episodes:
        return section
    frame = classes.accuracy()
    section.accuracy = plain(f"Classes of {title}", frame.head(SHOWN))
    if len(frame) > SHOWN:
        note = f"The {SHOWN} hardest of {len(frame)}; `leaderboard --per-class` has all."
        section.notes.insert(0, Marked(note))
    if len(classes.found.confusions):
        section.confusions = plain(f"Confusions on {title}", classes.confusions())
        section.confusion_notes = classes.confusion_notes()
    if not isinstance(source, str):
        section.attributes = attribute_section(title, entries, classes.found, source)
    return section

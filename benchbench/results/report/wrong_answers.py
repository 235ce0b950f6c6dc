"""What the viewer says of wrong answers: the attributes of classes, and the likeliest classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.results.attribute_confusion import Presence
from benchbench.results.report.predictions import Shown
from benchbench.runs.top_classes import Top, read_top
from benchbench.system.texts import legible


def method_data(
    name: str,
    predicted: Mapping[int, Sequence[int]],
    whole: Mapping[int, Shown],
    places: Mapping[int, Sequence[int]],
    top: Mapping[int, Top],
) -> dict[str, Any]:
    """A method's answers to the queries that are shown, and how many of all are right, by episode.

    top: the likeliest classes by episode; those of wrong answers that are shown are given, as pairs
    of slot and score, by the query's place among those shown.
    """
    answers = {number: [predicted[number][i] for i in places[number]] for number in places}
    found: dict[str, Any] = {
        "name": legible(name),
        "predicted": {str(number): slots for number, slots in answers.items()},
        "right": {
            str(number): sum(map(int.__eq__, predicted[number], whole[number].query_labels))
            for number in places
        },
    }
    if top:
        found["top"] = {
            str(number): {
                str(at): _pairs(top[number], place)
                for at, place in enumerate(of)
                if predicted[number][place] != whole[number].query_labels[place]
            }
            for number, of in places.items()
            if number in top
        }
    return found


def _pairs(top: Top, place: int) -> list[tuple[int, float]]:
    return list(zip(top.slots[place].tolist(), top.scores[place].tolist(), strict=True))


def likeliest(run: Path, whole: Mapping[int, Shown]) -> dict[int, Top] | str:
    """The likeliest classes that a run has stored; a reason if they cannot be shown."""
    try:
        found = read_top(run, {number: len(one.query) for number, one in whole.items()})
    except BenchbenchError as error:
        return str(error)
    for number, top in found.items():
        if top.slots.max(initial=0) > max(whole[number].query_labels):
            return "its likeliest classes are not those of the episodes"
    return found


def attribute_data(presence: Presence, classes: Iterable[int]) -> dict[str, Any]:
    """The names of attributes, and which of them classes have, by class id."""
    return {
        "names": [*map(legible, presence.names)],
        "present": {
            str(one): presence.present[one].nonzero()[0].tolist() for one in sorted(set(classes))
        },
    }

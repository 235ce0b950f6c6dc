"""The classes of each protocol as text: a markdown section, or all pairs as csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchbench.results.entries import Entry, Result, protocol_hash
from benchbench.results.numbers import percent
from benchbench.results.per_class import QUERIES, TAKEN_FOR, TRUE, PerClass
from benchbench.results.reporters.csv_cells import csv_text
from benchbench.results.reporters.markdown import bullets, heading, markdown_table

PAIRS_SHOWN = 20
"""The most frequent confusions, of which a page has no more."""


@dataclass(frozen=True)
class Classes:
    """What is known of the classes of one protocol; names: by class id, None if nobody knows."""

    entries: Sequence[Entry]
    found: PerClass
    names: list[str] | None

    @property
    def title(self) -> str:
        """The data set and the episodes, as in leaderboards."""
        first = self._first
        learned = [first.source, f"trained on {first.trained_on}"]
        return ", ".join([*(learned if first.trained_on else [first.dataset]), first.kind])

    @property
    def _first(self) -> Result:
        return self.entries[0].first

    def accuracy(self) -> pd.DataFrame:
        """The printed table of classes, the hardest for the methods together first."""
        frame = self.found.accuracy
        hardest = frame.mean(axis=1).sort_values(kind="stable").index
        return self._printed({TRUE: hardest}, self.found.queries.loc[hardest], frame.loc[hardest])

    def confusions(self) -> pd.DataFrame:
        """The printed table of the most frequent confusions."""
        frame = self.found.confusions.head(PAIRS_SHOWN)
        pairs = {name: frame.index.get_level_values(n) for n, name in enumerate((TRUE, TAKEN_FOR))}
        return self._printed(pairs, self.found.confusable.head(PAIRS_SHOWN), frame)

    def _printed(
        self, ids: dict[str, pd.Index[int]], queries: pd.Series[int], shares: pd.DataFrame
    ) -> pd.DataFrame:
        columns = {column: [*map(self.name, some)] for column, some in ids.items()}
        columns[QUERIES] = [*map(str, queries)]
        for label in shares:
            free = f"method {label}" if label in (TRUE, TAKEN_FOR, QUERIES) else str(label)
            columns[free] = [*map(percent, shares[label])]
        return pd.DataFrame(columns, dtype=object)

    def name(self, class_id: int) -> str:
        """What a class is called."""
        return self.names[class_id] if self.names else f"class {class_id}"

    def accuracy_notes(self) -> list[str]:
        """What the table of classes is of, and what is left out."""
        if not self.found.episodes:
            return self.found.remarks
        classes = self._first.manifest["dataset"].get("classes", {})
        total = classes.get(self._first.identity["split"], 0)
        absent = total - len(self.found.accuracy)
        return [
            f"Protocol {protocol_hash(self._first.protocol)}. Accuracy in per cent of the queries "
            f"of each class in {self.found.episodes} episodes; of several seeds, over all of them.",
            *([f"{absent} of {total} classes have no query in them."] if absent > 0 else []),
            *([] if self.names else ["Classes have their ids, as the data is not decoded here."]),
            *self.found.remarks,
        ]

    def confusion_notes(self) -> list[str]:
        """What the table of confusions is of."""
        more = max(0, len(self.found.confusions) - PAIRS_SHOWN)
        return [
            "Queries of the class where the other one is in the episode, and how many per cent of "
            "them are taken for it.",
            *([f"{more} more pairs are rarer; --format csv has all."] if more else []),
        ]


def per_class_markdown(classes: Classes) -> str:
    """A section on one protocol."""
    parts = [heading(f"{classes.title}: classes")]
    if len(classes.found.accuracy):
        parts.append(markdown_table(classes.accuracy()))
    parts.append(bullets(classes.accuracy_notes()))
    if len(classes.found.confusions):
        parts += [
            "### Taken for one another",
            markdown_table(classes.confusions()),
            bullets(classes.confusion_notes()),
        ]
    return "\n\n".join(parts) + "\n"


def per_class_csv(several: Sequence[Classes]) -> str:
    """A row for each class and what it was taken for, itself included, and each method."""
    frames = [_long(one) for one in several if len(one.found.accuracy)]
    return csv_text(pd.concat(frames, ignore_index=True)) if frames else ""


def _long(classes: Classes) -> pd.DataFrame:
    found = classes.found
    itself = pd.MultiIndex.from_arrays([found.accuracy.index, found.accuracy.index])
    shares = pd.concat([found.accuracy.set_axis(itself), found.confusions])
    queries = pd.concat([found.queries.set_axis(itself), found.confusable])
    true, taken_for = (shares.index.get_level_values(level) for level in (0, 1))
    frames = [
        pd.DataFrame(
            {
                "title": classes.title,
                "protocol_hash": protocol_hash(classes.entries[0].first.protocol),
                "method": label,
                "class_id": true,
                "class": true.map(classes.name),
                "taken_for_id": taken_for,
                "taken_for": taken_for.map(classes.name),
                "queries": queries.to_numpy(),
                "share": shares[label].to_numpy(),
            }
        )
        for label in shares
    ]
    return pd.concat(frames, ignore_index=True)

"""The loop of the benchmark: ask a method about each episode, and score its answers.

The method may be in another process. It is asked without the labels of queries, which stay here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.episodes import Episode, EpisodeSet
from benchbench.evaluation.given import Question, question
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.settings import OTHER, Phase
from benchbench.evaluation.temperature import fitted_temperature, held_out
from benchbench.evaluation.validation_part import ValidationPart
from benchbench.metrics import Metric, checked_scores, confidences, facts_of
from benchbench.runs.method_card import MethodCard
from benchbench.system.arrays import FloatArray, IntArray

ASKED_TOGETHER = 32
"""Episodes that a method is asked about at once, and adapts to with an `adapt_many` of its own."""


class Answering(Protocol):
    """What is asked: a `Participant`, here or in another process."""

    card: MethodCard

    def scores(self, questions: Sequence[Question], phase: Phase = OTHER) -> Iterator[FloatArray]:
        """The scores of each episode, float64 [n_query, n_way]."""


class Scored(NamedTuple):
    """What is known of an episode once it is scored.

    record: its row of `episodes.csv`. scores: float64 [n_asked, n_way], of all that was asked in
    its order in the episode: the queries, and those of none of the classes.
    """

    record: dict[str, Any]
    scores: FloatArray

    @property
    def predicted(self) -> list[int]:
        """The class slot of each query, without those that have none."""
        known = self.scores[: self.record["n_query"]]
        predicted: list[int] = known.argmax(axis=1).tolist()
        return predicted

    @property
    def confidences(self) -> list[float]:
        """The confidence in each answer, if some have no right one; else none."""
        found: list[float] = confidences(self.scores).tolist()
        return found if len(found) > self.record["n_query"] else []


@dataclass(frozen=True)
class Examiner:
    """Knows the episodes and their labels, asks questions and scores the answers.

    with_names, with_attributes: whether questions tell these of the classes. metrics: those besides
    accuracy. validation: the validation images that questions tell of, if any. with_pool: whether
    they tell the unlabelled images.
    """

    dataset: OpenDataset
    episodes: EpisodeSet
    nonce: Nonce
    with_names: bool = False
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    validation: ValidationPart | None = None
    with_attributes: bool = False
    with_pool: bool = False
    _orders: dict[int, IntArray] = field(default_factory=dict, init=False, repr=False)

    def evaluate(self, method: Answering, first: int = 0) -> Iterator[Scored]:
        """Yield the score of each episode from number `first` on."""
        # Whole chunks, so that what is adapted together does not depend on where a kill came.
        begin = first - first % ASKED_TOGETHER if method.card.adapts_together else first
        questions = self._questions(begin)
        for start in range(begin, len(self.episodes), ASKED_TOGETHER):
            temperatures = self._temperatures(method, questions, start)
            answers = method.scores(questions, Phase("episodes", start))
            # Made while a method in another process is busy with those before.
            questions = self._questions(start + ASKED_TOGETHER)
            for number, scores in enumerate(answers, start):
                if number >= first:
                    yield self.scored(number, scores, temperatures.get(number, 1.0))

    def _temperatures(
        self, method: Answering, questions: Sequence[Question], start: int
    ) -> dict[int, float]:
        """The temperatures of the episodes from number `start` on, if a metric needs them.

        Of each fold of a support, the method is asked as if these images were the queries; an
        episode whose classes have one image each has none.
        """
        if not any(facts_of(metric).calibrated for metric in self.metrics.values()):
            return {}
        found = {}
        for number, whole in enumerate(questions, start):
            labels = whole.support_labels
            if folds := held_out(labels):
                without = [_without(whole, fold) for fold in folds]
                answers = method.scores(without, Phase("episodes", number))
                scores = [
                    checked_scores(answer, len(fold), whole.n_way)
                    for answer, fold in zip(answers, folds, strict=True)
                ]
                known = labels[np.concatenate(folds)]
                found[number] = fitted_temperature(np.concatenate(scores), known)
        return found

    def _questions(self, start: int) -> list[Question]:
        """The next questions that are asked together, from an episode's number on."""
        stop = min(start + ASKED_TOGETHER, len(self.episodes))
        return [self.question(number) for number in range(start, stop)]

    def order(self, number: int) -> IntArray:
        """The order in which the queries of an episode are asked."""
        if number not in self._orders:
            while len(self._orders) > 2 * ASKED_TOGETHER:
                del self._orders[next(iter(self._orders))]
            # Together, so that a method cannot tell which queries are of none of the classes.
            count = int(self.episodes.query_counts[number] + self.episodes.unknown_counts[number])
            self._orders[number] = self.nonce.order(count, "queries", number)
        return self._orders[number]

    def question(self, number: int) -> Question:
        """The question about an episode."""
        seed = self.nonce.number("seed", number)
        return question(
            self.dataset,
            self.episodes[number],
            self.order(number),
            seed,
            with_names=self.with_names,
            with_attributes=self.with_attributes,
            with_pool=self.with_pool,
            validation=None if self.validation is None else self.validation.drawn(number),
        )

    def scored(self, number: int, answer: FloatArray, temperature: float = 1.0) -> Scored:
        """The score of an answer, which is checked here as well: it comes from the method's side.

        temperature: by which metrics that are `calibrated` have the scores divided.

        Raises MethodError if the answer is not finite floats [n_asked, n_way].
        """
        episode = self.episodes[number]
        answer = checked_scores(answer, len(episode.asked), episode.n_way)
        scores = np.empty_like(answer)
        scores[self.order(number)] = answer
        return Scored(self._record(number, episode, scores, temperature), scores)

    def _record(
        self, number: int, episode: Episode, scores: FloatArray, temperature: float
    ) -> dict[str, Any]:
        known = scores[: len(episode.query)]
        correct = int((known.argmax(axis=1) == episode.query_labels).sum())
        further, labels = {}, episode.query_labels
        for name, metric in self.metrics.items():
            facts, seen = facts_of(metric), self.dataset.seen
            scale = temperature if facts.calibrated else 1.0
            asked = (scores, episode.asked_labels) if facts.of_unknown else (known, labels)
            learned = (seen[episode.classes],) if facts.of_seen and seen is not None else ()
            further[name] = metric(asked[0] / scale, asked[1], *learned)
        return {
            "episode": number,
            "n_way": episode.n_way,
            "n_query": len(episode.query),
            "correct": correct,
            "accuracy": correct / len(episode.query),
            "classes": " ".join(map(str, episode.classes.tolist())),
            **further,
        }


def _without(whole: Question, fold: IntArray) -> Question:
    """The question about images of a support by the others."""
    kept = np.setdiff1d(np.arange(len(whole.support)), fold)
    return replace(
        whole,
        support=whole.support[kept],
        support_labels=whole.support_labels[kept],
        queries=(whole.support[fold],),
    )

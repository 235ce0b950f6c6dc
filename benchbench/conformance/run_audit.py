"""The audit of a run: a twin of the method is asked about some of its test episodes once more.

Nothing tells the twin from the method that the run has scored. It is given the same support, and
the queries one at a time, in halves, repeated or with others, in another order of episodes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from benchbench.conformance.dependence import Comparison, depends, pooled, worst
from benchbench.errors import reason_of
from benchbench.evaluation.contestant import Contestant
from benchbench.evaluation.given import Question
from benchbench.evaluation.job import Job
from benchbench.evaluation.settings import Phase
from benchbench.metrics import checked_scores
from benchbench.system.arrays import FloatArray, IntArray

FEWEST_SLOW = 3
"""Of a method for which there is no time for more."""
SECONDS = 5.0
SHARE_OF_TIME = 0.1
"""An audit may take that share of the evaluation's time, or `SECONDS` if that is more."""
SINGLES = 12
"""Queries of an episode that are asked alone."""
AUDIT = Phase("audit")

Parts: TypeAlias = tuple[IntArray, ...]
"""Positions of queries; those of each array are classified in one call."""


@dataclass(frozen=True)
class Alteration:
    """A way to ask about an episode.

    parts: from its number of queries to what is asked. with_others: whether each part is asked
    among the queries of another episode.
    """

    name: str
    parts: Callable[[int, np.random.Generator], Parts]
    with_others: bool = False


def _half(count: int) -> int:
    """The most queries of a question in parts: a method could find all of its parts."""
    return max(1, count // 2)


def _alone(count: int, rng: np.random.Generator) -> Parts:
    return tuple(rng.permutation(count)[: min(SINGLES, _half(count)), None])


def _halves(count: int, rng: np.random.Generator) -> Parts:
    return (rng.permutation(count)[: _half(count)],)


def _repeated(count: int, rng: np.random.Generator) -> Parts:
    order = rng.permutation(count)
    return (np.concatenate([order, np.repeat(order[:1], 2 * count)]),)


def _three(count: int, rng: np.random.Generator) -> Parts:
    order = rng.permutation(count)[: min(3 * SINGLES, _half(count))]
    return tuple(order[first : first + 3] for first in range(0, len(order), 3))


ALTERATIONS = (
    Alteration("one query at a time", _alone),
    Alteration("half of the queries", _halves),
    Alteration("a query repeated", _repeated),
    Alteration("three queries at a time", _three),
    Alteration("among queries of another episode", _halves, with_others=True),
)


FEW_QUERIES = (ALTERATIONS[0], ALTERATIONS[3])
"""Which leave a method the least to look at."""


def audit_run(job: Job) -> dict[str, Any]:
    """The evidence of what a job's method does, for its manifest.

    Keys: inductive, undecided, stateful, stochastic, order_dependent, worst, accuracy_together,
    accuracy_one_at_a_time, batch_norms_on_queries, declared, episodes and comparisons; or declared
    and reason if the audit could not be made.
    """
    described = job.card.described
    declared = {key: described[key] for key in ("transductive", "order_dependent")}
    try:
        with job.contestant.twin() as twin:
            assert job.given_to_twin is not None
            twin.train(job.given_to_twin)
            audit = _Audit(job, twin)
            audit.make()
            return {**audit.findings(), "declared": declared}
    except Exception as error:
        return {"declared": declared, "reason": f"it could not be made: {reason_of(error)}"}


class _Audit:
    """Comparisons of the answers of a twin with those of the run."""

    def __init__(self, job: Job, twin: Contestant) -> None:
        self._job, self._twin = job, twin
        self._examiner, self._nonce = job.examiner, job.nonce
        self._rng = np.random.default_rng(self._nonce.number("audit"))
        self.company = {one.name: Comparison(one.name) for one in ALTERATIONS}
        self.elsewhere = Comparison("in another process and order of episodes")
        self.again = Comparison("asked again after all episodes")
        self.seeds = Comparison("with another seed")
        self.supports = Comparison("with the support in another order")
        self.restless = Comparison("asked twice with equal seeds")

    def make(self) -> None:
        """Ask, for as long as there is time."""
        seconds = self._job.settings.audit_seconds
        allowed = max(SECONDS, SHARE_OF_TIME * self._job.seconds) if seconds is None else seconds
        until = time.monotonic() + allowed
        for place, number in enumerate(self._job.audited):
            if place >= FEWEST_SLOW and time.monotonic() > until:
                break
            # Twice is looked at what was found, not more often: chance would then find something.
            if place == self._job.audited_first and self._dependent is not None:
                break
            self._ask_twin(place, number)
        for number in self._job.first:
            if number >= FEWEST_SLOW and time.monotonic() > until:
                break
            self._compare(self.again, number, self._job.contestant)

    def _ask_twin(self, place: int, number: int) -> None:
        """All about one episode: first in parts and then together, or the other way round."""
        alteration = ALTERATIONS[place % len(ALTERATIONS)]
        whole_first = self._rng.random() < 0.5
        if whole_first:
            self._compare(self.elsewhere, number, self._twin)
        self._in_parts(alteration, number)
        if not whole_first:
            self._compare(self.elsewhere, number, self._twin)
        question = self._examiner.question(number)
        if place % 4 == 0:
            self._ask_thrice(number, question)
        if place % 4 == 1:
            order = self._rng.permutation(len(question.support))
            other = replace(
                question,
                support=question.support[order],
                support_labels=question.support_labels[order],
                unlabelled=self._in_another_order(question.unlabelled),
            )
            self._compare(self.supports, number, self._twin, other)

    def _in_another_order(self, unlabelled: IntArray | None) -> IntArray | None:
        if unlabelled is None:
            return None
        return unlabelled[self._rng.permutation(len(unlabelled))]

    def _ask_thrice(self, number: int, question: Question) -> None:
        """What the twin says twice to the same, and then under another seed."""
        others = (question, question, replace(question, seed=question.seed ^ 1))
        answers = [answer for one in others for answer in self._twin.scores([one], AUDIT)]
        first, second, third = (self._examiner.scored(number, one).scores for one in answers)
        labels = self._examiner.episodes[number].asked_labels
        self.restless.add(first, second, labels)
        self.seeds.add(second, third, labels)

    @property
    def _chance(self) -> Comparison | None:
        """What a seed changes; None for a method that draws no random numbers."""
        return self.seeds if self.seeds.differs else None

    @property
    def _dependent(self) -> bool | None:
        """Whether scores depend on other queries; None if that cannot be decided."""
        chance, company = self._chance, list(self.company.values())
        if chance is None:
            return _any([depends(one, None) for one in company])
        few = [self.company[one.name] for one in FEW_QUERIES]
        if depends(pooled(few), chance):
            return True
        return depends(pooled(company), chance)

    def _compare(
        self,
        comparison: Comparison,
        number: int,
        contestant: Contestant,
        question: Question | None = None,
    ) -> None:
        """Ask about a whole episode."""
        question = question or self._examiner.question(number)
        (answer,) = contestant.scores([question], AUDIT)
        scores = self._examiner.scored(number, answer).scores
        labels = self._examiner.episodes[number].asked_labels
        comparison.add(self._stored(number), scores, labels)

    def _in_parts(self, alteration: Alteration, number: int) -> None:
        question = self._examiner.question(number)
        (own,) = question.queries
        parts, asked = alteration.parts(len(own), self._rng), own
        if alteration.with_others:
            asked = np.concatenate([own, self._queries_of_another(number)])
            others = np.arange(len(own), len(asked))
            parts = tuple(self._rng.permutation(np.concatenate([one, others])) for one in parts)
        other = replace(question, queries=tuple(asked[part] for part in parts))
        (answer,) = self._twin.scores([other], AUDIT)
        answer = checked_scores(answer, sum(map(len, parts)), question.n_way)
        # What is repeated counts once, and what belongs to another episode not at all.
        places, once = np.unique(np.concatenate(parts), return_index=True)
        answer, places = answer[once][places < len(own)], places[places < len(own)]
        positions = self._examiner.order(number)[places]
        labels = self._examiner.episodes[number].asked_labels[positions]
        self.company[alteration.name].add(self._stored(number)[positions], answer, labels)

    def _queries_of_another(self, number: int) -> IntArray:
        """The queries of another episode, of which some may be of other classes."""
        count = len(self._examiner.episodes)
        another = (number + int(self._rng.integers(1, count))) % count if count > 1 else number
        (queries,) = self._examiner.question(another).queries
        return queries

    def _stored(self, number: int) -> FloatArray:
        """The scores of the run; an episode that an earlier process has scored is asked again."""
        if number not in self._job.scores:
            (answer,) = self._job.contestant.scores([self._examiner.question(number)], AUDIT)
            self._job.scores[number] = self._examiner.scored(number, answer).scores
        return self._job.scores[number]

    def findings(self) -> dict[str, Any]:
        """What the comparisons show together."""
        chance = self._chance
        norms = list(
            dict.fromkeys(
                norm
                for asked in (self._job.contestant, self._twin)
                for norm in asked.measured().batch_norms
            )
        )
        dependent = True if norms else self._dependent
        stateful = _any([depends(one, chance) for one in (self.again, self.elsewhere)])
        # A state also changes from one call to the next.
        by_state = stateful and not depends(self.seeds, self.restless)
        alone = self.company[ALTERATIONS[0].name].as_dict()
        found = worst([*self.company.values(), self.elsewhere, self.again])
        return {
            "inductive": None if dependent is None else not dependent,
            "undecided": dependent is None,
            "stateful": bool(stateful),
            "stochastic": chance is not None and not by_state,
            "order_dependent": bool(depends(self.supports, chance)),
            "worst": found.as_dict() if found else None,
            "accuracy_together": alone["accuracy"],
            "accuracy_one_at_a_time": alone["accuracy_altered"],
            "batch_norms_on_queries": norms,
            "episodes": len(self.elsewhere.changed),
            "comparisons": [one.as_dict() for one in self._all()],
        }

    def _all(self) -> Iterator[Comparison]:
        yield from self.company.values()
        yield from (self.elsewhere, self.again, self.restless, self.seeds, self.supports)


def _any(verdicts: list[bool | None]) -> bool | None:
    """Whether one is true; if none is, None if one is."""
    if True in verdicts:
        return True
    return None if None in verdicts else False

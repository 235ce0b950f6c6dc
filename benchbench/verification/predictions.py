"""Verification of stored predictions: they are of the episodes, and give the stored rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping

import numpy as np

from benchbench.episodes import Episode, EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.metrics import Metric, MetricFacts, facts_of, known_metric
from benchbench.runs.directory import RunDirectory
from benchbench.runs.episodes_file import FILE_BYTES
from benchbench.runs.rows import TOLERANCE, Rows
from benchbench.system.arrays import BoolArray, FloatArray, IntArray
from benchbench.system.files import read_text
from benchbench.verification.differences import Difference, Findings, of_scores

FIRST_CORE = 2
"""Whose runs keep all answers; those of before have them of the first episodes alone."""


NO_SEEN = (
    "{} asks which classes were learned from, and the table of classes does not say; "
    "`benchbench verify --write-tables` writes that where the data is"
)


def wrong_answers(
    run: RunDirectory,
    rows: Rows,
    episodes: EpisodeSet,
    findings: Findings,
    seen: BoolArray | None = None,
) -> Iterator[Difference]:
    """Whether the stored answers are those that were stored, and give the stored rows.

    seen: bool [classes], which were learned from, for metrics that ask for it.
    """
    try:
        answers, digest = run.answers.predicted(), run.answers.sha256()
        sure = run.answers.confidences()
    except BenchbenchError as error:
        yield Difference("predictions", str(error))
        return
    said = run.manifest["episodes"].get("answers_sha256", digest)
    if said != digest:
        what = "not what was stored when the run finished" if digest else "missing"
        yield Difference("predictions", f"the answers are {what}")
    wrong = {}
    for number, predicted in answers.items():
        if number < len(episodes) and (problem := _wrong_slots(number, predicted, rows, episodes)):
            wrong[number] = problem
    if wrong:
        number, problem = next(iter(wrong.items()))
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        yield Difference("predictions", f"episode {number} {problem}{more}")
    if answers and (missing := sorted({*range(min(answers), len(episodes))} - set(answers))):
        yield Difference(
            "predictions", f"{len(missing)} episodes have none, the first is {missing[0]}"
        )
    if answers:
        findings.checked.append(f"answers of {len(answers)}")
        yield from _wrong_metrics(answers, sure, rows, episodes, findings, seen)
    if len(answers) < len(episodes):
        reason = f"{len(episodes) - len(answers)} episodes have rows and no stored answers"
        older = run.manifest["identity"].get("core", 1) < FIRST_CORE
        (findings.partly if older else findings.unknown).append(reason)


def _wrong_metrics(
    answers: Mapping[int, IntArray],
    sure: Mapping[int, FloatArray],
    rows: Rows,
    episodes: EpisodeSet,
    findings: Findings,
    seen: BoolArray | None,
) -> Iterator[Difference]:
    """Whether the further metrics that need no scores are those of the answers.

    sure: the confidences in them. The other metrics are named, as only asking the method again
    finds out about them.
    """
    for name, values in rows.metrics.items():
        metric = known_metric(name)
        facts = MetricFacts() if metric is None else facts_of(metric)
        numbers = [number for number in answers if number < min(len(episodes), len(values))]
        if facts.of_seen and seen is None:
            findings.partly.append(NO_SEEN.format(name))
            continue
        if metric is not None and facts.of_predictions:
            learned = seen if facts.of_seen else None
            wrong = [
                number
                for number in numbers
                if not _follows(metric, episodes[number], answers[number], values[number], learned)
            ]
        elif facts.of_confidences is not None:
            wrong = [
                number
                for number in numbers
                if not _agrees(
                    facts.of_confidences, episodes[number], sure.get(number), values[number]
                )
            ]
        else:
            findings.partly.append(of_scores(name))
            continue
        if wrong:
            sentence = f"{name} is not that of the answers in {len(wrong)} rows, the first is"
            yield Difference("records", f"{sentence} of episode {wrong[0]}")
        else:
            findings.checked.append(name)


def _follows(
    metric: Metric,
    episode: Episode,
    predicted: IntArray,
    stored: float,
    seen: BoolArray | None,
) -> bool:
    """Whether a metric of predictions alone, and of the seen classes if any, has the value."""
    if len(predicted) != len(episode.query) or not (predicted < episode.n_way).all():
        return False
    one_hot = np.eye(episode.n_way)[predicted]
    learned = () if seen is None else (seen[episode.classes],)
    return abs(metric(one_hot, episode.query_labels, *learned) - stored) <= TOLERANCE


def _agrees(metric: Metric, episode: Episode, sure: FloatArray | None, stored: float) -> bool:
    """Whether a metric of confidences alone has the stored value."""
    if sure is None or len(sure) != len(episode.asked) or not np.isfinite(sure).all():
        return False
    return abs(metric(sure, episode.asked_labels) - stored) <= TOLERANCE


def _wrong_slots(number: int, predicted: IntArray, rows: Rows, episodes: EpisodeSet) -> str | None:
    """What is wrong with the answers of an episode, or None."""
    episode = episodes[number]
    inside = ((predicted >= 0) & (predicted < episode.n_way)).all()
    if len(predicted) != len(episode.query) or not inside:
        return "has no answer with a class of the episode for each query"
    correct = int((predicted == episode.query_labels).sum())
    if correct != rows.correct[number]:
        return f"has {correct} correct answers; its row says {rows.correct[number]}"
    return None


def wrong_predictions(
    run: RunDirectory, rows: Rows, episodes: EpisodeSet, findings: Findings
) -> Iterator[Difference]:
    """Whether what is stored of the first episodes is of these episodes and gives the rows."""
    try:
        text = read_text(run.path / "predictions.csv", FILE_BYTES)
        stored = [_integers(row) for row in csv.DictReader(text.splitlines())]
    except FileNotFoundError:
        return
    except (BenchbenchError, ValueError, TypeError, AttributeError) as error:
        yield Difference("predictions", f"predictions.csv cannot be read ({error})")
        return
    findings.checked.append(f"images and predictions of {len(stored)}")
    for number, row in enumerate(stored[: len(episodes)]):
        if problem := _wrong(row, number, rows, episodes):
            yield Difference("predictions", f"episode {number} of predictions.csv {problem}")
            return


def _integers(row: dict[str, str]) -> dict[str, list[int]]:
    return {name: [int(item) for item in cell.split()] for name, cell in row.items()}


def _wrong(row: dict[str, list[int]], number: int, rows: Rows, episodes: EpisodeSet) -> str | None:
    """What is wrong with a row of `predictions.csv`, or None."""
    if row.get("episode") != [number]:
        return "is another one"
    for name in ("support", "support_labels", "query", "query_labels"):
        if row.get(name) != getattr(episodes[number], name).tolist():
            return f"has another {name} than the episode"
    return _wrong_slots(number, np.array(row["predicted"], np.int64), rows, episodes)

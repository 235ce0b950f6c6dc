"""The temperature of scores, from the support alone."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.given import Question
from benchbench.evaluation.loop import Examiner
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.participant import evaluate
from benchbench.evaluation.settings import OTHER, Phase
from benchbench.evaluation.temperature import fitted_temperature, held_out
from benchbench.images import Images
from benchbench.method import Classifier, Method, Support
from benchbench.metrics import find_metrics, negative_log_likelihood
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.system.arrays import FloatArray

NATS, CALIBRATED = "negative_log_likelihood", "calibrated_negative_log_likelihood"


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_each_image_of_a_class_with_several_is_held_out_once_and_its_class_stays(labels) -> None:
    labels = np.array(labels)
    folds = held_out(labels)
    counts = np.bincount(labels)
    several = np.flatnonzero(counts[labels] >= 2)
    held = np.concatenate(folds) if folds else np.empty(0, np.int64)
    assert sorted(held.tolist()) == several.tolist()
    assert len(folds) <= 5
    for fold in folds:
        left = np.bincount(np.delete(labels, fold), minlength=len(counts))
        assert ((left > 0) == (counts > 0)).all()
        assert set(labels[fold]) == set(labels[several])


@pytest.mark.parametrize(("shots", "folds"), [(1, 0), (2, 2), (4, 4), (5, 5), (16, 5)])
def test_few_shots_are_left_out_one_by_one_and_many_in_five_folds(shots: int, folds: int) -> None:
    labels = np.tile(np.arange(3), shots)
    found = held_out(labels)
    assert len(found) == folds
    for fold in found:  # classes stay balanced
        assert len(set(np.bincount(labels[fold]).tolist())) == 1


def loss(scores: FloatArray, labels, temperature: float) -> float:
    count, way = scores.shape
    log_p = log_softmax(scores / temperature, axis=1)
    own = log_p[np.arange(count), labels]
    others = (log_p.sum(1) - own) / (way - 1)
    return float(-((count + 1) * own + others).sum() / (count + 2))


def test_no_other_temperature_is_better() -> None:
    generator = np.random.default_rng(0)
    for scale in (0.01, 1.0, 300.0):
        labels = generator.integers(0, 5, 30)
        scores = scale * (generator.normal(size=(30, 5)) + 2 * np.eye(5)[labels])
        found = fitted_temperature(scores, labels)
        best = loss(scores, labels, found)
        for factor in np.geomspace(0.01, 100, 201):
            assert best <= loss(scores, labels, found * factor) + 1e-9


def test_known_temperatures() -> None:
    """n images, all right by a margin of 1: the softmax of n + 1 to 1 is best, at T = 1 / log."""
    for count in (2, 8, 25):
        scores = np.tile([1.0, 0.0], (count, 1))
        found = fitted_temperature(scores, np.zeros(count, np.int64))
        assert found == pytest.approx(1 / np.log(count + 1), rel=1e-5)
    wrong = fitted_temperature(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1, 0]))
    assert wrong > 1000  # no confidence in what is always wrong
    assert fitted_temperature(np.ones((4, 3)), np.zeros(4, np.int64)) == 1.0


def test_log_probabilities_of_a_calibrated_method_need_a_temperature_near_one() -> None:
    generator = np.random.default_rng(1)
    for scale in (1.0, 7.0):
        logits = 2 * generator.normal(size=(20_000, 5))
        p = np.exp(log_softmax(logits, axis=1))
        labels = (p.cumsum(1) < generator.random((20_000, 1))).sum(1)
        assert fitted_temperature(scale * logits, labels) == pytest.approx(scale, rel=0.05)


@settings(deadline=None, max_examples=25)
@given(st.floats(1e-4, 1e4), st.floats(-50, 50), st.integers(0, 10**6))
def test_it_follows_the_scale_of_the_scores_and_not_their_shift(scale, shift, seed) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, 20)
    scores = generator.normal(size=(20, 4)) + np.eye(4)[labels]
    plain = fitted_temperature(scores, labels)
    assert fitted_temperature(scale * scores, labels) == pytest.approx(scale * plain, rel=1e-4)
    assert fitted_temperature(scores + shift, labels) == pytest.approx(plain, rel=1e-4)


class Blind:
    """A method of which is known what it was asked; it scores by the images' places alone."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    class card:  # noqa: N801
        adapts_together = False

    def scores(self, questions: Sequence[Question], phase: Phase = OTHER) -> Iterator[FloatArray]:
        self.asked += questions
        for one in questions:
            places = np.concatenate(one.queries)
            yield np.sin(np.outer(places + 1.0, np.arange(1, one.n_way + 1)))


def examiner_of(dataset: OpenDataset, shot: int, *metrics: str) -> Examiner:
    sampler = FixedSampler(way=3, shot=shot, query=2)
    episodes = sampler.sample(ClassPool(dataset, "test"), 3, 0)
    return Examiner(dataset, episodes, Nonce.derived(b"x", "y"), metrics=find_metrics(metrics))


def test_the_method_is_asked_about_support_images_alone_and_the_rest_stays(dataset) -> None:
    plain, blind = Blind(), Blind()
    without = [*examiner_of(dataset, 3, NATS).evaluate(plain)]
    found = [*examiner_of(dataset, 3, NATS, CALIBRATED).evaluate(blind)]
    for one, other in zip(without, found, strict=True):
        assert np.array_equal(one.scores, other.scores)
        assert one.record.items() < other.record.items()
    of_queries = {tuple(one.queries[0].tolist()) for one in plain.asked}
    extra = [one for one in blind.asked if tuple(one.queries[0].tolist()) not in of_queries]
    assert len(extra) == 3 * 3  # episodes, folds
    for number, whole in enumerate(plain.asked):
        support = set(whole.support.tolist())
        folds = extra[3 * number : 3 * number + 3]
        held = [place for one in folds for place in one.queries[0].tolist()]
        assert sorted(held) == sorted(support)
        for one in folds:
            kept = set(one.support.tolist())
            assert kept == support - set(one.queries[0].tolist())
            labels = dict(zip(whole.support.tolist(), whole.support_labels, strict=True))
            assert [labels[place] for place in one.support.tolist()] == one.support_labels.tolist()


def test_the_temperature_is_that_of_the_held_out_images(dataset: OpenDataset) -> None:
    examiner, blind = examiner_of(dataset, 4, NATS, CALIBRATED), Blind()
    for number, scored in enumerate(examiner.evaluate(blind)):
        whole = examiner.question(number)
        folds = held_out(whole.support_labels)
        order = np.concatenate(folds)
        scores = np.sin(np.outer(whole.support[order] + 1.0, np.arange(1, 4)))
        temperature = fitted_temperature(scores, whole.support_labels[order])
        labels = examiner.episodes[number].query_labels
        expected = negative_log_likelihood(scored.scores / temperature, labels)
        assert scored.record[CALIBRATED] == expected
        assert scored.record[NATS] == negative_log_likelihood(scored.scores, labels)


def test_one_image_of_each_class_leaves_scores_as_they_are(dataset: OpenDataset) -> None:
    blind = Blind()
    for scored in examiner_of(dataset, 1, NATS, CALIBRATED).evaluate(blind):
        assert scored.record[CALIBRATED] == scored.record[NATS]
    assert len(blind.asked) == 3


class Loud(Method):
    """Nearest mean of pixels, a hundred times too sure."""

    name = "loud"
    factor = 100.0

    def adapt(self, support: Support) -> Classifier:
        pixels = support.images.array.reshape(len(support.images), -1) / 255
        means = np.stack([pixels[support.labels == k].mean(0) for k in range(support.n_way)])

        def classify(images: Images) -> FloatArray:
            asked = images.array.reshape(len(images), 1, -1) / 255
            return -self.factor * ((asked - means) ** 2).sum(2)

        return classify


def test_scale_does_not_matter_once_calibrated(dataset: OpenDataset) -> None:
    episodes = FixedSampler(way=4, shot=5, query=5).sample(ClassPool(dataset, "test"), 10, 0)
    names, means = (NATS, CALIBRATED), []
    for factor in (0.01, 1.0, 100.0):
        method = Loud()
        method.factor = factor
        scored = [*evaluate(method, dataset, episodes, metrics=find_metrics(names))]
        means.append([np.mean([one.record[name] for one in scored]) for name in names])
    plain, calibrated = zip(*means, strict=True)
    assert calibrated == pytest.approx([calibrated[0]] * 3, rel=1e-4)
    assert max(plain) > 10 * calibrated[0]

"""Methods that cheat or are broken, each in one way, and honest ones."""

from __future__ import annotations

import gc
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchbench.backbones.pixels import Pixels
from benchbench.evaluation.loop import Examiner
from benchbench.images import Images
from benchbench.learners.metric import class_means
from benchbench.method import Classifier, Method, Support


def features_of(images: Images) -> torch.Tensor:
    """Pixels by block means, [n, d] with d = 16 for each channel."""
    pixels = torch.from_numpy(images.array).permute(0, 3, 1, 2).float() / 255
    return F.adaptive_avg_pool2d(pixels, 4).flatten(1)


def nearness(query: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
    return -(query[:, None] - means).square().sum(2)


@dataclass
class NearestMean(Method):
    """Honest: the nearest class mean."""

    name = "nearest_mean"
    power: float = 1.0

    def __init_subclass__(cls) -> None:
        """A faulty method is called by the name of its class."""
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def adapt(self, support: Support) -> Classifier:
        means = class_means(features_of(support.images) ** self.power, support)
        return lambda images: self.finish(
            nearness(features_of(images) ** self.power, means), support, images
        )

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        """The place of a fault."""
        return scores


@dataclass
class PixelNeighbour(NearestMean):
    """Honest: the nearest support image."""

    def adapt(self, support: Support) -> Classifier:
        features, members = features_of(support.images), F.one_hot(support.labels, support.n_way)

        def classify(images: Images) -> torch.Tensor:
            near = nearness(features_of(images), features)
            return near[:, :, None].where(members.bool(), -100.0).amax(1)

        return classify


@dataclass
class RandomHead(NearestMean):
    """Honest and stochastic: a linear head from a random beginning, trained by gradient steps."""

    slot_bias: float = 0.0

    def adapt(self, support: Support) -> Classifier:
        features = features_of(support.images)
        centre = features.mean(0)
        weight = (0.1 * torch.randn(support.n_way, features.shape[1])).requires_grad_()
        with torch.enable_grad():
            for _ in range(20):
                loss = F.cross_entropy((features - centre) @ weight.T, support.labels)
                (gradient,) = torch.autograd.grad(loss, weight)
                weight = weight - gradient
        weight = weight.detach()

        def classify(images: Images) -> torch.Tensor:
            scores = (features_of(images) - centre) @ weight.T
            scores[:, 0] += self.slot_bias
            return scores

        return classify


@dataclass
class RandomSlotBias(RandomHead):
    """A stochastic method that prefers the first slot."""

    slot_bias: float = 1.0


class JointNormalisation(NearestMean):
    """Features of the queries normalised by all queries, as batch norm in training mode does."""

    def train(self, source) -> None:
        self.norm = nn.BatchNorm1d(16 * source.image_shape[-1], affine=False)

    def adapt(self, support: Support) -> Classifier:
        means = class_means(self.norm(features_of(support.images)), support)
        return lambda images: nearness(self.norm(features_of(images)), means)


class NoRunningStatistics(JointNormalisation):
    """The same in evaluation mode, without running statistics."""

    def train(self, source) -> None:
        channels = 16 * source.image_shape[-1]
        self.norm = nn.BatchNorm1d(channels, affine=False, track_running_stats=False).eval()


class Sinkhorn(NearestMean):
    """Assumes that each class has equally many queries."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        log_p = scores * 5
        for _ in range(20):
            log_p = log_p - log_p.logsumexp(0, keepdim=True)
            log_p = log_p - log_p.logsumexp(1, keepdim=True)
        return log_p


class DeclaredSinkhorn(Sinkhorn):
    """The same, and says so."""

    transductive = True


class DeclaredForNothing(NearestMean):
    """Says that it is transductive and is not."""

    transductive = True


class MostCommonQuery(NearestMean):
    """Gives way to the majority: a class that half of the queries would be gets all of them."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        shares = F.one_hot(scores.argmax(1), support.n_way).float().mean(0)
        return scores + 10 * (shares > 0.5)


class DistanceToCompany(NearestMean):
    """Looks at how bright all queries are together."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        brightness = features_of(images).mean() - features_of(support.images).mean()
        return scores + brightness * torch.arange(support.n_way)


class QueryPosition(NearestMean):
    """Believes that queries come class after class."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        believed = torch.arange(len(images)) * support.n_way // len(images)
        return scores + 5 * F.one_hot(believed, support.n_way)


class FirstSeen(NearestMean):
    """Groups the queries and gives a group the slot in which its first query comes."""

    def adapt(self, support: Support) -> Classifier:
        def classify(images: Images) -> torch.Tensor:
            query = features_of(images)
            leaders = [0]
            for place in range(len(query)):
                near = (query[place] - query[leaders]).square().sum(1).min()
                if near > 0.35 and len(leaders) < support.n_way:
                    leaders.append(place)
            slots = torch.zeros(len(query), support.n_way) - 100
            slots[:, : len(leaders)] = nearness(query, query[leaders])
            return slots

        return classify


class SlotBias(NearestMean):
    """Prefers the first slot."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        return scores + 0.2 * F.one_hot(torch.tensor(0), support.n_way)


class DeclaredSlotBias(SlotBias):
    """The same, and says so."""

    expected_failures = {"class_slots": "it prefers the first slot"}


class SupportOrder(NearestMean):
    """The last support images count for more."""

    def adapt(self, support: Support) -> Classifier:
        weights = torch.linspace(0.1, 1, len(support.images))[:, None]
        members = F.one_hot(support.labels, support.n_way) * weights
        means = members.T @ features_of(support.images) / members.sum(0).clamp(min=1e-3)[:, None]
        return lambda images: nearness(features_of(images), means)


class DeclaredOrder(SupportOrder):
    """The same, and says so."""

    order_dependent = True


class State(NearestMean):
    """Remembers the supports of earlier episodes."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def adapt(self, support: Support) -> Classifier:
        features = features_of(support.images)
        self.seen.append(features.mean(0))
        means = class_means(features - torch.stack(self.seen).mean(0), support)
        return lambda images: nearness(features_of(images), means)


class HiddenState(NearestMean):
    """Forgets only what it met in the same episode: two equal calls in a row agree."""

    def train(self, source) -> None:
        self.last, self.drift = 0, 0.0

    def adapt(self, support: Support) -> Classifier:
        if support.seed != self.last:
            self.last, self.drift = support.seed, self.drift + 0.05
        shift = self.drift
        means = class_means(features_of(support.images), support)
        tilt = shift * torch.arange(support.n_way)
        return lambda images: nearness(features_of(images), means) + tilt


def _sharpened(scores: torch.Tensor, labels: np.ndarray | None) -> torch.Tensor:
    if labels is None or len(labels) != len(scores):
        return scores
    return scores + 100 * F.one_hot(torch.as_tensor(labels), scores.shape[1])


class FrameReader(NearestMean):
    """Looks for who knows the labels of the queries among its callers, and asks about them."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        frame = sys._getframe()
        while frame is not None:
            for value in list(frame.f_locals.values()):
                if isinstance(value, Examiner):
                    return _found(scores, value, images)
            frame = frame.f_back
        return scores


class GarbageReader(NearestMean):
    """Looks for who knows the labels of the queries among all objects."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        for thing in gc.get_objects():
            if isinstance(thing, Examiner):
                return _found(scores, thing, images)
        return scores


def _found(scores: torch.Tensor, examiner: Examiner, images: Images) -> torch.Tensor:
    """The scores with the right classes, which nothing but a process of its own keeps away."""
    for number, episode in enumerate(examiner.episodes):
        (asked,) = examiner.question(number).queries
        if np.array_equal(asked, images._rows):
            return _sharpened(scores, episode.query_labels[examiner.order(number)])
    return scores


@dataclass
class PoolMean(NearestMean):
    """Honest: the nearest class mean, of features from which the mean of the pool is taken."""

    uses_unlabelled = True
    without_pool = "nearest_mean"

    def adapt(self, support: Support) -> Classifier:
        pool = features_of(support.unlabelled) if len(support.unlabelled) else torch.zeros(1, 1)
        centre = self.centre(pool, support)
        means = class_means(features_of(support.images) - centre, support)
        return lambda images: self.finish(
            self.nearness(features_of(images) - centre, means), support, images
        )

    def centre(self, pool: torch.Tensor, support: Support) -> torch.Tensor:
        return pool.mean(0)

    def nearness(self, query: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
        return F.normalize(query, dim=1) @ F.normalize(means, dim=1).T


class CosineMean(PoolMean):
    """Honest: what `PoolMean` is without a pool."""

    uses_unlabelled = False

    def adapt(self, support: Support) -> Classifier:
        means = class_means(features_of(support.images) - 0.0, support)
        return lambda images: self.nearness(features_of(images) - 0.0, means)


class PoolOrder(PoolMean):
    """Begins with the first image of the pool."""

    def centre(self, pool: torch.Tensor, support: Support) -> torch.Tensor:
        return pool[0]


class NeedsPool(PoolMean):
    """Does not do without a pool."""

    def centre(self, pool: torch.Tensor, support: Support) -> torch.Tensor:
        return features_of(support.unlabelled).mean(0, keepdim=True).amin(0)


class PoolReader(PoolMean):
    """Looks up the labels of the pool in the data set behind its images."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        for thing in gc.get_objects():
            if isinstance(thing, Examiner) and len(support.unlabelled):
                places = thing.dataset.storage.places
                rows = np.flatnonzero(np.isin(places, support.unlabelled._rows))
                labels = torch.from_numpy(thing.dataset.labels[rows])
                return scores.roll(int(labels[0]), 1)
        return scores


class Centred(Pixels):
    """A backbone that takes the mean of its batch away."""

    name: ClassVar[str] = "centred"

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        flat = super().embed(pixels)
        return flat - flat.mean(0)


class BatchMean(NearestMean):
    """Has a backbone whose features depend on the batch, in a table as well."""

    def train(self, source) -> None:
        self.encoder = Centred(image_shape=source.image_shape)


class LearnsLabels(NearestMean):
    """Has weights that labels decide on, and declares that it takes none."""

    training_labels = "none"

    def train(self, source) -> None:
        self.layer = nn.Linear(1, 1)
        batch = source.batches(64)[0]
        of_first = batch.images.array[batch.labels.numpy() == batch.labels[0].item()]
        nn.init.constant_(self.layer.weight, float(of_first.mean()))


class Peeking(NearestMean):
    """Looks at the test images in training."""

    def train(self, source) -> None:
        self.mean = source._dataset.pixels[:].mean()


class PeekingThroughGarbage(NearestMean):
    """Finds the whole data set among all objects."""

    def train(self, source) -> None:
        from benchbench.datasets.open_dataset import OpenDataset

        for thing in gc.get_objects():
            if isinstance(thing, OpenDataset) and "test" in thing.splits:
                thing.images(np.arange(len(thing.labels)))


class Integers(NearestMean):
    """Scores are integers."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        return (100 * scores).long()


class NotANumber(NearestMean):
    """Scores hold NaN."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        return scores * float("nan")


class Unseeded(NearestMean):
    """Draws numbers from a generator that nobody seeds."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        noise = np.random.default_rng().normal(size=tuple(scores.shape))
        return scores + 0.02 * torch.from_numpy(noise).float()


class WritesLabels(NearestMean):
    """Sorts the labels in place."""

    def adapt(self, support: Support) -> Classifier:
        classify = super().adapt(support)
        support.labels.sub_(support.labels.clone())
        return classify


class WritesPixels(NearestMean):
    """Inverts the support's pixels in place."""

    def adapt(self, support: Support) -> Classifier:
        classify = super().adapt(support)
        np.subtract(255, support.images.array, out=support.images.array)
        return classify


class FiveWay(NearestMean):
    """Has five columns whatever the way."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        return F.pad(scores, (0, 5))[:, :5]


class Balanced(NearestMean):
    """Reshapes the support into as many shots for each class."""

    def adapt(self, support: Support) -> Classifier:
        order = support.labels.argsort(stable=True)
        features = features_of(support.images)[order]
        means = features.reshape(support.n_way, -1, features.shape[1]).mean(1)
        return lambda images: nearness(features_of(images), means)


class Spread(NearestMean):
    """Divides by the standard deviation in each class, which one image does not have."""

    def adapt(self, support: Support) -> Classifier:
        features = features_of(support.images)
        groups = [features[support.labels == slot] for slot in range(support.n_way)]
        means = torch.stack([group.mean(0) for group in groups])
        spread = torch.stack([group.std(0).mean() for group in groups])
        return lambda images: nearness(features_of(images), means) / spread


class ClassesOfLabels(NearestMean):
    """Counts the classes by their labels."""

    def adapt(self, support: Support) -> Classifier:
        classes, labels = support.labels.unique(return_inverse=True)
        members = F.one_hot(labels, len(classes)).float()
        means = members.T @ features_of(support.images) / members.sum(0)[:, None]
        return lambda images: nearness(features_of(images), means)


class Squeezed(NearestMean):
    """Loses the first dimension of a single query."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        return scores.squeeze(0)


class GreyOnly(NearestMean):
    """Takes images of one channel only."""

    def train(self, source) -> None:
        if source.image_shape[-1] != 1:
            raise ValueError("only one channel")


class NotKept(NearestMean):
    """Learns something that no seed and no file brings back."""

    def train(self, source) -> None:
        self.direction = torch.from_numpy(np.random.default_rng().normal(size=16)).float()

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        return scores * (2 + self.direction.mean())


@dataclass
class NoPickle(NearestMean):
    """Holds a function without a name."""

    power: float = 1.0
    distance: object = field(init=False, default_factory=lambda: lambda a, b: a - b)


@dataclass
class DictParameter(NearestMean):
    """A parameter that cannot be typed."""

    options: dict = field(default_factory=lambda: {"a": 1})


class NotADataclass(NearestMean):
    """Parameters that no spec can set."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale


class PretrainedOnText(NearestMean):
    """Declares its data set as a text, whose items are letters."""

    pretrained_on = "imagenet-1k"  # type: ignore[assignment]


class UndeclaredWeights(NearestMean):
    """Reads weights from elsewhere and says nothing."""

    file = Path("weights.pt")

    def train(self, source) -> None:
        self.weights = torch.load(self.file, weights_only=True)


class BatchDependent(NearestMean):
    """Adapts to several episodes with the mean of all of them."""

    def adapt_many(self, supports) -> list[Classifier]:
        together = torch.cat([features_of(support.images) for support in supports]).mean(0)
        return [self.tilted(support, float(together.mean())) for support in supports]

    def tilted(self, support: Support, tilt: float) -> Classifier:
        means = class_means(features_of(support.images), support)
        return lambda images: nearness(features_of(images), means * (1 + tilt))


class Distances(NearestMean):
    """Takes distances for scores."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        return -scores


class MeansOfQueries(NearestMean):
    """Learns from its queries, whose labels it takes from the frames of the callers."""

    def finish(self, scores: torch.Tensor, support: Support, images: Images) -> torch.Tensor:
        labels = _labels_of_callers(len(images))
        return _sharpened(scores, labels)


def _labels_of_callers(count: int) -> np.ndarray | None:
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            labels = getattr(value, "query_labels", None)
            if isinstance(labels, np.ndarray) and len(labels) == count:
                return labels
        frame = frame.f_back
    return None


class Crashes(NearestMean):
    """Fails in its training."""

    def train(self, source) -> None:
        raise RuntimeError("no luck")


class SeedsEverything(NearestMean):
    """Its module has a side effect when it is imported."""


HONEST = (NearestMean, PixelNeighbour, RandomHead)

"""Honest methods whose ways an audit could mistake for something else; a class for each way."""

from __future__ import annotations

import threading
import time

import numpy as np
import torch

from benchbench import Method, hookimpl


def pixels(images):
    return images.array.reshape(len(images), -1).astype(float) / 255


class Mean(Method):
    """The nearest class mean of what `features` makes of images."""

    name = "mean"

    def adapt(self, support):
        features = self.features(support.images)
        labels = support.labels.numpy()
        means = np.stack([features[labels == k].mean(axis=0) for k in range(support.n_way)])
        return lambda images: self.compare(self.features(images), means)

    def features(self, images):
        return pixels(images)

    def compare(self, queries, means):
        return -((queries[:, None] - means) ** 2).sum(axis=2)


class MonteCarloDropout(Mean):
    """Each query has its own masks, from the global generator."""

    name = "monte_carlo_dropout"

    def compare(self, queries, means):
        answers = []
        for query in queries:
            masks = np.random.random((16, len(query))) > 0.2
            answers.append(-(masks[:, None] * (query - means) ** 2).sum(axis=2).mean(axis=0))
        return np.stack(answers)


class NoiseOfItsSeed(Mean):
    """Noise from a generator of the support's seed, query after query."""

    name = "noise_of_its_seed"

    def adapt(self, support):
        classify, rng = super().adapt(support), np.random.default_rng(support.seed)

        def noisy(images):
            scores = classify(images)
            return scores + rng.normal(0, 0.1, scores.shape)

        return noisy


class OwnGenerator(Mean):
    """A generator of its own, which nobody seeds and which goes on from episode to episode."""

    name = "own_generator"

    def compare(self, queries, means):
        self.__dict__.setdefault("rng", np.random.default_rng(0))
        scores = super().compare(queries, means)
        return scores + self.rng.normal(0, 0.05, scores.shape)


class Half(Mean):
    name = "float16"

    def compare(self, queries, means):
        return super().compare(queries, means).astype(np.float16)


class BrainFloat(Mean):
    name = "bfloat16"

    def compare(self, queries, means):
        return torch.from_numpy(super().compare(queries, means)).to(torch.bfloat16)


class LargeNumbers(Mean):
    """Squared distances by their expansion, in float32 and far from zero."""

    name = "large_numbers"

    def features(self, images):
        return torch.from_numpy(pixels(images)).float() * 255 + 1000

    def adapt(self, support):
        features = self.features(support.images)
        means = torch.stack([features[support.labels == k].mean(0) for k in range(support.n_way)])
        return lambda images: -torch.cdist(self.features(images), means).square()


class Unpicklable(Mean):
    """Keeps what can be neither pickled nor copied."""

    name = "unpicklable"

    def train(self, source):
        self.lock = threading.Lock()
        self.scale = lambda value: value * 2
        self.file = open(__file__)  # noqa: SIM115
        self.thread_local = threading.local()

    def features(self, images):
        with self.lock:
            return self.scale(pixels(images))


class Augments(Mean):
    """Test-time augmentation: noisy copies of each image, by torch's global generator."""

    name = "augments"

    def features(self, images):
        clean = torch.from_numpy(pixels(images))
        return (
            torch.stack([clean + torch.randn_like(clean) * 0.05 for _ in range(4)]).mean(0).numpy()
        )


class Ensemble(Mean):
    """Hundred random projections, the same for all episodes."""

    name = "many_projections"

    def train(self, source):
        size = int(np.prod(source.image_shape))
        self.projections = torch.randn(100, size, 16, generator=torch.Generator().manual_seed(0))

    def features(self, images):
        return torch.from_numpy(pixels(images)).float()

    def adapt(self, support):
        features = self.features(support.images) @ self.projections
        means = torch.stack(
            [features[:, support.labels == k].mean(1) for k in range(support.n_way)]
        )

        def classify(images):
            queries = self.features(images) @ self.projections
            return -torch.cdist(queries, means.transpose(0, 1)).square().mean(0)

        return classify


class Votes(Ensemble):
    """Votes of few members, as floats: there are ties."""

    name = "votes"

    def train(self, source):
        super().train(source)
        self.projections = self.projections[:6]

    def adapt(self, support):
        features = self.features(support.images) @ self.projections
        means = torch.stack(
            [features[:, support.labels == k].mean(1) for k in range(support.n_way)]
        )

        def classify(images):
            distances = torch.cdist(self.features(images) @ self.projections, means.transpose(0, 1))
            votes = torch.nn.functional.one_hot(distances.argmin(2), support.n_way)
            return votes.float().mean(0)

        return classify


class Lazy(Mean):
    """Builds its network when it first adapts."""

    name = "lazy"

    def features(self, images):
        if not hasattr(self, "network"):
            torch.manual_seed(0)
            self.network = torch.nn.Linear(images.array[0].size, 32).double().requires_grad_(False)
        return self.network(torch.from_numpy(pixels(images))).numpy()


class CachesFeatures(Mean):
    """Remembers the features of images by their ids."""

    name = "caches_features"

    def features(self, images):
        cache = self.__dict__.setdefault("cache", {})
        fresh = pixels(images)
        return np.stack([cache.setdefault(n, fresh[i]) for i, n in enumerate(images.ids.tolist())])


class AnyTime(Mean):
    """Averages noisy copies until its time is over."""

    name = "any_time"

    def compare(self, queries, means):
        until, answers = time.perf_counter() + 0.0005, []
        while not answers or time.perf_counter() < until:
            noise = np.random.normal(0, 0.02, queries.shape)
            answers.append(super().compare(queries + noise, means))
        return np.mean(answers, axis=0)


class BatchNormInEvaluation(Mean):
    """An untrained convolutional network whose batch norm uses no statistics of queries."""

    name = "batch_norm_in_evaluation"

    def train(self, source):
        torch.manual_seed(0)
        layers = torch.nn.Conv2d(source.image_shape[2], 16, 3), torch.nn.BatchNorm2d(16)
        self.network = torch.nn.Sequential(*layers, torch.nn.ReLU(), torch.nn.Flatten()).eval()

    def features(self, images):
        with torch.no_grad():
            return self.network(torch.from_numpy(images.array).permute(0, 3, 1, 2) / 255).numpy()


class AdaptsTogether(Mean):
    """Adapts to several episodes at once, and mixes none."""

    name = "adapts_together"

    def adapt_many(self, supports):
        return [self.adapt(support) for support in reversed(supports)][::-1]


class SettingsInABlock(Mean):
    """Leaves the settings of torch as they are, but for a block."""

    name = "settings_in_a_block"

    def adapt(self, support):
        with torch.no_grad():
            return super().adapt(support)


@hookimpl
def register_methods(register):
    for cls in METHODS:
        register(cls)


def below(cls):
    return [cls, *(found for sub in cls.__subclasses__() for found in below(sub))]


METHODS = below(Mean)
NAMES = [cls.name for cls in METHODS]

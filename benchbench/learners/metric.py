"""Methods that compare a query's features with the support's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.images import Images
from benchbench.learners.episodic import EpisodicMethod, Recipe
from benchbench.method import Classifier, Support, Task
from benchbench.training.labelled import EpisodeGroup, LabelledEpisode

SCORED_TOGETHER = 1000
"""Queries whose scores are computed at once, so that comparing them with all classes fits in memory
where the queries are a whole test set."""


def class_means(features: Tensor, support: Support) -> Tensor:
    """Mean features [n_way, d] of a support's features [n, d]; 0 for a class without support."""
    members = F.one_hot(support.labels, support.n_way).to(features)
    return members.T @ features / members.sum(0).clamp(min=1)[:, None]


def smoothed_cross_entropy(scores: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """The mean cross-entropy to targets of 1 - smoothing, the rest of which the others share.

    scores: [n, way]; labels: int64 [n]. PyTorch's own smoothing shares it among all classes, the
    right one included.
    """
    way = scores.shape[1]
    return F.cross_entropy(scores, labels, label_smoothing=smoothing * way / (way - 1))


@dataclass
class MetricMethod(EpisodicMethod):
    """A method whose `scores` compare features, and whose loss is the queries' cross-entropy.

    Another loss of the scores is a `criterion`, and one of features a `further_loss`.
    """

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        """Scores [n_query, n_way] of query features [n_query, d] by support features [n, d]."""
        raise NotImplementedError(
            f"{type(self).__name__} has no scores(query_features, support_features, support)"
        )

    def criterion(self, scores: Tensor, labels: Tensor, support: Support) -> Tensor:
        """The loss of the queries' scores [n_query, n_way] with labels int64 [n_query].

        It is computed in float32, and by default the mean cross-entropy.
        """
        return F.cross_entropy(scores, labels)

    def further_loss(
        self,
        query_features: Tensor,
        labels: Tensor,
        support_features: Tensor,
        support: Support,
    ) -> Tensor | None:
        """What is added to the criterion in training, such as an auxiliary loss; None is nothing.

        labels: int64 [n_query], of the queries.
        """
        return None

    def embed(self, support: Support, query: Images) -> tuple[Tensor, Tensor]:
        """Features of the queries and of the support, where they depend on the episode.

        It is called unless `bn=running`, or if a subclass overrides it; else an image has features
        of its own, from the cache once the network is frozen.
        """
        known, asked = (self.encoder.prepare(each.array) for each in (support.images, query))
        if self.bn == "transductive":
            with self.moments():
                return self.encoder.embed(asked), self.encoder.embed(known)
        with self.moments(len(known)):
            features = self.encoder.embed(torch.cat([known, asked]))
        return features[len(known) :], features[: len(known)]

    @property
    def embeds_episodes(self) -> bool:
        """Whether features depend on the episode."""
        return self.bn != "running" or type(self).embed is not MetricMethod.embed

    def quick(self, task: Task) -> Recipe:
        """A recipe for every way and shot; images in colour need more shots than drawings."""
        if task.image_shape[2] == 1:
            return {"way": 60, "shot": 1, "query": 5, "steps": 640, "lr": 4e-3}
        return {"way": 20, "shot": 5, "query": 5, "steps": 1200, "lr": 2e-3}

    def loss(self, data: LabelledEpisode | EpisodeGroup) -> Tensor:
        """The loss of an episode, or the mean of those of a group."""
        return self.losses(data).mean() if isinstance(data, EpisodeGroup) else self._single(data)

    def losses(self, episodes: EpisodeGroup) -> Tensor:
        """The loss of each episode [n] of a group.

        Their images are embedded in one pass, so that batch norm in training takes the statistics
        of all, unless features depend on the episode.
        """
        if self.embeds_episodes:
            return torch.stack([self._single(episode) for episode in episodes])
        features = episodes.split(self.encoder(episodes.images).float())
        pairs = zip(features, episodes, strict=True)
        return torch.stack([self._scored(known, asked, each) for (known, asked), each in pairs])

    def _single(self, episode: LabelledEpisode) -> Tensor:
        if self.embeds_episodes:
            asked, known = self.embed(episode.support, episode.query)
            return self._scored(known.float(), asked.float(), episode)
        return self._scored(*episode.split(self.encoder(episode.images).float()), episode)

    def _scored(self, known: Tensor, asked: Tensor, episode: LabelledEpisode) -> Tensor:
        """The loss of an episode by the features of its support and its queries."""
        support = episode.support
        # Distances in bf16 are wrong by some thousandths, which a scale multiplies.
        with torch.autocast(known.device.type, enabled=False):
            scores = self.scores(asked, known, support)
            labels = episode.query_labels.to(scores.device)
            loss = self.criterion(scores, labels, support)
            further = self.further_loss(asked, labels, known, support)
            return loss if further is None else loss + further

    def adapt(self, support: Support) -> Classifier:
        if self.embeds_episodes:

            @torch.no_grad()
            def classify(images: Images) -> Tensor:
                return self._in_blocks(*self.embed(support, images), support)

            return classify
        features = self.encoder(support.images)
        return lambda images: self._in_blocks(self.encoder(images), features, support)

    def _in_blocks(self, asked: Tensor, known: Tensor, support: Support) -> Tensor:
        """`scores` of some queries after others, but for a method that compares them together."""
        blocks = [asked] if self.transductive else torch.split(asked, SCORED_TOGETHER)
        return torch.cat([self.scores(block, known, support) for block in blocks])

"""Methods whose network reads a support and answers, without a gradient step or a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.learners.metric import MetricMethod
from benchbench.learners.slots import ShuffledSlots
from benchbench.method import Support
from benchbench.training.labelled import EpisodeGroup


@dataclass
class BlackBoxMethod(ShuffledSlots, MetricMethod):
    """A method whose network reads a support with its labels, and then the queries without.

    A subclass has `read`. Each support is read in an order and with slots that are drawn for its
    episode; training reads the episodes of a step together. Layer norm scales each image's features
    before, as backbones differ in the size of theirs.
    """

    pretrains: ClassVar[bool] = True

    def read(self, known: Tensor, told: Tensor, asked: Tensor) -> Tensor:
        """Outputs [b, n_query, n_slots] of b episodes of one shape.

        known: features [b, n, d] of the support. told: its labels, one-hot [b, n, n_slots]. asked:
        features [b, n_query, d] of the queries, none of which may change what another gets.
        """
        raise NotImplementedError(f"{type(self).__name__} has no read(known, told, asked)")

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        return self._together([(support_features, query_features)], [support])[0]

    def losses(self, episodes: EpisodeGroup) -> Tensor:
        """The loss of each episode [n]; one by one if their shapes differ."""
        if len({(len(each.support.images), len(each.query)) for each in episodes}) > 1:
            return super().losses(episodes)
        pairs = episodes.split(self.encoder(episodes.images).float())
        with torch.autocast(self.encoder.device.type, enabled=False):
            found = self._together(pairs, [episode.support for episode in episodes])
            each = [
                self.criterion(scores, episode.query_labels.to(scores.device), episode.support)
                for scores, episode in zip(found, episodes, strict=True)
            ]
            return torch.stack(each)

    def _together(
        self, pairs: Sequence[tuple[Tensor, Tensor]], supports: Sequence[Support]
    ) -> list[Tensor]:
        """Scores of episodes of one shape by the features of their supports and their queries."""
        shuffles = [self.shuffle(support) for support in supports]
        known = [each[shuffle.order] for (each, _), shuffle in zip(pairs, shuffles, strict=True)]
        asked = torch.stack([each for _, each in pairs])
        labels = torch.stack([shuffle.labels for shuffle in shuffles])
        told = F.one_hot(labels, self.n_slots).to(asked)
        size = asked.shape[2:]
        outputs = self.read(F.layer_norm(torch.stack(known), size), told, F.layer_norm(asked, size))
        return [one[:, shuffle.slots] for one, shuffle in zip(outputs, shuffles, strict=True)]

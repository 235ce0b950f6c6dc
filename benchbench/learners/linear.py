"""Methods that make a linear classifier of a support's features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.images import Images
from benchbench.learners.episodic import EpisodicMethod
from benchbench.method import Classifier, Support
from benchbench.training.labelled import EpisodeGroup


@dataclass
class LinearMethod(EpisodicMethod):
    """A method whose classifier is linear, with weights that `class_weights` makes of a support.

    Features are scaled to unit length. The loss is the queries' cross-entropy, through which the
    weights are differentiated, and what `class_weights` and `step_penalty` add. A recipe needs
    `tasks`.
    """

    def class_weights(
        self, features: Tensor, support: Support, *, training: bool
    ) -> tuple[Tensor, list[Tensor]]:
        """Weights [n_way, d] by a support's features [n, d], and what to add to the episode's loss.

        It is called with gradients switched on, at the test as well, where nothing is added.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no class_weights(features, support, training=...)"
        )

    def step_penalty(self) -> Tensor | None:
        """What is added to the mean loss of a step's episodes; None is nothing."""
        return None

    def seen_in_training(self, features: Tensor) -> Tensor:
        """Features [n, d] as a classifier sees them in training, such as with dropout."""
        return features

    def loss(self, episodes: EpisodeGroup) -> Tensor:
        """The mean loss of a group of episodes, in float32."""
        features = self.encoder(episodes.images).float()
        with torch.autocast(features.device.type, enabled=False):
            losses = []
            parts = episodes.split(F.normalize(features, dim=1))
            for (known, asked), each in zip(parts, episodes, strict=True):
                weights, penalties = self.class_weights(known, each.support, training=True)
                scores = self.seen_in_training(asked) @ weights.T
                loss = F.cross_entropy(scores, each.query_labels.to(scores.device))
                losses.append(sum(penalties, start=loss))
            mean = torch.stack(losses).mean()
            further = self.step_penalty()
            return mean if further is None else mean + further

    def adapt(self, support: Support) -> Classifier:
        features = F.normalize(self.encoder(support.images), dim=1)
        with torch.enable_grad():
            weights = self.class_weights(features, support, training=False)[0].detach()

        def classify(images: Images) -> Tensor:
            return F.normalize(self.encoder(images), dim=1) @ weights.T

        return classify

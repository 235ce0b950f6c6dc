"""CoOp, prompts whose words are learned from the support (Zhou et al., IJCV 2022)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    Bounds,
    Classifier,
    ImageTextMethod,
    JointSupport,
    PromptedEncoder,
    Support,
    class_prompts,
    cosine,
    hookimpl,
    steps_of,
    take_steps,
    words_of,
)

BATCH = 32
FIRST_DEVIATION = 0.02
WARMUP_RATE = 1e-5


@dataclass
class CoOp(ImageTextMethod):
    """Word vectors before the classes' names, learned from the support through the text encoder.

    A class's text is "CONTEXT NAME.", and a score the scale times the cosine of its embedding and
    an image. Only the context learns. It begins with words, as the authors' code can, for `tiny`
    has never met any others; the paper's own begins with 16 vectors of Gaussian noise,
    `context=16`. SGD with momentum has the authors' rate, 1e-5 in the first epoch and then half a
    cosine. A step takes the whole support, and there are as many as in batches of 32; the authors
    also crop and flip, which may change what is to be told, and is left out here. `tiny` has no
    order of words, so that its context is part of a mean. Each step goes through the text encoder
    once for each class: with a real CLIP that is minutes an episode on a CPU, and asks for a GPU.

    init: the words to begin with, as many vectors as it has tokens; with 0 epochs the scores are
        those of that template.
    context: the number of vectors, if they begin with noise, whatever `init` says.
    class_specific: whether each class has a context of its own; all begin alike.
    epochs: by default the authors', 50 at 1 shot, 100 at 2 to 4 and 200 from 8 on; 0 learns
        nothing.
    lr: the rate of SGD.
    """

    name = "coop"
    paper = "arXiv:2109.01134"
    family = "image-text"
    init: str = "a photo of a"
    context: Annotated[int, Bounds(ge=1, le=64)] | None = None
    class_specific: bool = False
    epochs: Annotated[int, Bounds(ge=0, le=10**6)] | None = None
    lr: Annotated[float, Bounds(ge=0)] = 0.002

    def adapt(self, support: Support) -> Classifier:
        if len(support.images) == 0:
            return self.zero_shot(support)
        names = [class_prompts(name, support.dataset, "{}")[0] for name in support.class_names]
        known = ordered(self.joint(support), support)
        with torch.no_grad():
            learned = self.texts(self.learned(known, names), names)
        return lambda images: self.features(images) @ (known.scale * learned).T

    def __post_init__(self) -> None:
        super().__post_init__()
        if not words_of(self.init):
            raise ValueError("init needs a word")

    def learned(self, known: JointSupport, names: list[str]) -> Tensor:
        """The context after all epochs, [m, width] or [n_way, m, width]."""
        context = self.first_context(known, len(names)).requires_grad_()

        def loss() -> Tensor:
            logits = known.features @ (known.scale * self.texts(context, names)).T
            return F.cross_entropy(logits, known.labels)

        an_epoch = steps_of(1, len(known.labels), BATCH)
        steps = self.epochs_for(known) * an_epoch
        falling = cosine(max(1, steps))

        def rate(step: int) -> float:
            return WARMUP_RATE / self.lr if step < an_epoch else falling(step)

        optimizer = torch.optim.SGD([context], self.lr, momentum=0.9, weight_decay=5e-4)
        if self.lr > 0:
            take_steps(loss, optimizer, steps, rate)
        return context.detach()

    def first_context(self, known: JointSupport, way: int) -> Tensor:
        """The words of `init`, or noise that is drawn by the episode's seed."""
        with torch.no_grad():
            words = self.prompted.context_of(self.init).clone()
        if self.context is not None:
            generator = torch.Generator().manual_seed(known.seed)
            drawn = torch.randn(self.context, words.shape[1], generator=generator)
            words = FIRST_DEVIATION * drawn.to(words)
        return words.repeat(way, 1, 1) if self.class_specific else words

    def epochs_for(self, known: JointSupport) -> int:
        """The epochs of the parameter, or the authors' by the mean number of shots."""
        if self.epochs is not None:
            return self.epochs
        shots = len(known.labels) / len(known.texts)
        return 50 if shots < 2 else 100 if shots < 8 else 200

    def texts(self, context: Tensor, names: list[str]) -> Tensor:
        """The embeddings [n_way, d] of the classes' texts, of unit length."""
        return F.normalize(self.prompted.encode_in_context(context, names), dim=1)

    @property
    def prompted(self) -> PromptedEncoder:
        return cast(PromptedEncoder, self.encoder)


def ordered(known: JointSupport, support: Support) -> JointSupport:
    """The support in the order of its images' ids, so that its own order leaves no trace."""
    order = torch.from_numpy(support.images.ids.argsort()).to(known.labels.device)
    features, labels = known.features[order], known.labels[order]
    return JointSupport(features, labels, known.texts, known.scale, known.seed)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(CoOp)

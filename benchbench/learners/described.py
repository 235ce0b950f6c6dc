"""Zero-shot methods: what pictures of seen classes say of classes known by a vector alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.learners.class_vectors import ATTRIBUTES, create_class_vectors
from benchbench.learners.pretrained import PretrainedMethod, in_blocks
from benchbench.learners.strengths import chosen_place
from benchbench.method import WITHOUT_ATTRIBUTES, Classifier, Support, Task
from benchbench.registry.bounds import Bounds
from benchbench.training.source import TrainingSource

MOST_BYTES = 2**30
"""Of one matrix of products of features; solving takes a few."""

Rule: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Features [n, d] of pictures and vectors [c, a] of classes to scores [n, c], all float64."""

OF_NAMES = "give it vectors of their names by vectors=NAME, see `benchbench list class_vectors`"


@dataclass(frozen=True)
class SeenClasses:
    """Classes of which there are pictures: features [n, d], labels int64 [n], vectors [c, a].

    Features and vectors are float64.
    """

    features: Tensor
    labels: Tensor
    vectors: Tensor

    @cached_property
    def one_hot(self) -> Tensor:
        """The labels as float64 [n, c]."""
        return F.one_hot(self.labels, len(self.vectors)).double()

    @cached_property
    def counts(self) -> Tensor:
        """How many pictures each class has, float64 [c]."""
        return self.one_hot.sum(0)

    @cached_property
    def sums(self) -> Tensor:
        """The sum [c, d] of each class's features."""
        return self.one_hot.T @ self.features

    @cached_property
    def means(self) -> Tensor:
        """The mean feature [c, d] of each class."""
        return self.sums / self.counts[:, None]

    @cached_property
    def gram(self) -> Tensor:
        """The products [d, d] of the features with themselves, summed over the pictures.

        Raises BenchbenchError if they take more than `MOST_BYTES`.
        """
        size = self.features.shape[1]
        if (needed := size**2 * self.features.element_size()) > MOST_BYTES:
            raise BenchbenchError(
                f"Features of {size} numbers have {size} x {size} products, {needed / 2**30:.1f} "
                "GiB, of which several are held at a time; take a backbone with fewer, or smaller "
                "images (size=N)."
            )
        return self.features.T @ self.features

    @cached_property
    def own_vectors(self) -> Tensor:
        """The vector [n, a] of each picture's class."""
        return self.vectors[self.labels]


@dataclass
class DescribedMethod(PretrainedMethod):
    """A method that knows a class by its vector, and learns from pictures of other classes.

    A subclass makes a rule of seen classes in `rule`, for each of the `candidates`; the one that is
    right most often among all validation classes is kept, or the first if there are none. Support
    images are not used.

    Features have the mean of the training images subtracted, are scaled to unit length, and centred
    again: a sum that is not zero would tell linear rules how frequent attributes are.

    vectors: `attributes` of the classes, or what makes vectors of their names: `words`,
        `file[weights=FILE]`, `minilm` or another of `benchbench list class_vectors`.
    stacking: where classes that were learned from are candidates, known by their vectors, so much
        is subtracted from their scores, in standard deviations of a query's scores (calibrated
        stacking, Chao et al., ECCV 2016).
    """

    family: ClassVar[str] = "zero-shot"
    uses_attributes = True
    centre: Tensor | None = field(default=None, init=False, repr=False, compare=False)
    middle: Tensor | None = field(default=None, init=False, repr=False, compare=False)
    chosen: Rule | None = field(default=None, init=False, repr=False, compare=False)
    seed: int = field(default=0, init=False, repr=False, compare=False)
    steps: int = field(default=0, init=False, repr=False, compare=False)
    learned: Tensor | None = field(default=None, init=False, repr=False, compare=False)
    vectors: str = ATTRIBUTES
    stacking: Annotated[float, Bounds(ge=0)] = 0.0

    def __post_init__(self) -> None:
        self.named = None if self.vectors == ATTRIBUTES else create_class_vectors(self.vectors)
        self.uses_attributes = self.named is None
        self.uses_class_names = self.named is not None

    @property
    def further_code(self) -> tuple[type, ...]:  # type: ignore[override]
        return super().further_code + (() if self.named is None else (type(self.named),))

    def skip(self, task: Task) -> str | None:
        if not task.has_training_classes:
            return "it learns from training classes and this task has none"
        if self.named is not None and not task.has_class_names:
            return "its vectors are of names and the classes have none in words"
        reason = super().skip(task)
        if reason == WITHOUT_ATTRIBUTES and task.has_class_names:
            return f"{reason}; {OF_NAMES}"
        return reason

    def candidates(self) -> list[dict[str, Any]]:
        """Arguments of `rule` to choose among on the validation classes, the usual ones first."""
        return [{}]

    def rule(self, seen: SeenClasses, *_: Any, **candidate: Any) -> Rule:
        """What is learned of seen classes, with one of the `candidates`."""
        raise NotImplementedError(f"{type(self).__name__} has no rule(seen)")

    def train(self, source: TrainingSource) -> None:
        """Learn the backbone, and then the rule, on the features of the training images."""
        learned, held_out = source.whole("train"), source.whole("val")
        if self.named is not None:
            self.named.prepare(learned.class_names)
            self.pretrained_on = self.named.pretrained_on  # type: ignore[misc]
            for support in (learned, held_out):
                if support.class_names:
                    self.vectors_of(support)  # what is wrong shows before minutes of training
        super().train(source)
        self.seed = source.seed
        self.steps = source.budget.training_steps(smoke=20, quick=1000, paper=10_000)
        self.prepare(learned)
        seen = self.known(learned)
        self.learned = seen.vectors
        offered = self.candidates()
        rules = cache(lambda place: self.rule(seen, **offered[place]))
        known = cache(lambda: self.known(held_out))
        classes = held_out.n_way if len(held_out.images) else 0
        place = chosen_place(
            source, self.name, offered, lambda place: share_right(rules(place), known()), classes
        )
        self.chosen = rules(place)

    def prepare(self, learned: Support) -> None:
        """What `features` needs to know of the training images."""
        found = self.embedded(learned.images)
        self.centre = found.mean(0)
        self.middle = F.normalize(found - self.centre, dim=1).mean(0)

    def known(self, support: Support) -> SeenClasses:
        """The classes of a support with their pictures."""
        return SeenClasses(self.features(support.images), support.labels, self.vectors_of(support))

    def vectors_of(self, support: Support) -> Tensor:
        """The vectors of a support's classes, float64 [n_way, a]."""
        if self.named is not None:
            return self.named.vectors(support.class_names)
        return support.attributes.double()

    def embedded(self, images: Images) -> Tensor:
        """What the backbone makes of images, float64 [n, feature_size]."""
        with torch.no_grad():
            found = [self.encoder(block).to("cpu", torch.float64) for block in in_blocks(images)]
        return torch.cat(found) if found else torch.zeros(0, self.encoder.feature_size).double()

    def features(self, images: Images) -> Tensor:
        """What rules are made of, float64 [n, d]."""
        assert self.centre is not None, "a method is trained before it is asked"
        assert self.middle is not None
        return F.normalize(self.embedded(images) - self.centre, dim=1) - self.middle

    def adapt(self, support: Support) -> Classifier:
        assert self.chosen is not None, "a method is trained before it is asked"
        rule, vectors = self.chosen, self.vectors_of(support)
        if not self.stacking:
            return lambda images: rule(self.features(images), vectors)
        assert self.learned is not None
        seen = (vectors[:, None] == self.learned).all(2).any(1)

        def classify(images: Images) -> Tensor:
            scores = rule(self.features(images), vectors)
            return scores - self.stacking * scores.std(1, keepdim=True) * seen

        return classify


def share_right(rule: Rule, held_out: SeenClasses) -> float:
    """The mean over classes of the share of their pictures about which a rule is right."""
    right = rule(held_out.features, held_out.vectors).argmax(1) == held_out.labels
    return float((held_out.one_hot.T @ right.double() / held_out.counts).mean())


def cosines(first: Tensor, second: Tensor) -> Tensor:
    """The cosines [n, c] of vectors [n, a] and [c, a]."""
    return F.normalize(first, dim=1) @ F.normalize(second, dim=1).T


def fit_on_features(
    seen: SeenClasses,
    parameters: Iterable[Tensor],
    loss: Callable[[Tensor, Tensor, torch.Generator], Tensor],
    *,
    steps: int,
    lr: float,
    seed: int,
    batch: int = 128,
) -> None:
    """Train parameters on features of seen classes, by Adam with a rate that falls to zero.

    loss: of features [batch, d] and labels [batch], drawn with replacement, and a generator for
    what else is drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(list(parameters), lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        drawn = torch.randint(len(seen.labels), (batch,), generator=generator)
        optimizer.zero_grad()
        loss(seen.features[drawn], seen.labels[drawn], generator).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()

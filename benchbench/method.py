"""What a few-shot method is, and what it is given: `Method`, `Support`, `Task`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from benchbench.errors import MethodError
from benchbench.images import Images, LabelledImages
from benchbench.system.vectors import are_vectors

if TYPE_CHECKING:
    import torch

    from benchbench.training.source import TrainingSource


WITHOUT_SUPPORT = "it learns from support images and this task has none (0-shot)"
WITHOUT_ATTRIBUTES = "it knows classes by their attributes and this task's have none"
NAMES_WITHHELD = "class names are only given to a method with uses_class_names = True"
ATTRIBUTES_WITHHELD = "attributes are only given to a method with uses_attributes = True"
UNLABELLED_WITHHELD = "unlabelled images are only given to a method with uses_unlabelled = True"
VALIDATION_WITHHELD = "validation images are only given to a method with uses_validation = True"


@dataclass
class Support:
    """The labelled images of one episode.

    images: `len(support.images)` of them; none in a zero-shot episode.
    labels: int64 tensor [n], class slots 0 .. n_way - 1; each episode has its own order of slots.
    n_way: the number of classes, those without a support image included.
    dataset: the data set's name with its parameters.
    seed: a number for random adaptation, of this episode alone; the global generators of `random`,
        NumPy and torch are seeded with it before each `adapt`.
    class_names: the classes' names by slot, for methods with `uses_class_names = True`; reading
        them without that declaration raises MethodError.
    described: the classes' attributes by slot, float32 [n_way, a], which `attributes` gives to
        methods with `uses_attributes = True`; reading it without that raises MethodError.
    held_out: labelled images of the data's official validation part, which `validation` gives to
        methods with `uses_validation = True`; reading it without that raises MethodError.
    pool: images of these classes and perhaps of others, in random order and without labels, which
        `unlabelled` gives to methods with `uses_unlabelled = True`; reading it without that raises
        MethodError. There are none where the protocol has none.
    """

    images: Images
    labels: torch.Tensor
    n_way: int
    dataset: str
    seed: int = 0
    names: tuple[str, ...] | None = field(default=None, repr=False)
    held_out: LabelledImages | None = field(default=None, repr=False)
    described: torch.Tensor | None = field(default=None, repr=False)
    pool: Images | None = field(default=None, repr=False)

    @property
    def class_names(self) -> tuple[str, ...]:
        if self.names is None:
            raise MethodError(NAMES_WITHHELD)
        return self.names

    @property
    def attributes(self) -> torch.Tensor:
        if self.described is None:
            raise MethodError(ATTRIBUTES_WITHHELD)
        return self.described

    @property
    def validation(self) -> LabelledImages:
        if self.held_out is None:
            raise MethodError(VALIDATION_WITHHELD)
        return self.held_out

    @property
    def unlabelled(self) -> Images:
        if self.pool is None:
            raise MethodError(UNLABELLED_WITHHELD)
        return self.pool


Classifier: TypeAlias = Callable[[Images], Any]
"""Query images to scores [n_query, n_way] (array or tensor of floats; larger = likelier)."""


@dataclass(frozen=True)
class Task:
    """What a method is tested on; a number that varies over the episodes is None.

    image_shape: height and width are 0 of pictures at their own size. has_class_names: whether the
    classes' names are words that describe them. has_training_classes: whether there are classes to
    learn from before the test. has_unlabelled_part: whether methods whose `training_labels` are
    `none` may learn from official training images of the tested classes in their place, none of
    which is a query. has_validation_part: whether each class has official validation images, none
    of which is drawn for a support or as a query.
    n_attributes: how many attributes each class has; 0 if nothing is known of it in numbers.
    n_unlabelled: the unlabelled images of each class of an episode; n_distractors: the other
    classes of which there are as many.
    """

    dataset: str
    protocol: str
    image_shape: tuple[int, int, int]
    n_way: int | None
    n_shot: int | None
    n_query: int | None
    has_class_names: bool = True
    has_training_classes: bool = True
    has_unlabelled_part: bool = False
    has_validation_part: bool = False
    n_attributes: int = 0
    n_unlabelled: int | None = 0
    n_distractors: int | None = 0

    @property
    def has_images(self) -> bool:
        """Whether the data are images, and not features of images."""
        return not are_vectors(self.image_shape)


class Method:
    """A few-shot classification method. Subclass it, as a dataclass if it has parameters.

    `adapt` is all that a method must have. It must leave no state behind: the order of the
    episodes cannot matter.
    """

    name: ClassVar[str]
    transductive: bool = False
    """Whether the scores of one query may depend on the other queries of the episode."""
    order_dependent: bool = False
    """Whether the scores may depend on the order of the support. If a parameter decides on this
    or on `transductive`, `__post_init__` sets it on the instance."""
    uses_class_names: bool = False
    """Whether `adapt` reads `support.class_names`, or `train` those of the training classes."""
    uses_attributes: bool = False
    """Whether `adapt` reads `support.attributes`. If a parameter decides on this or on
    `uses_class_names`, `__post_init__` sets it on the instance."""
    uses_validation: bool = False
    """Whether `adapt` reads `support.validation`, as to choose a hyper-parameter. It is then ranked
    apart from methods without these labels. If a parameter decides, `__post_init__` sets it."""
    uses_unlabelled: bool = False
    """Whether `adapt` reads `support.unlabelled`. It is then ranked apart from methods without
    these images, where there are any. If a parameter decides, `__post_init__` sets it."""
    without_pool: str = ""
    """The spec of the method that gives the same scores, bit for bit, where there is no unlabelled
    image, if there is such a method; `benchbench check` compares them."""
    training_labels: str = "all"
    """Which labels `train` learns from: `all` of the training and validation classes, `validation
    only`, where they choose among weights that were learned without any, `fraction` of those of
    the training images, or `none`. Methods are ranked apart by it."""
    labelled: float = 1.0
    """The share of the training images whose labels `train` learns from, in (0, 1]. It counts where
    `training_labels` is `fraction`; methods of different shares are ranked apart."""
    pretrained_on: ClassVar[tuple[str, ...]] = ()
    """The data sets that the method's weights have seen before `train`."""
    fixed_way: bool = False
    """Whether the way is settled by `train`, so that tasks whose way varies are skipped."""
    members: tuple[Method, ...] = ()
    """The methods that it is made of: their code, weights and knowledge are its own."""
    further_code: tuple[type, ...] = ()
    """Classes of further plug-ins that decide on its numbers, such as an objective of pre-training:
    as an edited method, one with an edited plug-in is another."""
    paper: ClassVar[str] = ""
    """`arXiv:NUMBER`, or an address on the web."""
    family: ClassVar[str] = "other"
    """What it is listed under: `metric-based`, `optimisation-based`, `black-box`, `transfer`,
    `transductive`, `semi-supervised`, `zero-shot`, `image-text`, or a word of its own. No run is
    known by it."""
    expected_failures: Mapping[str, str] = MappingProxyType({})
    """The checks of `benchbench check` that the method fails by design, each with the reason. One
    that it passes nevertheless counts as failed. `__post_init__` may set it on the instance."""

    def train(self, source: TrainingSource) -> None:
        """Learn from the training classes; called once, before any episode. Optional."""

    def adapt(self, support: Support) -> Classifier:
        """Turn a labelled support set into a classifier of query images."""
        raise NotImplementedError(f"{type(self).__name__} has no adapt(support)")

    def adapt_many(self, supports: Sequence[Support]) -> list[Classifier]:
        """Adapt to several episodes at once; override it if that is faster. Optional."""
        return [self.adapt(support) for support in supports]

    def skip(self, task: Task) -> str | None:
        """The reason why the method does not apply to the task, or None. Optional."""
        if task.n_shot == 0 and not (self.uses_class_names or self.uses_attributes):
            return WITHOUT_SUPPORT
        if self.uses_attributes and not task.n_attributes:
            return WITHOUT_ATTRIBUTES
        if task.n_way is None and self.fixed_way:
            return "its head has a fixed way and this task's varies"
        if self.uses_validation and not task.has_validation_part:
            return "it chooses on an official validation part and this task has none"
        return None

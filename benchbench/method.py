"""What a few-shot method is, and what it is given: `Method`, `Support`, `Images`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np

from benchbench.errors import BenchbenchError, MethodError
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.framing import Framing
from benchbench.system.vectors import are_vectors

if TYPE_CHECKING:
    import torch

    from benchbench.training.source import TrainingSource


NAMES_WITHHELD = "class names are only given to a method with uses_class_names = True"
ATTRIBUTES_WITHHELD = "attributes are only given to a method with uses_attributes = True"
UNLABELLED_WITHHELD = "unlabelled images are only given to a method with uses_unlabelled = True"
VALIDATION_WITHHELD = "validation images are only given to a method with uses_validation = True"


class PixelSource(Protocol):
    """Where `Images` come from: one split of a data set, or an array.

    public_ids: the identifiers that methods see, by row.
    """

    fingerprint: str
    split: str
    public_ids: IntArray

    @property
    def rows(self) -> IntArray | None:
        """The images of the split, ascending; None for an array, which belongs to no data set."""

    @property
    def own_size(self) -> bool:
        """Whether they are pictures at their own size, of which there is no array."""

    def read(self, rows: IntArray) -> ByteArray:
        """Pixels uint8 [n, h, w, c] of the given rows; a fresh array."""

    def pictures(self, rows: IntArray, framing: Framing) -> Iterator[ByteArray]:
        """The pictures of the given rows, each framed as uint8 [*framing.size, c]."""


class Images:
    """A handle on some images of one split, which are decoded when their pixels are needed.

    `len(images)` is their number, `images.array` their pixels (uint8 [n, h, w, c]), and
    `images.ids` opaque identifiers (int64 [n]): equal ids are the same image of the data set, and
    neither their order nor their size reveals an image's class. Where `images.own_size` is true,
    the data set has pictures at their own size, and `images.pictures(...)` in place of `array`.
    """

    def __init__(self, source: PixelSource, rows: IntArray) -> None:
        self._source = source
        self._rows = rows

    @classmethod
    def from_array(cls, array: ByteArray) -> Images:
        """Images of pixels that belong to no data set: uint8 [n, h, w, c]."""
        if array.ndim != 4 or array.dtype != np.uint8:
            raise ValueError(f"images are uint8 [n, h, w, c], not {array.dtype} {array.shape}")
        return cls(_ArraySource(array), np.arange(len(array)))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ids(self) -> IntArray:
        return self._source.public_ids[self._rows]

    @cached_property
    def array(self) -> ByteArray:
        """Raises BenchbenchError if the data set has pictures at their own size."""
        return self._source.read(self._rows)

    @property
    def own_size(self) -> bool:
        return self._source.own_size

    def pictures(
        self,
        side: int | tuple[int, int],
        crop: float = 1.0,
        interpolation: str = "bilinear",
        *,
        squash: bool = False,
        at_once: int = 32,
    ) -> Iterator[ByteArray]:
        """Blocks uint8 [n, h, w, c] of the pictures in their order, `at_once` in each but the last.

        Each is resized so that its shorter side is `side` / `crop` pixels, or with `squash` both
        sides, by a filter of Pillow; then its centre is cut out. Pictures are decoded on all cores,
        ahead of their use, in memory that is bounded. side: of a square, or (height, width). Raises
        BenchbenchError if the images have one size already, which `array` has.
        """
        if not self.own_size:
            raise BenchbenchError("these images have one size already; read images.array")
        size = (side, side) if isinstance(side, int) else side
        decoded = self._source.pictures(self._rows, Framing(size, crop, interpolation, squash))
        while block := list(islice(decoded, at_once)):
            yield np.stack(block)

    def block(self) -> tuple[PixelSource, IntArray]:
        """The source of the images and their rows in it; for benchbench itself.

        Rows are in the order of classes: a method that reads them cheats.
        """
        return self._source, self._rows


class _ArraySource:
    fingerprint = ""
    split = ""
    rows = None
    own_size = False

    def __init__(self, array: ByteArray) -> None:
        self._array = array
        self.public_ids = np.arange(len(array))

    def read(self, rows: IntArray) -> ByteArray:
        return self._array[rows]

    def pictures(self, rows: IntArray, framing: Framing) -> Iterator[ByteArray]:
        raise TypeError("an array has images of one size already")


class LabelledImages(NamedTuple):
    """Images and their class slots, an int64 tensor [n]."""

    images: Images
    labels: torch.Tensor


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
    classes' names are words that describe them. has_training_classes:
    whether there are classes to learn from before the test. has_validation_part: whether each class
    has official validation images, none of which is drawn for a support or as a query.
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
    """Whether `adapt` reads `support.class_names`."""
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
    pretrained_on: ClassVar[tuple[str, ...]] = ()
    """The data sets that the method's weights have seen before `train`."""
    fixed_way: bool = False
    """Whether the way is settled by `train`, so that tasks whose way varies are skipped."""
    members: tuple[Method, ...] = ()
    """The methods that it is made of: their code, weights and knowledge are its own."""
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
            return "it learns from support images and this task has none (0-shot)"
        if self.uses_attributes and not task.n_attributes:
            return "it knows classes by their attributes and this task's have none"
        if task.n_way is None and self.fixed_way:
            return "its head has a fixed way and this task's varies"
        if self.uses_validation and not task.has_validation_part:
            return "it chooses on an official validation part and this task has none"
        return None

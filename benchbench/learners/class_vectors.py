"""Vectors of classes from their names, for methods that know a class by a vector."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from benchbench.backbones import create_backbone
from benchbench.datasets.prompts import class_prompts
from benchbench.errors import BenchbenchError, unknown_name
from benchbench.learners.image_text import class_embedding, words_of
from benchbench.learners.word_files import check_word_file, word_vectors
from benchbench.registry import loading, specs
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.places import expanded
from benchbench.system.progress import say_once
from benchbench.system.vision import torchvision

ATTRIBUTES = "attributes"
"""In place of what makes vectors of names: those of the data set."""
SENTENCE_LIBRARIES = ("all_minilm_l6_v2", "sentence_transformers")


class ClassVectors:
    """How names become vectors. Subclass it, as a dataclass if it has parameters."""

    name: ClassVar[str]
    pretrained_on: tuple[str, ...] = ()
    """The data sets of images that its weights have seen."""

    def prepare(self, names: Sequence[str]) -> None:
        """See the names of the training classes, before any vector is asked for. Optional."""

    def vectors(self, names: Sequence[str]) -> Tensor:
        """The vectors of classes with these names, float64 [len(names), a]."""
        raise NotImplementedError(f"{type(self).__name__} has no vectors(names)")


def create_class_vectors(text: str) -> ClassVectors:
    """Those of a spec such as `words` or `file[weights=glove.txt]`.

    Raises BenchbenchError for a spec that is wrong.
    """
    spec = specs.parse(text)
    if spec.name == ATTRIBUTES:
        raise BenchbenchError(f"vectors={ATTRIBUTES} takes no parameters; '{text}' has some.")
    known = loading.registered("register_class_vectors")
    if spec.name not in known:
        raise unknown_name("source of class vectors", spec.name, [ATTRIBUTES, *known])
    cls: type[ClassVectors] = known[spec.name]
    return specs.configure(cls, spec)


def words_in(name: str) -> list[str]:
    """The words of a class's name, in lower case, whether spaces or underscores part them.

    Of a path it is the last part: what is before it are the source, the split or groups.
    """
    return words_of(name.rpartition("/")[2].replace("_", " "))


@dataclass
class Words(ClassVectors):
    """A bag of words: how often each word of the training classes' names is in a name.

    Words that no training class has count for nothing; names of them alone are one vector.
    """

    name = "words"

    def prepare(self, names: Sequence[str]) -> None:
        words = sorted({word for name in names for word in words_in(name)})
        self._places = {word: place for place, word in enumerate(words)}

    def vectors(self, names: Sequence[str]) -> Tensor:
        found = torch.zeros(len(names), len(self._places), dtype=torch.float64)
        for row, name in zip(found, names, strict=True):
            for word in words_in(name):
                if word in self._places:
                    row[self._places[word]] += 1
        return found


class WordMeans(ClassVectors):
    """The vector of a name is the mean of those of its words, as far as these are known."""

    @property
    def source(self) -> str:
        """What messages call the place where the words are from."""
        raise NotImplementedError(f"{type(self).__name__} has no source")

    def words(self, wanted: set[str]) -> dict[str, Tensor]:
        """The vectors float64 [a] of those words that are known."""
        raise NotImplementedError(f"{type(self).__name__} has no words(wanted)")

    def prepare(self, names: Sequence[str]) -> None:
        self._known: dict[str, Tensor] = {}

    def vectors(self, names: Sequence[str]) -> Tensor:
        words = {word for name in names for word in words_in(name)}
        if missing := words - self._known.keys():
            self._known.update(self.words(missing))
        if absent := sorted(words - self._known.keys()):
            say_once(f"{self.source} lacks {len(absent)} words of names, such as '{absent[0]}'")
        return torch.stack([self._mean(name) for name in names])

    def _mean(self, name: str) -> Tensor:
        found = [self._known[word] for word in words_in(name) if word in self._known]
        if not found:
            raise BenchbenchError(
                f"{self.source} has no word of the class '{name}'; use another file, or "
                "vectors=minilm."
            )
        return torch.stack(found).mean(0)


@dataclass
class WordFile(WordMeans):
    """Vectors of words from a text file, of each name the mean over its words.

    It is read as word2vec, fastText and GloVe write text: a line has a word and its numbers, and a
    first line of two numbers is skipped.

    weights: the file.
    """

    name = "file"
    weights: str

    def __post_init__(self) -> None:
        if not expanded(self.weights).is_file():
            raise BenchbenchError(
                f"There is no file {self.weights} of word vectors; weights= takes the path of a "
                "text file with a word and its numbers in each line."
            )
        check_word_file(self.weights)

    @property
    def source(self) -> str:
        return self.weights

    def words(self, wanted: set[str]) -> dict[str, Tensor]:
        return word_vectors(self.weights, wanted)


@dataclass
class MiniLM(ClassVectors):
    """Sentence vectors of the names by all-MiniLM-L6-v2 (384 numbers), of the extra `sentences`."""

    name = "minilm"

    def __post_init__(self) -> None:
        missing = [name for name in SENTENCE_LIBRARIES if name not in sys.modules]
        if lacking := [name for name in missing if find_spec(name) is None]:
            raise BenchbenchError(
                f"vectors=minilm needs {' and '.join(lacking)}; "
                'run `pip install "benchbench[sentences]"`.'
            )

    def vectors(self, names: Sequence[str]) -> Tensor:
        encoder = self._encoder()
        texts = [" ".join(words_in(name)) for name in names]
        return torch.from_numpy(np.asarray(encoder.encode(texts), np.float64))

    def _encoder(self) -> Any:
        if not hasattr(self, "_loaded"):
            torchvision()  # The library imports it in its turn.
            from all_minilm_l6_v2 import get_model_zip_path
            from sentence_transformers import SentenceTransformer

            with tempfile.TemporaryDirectory(prefix="benchbench-") as folder:
                with zipfile.ZipFile(get_model_zip_path()) as archive:
                    archive.extractall(folder)
                self._loaded = SentenceTransformer(folder, device="cpu")
        return self._loaded


@dataclass
class ClipText(ClassVectors):
    """The text tower of a CLIP: the mean of a class's prompts, as `clip_zero_shot` has it.

    model: of open_clip with its weights, such as `ViT-B-32/laion2b_s34b_b79k`.
    template: in which {} is replaced by the name.
    """

    name = "clip"
    model: str
    template: str = "a photo of a {}."

    def __post_init__(self) -> None:
        from benchbench.learners.image_text_method import TINY, joint_space_of

        if self.model == TINY:
            raise BenchbenchError(
                "vectors=clip needs a CLIP with weights, such as model=ViT-B-32/openai, and "
                f"{TINY} comes with none."
            )
        self._joint = joint_space_of(self.model)

    def prepare(self, names: Sequence[str]) -> None:
        self._tower: Any = create_backbone(self._joint, (224, 224, 3), 0)
        self.pretrained_on = self._tower.pretrained_on

    def vectors(self, names: Sequence[str]) -> Tensor:
        prompts = [class_prompts(name, "", self.template) for name in names]
        with torch.no_grad():
            found = [class_embedding(self._tower, each) for each in prompts]
        return torch.stack(found).cpu().double()


@hookimpl
def register_class_vectors(register: Callable[[type], None]) -> None:
    from benchbench.learners.trained_words import FastText, Word2Vec

    for cls in (ClipText, FastText, MiniLM, Word2Vec, WordFile, Words):
        register(cls)

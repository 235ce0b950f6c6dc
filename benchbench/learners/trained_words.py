"""Vectors of words that are learned from a corpus of one's own, by gensim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from benchbench.errors import BenchbenchError
from benchbench.learners.class_vectors import WordMeans
from benchbench.learners.image_text import words_of
from benchbench.registry.bounds import Bounds
from benchbench.system.places import expanded

LONGEST = 10_000
"""Words of a sentence that gensim takes; what is beyond is a sentence of its own."""

Count = Annotated[int, Bounds(ge=1, le=10**6)]


class Corpus:
    """The sentences of a text file, one in each line, as lists of words in lower case."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[list[str]]:
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                words = words_of(line.replace("_", " "))
                for start in range(0, len(words), LONGEST):
                    yield words[start : start + LONGEST]


@dataclass
class Word2Vec(WordMeans):
    """Vectors of words by skip-grams with negative sampling, from a corpus of one's own.

    The vector of a name is the mean over its words. gensim, of the extra `words`, learns them
    before the backbone is learned, in one thread, so that equal corpora and parameters give the
    same numbers (Mikolov et al., NeurIPS 2013, arXiv:1310.4546).

    corpus: a text file (`.txt`) with a sentence in each line; words are taken in lower case.
    size: numbers of a vector.
    window: the farthest of two words that count as neighbours.
    negative: words of noise for each neighbour.
    epochs: how often the corpus is read.
    least: how often a word must be in it.
    seed: of the first vectors and of the noise.
    """

    name = "word2vec"
    learner: ClassVar[str] = "Word2Vec"
    corpus: str
    size: Count = 100
    window: Count = 5
    negative: Count = 5
    epochs: Count = 5
    least: Count = 1
    seed: int = 0

    def __post_init__(self) -> None:
        path = expanded(self.corpus)
        if path.suffix.lower() != ".txt" or not path.is_file():
            raise BenchbenchError(
                f"corpus={self.corpus} is no .txt file; it needs one with a sentence in each line."
            )
        if next(filter(None, Corpus(path)), None) is None:
            raise BenchbenchError(
                f"The corpus {self.corpus} has no words; it needs a sentence in each line."
            )
        if find_spec("gensim") is None:
            raise BenchbenchError(
                f'vectors={self.name} needs gensim; run `pip install "benchbench[words]"`.'
            )

    @property
    def source(self) -> str:
        return self.corpus

    def words(self, wanted: set[str]) -> dict[str, Tensor]:
        known = self._model()
        return {
            word: torch.from_numpy(np.array(known[word], np.float64))
            for word in wanted
            if word in known
        }

    def _model(self) -> Any:
        if not hasattr(self, "_learned"):
            from gensim import models

            made = getattr(models, self.learner)(
                Corpus(expanded(self.corpus)),
                vector_size=self.size,
                window=self.window,
                negative=self.negative,
                epochs=self.epochs,
                min_count=self.least,
                seed=self.seed,
                sg=1,
                workers=1,
                **self.further(),
            )
            self._learned = made.wv
        return self._learned

    def further(self) -> dict[str, Any]:
        """Further arguments of gensim's class."""
        return {}


@dataclass
class FastText(Word2Vec):
    """As `word2vec`, and a word is the sum of its runs of letters (Bojanowski et al., TACL 2017).

    Words that the corpus lacks have vectors as well, by their runs of letters.

    shortest, longest: the letters of a run.
    buckets: of the table in which runs share vectors; the authors have 2 million, which are 800 MB.
    """

    name = "fasttext"
    learner = "FastText"
    shortest: Count = 3
    longest: Count = 6
    buckets: Count = 100_000

    def further(self) -> dict[str, Any]:
        return {"min_n": self.shortest, "max_n": self.longest, "bucket": self.buckets}

"""Text files of word vectors: whether a file is one, and the vectors of some words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from benchbench.errors import BenchbenchError
from benchbench.registry.specs import SHOWN
from benchbench.system.places import expanded
from benchbench.system.texts import is_number

LOOKED_AT = 1000
"""Lines at the head of a file, before anything is trained."""


def check_word_file(path: str) -> None:
    """Raise BenchbenchError if the first lines are no vectors of words, of one length.

    A word may have spaces in it, as some of GloVe have.
    """
    try:
        with expanded(path).open("rb") as file:
            lines = list(islice(file, LOOKED_AT))
        if any(b"\0" in line for line in lines):
            raise ValueError("it is no text")
        texts = filter(None, (line.decode(errors="replace").rstrip() for line in lines))
        rows = [text.split(" ") for text in texts]
        rows = rows[1:] if rows and len(rows[0]) == 2 else rows
        if not any(len(row) > 1 for row in rows):
            raise ValueError("it has no vectors")
        length = len(rows[0]) - 1
        for word, *numbers in rows:
            found = np.array(numbers[-length:], np.float64)
            spaced = len(numbers) > length and not is_number(numbers[0])
            if len(found) < length or (len(numbers) > length and not spaced):
                what = f"'{word[:SHOWN]}' has {len(numbers)} numbers and the first word {length}"
                raise ValueError(what)
    except (OSError, ValueError) as error:
        raise _no_word_file(path, error) from error


def _no_word_file(path: str, error: Exception) -> BenchbenchError:
    return BenchbenchError(
        f"{path} cannot be read ({error}); it needs a word and its numbers in each line."
    )


def word_vectors(path: str, wanted: Iterable[str]) -> dict[str, Tensor]:
    """The vectors float64 [a] of some words in lower case, from a text file.

    A word that is only written with capitals there counts, the first of several.

    Raises BenchbenchError if the file is not there or is something else.
    """
    left, found, exact = set(wanted), dict[str, Tensor](), set[str]()
    try:
        with expanded(path).open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines):
                word, *numbers = line.rstrip().split(" ")
                if number == 0 and len(numbers) == 1:
                    continue
                key = word if word in left else word.lower()
                if key in left and (key not in found or (key == word and key not in exact)):
                    found[key] = torch.from_numpy(np.array(numbers, np.float64))
                    exact |= {key} & {word}
        if len({len(vector) for vector in found.values()}) > 1:
            raise ValueError("its vectors differ in length")
    except (OSError, ValueError) as error:
        raise _no_word_file(path, error) from error
    return found

"""Memory-augmented neural networks (Santoro et al., ICML 2016, arXiv:1605.06065)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    BenchbenchError,
    BlackBoxMethod,
    Bounds,
    ExternalMemory,
    MemoryState,
    Recipe,
    Task,
    TrainingSource,
    constant,
    hookimpl,
)


class Reader(ExternalMemory):
    """A memory that sees each image with the label of the one before, and its outputs.

    inputs, outputs: sizes. sizes: of the memory and the LSTM.
    """

    def __init__(self, inputs: int, outputs: int, **sizes: int) -> None:
        super().__init__(inputs, **sizes)
        self.output = nn.Linear(self.output_size, outputs)

    def forward(self, known: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
        """Outputs [b, n_query, slots] of queries [b, n_query, d] after supports [b, n, d].

        labels: of the supports, one-hot [b, n, slots]. They come one step late, and that of the
        last support image comes with each query, which goes on from a copy of the state.
        """
        state = self.start(len(known))
        late = F.pad(labels, (0, 0, 1, 0))
        for inputs in torch.cat([known, late[:, :-1]], dim=2).unbind(1):
            state = self.step(inputs, state)
        queries = asked.shape[1]
        copies = MemoryState(*(part.repeat_interleave(queries, dim=0) for part in state))
        last = late[:, -1:].expand(-1, queries, -1)
        state = self.step(torch.cat([asked, last], dim=2).flatten(0, 1), copies)
        outputs: Tensor = self.output(self.outputs(state))
        return outputs.unflatten(0, (-1, queries))


@dataclass
class MANN(BlackBoxMethod):
    """A network with an external memory sees each image with the label of the one before.

    Images of the support come one by one, in an order and with slots that are drawn for each
    episode. A query is one more step, with the label of the last support image, from a copy of the
    state. Training has the loss of such queries; the paper's is that of all steps of a sequence of
    50 images, and its figures are accuracies at the k-th presentation of a class in it, not N-way
    K-shot ones. Labels are one-hot; the paper has strings of letters from 15 classes on. As in the
    paper, a head writes its key, and all heads share the least used rows, the first of which is
    erased before.

    backbone: trained from scratch in the paper's budget, and in others the shared classifier's,
        frozen; the paper has the pixels themselves (`pixels`), at 20 px.
    rows, heads: of the memory, and those that read from it and write to it; by default the paper's
        128 and 4 in its budget, and in others 32 and 1, as several are at chance for that long.
    width: of the memory.
    hidden: units of the LSTM.
    """

    name = "mann"
    paper = "arXiv:1605.06065"
    family = "black-box"
    order_dependent = True
    sizes: dict[str, int] = field(init=False, repr=False, compare=False)
    rows: Annotated[int, Bounds(ge=1, le=4096)] | None = None
    width: Annotated[int, Bounds(ge=1, le=4096)] = 40
    heads: Annotated[int, Bounds(ge=1, le=64)] | None = None
    hidden: Annotated[int, Bounds(ge=1, le=4096)] = 200

    def recipe(self, source: TrainingSource) -> Recipe:
        """Raises BenchbenchError if there are more heads than rows."""
        recipe = super().recipe(source)
        rows, heads = self.rows or recipe.pop("rows"), self.heads or recipe.pop("heads")
        if heads > rows:
            raise BenchbenchError(f"mann has {heads} heads, and {rows} rows of memory for them.")
        self.sizes = {"rows": rows, "width": self.width, "heads": heads, "hidden": self.hidden}
        return {key: value for key, value in recipe.items() if key not in self.sizes}

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        slots = self.slots_for(task)
        return {"memory": Reader(feature_size + slots, slots, **self.sizes)}

    def quick(self, task: Task) -> Recipe:
        """From one shot up to the test's."""
        shape = {"way": self.slots_for(task), "shot": (1, task.n_shot or 5), "query": 1}
        loop = {"tasks": 64, "steps": 3000, "lr": 3e-3, "rows": 32, "heads": 1}
        return shape | loop | {"frozen_classifier": True}

    def published(self, task: Task) -> Recipe:
        """RMSProp 1e-4 on 100 000 episodes, 16 a step, of images that are turned and shifted.

        An episode there has 10 images of a class, each of which is asked for: here 1 to 9 are the
        support and one is asked for. Shifts are 10 of Omniglot's 105 px.
        """
        shape = {"way": self.slots_for(task), "shot": (1, 9), "query": 1, "tasks": 16}
        fixed = {"steps": 100_000 // 16, "lr": 1e-4, "schedule": constant, "validate_every": 250}
        augment = "affine[degrees=11.25,shift=0.095]"
        optimizer = partial(torch.optim.RMSprop, momentum=0.9)
        return shape | fixed | {"augment": augment, "optimizer": optimizer, "rows": 128, "heads": 4}

    def read(self, known: Tensor, told: Tensor, asked: Tensor) -> Tensor:
        outputs: Tensor = self.network["memory"](known, told, asked)
        return outputs


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MANN)

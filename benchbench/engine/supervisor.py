"""Methods run in processes of their own, which die with their methods and not with this one.

Each method gets a fresh process, forked from a template that has imported torch and no plug-in. It
is given images, the labels of the support and nothing that it could cheat with (`worker`); labels,
scores and the run directory stay here. Whether a process died, hangs or was killed becomes a
sentence.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbench.datasets.tables.stored import paths_of
from benchbench.engine import wire
from benchbench.engine.base import Engine
from benchbench.engine.processes import process_context
from benchbench.engine.testimony import card_of, measured_of, training_facts
from benchbench.engine.worker import Ask, Create, Fetch, Measure, Request, Settle, Skip, Train
from benchbench.engine.worker_handle import LOOK_SECONDS, WorkerHandle
from benchbench.errors import BenchbenchError, MethodError
from benchbench.evaluation.contestant import Measured
from benchbench.evaluation.settings import OTHER, Limits, Phase
from benchbench.registry import specs
from benchbench.runs.method_card import MethodCard
from benchbench.system.arrays import FloatArray
from benchbench.system.places import expanded
from benchbench.system.sandbox import allowed_without

if TYPE_CHECKING:
    from benchbench.evaluation.given import Given, Question
    from benchbench.method import Task

OWN_BACKBONES = ("cct", "conv4", "features", "pixels", "resnet12", "vit")
"""Which download nothing."""


class Supervisor(Engine):
    """Starts a process for each method.

    protected: folders whose files no method may reach, such as the results and the data.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        device: str = "cpu",
        protected: Sequence[Path] = (),
    ) -> None:
        super().__init__()
        self._limits, self._context = limits or Limits(), process_context(device)
        self._protected = tuple(path.absolute() for path in protected)

    def _open(self, method: str) -> RemoteParticipant:
        return RemoteParticipant(method, self._limits, self._context, self._protected)


class RemoteParticipant(AbstractContextManager["RemoteParticipant"]):
    """A method in a process of its own; `evaluation.participant.Participant` explains the parts.

    A first process says what the method is. It is trained in a fresh one, which may write its
    checkpoints and read the images, and no other file but libraries, if the system can confine it.

    All of its methods raise MethodError if the method raises, takes too long, or ends its process;
    the error's `stacks` then say where.
    """

    def __init__(
        self,
        method: str,
        limits: Limits,
        context: Any,
        protected: tuple[Path, ...],
        card: MethodCard | None = None,
    ) -> None:
        """card: what is known of the method already; else it is asked for in a first process."""
        self._method, self._limits, self._context = method, limits, context
        self._protected = protected
        self._places = ExitStack()
        if card is not None:
            self.card = card
            return
        try:
            self.card = card_of(method, self._begin())
        except MethodError as error:
            self._places.close()
            raise BenchbenchError(f"The method '{method}' cannot be made: {error}") from error
        except BaseException:
            self._places.close()
            raise

    def _begin(self, readable: tuple[Path, ...] = (), writable: tuple[Path, ...] = ()) -> Any:
        """Begin a fresh process, and let it make the method; the answer is the method's card."""
        private = self._replace_worker()
        named = files_in(self._method, self._protected)
        settle = Settle(private, self._protected, (*named, *readable), writable)
        confined = self._request(settle)
        self.protection: Mapping[str, Any] = {
            "engine": "worker",
            "protected": True,
            "sandbox": bool(confined),
        }
        return self._request(Create(self._method))

    def _replace_worker(self) -> Path:
        """End the process, and begin another; returns its private folder."""
        self._places.close()
        private = self._places.enter_context(tempfile.TemporaryDirectory(prefix="benchbench-"))
        self._worker = WorkerHandle(self._context)
        self._places.callback(self._worker.kill)
        return Path(private)

    def __exit__(self, *_: object) -> None:
        self._places.close()

    def twin(self) -> RemoteParticipant:
        """The same method in another process."""
        place = self._limits, self._context, self._protected
        return RemoteParticipant(self._method, *place, self.card)

    def skip(self, task: Task) -> str | None:
        """The reason why the method does not apply to the task, or None."""
        reason = self._request(Skip(task))
        return None if reason is None else str(reason)

    def train(self, given: Given) -> dict[str, Any]:
        """Train the method; what the manifest says of that."""
        folders = tuple(path for path in (given.folder, given.shared) if path is not None)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for backbone in dict.fromkeys((self.card.backbone, *self.card.backbones_of_members)):
            if specs.parse(backbone or "pixels").name not in OWN_BACKBONES:
                self._fetch_weights(backbone, given.task.image_shape)
        images = (*paths_of(given.learned.pixels), *paths_of(given.test.pixels))
        images += tuple(stored.file for stored in given.features)
        self._begin(images, tuple(path.absolute() for path in folders))
        return training_facts(self._request(Train(given), Phase("training")))

    def _fetch_weights(self, backbone: str, image_shape: tuple[int, int, int]) -> None:
        """Have a library's backbone made once where it may download, in a process of no method."""
        self._replace_worker()
        self._request(Fetch(backbone, image_shape), Phase("training"))

    def scores(self, questions: Sequence[Question], phase: Phase = OTHER) -> Iterator[FloatArray]:
        """Ask now, and yield the scores of each episode as they come.

        Those that are adapted to together share their time.
        """
        self._worker.send(Ask(list(questions)))
        return self._answers(len(questions), phase)

    def _answers(self, count: int, phase: Phase) -> Iterator[FloatArray]:
        together = count if self.card.adapts_together else 1
        left = 0.0
        for place in range(count):
            if place % together == 0:
                now = phase._replace(first=phase.first + place, together=together)
                left = self._limits.seconds(now)
            reply, left = self._reply(now, left)
            if reply.scores is None:
                raise MethodError("the process answers fewer episodes than it was asked about")
            yield reply.scores
        self._reply(OTHER, math.inf)

    def measured(self) -> Measured:
        """What its process has needed and done so far."""
        return measured_of(self._request(Measure()))

    def _request(self, request: Request, phase: Phase = OTHER) -> Any:
        self._worker.send(request)
        return self._reply(phase, self._limits.seconds(phase))[0].content

    def _reply(self, phase: Phase, left: float) -> tuple[wire.Reply, float]:
        """The next reply, and the seconds that are then left of those that it may take."""
        worker = self._worker
        while left > 0:
            began, look = time.monotonic(), min(LOOK_SECONDS, left)
            reply = worker.receive(look)
            if reply is not None:
                _raise_failure(reply)
                return reply, left - (time.monotonic() - began)
            if worker.has_ended:
                worker.kill()
                raise MethodError(worker.cause, worker.stacks)
            # Not by the clock, which goes on while this process is stopped.
            left -= look
        worker.kill(self._limits.exceeded(phase))
        raise MethodError(worker.cause, worker.stacks)


def files_in(spec: str, protected: Iterable[Path]) -> list[Path]:
    """The files that a spec names, such as weights, and its folders without what is protected."""
    texts = [text for text in re.split(r"[,=:\[\]]", spec) if text]
    paths = [(text, expanded(text).absolute()) for text in texts]
    files = [path for _, path in paths if path.is_file()]
    folders = [path for text, path in paths if os.sep in text and path.is_dir()]
    return [*files, *allowed_without(folders, protected)]


def _raise_failure(reply: wire.Reply) -> None:
    if reply.kind == "refused":
        raise BenchbenchError(str(reply.content["reason"]))
    if reply.kind == "failed":
        raise MethodError(str(reply.content["reason"]), str(reply.content["stacks"]))

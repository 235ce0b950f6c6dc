"""The process of a method: requests come by a pipe, scores go back.

It holds no label of a query, no scorer, no store and no other method. What methods print goes to
standard error.
"""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import sys
import traceback
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from benchbench.engine.wire import SCORES, Reply, send
from benchbench.system.salt import SALT
from benchbench.system.streams import print_messages_only

if TYPE_CHECKING:  # what takes seconds to import is imported by the template, once for all
    from benchbench.evaluation.given import Given, Question
    from benchbench.evaluation.participant import Participant
    from benchbench.method import Task
    from benchbench.system.file_watch import FileWatch

STACK_SIGNAL = getattr(signal, "SIGUSR1", None)
"""Asks for the stack of a process that hangs; absent on Windows."""

INTERRUPTED = 130

CONFINED = (
    "; a method's process is confined to libraries, its package, files that a parameter names, "
    "and temporary files"
)
"""Added to the reason of a method that reaches for another file."""


@dataclass(frozen=True)
class Settle:
    """Move into a private folder, and give up all other files but libraries, for good.

    readable, writable: files and folders that stay open for that. protected: folders of which
    nothing else stays open, although libraries may lie below one. The answer is whether the system
    can confine the process.
    """

    private: Path
    protected: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Create:
    """Configure the method of this spec; the answer is its card."""

    method: str


@dataclass(frozen=True)
class Fetch:
    """Make a backbone, so that its weights are downloaded."""

    backbone: str
    image_shape: tuple[int, int, int]


@dataclass(frozen=True)
class Skip:
    """Say why the method does not apply to a task, or None."""

    task: Task


@dataclass(frozen=True)
class Train:
    """Train the method."""

    given: Given


@dataclass(frozen=True)
class Ask:
    """Answer about some episodes, each as soon as its scores are known."""

    questions: list[Question]


@dataclass(frozen=True)
class Measure:
    """Say what the process has needed."""


Request: TypeAlias = Settle | Create | Fetch | Skip | Train | Ask | Measure


def serve(pipe: Connection, stack_file: str) -> None:
    """Fulfil requests until this process is ended.

    stack_file: the path of the file that gets the stacks of a crash.
    """
    _stand_alone()
    _write_stacks_to(stack_file)
    _speak_like_the_command_line()
    served = Served(pipe)
    try:
        while True:
            served.fulfil(pipe.recv())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (EOFError, OSError):  # whoever asked is gone
        os._exit(1)


class Served:
    """The one method of this process, and the pipe to who asks."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._participant: Participant | None = None
        self._watch: FileWatch | None = None
        self._allowed: tuple[Path, ...] = ()
        self._confined = False
        self._tried: set[Path] = set()

    def fulfil(self, request: Request) -> None:
        """Fulfil a request; whatever is raised goes back as a reason."""
        from benchbench.errors import BenchbenchError, reason_of

        try:
            content = self._content(request)
        except BenchbenchError as error:
            send(self._pipe, Reply("refused", {"reason": str(error), "stacks": _trace(error)}))
        except Exception as error:
            reason = reason_of(error) + (CONFINED if self._is_refused(error) else "")
            send(self._pipe, Reply("failed", {"reason": reason, "stacks": _trace(error)}))
        else:
            send(self._pipe, Reply("done", content))

    def _is_refused(self, error: Exception) -> bool:
        """Whether an error may be that a confined process reaches for a file."""
        return self._confined and isinstance(error, PermissionError)

    def _content(self, request: Request) -> object:
        from benchbench.backbones import create_backbone
        from benchbench.evaluation.participant import Participant
        from benchbench.learners.creation import create_method

        if isinstance(request, Settle):
            return self._settle(request)
        if isinstance(request, Create):
            _load_extras()
            self._participant = Participant(create_method(request.method))
            return asdict(self._participant.card)
        if isinstance(request, Fetch):
            _load_extras()
            create_backbone(request.backbone, request.image_shape)
            return None
        participant = self._participant
        assert participant is not None
        if isinstance(request, Skip):
            return participant.skip(request.task)
        if isinstance(request, Train):
            request.given.compute.apply()
            return participant.train(request.given)
        if isinstance(request, Ask):
            for scores in participant.scores(request.questions):
                send(self._pipe, Reply(SCORES, scores=scores))
            return None
        return participant.measured()._replace(files=self._files())._asdict()

    def _settle(self, order: Settle) -> bool:
        from benchbench.system.file_watch import watch
        from benchbench.system.library_paths import library_paths
        from benchbench.system.private import move_to, serve_a_method
        from benchbench.system.sandbox import allowed_without, confine

        os.environ.pop(SALT, None)
        serve_a_method()
        move_to(order.private)
        libraries = allowed_without(library_paths(), order.protected)
        self._confined = confine([*libraries, *order.readable], [order.private, *order.writable])
        self._allowed = (order.private, *order.readable, *order.writable)
        self._watch = watch(order.protected)
        return self._confined

    def _files(self) -> list[str]:
        """The protected files that the method has tried to reach."""
        if self._watch:
            self._tried |= {Path(path) for _, path in self._watch.drain()}
        own = set(self._allowed)
        return sorted(str(path) for path in self._tried if own.isdisjoint((path, *path.parents)))


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _stand_alone() -> None:
    """Lead a process group of its own, which dies as one, with the parent even if it is busy."""
    if os.name == "posix":
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the template's are not reached
    if sys.platform == "linux":
        death_signal = 1
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
    _let_the_template_end()


def _let_the_template_end() -> None:
    """Give back the share in the template's life that `multiprocessing` hands to each child.

    The template then ends with the supervisor, however that ends, and this process with it.
    """
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    alive = getattr(server, "_forkserver_alive_fd", None)
    if server is not None and alive is not None:
        os.close(alive)
        server._forkserver_alive_fd = None


def _write_stacks_to(path: str) -> None:
    if os.name == "posix":  # elsewhere two processes cannot open a temporary file
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        faulthandler.enable(file)
        if STACK_SIGNAL is not None:
            faulthandler.register(STACK_SIGNAL, file)


def _speak_like_the_command_line() -> None:
    print_messages_only()
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)


def _load_extras() -> None:
    """Load the group of backbones and so on; the other process has reported those that fail."""
    from benchbench.registry import loading

    log = logging.getLogger("benchbench")
    log.disabled = True
    try:
        loading.broken_extras()
    finally:
        log.disabled = False

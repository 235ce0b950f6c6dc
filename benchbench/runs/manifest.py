"""What made a number: everything that a result depends on, as plain JSON."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import inspect
import platform
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import benchbench
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.method import Method, Task
from benchbench.registry import entry_points, specs
from benchbench.registry.sources import package_sha256
from benchbench.runs.reading import FORMAT
from benchbench.system.compute import Compute, machine
from benchbench.system.files import file_hash
from benchbench.system.places import expanded

CORE = 3
"""A part of every run's identity: raise it when a change of the package `benchbench` itself changes
the numbers of methods, so that no result of before is mistaken for one of after. Numbers change
with the training loop, a backbone, preprocessing or the order of episodes; they do not with a
docstring, a name or a file that moves."""
SAID_BY_DATA = (
    *("has_training_classes", "has_unlabelled_part", "has_validation_part", "n_attributes"),
)
"""Fields of a task that follow from what a training is known by in any case."""

LIBRARIES = ("torch", "numpy", "scipy", "pillow", "safetensors")
NETWORK_LIBRARIES = ("torchvision", "timm", "open_clip_torch")
"""A result may depend on these as well, and they need not be installed."""

WEIGHT_FILE = r"weights=([^,\[\]]+\.(?:safetensors|txt|vec))"
"""How a parameter names a file of weights, or of vectors of words."""

SAME_BITS = "equal versions, processor kind, device and threads give the same bits on a CPU"
TOLERANCE, SHORT_TOLERANCE = 0.01, 0.02
"""How far a mean accuracy may lie from the stored one on another kind of machine, after a training
and after one of a few steps, which stops where it was best and so at another step. Measured by
`tests/engine/test_rounding.py`."""
WHOLE_BUDGETS = ("quick", "paper")


@dataclass(frozen=True)
class MethodCard:
    """What is known of a configured method before it is trained; plain values that make JSON.

    described: as in a manifest's `method`. source: `source_sha256` of its class. weight_files: as
    the function of that name gives them. adapts_together: whether it has its own `adapt_many`.
    backbone: the spec of its backbone, or nothing. pretrains: whether it may train that once for
    all methods which do. wants_gpu: whether an engine that can choose is to give it a GPU.
    backbones_of_members: of the methods that it is made of.
    """

    described: dict[str, Any]
    source: str
    weight_files: dict[str, dict[str, str]]
    adapts_together: bool = False
    backbone: str = ""
    pretrains: bool = False
    wants_gpu: bool = False
    backbones_of_members: tuple[str, ...] = ()

    @classmethod
    def of(cls, method: Method) -> MethodCard:
        """The card of a method in this process."""
        return cls(
            describe_method(method),
            _source(method),
            weight_files(method),
            type(method).adapt_many is not Method.adapt_many,
            _backbone(method),
            bool(getattr(method, "pretrains", False)) and _backbone(method) != "pixels",
            bool(getattr(method, "wants_gpu", False)),
            tuple(_backbone(member) for member in method.members if _backbone(member)),
        )

    @property
    def name(self) -> str:
        return str(self.described["name"])

    @property
    def spec(self) -> str:
        """The method's canonical spec."""
        return str(self.described["spec"])

    @property
    def uses_class_names(self) -> bool:
        return bool(self.described["uses_class_names"])

    @property
    def training_labels(self) -> str:
        """As `Method.training_labels`."""
        return str(self.described.get("training_labels", "all"))

    @property
    def uses_attributes(self) -> bool:
        return bool(self.described.get("uses_attributes"))

    @property
    def uses_validation(self) -> bool:
        return bool(self.described.get("uses_validation"))

    @property
    def uses_unlabelled(self) -> bool:
        return bool(self.described.get("uses_unlabelled"))

    @property
    def transductive(self) -> bool:
        """Whether the method declares itself transductive."""
        return bool(self.described["transductive"])


def identity(
    card: MethodCard,
    problem: Problem,
    episodes: EpisodeSet,
    *,
    seed: int,
    budget: str,
    compute: Compute,
    metrics: list[str],
) -> dict[str, Any]:
    """What distinguishes one run from another; the number of episodes is not part of it.

    A method is known by its parameters and by `method_source`, so that an edited method is a new
    run; so is another file of weights under the same name. What it is built on in `benchbench` is
    known by `CORE`. The classes' names, or attributes, count for a method that reads them.
    `trained_on` is there if methods learn from another data set, and `drawn_as` if episodes are
    drawn by another fingerprint than that of the data: `episodes_of` is the fingerprint of a file's
    episodes that were drawn of the same pictures, read in another way.
    """
    return {
        "method": card.name,
        "parameters": card.described["parameters"],
        **card.weight_files,
        "method_source": method_source(card),
        "core": CORE,
        "fingerprint": problem.test.fingerprint,
        **_drawn_as(problem.test),
        **_episodes_of(problem.test, episodes),
        "splits": problem.test.splits_sha256,
        "split": episodes.split,
        "protocol": episodes.protocol,
        "episode_seed": episodes.seed,
        "seed": seed,
        "budget": budget,
        "device": compute.device,
        "bf16": compute.bf16,
        "channels_last": compute.channels_last,
        "metrics": metrics,
        **_descriptions_read(card, problem.test),
        **_trained_on(card, problem),
    }


def _other_than_all(training_labels: str) -> dict[str, str]:
    return {} if training_labels == "all" else {"training_labels": training_labels}


def _backbone(method: Method) -> str:
    """The spec of a method's own backbone, or nothing."""
    backbone = getattr(method, "backbone", "")
    return backbone if isinstance(backbone, str) else ""


def _source(method: Method) -> str:
    """The hash of a method's code, and of that of the methods that it is made of."""
    own = source_sha256(type(method))
    parts = [method_source(MethodCard.of(member)) for member in method.members]
    return hashlib.sha256(" ".join([own, *parts]).encode()).hexdigest() if parts else own


def method_source(card: MethodCard) -> str:
    """The hash of a method's code: of the modules that define its classes and, if it comes with
    another package than benchbench, of all code of that package.
    """
    provenance = entry_points.available("method").get(card.name)
    if provenance is None or provenance.package == "benchbench":
        return card.source
    both = f"{card.source} {package_sha256(provenance)}"
    return hashlib.sha256(both.encode()).hexdigest()


def _drawn_as(dataset: OpenDataset) -> dict[str, str]:
    """The fingerprint by which episodes are drawn, if it is not that of the data."""
    return {} if dataset.drawn_as == dataset.fingerprint else {"drawn_as": dataset.drawn_as}


def _episodes_of(dataset: OpenDataset, episodes: EpisodeSet) -> dict[str, str]:
    same = episodes.fingerprint == dataset.drawn_as
    return {} if same else {"episodes_of": episodes.fingerprint}


def _trained_on(card: MethodCard, problem: Problem) -> dict[str, Any]:
    """Identifies the training data if they are not the test data."""
    if not problem.collection:
        return {}
    train = problem.train
    facts = {"fingerprint": train.fingerprint, "splits": train.splits_sha256}
    return {"trained_on": facts | _descriptions_read(card, train)}


def _descriptions_read(card: MethodCard, dataset: OpenDataset) -> dict[str, str]:
    names = {"class_names": dataset.names_sha256} if card.uses_class_names else {}
    if card.uses_attributes and dataset.attributes:
        return {**names, "attributes": dataset.attributes.sha256}
    return names


def training_identity(identity: dict[str, Any], task: Task) -> dict[str, Any]:
    """What the trained weights depend on: the run's identity without what it is tested on."""
    of_sources = ("fingerprint", "drawn_as", "splits", "split", "class_names", "attributes")
    tested = (*of_sources, "episodes_of", "protocol", "episode_seed", "metrics")
    kept = {key: value for key, value in identity.items() if key not in tested}
    seen = dataclasses.asdict(task)
    for said_by_data in SAID_BY_DATA:
        del seen[said_by_data]
    if not seen["n_unlabelled"]:
        del seen["n_unlabelled"], seen["n_distractors"]
    return {**kept, "task": seen}


def describe_run(
    identity: dict[str, Any], card: MethodCard, problem: Problem, compute: Compute
) -> dict[str, Any]:
    """The manifest of a run that is about to start."""
    test = problem.test
    return {
        "format": FORMAT,
        "identity": identity,
        "method": card.described,
        "dataset": {
            "name": problem.spec,
            "fingerprint": test.fingerprint,
            "images": len(test.labels),
            "image_shape": list(test.image_shape),
            "classes": _class_counts(test),
            "unreadable": test.unreadable,
            **({"remarks": test.remarks} if test.remarks else {}),
            **_attributes(test),
            **_one_of_several(problem),
        },
        "compute": dataclasses.asdict(compute),
        "machine": machine(),
        "software": software(),
        "reproduces": {"bits": SAME_BITS, "tolerance": tolerance_of(identity["budget"])},
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def compute_of(manifest: dict[str, Any]) -> Compute:
    """How the run of a manifest was computed. Raises BenchbenchError if it does not say so."""
    said = manifest.get("compute", {})
    try:
        return Compute(**{field.name: said[field.name] for field in dataclasses.fields(Compute)})
    except KeyError as error:
        raise BenchbenchError(f"its manifest does not say how it was computed ({error})") from error


def tolerance_of(budget: str) -> float:
    """How far other rounding may move the mean accuracy of a run of this budget."""
    return TOLERANCE if budget in WHOLE_BUDGETS else SHORT_TOLERANCE


def software() -> dict[str, str]:
    """The versions of Python, benchbench and what numbers depend on."""
    return {
        "benchbench": benchbench.__version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
        **_installed(NETWORK_LIBRARIES),
    }


def _one_of_several(problem: Problem) -> dict[str, Any]:
    """Which of a collection's problems it is, and the training that they share."""
    if not problem.collection:
        return {}
    return {
        "source": problem.name,
        "subject": problem.test.name,
        "trained_on": {
            "name": problem.collection,
            "sources": list(problem.train.members or {}),
            "fingerprint": problem.train.fingerprint,
            "classes": _class_counts(problem.train),
        },
    }


def _attributes(dataset: OpenDataset) -> dict[str, Any]:
    known = dataset.attributes
    return {"attributes": {"number": len(known.names), "sha256": known.sha256}} if known else {}


def _class_counts(dataset: OpenDataset) -> dict[str, int]:
    return {split: len(classes) for split, classes in dataset.splits.items()}


def describe_method(method: Method) -> dict[str, Any]:
    """A method's name, parameters, declarations and the package that it comes from."""
    provenance = entry_points.available("method").get(method.name)
    return {
        "name": method.name,
        "spec": specs.text_of(method),
        "parameters": specs.parameters_of(method),
        "transductive": method.transductive,
        "order_dependent": method.order_dependent,
        "uses_class_names": method.uses_class_names,
        **({"uses_attributes": True} if method.uses_attributes else {}),
        **({"uses_validation": True} if method.uses_validation else {}),
        **({"uses_unlabelled": True} if method.uses_unlabelled else {}),
        **_other_than_all(method.training_labels),
        "pretrained_on": list(method.pretrained_on),
        "paper": method.paper,
        "package": provenance.package if provenance else None,
        "version": provenance.version if provenance else None,
    }


def _installed(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def weight_files(method: Method) -> dict[str, dict[str, str]]:
    """The hashes of the files that the parameters name as `weights=FILE` or `corpus=FILE`."""
    pattern = r"(?:weights|corpus)=([^,\[\]]+\.(?:safetensors|txt|vec))"
    paths = re.findall(pattern, specs.text_of(method), re.IGNORECASE)
    files = {path: expanded(path) for path in paths}
    hashes = {path: file_hash(file) for path, file in files.items() if file.is_file()}
    return {"weight_files": hashes} if hashes else {}


def source_sha256(cls: type) -> str:
    """The hash of the modules outside `benchbench` that define a method and its base classes.

    Each module file counts once, in the order in which Python looks for attributes; of a class
    without a file its name counts. Base classes of Python itself do not, nor what modules import.
    """
    parts: list[bytes] = []
    for base in cls.__mro__:
        package = base.__module__.partition(".")[0]
        if package == "benchbench" or (base is not cls and package in sys.stdlib_module_names):
            continue
        try:
            file = inspect.getsourcefile(base)
        except (TypeError, OSError):
            file = None
        parts.append(Path(file).read_bytes() if file else base.__qualname__.encode())
    return hashlib.sha256(b"".join(dict.fromkeys(parts))).hexdigest()

"""What is known of a method before it is trained: what it declares, its code, its weight files."""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbench.method import Method
from benchbench.registry import entry_points, loading, specs
from benchbench.registry.sources import package_sha256
from benchbench.system.files import file_hash
from benchbench.system.places import expanded

WEIGHT_FILE = r"(?:weights|corpus)=([^,\[\]]+\.(?:safetensors|txt|vec))"
"""How a parameter names a file of weights, or of vectors of words."""


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
        **_other_than_all(method),
        "pretrained_on": list(method.pretrained_on),
        "paper": method.paper,
        "package": provenance.package if provenance else None,
        "version": provenance.version if provenance else None,
    }


def _other_than_all(method: Method) -> dict[str, Any]:
    """Which labels it learns from, and the share of a fraction; nothing if it learns from all."""
    labels = method.training_labels
    share = {"labelled": method.labelled} if labels == "fraction" and method.labelled < 1 else {}
    return {} if labels == "all" else {"training_labels": labels, **share}


def _backbone(method: Method) -> str:
    """The spec of a method's own backbone, or nothing."""
    backbone = getattr(method, "backbone", "")
    return backbone if isinstance(backbone, str) else ""


def weight_files(method: Method) -> dict[str, dict[str, str]]:
    """The hashes of the files that the parameters name as `weights=FILE` or `corpus=FILE`."""
    paths = re.findall(WEIGHT_FILE, specs.text_of(method), re.IGNORECASE)
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


def _backbone_classes(method: Method) -> list[type]:
    backbone = _backbone(method)
    if not backbone:
        return []
    return [loading.find("register_backbones", "backbone", specs.parse(backbone).name)]


def _of_the_core(cls: type) -> bool:
    """Whether `CORE` stands for the code of a class."""
    return cls.__module__.partition(".")[0] == "benchbench"


def _source(method: Method) -> str:
    """The hash of a method's code, and of that of the methods and plug-ins that it is made of."""
    own = source_sha256(type(method))
    parts = [method_source(MethodCard.of(member)) for member in method.members]
    further = (*method.further_code, *_backbone_classes(method))
    parts += [source_sha256(cls) for cls in further if not _of_the_core(cls)]
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

"""Methods configured by their specs."""

from __future__ import annotations

from benchbench.backbones import backbone_arguments
from benchbench.errors import BenchbenchError
from benchbench.method import Method
from benchbench.registry import loading, specs


def create_methods(text: str) -> list[Method]:
    """The configured methods of a comma-separated list of specs, each once.

    A parameter named `backbone` holds the spec of a backbone, which is looked up here so that a
    mistake in it is reported before anything runs.
    """
    methods: dict[str, Method] = {}
    for spec in map(specs.parse, specs.split_list(text)):
        method: Method = specs.configure(loading.load("method", spec.name), spec)
        if isinstance(backbone := getattr(method, "backbone", None), str):
            backbone_arguments(backbone)
        methods[specs.text_of(method)] = method
    if not methods:
        raise BenchbenchError("No method is named; see `benchbench list methods`.")
    return list(methods.values())

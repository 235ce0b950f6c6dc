"""Methods configured by their specs."""

from __future__ import annotations

from benchbench.backbones import backbone_arguments
from benchbench.errors import BenchbenchError
from benchbench.learners.episodic import AUTO
from benchbench.learners.objective_training import check_from_scratch, create_objective
from benchbench.method import Method
from benchbench.registry import entry_points, loading, specs


def create_method(text: str) -> Method:
    """The method of a spec such as `knn[k=3]`.

    A mistake in its `backbone` or `pretrain`, or in the two together, is reported as well.
    """
    spec = specs.parse(text)
    cls = loading.load("method", spec.name)
    _check_own(cls, spec)
    method: Method = specs.configure(cls, spec)
    backbone, pretrain = (getattr(method, name, None) for name in ("backbone", "pretrain"))
    if isinstance(backbone, str):
        backbone_arguments(backbone)
    if isinstance(pretrain, str) and pretrain != AUTO:
        objective = create_objective(pretrain)
        if isinstance(backbone, str):
            check_from_scratch(objective, backbone)
    return method


def _check_own(cls: type, spec: specs.Spec) -> None:
    """Raise BenchbenchError for a parameter of the objective of the same name."""
    if spec.name not in entry_points.available("pretraining"):
        return
    own = specs.parameter_types(cls)
    theirs = specs.parameter_types(loading.load("pretraining", spec.name))
    for key, value in spec.parameters.items():
        if key in theirs and key not in own:
            raise BenchbenchError(
                f"{key} is a parameter of the objective '{spec.name}' and not of the method; write "
                f"METHOD[pretrain={spec.name}[{key}={value}]] with a method that starts from a "
                "network."
            )


def create_members(text: str) -> tuple[Method, ...]:
    """The configured methods of specs joined by +, of which a method is made."""
    return tuple(map(create_method, specs.split_list(text, specs.BETWEEN_ITEMS)))


def spec_of(method: Method) -> str:
    """The canonical spec of a configured method."""
    return specs.text_of(method)


def create_methods(text: str) -> list[Method]:
    """The configured methods of a comma-separated list of specs, each once."""
    methods = {specs.text_of(one): one for one in map(create_method, specs.split_list(text))}
    if not methods:
        raise BenchbenchError("No method is named; see `benchbench list methods`.")
    return list(methods.values())

"""Parameters that a run does not record since its method has got them later, with their defaults.

A manifest's spec names the parameters that differ from their defaults, so the others that it
records are at theirs: runs of newer code say what runs of older code were made with. No method is
imported, nor need it be installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.registry import specs


class Defaults:
    """The defaults of methods' parameters, as far as all runs that state one agree on it."""

    def __init__(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        self._stated: dict[str, dict[str, dict[str, Any]]] = {}
        for manifest in manifests:
            stated = self._stated.setdefault(manifest["identity"]["method"], {})
            for name, value in _at_default(manifest).items():
                stated.setdefault(name, {})[json.dumps(value, sort_keys=True)] = value

    def lacking(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """The defaults of parameters that other runs of its method record and this one does not."""
        recorded = _recorded(manifest)
        if recorded is None:
            return {}
        stated = self._stated.get(manifest["identity"]["method"], {})
        return {
            name: value
            for name, values in stated.items()
            if name not in recorded and len(values) == 1
            for value in values.values()
        }


def whole_identity(manifest: Mapping[str, Any], lacking: Mapping[str, Any]) -> dict[str, Any]:
    """A run's identity in which its method has those parameters as well."""
    identity: dict[str, Any] = manifest["identity"]
    return (
        {**identity, "parameters": {**lacking, **identity["parameters"]}} if lacking else identity
    )


def _recorded(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    parameters = manifest["identity"].get("parameters")
    return parameters if isinstance(parameters, dict) else None


def _at_default(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the spec does not name; none if it cannot be read."""
    try:
        spec = specs.parse(str(manifest["method"]["spec"]))
    except BenchbenchError:  # a parameter may hold any text, such as a path with brackets
        return {}
    return {
        name: value
        for name, value in (_recorded(manifest) or {}).items()
        if name not in spec.parameters
        and specs.value_text(value) != spec.argument
        and not isinstance(value, dict)  # open parameters, whose keys the spec has
    }

"""Reading manifests: what anybody may have put there is checked once, against the schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, DecimalException
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.system.files import read_text

FORMAT = 2
"""Of the manifests: other ones say less, or name runs by other rules, and are not read."""

MANIFEST_BYTES = 2**25
DEPTH = 32
"""Lists and objects in each other; the deepest of a real manifest has five."""

CURE = "put back what was stored, or move the folder elsewhere and run its command again"


def schema() -> dict[str, Any]:
    """The JSON schema of a manifest in format `FORMAT`, as the package ships it."""
    text = files("benchbench.runs").joinpath("manifest.schema.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def read_manifest(file: Path) -> dict[str, Any]:
    """The content of a manifest; of another format than `FORMAT` it may hold anything.

    Raises FileNotFoundError, or BenchbenchError with one sentence on what is wrong.
    """
    text = read_text(file, MANIFEST_BYTES)
    try:
        content = json.loads(text, object_pairs_hook=_once)
        if not isinstance(content, dict):
            raise ValueError("it is not a JSON object")
        _check_plain(content)
        if content.get("format") == FORMAT:
            # Here 1.0 is no whole number, and what is infinite or NaN none at all.
            _check_entries(json.loads(text, parse_float=Decimal, parse_constant=str))
    except (ValueError, RecursionError, DecimalException) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise BenchbenchError(f"{file} is no manifest of a run ({reason}); {CURE}.") from error
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises ValueError if a key is in it twice, of which readers take either value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is in one object twice")
    return found


def _check_plain(content: dict[str, Any]) -> None:
    """Raise ValueError if JSON holds what cannot be written again, in UTF-8 or at all."""
    level: list[Any] = [content]
    for _ in range(DEPTH):
        inner = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for some in inner for one in some if isinstance(one, (dict, list))]
    if level:
        raise ValueError(f"more than {DEPTH} lists and objects are in each other")
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text in it is no Unicode") from error


def _check_entries(content: dict[str, Any]) -> None:
    """Raise ValueError that names the first entry that is not as the schema says."""
    from fastjsonschema import JsonSchemaValueException

    try:
        _validator()(content, name_prefix="manifest")
    except JsonSchemaValueException as error:
        where = ".".join(error.path[1:]) or "it"
        if error.rule == "required":
            missing = next(key for key in error.rule_definition if key not in error.value)
            raise ValueError(f"{where} has no '{missing}'") from error
        _, _, what = error.message.partition(" must ")
        raise ValueError(f"{where} must {what}") from error


@lru_cache(maxsize=1)
def _validator() -> Callable[..., Any]:
    import fastjsonschema

    validator: Callable[..., Any] = fastjsonschema.compile(schema(), use_default=False)
    return validator

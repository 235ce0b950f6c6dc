"""Annotation files in the form of COCO: JSON with images, annotations and categories."""

from __future__ import annotations

import json
from typing import Any

from benchbench.datasets.meta_dataset.readers.layout import Part, Published

NEEDED: dict[str, dict[str, type]] = {
    "images": {"id": int, "file_name": str},
    "annotations": {"image_id": int, "category_id": int},
    "categories": {"id": int, "name": str},
}
"""By table, the fields that are read and their types."""


def coco_tables(
    published: Published, part: Part, file: str, *names: str
) -> list[list[dict[str, Any]]]:
    """These tables of the file, their rows with at least the fields of `NEEDED`.

    Raises BenchbenchError where the file is not of that form.
    """
    try:
        data = json.loads(part.read(file), object_hook=_without_outline)
    except (ValueError, RecursionError) as error:
        raise published.refusal(f"{file} in {published.path} is not JSON ({error})") from error
    tables = []
    for name in names:
        table = data.get(name) if isinstance(data, dict) else None
        if not isinstance(table, list) or not all(_fits(row, NEEDED[name]) for row in table):
            fields = " and ".join(NEEDED[name])
            raise published.refusal(
                f"{file} in {published.path} has no list '{name}' whose rows have {fields}"
            )
        tables.append(table)
    return tables


def _without_outline(row: dict[str, Any]) -> dict[str, Any]:
    """Outlines of objects are most of the file and are not read."""
    row.pop("segmentation", None)
    return row


def _fits(row: Any, fields: dict[str, type]) -> bool:
    return isinstance(row, dict) and all(
        type(row.get(name)) is kind for name, kind in fields.items()
    )

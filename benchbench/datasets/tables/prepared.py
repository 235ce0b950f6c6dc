"""Data sets that the user prepared from a place outside the data root.

A record in the cache, `prepared/<hash>.json`, names that place and the table. A data set that has a
record is opened with it: its files are neither looked for nor listed, and may be gone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbench.datasets.tables.cache import (
    Table,
    decoded_folder,
    decoded_table,
    is_of_another_format,
    read_table,
)
from benchbench.datasets.tables.file_states import State, state_of
from benchbench.errors import BenchbenchError
from benchbench.system.files import whole_file, writing_to_cache
from benchbench.system.places import expanded

if TYPE_CHECKING:
    from benchbench.datasets.base import Dataset
    from benchbench.system.places import Places


@dataclass(frozen=True)
class TableRecord:
    """The record of one `data prepare --from`.

    identity: the data set's name, argument and pixel parameters; origin: the given place.
    sources: the decoded files and folders, and state: the `state_of` each at that time.
    table: the table's folder below the cache, and size: its bytes; date: the time in UTC.
    decoding: the `Dataset.decoding` that it was made with.
    """

    identity: dict[str, Any]
    origin: str
    sources: list[str]
    state: list[State]
    table: str
    size: int
    date: str
    decoding: int = 1


def decode_from(dataset: Dataset, places: Places, origin: Path) -> None:
    """Decode the images from `origin`, and keep a record of that.

    Raises BenchbenchError if they cannot be read.
    """
    dataset.origin = expanded(origin).absolute()
    if not dataset.origin.exists():
        raise BenchbenchError(f"There is no folder or file {dataset.origin}.")
    _decode(dataset, places)


def sources_and_table(dataset: Dataset, places: Places) -> tuple[list[Path], Table]:
    """The sources of a data set, and its table, which is decoded now if it is not in the cache.

    Raises BenchbenchError if there is neither a table nor anything to decode.
    """
    record = prepared_record(dataset, places)
    if record is None or dataset.origin not in (None, Path(record.origin)):
        sources = dataset.sources(places)
        return sources, decoded_table(dataset, sources, places.cache)
    folder = places.cache / record.table
    usable = (folder / "table.json").exists() and not is_of_another_format(folder)
    is_there = Path(record.origin).exists()
    if not usable or (is_there and record.decoding != dataset.decoding):
        if not is_there:
            raise BenchbenchError(
                f"The decoded images of '{dataset.name}' are gone from the cache, or of another "
                f"version, and {record.origin}, where they came from, is gone as well; prepare it "
                "again from another place."
            )
        dataset.origin = Path(record.origin)
        record = _decode(dataset, places)
        folder = places.cache / record.table
    return [Path(source) for source in record.sources], read_table(folder)


def prepared_record(dataset: Dataset, places: Places) -> TableRecord | None:
    """The record of a data set that was prepared from an origin; None for any other.

    Raises BenchbenchError if it is damaged.
    """
    path = _path(dataset, places)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        record = TableRecord(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise BenchbenchError(
            f"{path} is damaged ({error}); delete it and prepare '{dataset.name}' again."
        ) from error
    return record if record.identity == _identity(dataset) else None


def forget(dataset: Dataset, places: Places) -> None:
    """Remove the record; the table stays."""
    _path(dataset, places).unlink(missing_ok=True)


def state_changed(record: TableRecord) -> bool:
    """Whether a file that was decoded has another size or date now, or is gone; walks folders."""
    try:
        return record.state != [state_of(Path(source)) for source in record.sources]
    except BenchbenchError:
        return True


def _decode(dataset: Dataset, places: Places) -> TableRecord:
    sources = dataset.sources(places)
    if not sources:
        raise BenchbenchError(
            f"'{dataset.name}' is generated and reads no files; leave the origin out."
        )
    state = [state_of(source) for source in sources]
    folder = decoded_folder(dataset, sources, state, places.cache)
    record = TableRecord(
        identity=_identity(dataset),
        origin=str(dataset.origin),
        sources=list(map(str, sources)),
        state=state,
        table=folder.relative_to(places.cache).as_posix(),
        size=sum(file.stat().st_size for file in folder.iterdir()),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        decoding=dataset.decoding,
    )
    path = _path(dataset, places)
    with writing_to_cache(path.parent), whole_file(path) as partial:
        partial.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
    return record


def _identity(dataset: Dataset) -> dict[str, Any]:
    """The `TableRecord.identity`, as it is read back from JSON."""
    argument = getattr(dataset, dataset.argument) if dataset.argument else None
    identity = {
        "name": dataset.name,
        "argument": argument,
        "parameters": dataset.pixel_parameters(),
    }
    return dict(json.loads(json.dumps(identity, sort_keys=True, default=str)))


def _path(dataset: Dataset, places: Places) -> Path:
    text = json.dumps(_identity(dataset), sort_keys=True)
    return places.cache / "prepared" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"

"""`benchbench report`: one html page on finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchbench import plots
from benchbench.errors import BenchbenchError
from benchbench.files import whole_file
from benchbench.places import Places
from benchbench.report import make_report
from benchbench.results import no_runs, results_below, tables_of


def report_command(
    results: Sequence[Path],
    out: Path,
    *,
    data_root: Path | None,
    rule: str,
    pictures: Path | None,
) -> str:
    """Write the page, and its plots into the folder `pictures`; a sentence on what was written."""
    if pictures is not None and not plots.available():
        raise BenchbenchError(
            "--pictures needs matplotlib; install it with pip install 'benchbench[plots]'."
        )
    tables = tables_of(results_below(results))
    if not tables:
        raise no_runs(results)
    report = make_report(tables, rule, Places.find(data_root))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(out) as partial:
            partial.write_text(report.html, encoding="utf-8", newline="\n")
    except OSError as error:
        raise BenchbenchError(f"Cannot write {out} ({error.strerror}).") from error
    if pictures is not None:
        for picture in report.pictures:
            picture.save(pictures)
    size = len(report.html.encode()) / 1e6
    rows = sum(map(len, tables))
    return f"{out}: {_count(rows, 'row')} in {_count(len(tables), 'table')}, {size:.2f} MB"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"

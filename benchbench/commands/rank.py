"""`benchbench rank`: rank a published table, or results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchbench.across import rank_methods, source_names
from benchbench.errors import BenchbenchError
from benchbench.figures import choose, figures_frame, only_common, read_figures
from benchbench.ranking import rank_table
from benchbench.reporters.ranks import ranked_csv, ranked_json, ranked_markdown
from benchbench.results import Entry, no_runs, results_below, tables_of
from benchbench.standing import standing


def rank_command(
    table: str,
    rule: str,
    where: Sequence[str],
    methods: str,
    sources: str,
    common: bool,
    style: str,
) -> str:
    """The ranked table as text.

    table: a csv file, `published`, or a folder of results, whose data sets are the sources. where:
    texts COLUMN=VALUE. methods, sources: names with commas between, all where empty. style:
    markdown, csv or json.

    Raises:
        BenchbenchError: something of the table or the options does not fit.
    """
    stored = Path(table).is_dir()
    if rule == "paired" and not stored:
        raise BenchbenchError(
            "The rule paired needs stored episodes, that is a folder of results, and a table has "
            "only means; rank it by --rule meta-dataset or plain."
        )
    entries = _stored(Path(table)) if stored else {}
    rows = _described(entries) if stored else read_figures(table)
    rows, left_out = choose(rows, where, methods, sources), ""
    if common:
        rows, lacking = only_common(rows)
        left_out = f"Left out, as not every method has them: {', '.join(lacking)}." * bool(lacking)
    if stored:
        pairs = zip(rows["method"], rows["test_source"], strict=True)
        ranked = rank_methods({pair: entries[pair] for pair in pairs}, rule)
    else:
        ranked = rank_table(figures_frame(rows, rule), rule)
    if style == "csv":
        return ranked_csv(ranked)
    return ranked_json(ranked) if style == "json" else ranked_markdown(ranked, left_out)


def _stored(folder: Path) -> dict[tuple[str, str], Entry]:
    """The entries below a folder, by method and test source."""
    tables = tables_of(results_below([folder]))
    if not tables:
        raise no_runs([folder])
    sources = source_names([entries[0] for entries in tables])
    return {
        (entry.label, source): entry
        for source, entries in zip(sources, tables, strict=True)
        for entry in entries
    }


def _described(entries: Mapping[tuple[str, str], Entry]) -> pd.DataFrame:
    """A row for each entry, with what `--where` may ask for."""
    return pd.DataFrame(
        {
            "method": method,
            "test_source": source,
            "protocol": str(entry.first.identity["protocol"]),
            "budget": str(entry.first.identity["budget"]),
            "setting": standing(entry).group,
        }
        for (method, source), entry in entries.items()
    )

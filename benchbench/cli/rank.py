"""`benchbench rank`."""

from __future__ import annotations

from pathlib import Path

import click

from benchbench.cli.options import format_option, rule_option
from benchbench.errors import BenchbenchError


@click.command()
@click.argument("table", metavar="TABLE")
@rule_option("meta-dataset")
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="The value that a column of all rows must have; the option may be repeated.",
)
@click.option(
    "--methods",
    default="",
    show_default="all",
    metavar="NAME,...",
    help="The methods that are ranked.",
)
@click.option(
    "--sources",
    default="",
    show_default="all",
    metavar="NAME,...",
    help="The test sources that methods are ranked on.",
)
@click.option(
    "--common", is_flag=True, help="Leave out test sources on which a method has no figure."
)
@format_option(
    *("markdown", "csv", "json"),
    explanation="csv has a row for each method and test source, json an object for each method.",
)
def rank(
    table: str,
    rule: str,
    where: tuple[str, ...],
    methods: str,
    sources: str,
    common: bool,
    style: str,
) -> None:
    """Rank methods on each test source and on average.

    TABLE is a folder of results, whose data sets are the test sources; a csv file with the columns
    method, test_source, accuracy_percent and ci95_percent; or the word `published`, which means the
    published figures that come with benchbench. An empty test_source means the row's dataset.
    Methods that differ in a column `setting` are ranked apart, as those of stored runs are by what
    the audit found. Any column can be named in --where. The rule `paired` needs stored runs.
    """
    from benchbench.results.across import rank_methods
    from benchbench.results.figures import (
        choose,
        figures_frame,
        only_common,
        read_figures,
        say_if_fractions,
        stored_entries,
        stored_rows,
    )
    from benchbench.results.ranking import rank_table
    from benchbench.results.reporters.ranks import ranked_csv, ranked_json, ranked_markdown

    stored = Path(table).is_dir()
    if rule == "paired" and not stored:
        raise BenchbenchError(
            "The rule paired needs stored episodes, that is a folder of results, and a table has "
            "only means; rank it by --rule meta-dataset or plain."
        )
    entries = stored_entries(Path(table)) if stored else {}
    rows = stored_rows(entries) if stored else read_figures(table)
    rows, left_out = choose(rows, where, methods, sources), ""
    if common:
        rows, lacking = only_common(rows)
        left_out = f"Left out, as not every method has them: {', '.join(lacking)}." * bool(lacking)
    if stored:
        pairs = zip(rows["method"], rows["test_source"], strict=True)
        ranked = rank_methods({pair: entries[pair] for pair in pairs}, rule)
    else:
        frame = figures_frame(rows, rule)
        ranked = rank_table(frame, rule)
        say_if_fractions(frame)
    if style == "markdown":
        click.echo(ranked_markdown(ranked, left_out), nl=False)
    else:
        click.echo(ranked_csv(ranked) if style == "csv" else ranked_json(ranked), nl=False)

"""`benchbench rank`."""

from __future__ import annotations

import click

from benchbench.cli.options import format_option, rule_option


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
    the audit found. Any column can be named in --where. The rule `paired` needs a folder of results.
    """
    from benchbench.cli.rank_command import rank_command

    text = rank_command(table, rule, where, methods, sources, common, style)
    click.echo(text, nl=False)

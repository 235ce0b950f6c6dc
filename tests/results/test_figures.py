"""Figures of a table as numbers: which ones are percentages."""

from decimal import Decimal

import pandas as pd
import pytest

from benchbench.errors import BenchbenchError
from benchbench.results.figures import figures_frame, say_if_fractions
from benchbench.results.ranking import rank_table
from benchbench.results.spreadsheets import ACCURACY, INTERVAL

ABSURD = ["1e400", "1e308", "1e20", "150", "100.01", "1_0", "-1", "inf", "nan", "0e999999999"]


def table(*figures: tuple[str, str]) -> pd.DataFrame:
    """The rows of methods a, b, and so on, on one test source."""
    rows = [dict(zip((ACCURACY, INTERVAL), of, strict=True)) for of in figures]
    return pd.DataFrame(rows).assign(method=list("abcdef"[: len(rows)]), test_source="x")


@pytest.mark.parametrize("absurd", [*ABSURD, "1e-999999999", pytest.param("9" * 5000, id="long")])
@pytest.mark.parametrize("column", [ACCURACY, INTERVAL])
def test_a_figure_that_is_no_percentage_is_told_with_its_cell(column: str, absurd: str) -> None:
    rows = table(("60", "1"), ("60", "1"))
    rows.loc[0, column] = absurd
    with pytest.raises(BenchbenchError) as caught:
        figures_frame(rows, "meta-dataset")
    message = str(caught.value)
    assert message.startswith(f"{column} of 'a' on 'x' is '{absurd[:40]}")
    assert message.endswith("which is no plain number from 0 to 100; write it like 41.03.")
    assert len(message) < 200


def test_the_ends_of_what_a_percentage_can_be_are_taken_and_ranked() -> None:
    frame = figures_frame(table(("1e2", "0"), ("0", "100"), ("1e-320", "1e1")), "meta-dataset")
    assert frame["accuracy"].tolist() == [100, 0, Decimal("1e-320")]
    assert rank_table(frame, "meta-dataset").average.to_dict() == {"a": 1.5, "b": 1.5, "c": 3}


@pytest.mark.parametrize(("highest", "said"), [("1.0", True), ("1.01", False)])
def test_figures_of_at_most_one_are_said_to_be_no_percentages(capsys, highest, said) -> None:
    say_if_fractions(figures_frame(table(("0.9", "0.01"), (highest, "0.01")), "plain"))
    told = "All 2 accuracies are at most 1 and are taken for per cent"
    assert (told in capsys.readouterr().err) == said

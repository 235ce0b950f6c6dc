"""Contact sheets of views: the image first, then what the augmentation makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from benchbench.datasets import view_sheet as sheets
from benchbench.datasets.contact_sheet import ImageRow
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[ImageRow]:
    """The rows of the sheet that is drawn next."""
    seen: list[ImageRow] = []
    real = sheets.sheet

    def noting(title: str, given: list[ImageRow], columns: int):
        seen.extend(given)
        return real(title, given, columns)

    monkeypatch.setattr(sheets, "sheet", noting)
    return seen


def test_a_row_is_an_image_and_its_views(dataset: OpenDataset, rows: list[ImageRow]) -> None:
    sheets.view_sheet(dataset, "train", 3, 4, "flip[share=1]")
    assert [len(row.images) for row in rows] == [5, 5, 5]
    for row in rows:
        for view in row.images[1:]:
            np.testing.assert_array_equal(view, row.images[0][:, ::-1])


def test_views_differ_and_are_the_same_each_time(
    dataset: OpenDataset, rows: list[ImageRow]
) -> None:
    first, again = (sheets.view_sheet(dataset, "train", 2, 3, "crop") for _ in range(2))
    assert first.tobytes() == again.tobytes()
    one, two, three = rows[0].images[1:]
    assert not np.array_equal(one, two)
    assert not np.array_equal(two, three)
    assert "as it is, and 3 views" in rows[0].label


def test_a_wrong_spec_or_split_is_a_sentence(dataset: OpenDataset) -> None:
    with pytest.raises(BenchbenchError, match="no augmentation named 'crp'"):
        sheets.view_sheet(dataset, "train", 2, 3, "crp")
    with pytest.raises(BenchbenchError, match="no split 'trian'"):
        sheets.view_sheet(dataset, "trian", 2, 3, "crop")

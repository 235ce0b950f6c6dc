"""What the viewer says of wrong answers."""

from pathlib import Path

import numpy as np

from benchbench.results.attribute_confusion import Presence
from benchbench.results.report.predictions import Shown
from benchbench.results.report.wrong_answers import attribute_data, likeliest, method_data
from benchbench.runs.top_classes import COLUMNS, FILE, top_of, top_row

WHOLE = {0: Shown((), (), (10, 11, 12, 13), (0, 0, 1, 1))}
SCORES = np.array([[2.0, 1.0], [0.0, 3.0], [0.0, 1.0], [4.0, 0.5]])
PREDICTED = {0: [0, 1, 1, 0]}


def test_right_answers_are_counted_among_all_and_shown_places_alone_are_given() -> None:
    found = method_data("<b>", PREDICTED, WHOLE, {0: [0, 1, 3]}, {0: top_of(SCORES)})
    assert found["predicted"] == {"0": [0, 1, 0]}
    assert found["right"] == {"0": 2}
    assert found["top"] == {"0": {"1": [(1, 3.0), (0, 0.0)], "2": [(0, 4.0), (1, 0.5)]}}


def test_without_likeliest_classes_nothing_is_said_of_them() -> None:
    assert "top" not in method_data("a", PREDICTED, WHOLE, {0: [0]}, {})


def test_likeliest_classes_of_other_episodes_are_not_shown(tmp_path: Path) -> None:
    assert likeliest(tmp_path, WHOLE) == {}
    (tmp_path / FILE).write_text(f"{','.join(COLUMNS)}\n{top_row(0, SCORES)}\n")
    assert likeliest(tmp_path, WHOLE)[0].slots.tolist() == [[0, 1], [1, 0], [1, 0], [0, 1]]
    (tmp_path / FILE).write_text(f"{','.join(COLUMNS)}\n{top_row(0, np.eye(4))}\n")
    assert likeliest(tmp_path, WHOLE) == "its likeliest classes are not those of the episodes"
    (tmp_path / FILE).write_text("nonsense\n")
    assert "holds no classes of queries" in likeliest(tmp_path, WHOLE)


def test_attributes_are_given_of_the_classes_that_are_asked_about() -> None:
    presence = Presence(("a\n", "b"), np.array([[True, True], [False, False], [False, True]]))
    found = attribute_data(presence, [2, 0, 2])
    assert found == {"names": ["a\\n", "b"], "present": {"0": [0, 1], "2": [1]}}

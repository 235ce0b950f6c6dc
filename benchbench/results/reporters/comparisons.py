"""Comparisons in pairs: a row a pair, differences in points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd

from benchbench.results.answered import has_official_test
from benchbench.results.comparison import Comparison, comparison_frame
from benchbench.results.headings import ABOUT_OFFICIAL_TESTS, OF_EPISODES, OF_OFFICIAL_TESTS
from benchbench.results.numbers import decimals, p_value, percent, points
from benchbench.results.pairing import readings
from benchbench.results.reporters.markdown import bullets, heading, markdown_table
from benchbench.stats import FEWEST_FOR_T

COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "a": ("a", str),
    "b": ("b", str),
    "a %": ("accuracy_a", percent),
    "b %": ("accuracy_b", percent),
    "difference": ("difference", points),
    "± episodes": ("ci_episodes", percent),
    "± classes": ("ci_classes", percent),
    "± draws": ("ci_episodes", percent),
    "± test images": ("ci_images", percent),
    "± both": ("ci_both", percent),
    "± seeds": ("ci_seeds", percent),
    "p (t)": ("p_t", p_value),
    "p (sign flip)": ("p_sign_flip", p_value),
    "p (Holm)": ("p_holm", p_value),
    "detectable": ("detectable", percent),
    "d": ("effect_size", partial(decimals, digits=2)),
    "r": ("correlation", partial(decimals, digits=2)),
    "n": ("episodes", str),
    "seeds": ("seeds", str),
}
"""The column of `comparison_frame` behind each printed one, and how it is printed."""


def compared_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `comparison_frame` as it is printed."""
    left_out = OF_EPISODES if frame["official_test"].any() else OF_OFFICIAL_TESTS
    columns = {name: what for name, what in COLUMNS.items() if name not in left_out}
    shown = {name: frame[column].map(style) for name, (column, style) in columns.items()}
    if frame["ci_seeds"].isna().all():
        del shown["± seeds"]
    return pd.DataFrame(shown)


def compared_markdown(compared: Sequence[Comparison], reference: str | None) -> str:
    """The comparisons on one protocol, with a heading and notes."""
    first = compared[0].a.first
    family = f"each against {reference}" if reference else f"all {len(compared)} pairs"
    if len(compared) == 1:
        family = "this pair"
    official = has_official_test(compared[0].a)
    about = (OF_OFFICIAL_TESTS if official else OF_EPISODES)[0]
    notes = [
        f"A positive difference is in favour of a. {ABOUT_OFFICIAL_TESTS}"
        if official
        else "A positive difference is in favour of a. ± episodes: other episodes of these images "
        "and classes; ± classes: a fresh draw of test classes.",
        f"Holm's correction is over {family}, of the t test; of the sign flip below {FEWEST_FOR_T} "
        "episodes and where there is no t. d: mean difference over its standard deviation; r: "
        "correlation of the two over episodes.",
        "detectable: the least true difference that so many episodes show with a power of 80 %.",
    ]
    if any(one.paired.n == 1 for one in compared):
        notes.append(
            f"Of one draw there are no {about}, p (t), detectable and d, and p (sign flip) is 1 "
            "whatever the difference: ± test images says how sure it is."
        )
    if any(one.paired.p_t is None and one.paired.n > 1 for one in compared):
        notes.append(
            f"No {about}, p (t), detectable and d: the difference is the same in every episode, so "
            "that nothing is known of its spread."
        )
    reasons = {one.paired.ci_classes_reason for one in compared if not official} - {None}
    notes += [f"No ± classes: {reason}" for reason in sorted(map(str, reasons))]
    if any(one.ci_seeds is not None for one in compared):
        notes.append("± seeds: a fresh draw of training seeds and episodes.")
    read = readings([entry.first for one in compared for entry in (one.a, one.b)])
    if len(read) > 1:
        how = ", ".join(f"{what} in {name}" for name, what in read.items())
        notes.insert(0, f"Both sides met the same episodes, of the same pictures: {how}.")
    table = markdown_table(compared_cells(comparison_frame(compared)))
    title = heading(f"{' and '.join(read)}, {first.identity['protocol']}")
    return f"{title}\n\n{table}\n\n{bullets(notes)}\n"

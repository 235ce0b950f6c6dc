"""Plots: their bars are those of the frame, equal ones are equal bytes, nothing global changes."""

import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from benchbench.errors import BenchbenchError
from benchbench.results import plot_style, plots, rank_plot

matplotlib = pytest.importorskip("matplotlib")

LONG = "knn[backbone=open_clip:ViT-B-32-quickgelu/laion400m_e32,distance=euclidean,k=5]"


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": ["protonet", LONG, "linear_probe"],
            "budget": "quick",
            "accuracy": [0.9, 0.8, 0.7],
            "ci_episodes": [0.01, 0.02, None],
            "ci_classes": [0.03, None, 0.05],
        }
    )


@pytest.fixture
def comparisons() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "a": [LONG, "linear_probe"],
            "b": "protonet",
            "difference": [-0.1, 0.002],
            "ci_episodes": [0.01, 0.02],
            "ci_classes": [0.03, 0.04],
        }
    )


def bars(figure: Any, label: str) -> list[tuple[float, float]]:
    """The ends of the horizontal error bars with a label in the legend, from the top."""
    axes = figure.axes[0]
    [container] = [one for one in axes.containers if one.get_label() == label]
    return [(part[0][0], part[1][0]) for part in container.lines[2][0].get_segments() if len(part)]


def widths(figure: Any, label: str) -> float:
    [container] = [one for one in figure.axes[0].containers if one.get_label() == label]
    return float(container.lines[2][0].get_linewidth()[0])


def texts(figure: Any) -> str:
    """All words of the figure, without spaces."""
    tree = ElementTree.fromstring(plot_style.svg(figure))
    words = ["".join(one.itertext()) for one in tree.iter() if one.tag.endswith("}text")]
    return "".join("".join(words).split())


def test_accuracies_have_both_intervals(rows: pd.DataFrame) -> None:
    figure = plots.accuracy_plot(rows)
    episodes, classes = bars(figure, "± episodes"), bars(figure, "± classes")
    present = [one for one in episodes if not np.isnan(one).any()]
    np.testing.assert_allclose(present, [(89, 91), (78, 82)])
    present = [one for one in classes if not np.isnan(one).any()]
    np.testing.assert_allclose(present, [(87, 93), (65, 75)])
    assert widths(figure, "± episodes") > 2 * widths(figure, "± classes")
    [means] = [line for line in figure.axes[0].lines if line.get_label() == "mean"]
    np.testing.assert_allclose(means.get_xdata(), [90, 80, 70])
    assert (np.diff(np.asarray(means.get_ydata(), dtype=float)) > 0).all()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["mean", "± episodes", "± classes"]


def test_differences_have_both_intervals_and_a_zero_line(comparisons: pd.DataFrame) -> None:
    figure = plots.difference_plot(comparisons)
    np.testing.assert_allclose(bars(figure, "± episodes"), [(-11, -9), (-1.8, 2.2)])
    np.testing.assert_allclose(bars(figure, "± classes"), [(-13, -7), (-3.8, 4.2)])
    [zero] = [line for line in figure.axes[0].lines if line.get_gid() == "zero"]
    assert list(zero.get_xdata()) == [0, 0]
    assert f"{LONG}linear_probe" in texts(figure)
    assert "differenceinaccuracytoprotonet,points" in texts(figure)


def test_differences_to_several_methods_name_both(comparisons: pd.DataFrame) -> None:
    figure = plots.difference_plot(comparisons.assign(b=["protonet", "maml"]))
    assert f"{LONG}−protonet" in texts(figure)
    assert "linear_probe−maml" in texts(figure)


def test_accuracy_against_shot(rows: pd.DataFrame) -> None:
    frame = pd.concat(
        [
            rows.assign(shot=shot, accuracy=rows["accuracy"] + gain)
            for shot, gain in ((5, 0.05), (1, 0.0), (10, 0.08))
        ]
    )
    figure = plots.shot_plot(frame)
    lines = [line for line in figure.axes[0].lines if not line.get_label().startswith("_")]
    assert len(lines) == 3
    np.testing.assert_allclose(lines[0].get_ydata(), [90, 95, 98])
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["1", "5", "10"]
    names = [one.get_label() for one in figure.axes[0].containers]
    assert sorted(set(names)) == ["_ci_classes", "_ci_episodes"]
    assert LONG in texts(figure)


def test_training_shows_validation_and_loss() -> None:
    log = [{"step": 10, "loss": 2.0, "validation": 0.5}, {"step": 20, "loss": 1.0}]
    figure = plots.training_plot({"a": log, LONG: log})
    above, below = figure.axes
    assert [list(line.get_ydata()) for line in above.lines] == [[50], [50]]
    assert [list(line.get_xdata()) for line in below.lines] == [[10, 20], [10, 20]]
    assert LONG in texts(figure)


@pytest.mark.parametrize(
    ("ranks", "cd", "groups"),
    [
        ([1, 2, 3], 0.5, []),
        ([1, 2, 3], 1, [(0, 1), (1, 2)]),
        ([1, 2, 3], 2, [(0, 2)]),
        ([1, 1.5, 3, 3.2, 3.4, 6], 1, [(0, 1), (2, 4)]),
        # Demsar (2006), section 3.2.4: equal at 5 %, and at 10 % C4.5 apart from two others.
        ([1.964, 2.000, 2.893, 3.143], 1.25, [(0, 3)]),
        ([1.964, 2.000, 2.893, 3.143], 1.12, [(0, 2), (2, 3)]),
    ],
)
def test_methods_within_the_critical_difference_are_joined(ranks, cd, groups) -> None:
    assert rank_plot.joined_groups(np.array(ranks, dtype=float), cd) == groups
    names = {f"m{index}": float(rank) for index, rank in enumerate(ranks)}
    figure = rank_plot.critical_difference_plot(dict(reversed(names.items())), cd, 14)
    drawn = [line for line in figure.axes[0].lines if str(line.get_gid()).startswith("group")]
    assert [line.get_gid() for line in drawn] == [f"group-{a}-{b}" for a, b in groups]
    for line, (first, last) in zip(drawn, groups, strict=True):
        left, right = line.get_xdata()
        assert left < ranks[first] < ranks[last] < right
        assert all(rank < left or rank > right for rank in (*ranks[:first], *ranks[last + 1 :]))
    [ruler] = [line for line in figure.axes[0].lines if line.get_gid() == "cd"]
    assert np.ptp(np.asarray(ruler.get_xdata(), dtype=float)) == pytest.approx(cd)
    assert f"CD={cd:.2f},N=14datasets,k={len(ranks)}methods" in texts(figure)


def test_equal_figures_are_equal_bytes(rows: pd.DataFrame, tmp_path: Path) -> None:
    assert plot_style.svg(plots.accuracy_plot(rows)) == plot_style.svg(plots.accuracy_plot(rows))
    for suffix in plot_style.SUFFIXES:
        one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
        plot_style.save(plots.accuracy_plot(rows), one)
        plot_style.save(plots.accuracy_plot(rows), other)
        assert one.read_bytes() == other.read_bytes()
        assert one.stat().st_size > 1000


def test_text_stays_text_and_is_escaped(rows: pd.DataFrame) -> None:
    rows.loc[0, "method"] = "a[x=<b>&$1$]"
    figure = plots.accuracy_plot(rows)
    assert "a[x=<b>&$1$]" in texts(figure)
    assert LONG in texts(figure)


def test_global_settings_stay_as_they_are(rows: pd.DataFrame) -> None:
    before = dict(matplotlib.rcParams)
    plot_style.svg(plots.accuracy_plot(rows))
    assert dict(matplotlib.rcParams) == before


def test_mistakes_are_told(rows, tmp_path, monkeypatch) -> None:
    figure = plots.accuracy_plot(rows)
    with pytest.raises(BenchbenchError, match=r"must end in one of \.svg, \.png, \.pdf"):
        plot_style.save(figure, tmp_path / "plot.bmp")
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchbenchError, match="Cannot write"):
        plot_style.save(figure, tmp_path / "file" / "plot.svg")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(BenchbenchError, match=r"pip install 'benchbench\[plots\]'"):
        plots.accuracy_plot(rows)

"""Figures that papers and repositories have published, as context for what is measured.

`sure` says how a figure came here: `exact` (it stands in the source that is named), `secondary` (as
another source quotes it), `recalled` (written down from memory and checked against others).
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from importlib.resources import files

import pandas as pd

from benchbench.datasets.meta_dataset.collection import VALIDATED
from benchbench.datasets.meta_dataset.spec import source_spec
from benchbench.errors import BenchbenchError
from benchbench.registry import specs

SURE = ("exact", "secondary", "recalled")
"""The surest first."""

ALL_LABELS = "train+val"
"""The end of a `train_source` that has the validation classes too, as no run here has."""


def published_figures() -> pd.DataFrame:
    """All figures as printed text, empty if unknown; accuracies and half-widths in per cent."""
    with (files("benchbench.results") / "published.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def figures_for(dataset: str, way: int | None, shot: int | None) -> pd.DataFrame:
    """The figures on a data set, as in `published_figures`; perhaps none.

    dataset: a spec, of which only the test source and training of Meta-Dataset count beyond the
    name. way, shot: None if they vary, which fits only figures of such episodes.
    """
    return _fitting(dataset, way, shot).copy()


def figure_of(
    method: str, dataset: str, way: int | None, shot: int | None, backbone: str | None
) -> pd.Series[str] | None:
    """The published row of a measured method, or None; arguments as in `figures_for`.

    method: a spec, whose parameters count where they make it another published method. The same
    family of backbones (`conv4` and Conv4-64) comes first, then the surest figure. Figures of
    networks that were trained on the validation classes as well are of another setting.
    """
    figures = _fitting(dataset, way, shot)
    figures = figures[figures["method"].map(_plain_name) == _plain_name(published_name(method))]
    figures = figures[~figures["train_source"].str.endswith(ALL_LABELS)]
    if figures.empty:
        return None
    keys = zip(figures["backbone"], figures["sure"], strict=True)
    ranks = [(not _same_family(backbone, theirs), SURE.index(sure)) for theirs, sure in keys]
    return figures.iloc[ranks.index(min(ranks))]


def published_name(method: str) -> str:
    """The name of a method's figures: the first of `other_names` whose parameters are set, or that
    in the spec itself."""
    try:
        spec = specs.parse(method)
    except BenchbenchError:  # a spec that a run has brought along
        return method
    known = ((specs.parse(text), title) for text, title in other_names().items())
    fits = (
        title
        for one, title in known
        if one.name == spec.name and one.parameters.items() <= spec.parameters.items()
    )
    return next(fits, spec.name)


@cache
def other_names() -> dict[str, str]:
    """The names of figures that are not the method's own, by spec."""
    text = (files("benchbench.results") / "published_names.json").read_text(encoding="utf-8")
    names: dict[str, str] = json.loads(text)
    return names


@lru_cache(maxsize=64)
def _fitting(dataset: str, way: int | None, shot: int | None) -> pd.DataFrame:
    figures = published_figures()
    fits = figures["dataset"].map(_plain_name) == _plain_name(dataset)
    if _plain_name(dataset) == "metadataset":
        try:
            fits &= _of_test_source(figures, specs.parse(dataset))
        except BenchbenchError:  # a name that a run has brought along, and that nothing here has
            fits[:] = False
    for column, wanted in (("way", way), ("shot", shot)):
        text = figures[column]
        fits &= text.str.contains("variable") if wanted is None else text == str(wanted)
    return figures[fits]


def _of_test_source(figures: pd.DataFrame, spec: specs.Spec) -> pd.Series[bool]:
    """Which figures are of the source and training that a spec of Meta-Dataset names, if any."""
    source = spec.parameters.get("test_source")
    if source is None:
        return pd.Series(spec.argument is None, index=figures.index)
    title = _plain_name(source_spec(source).title)
    learnt = {"all": "all", VALIDATED: "ILSVRC"}.get(spec.parameters.get("train", VALIDATED), "-")
    tested = figures["test_source"].str.removesuffix(" (test)").map(_plain_name)
    return (tested == title) & figures["train_source"].str.startswith(learnt)


def _plain_name(spec: str) -> str:
    """`cifar_fs[split=x]` and `CIFAR-FS` are one name."""
    return specs.plain(re.split(r"[\[:]", spec)[0])


def _same_family(ours: str | None, theirs: str) -> bool:
    """Whether one name begins with the whole of the other: words and numbers are not cut."""
    first, second = _words(ours or ""), _words(theirs)
    length = min(len(first), len(second))
    return length > 0 and first[:length] == second[:length]


def _words(backbone: str) -> list[str]:
    """The words and numbers of a backbone; of `library:NAME` those of the name."""
    name = backbone.partition("[")[0].rpartition(":")[2]
    return re.findall("[a-z]+|[0-9]+", name.lower())

"""Run directories as `benchbench run` would leave them, of methods that guess with some skill."""

import json
import zlib
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import runs

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.results import plot_style
from benchbench.results.entries import tables_of
from benchbench.results.report import Report, make_report
from benchbench.results.stored import read_results
from benchbench.runs.directory import PREDICTED_EPISODES
from benchbench.runs.episodes_file import PREDICTION_COLUMNS
from benchbench.runs.store import Store
from benchbench.system.places import Places

WAY, QUERY = 5, 15


def write_run(
    root: Path,
    dataset: OpenDataset,
    method: str,
    skill: float,
    *,
    shot: int = 1,
    seed: int = 0,
    episodes: int = 60,
    transductive: bool = False,
    predictions: bool = True,
    trained: bool = False,
    images: tuple[int, int] | None = None,
) -> Path:
    """A finished run; all runs on one data set and shot meet the same episodes."""
    drawing = np.random.default_rng(shot)
    guessing = np.random.default_rng(zlib.crc32(f"{method} {seed}".encode()))
    labels, slots = np.repeat(np.arange(WAY), QUERY), np.repeat(np.arange(WAY), shot)
    images_of = {one: np.flatnonzero(dataset.labels == one) for one in dataset.splits["test"]}
    kept = [",".join(PREDICTION_COLUMNS)]
    correct, drawn = [], []
    for number in range(episodes):
        classes, support, query = _episode(images_of, shot, drawing)
        right = guessing.random(len(labels)) < skill + 0.1 * drawing.standard_normal()
        predicted = np.where(right, labels, (labels + 1) % WAY)
        correct.append(int(right.sum()))
        drawn.append(classes.tolist())
        if number < PREDICTED_EPISODES:
            columns = (support, slots, query, labels, predicted)
            kept.append(f"{number}," + ",".join(" ".join(map(str, column)) for column in columns))
    images_drawn, images_available = images or (None, None)
    parameters = {"backbone": "conv4"}
    with suppress(BenchbenchError):
        parameters |= specs.parse(method).parameters
    run = runs.write_run(
        root,
        method,
        correct,
        dataset=dataset.name,
        classes=drawn,
        seconds=60 * skill,
        metrics={"sharpness": guessing.random(episodes).tolist()},
        declared={"parameters": parameters, "transductive": transductive},
        episodes={
            "shot": shot,
            "images_drawn": images_drawn,
            "images_available": images_available,
        },
        parameters=parameters,
        fingerprint=dataset.fingerprint,
        protocol=f"{WAY}way-{shot}shot-{QUERY}query",
        seed=seed,
    )
    run.update(parameters=111936, cost={**run.manifest["cost"], "peak_memory_bytes": 850_000_000})
    if predictions:
        text = "\n".join(kept) + "\n"
        (run.path / "predictions.csv").write_text(text, encoding="utf-8")
    if trained:
        log = [{"step": 10 * i, "loss": 1 / i, "validation": 1 - 1 / (i + 1)} for i in range(1, 5)]
        (run.path / "training.json").write_text(json.dumps({"record": {}, "log": log}))
    return run.path


def _episode(
    images_of: dict[int, np.ndarray], shot: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    classes = rng.choice(list(images_of), WAY, replace=False)
    ids = np.stack(
        [rng.choice(images_of[one], shot + QUERY, replace=False) for one in classes.tolist()]
    )
    return classes, ids[:, :shot].ravel(), ids[:, shot:].ravel()


def report_on(*folders: Path, rule: str = "paired", with_plots: bool = True) -> Report:
    """The report on the runs below the folders."""
    tables = tables_of(read_results(run for folder in folders for run in Store(folder).runs()))
    with pytest.MonkeyPatch.context() as patch:
        if not with_plots:
            patch.setattr(plot_style, "available", lambda: False)
        return make_report(tables, rule, Places.find())


class Page(HTMLParser):
    """What tests ask of a page: its tables by caption, its tags, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[tuple[str, dict[str, str | None]]]]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.html, self.text = html, ""
        self._rows: list[list[tuple[str, dict[str, str | None]]]] = []
        self._caption: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "caption":
            self._caption = ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append(("", dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._caption is not None:
            self._caption += data
        elif self._rows and self._rows[-1]:
            text, attributes = self._rows[-1][-1]
            self._rows[-1][-1] = (text + data.strip(), attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag == "caption":
            self._name, self._caption = self._caption or "", None
        elif tag == "table":
            self.tables[self._name], self._rows = self._rows, []

    @property
    def data(self) -> Any:
        """What the script reads."""
        return json.JSONDecoder().raw_decode(self.text[self.text.index('{"images"') :])[0]

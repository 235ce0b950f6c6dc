"""Run directories as `benchbench run` would leave them, of methods that guess with some skill."""

import hashlib
import json
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchbench.datasets.base import OpenDataset
from benchbench.results import plots
from benchbench.results.entries import read_results, tables_of
from benchbench.results.report import Report, make_report
from benchbench.runs.store import FORMAT, PREDICTED_EPISODES, PREDICTION_COLUMNS, Store
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
    budget: str = "quick",
    images: tuple[int, int] | None = None,
    pretrained_on: Sequence[str] = (),
) -> Path:
    """A finished run; all runs on one data set and shot meet the same episodes."""
    protocol = f"{WAY}way-{shot}shot-{QUERY}query"
    identity = {
        "method": "guess",
        "parameters": {"spec": method},
        "fingerprint": dataset.fingerprint,
        "splits": "5" * 64,
        "split": "test",
        "protocol": protocol,
        "episode_seed": 0,
        "seed": seed,
        "budget": budget,
        "metrics": ["sharpness"],
    }
    digest = hashlib.sha256(json.dumps([identity, method]).encode()).hexdigest()
    folder = root / dataset.name / protocol / f"guess-{digest[:8]}"
    folder.mkdir(parents=True)
    drawing, guessing = np.random.default_rng(shot), np.random.default_rng(int(digest[:8], 16))
    rows = ["episode,n_way,n_query,correct,accuracy,classes,sharpness"]
    kept = [",".join(PREDICTION_COLUMNS)]
    for number in range(episodes):
        classes, support, query = _episode(dataset, shot, drawing)
        labels = np.repeat(np.arange(WAY), QUERY)
        right = guessing.random(len(labels)) < skill + 0.1 * drawing.standard_normal()
        predicted = np.where(right, labels, (labels + 1) % WAY)
        correct = int((predicted == labels).sum())
        rows.append(
            f"{number},{WAY},{len(labels)},{correct},{correct / len(labels)},"
            f"{_joined(classes)},{guessing.random()}"
        )
        slots = np.repeat(np.arange(WAY), shot)
        columns = (support, slots, query, labels, predicted)
        kept.append(f"{number}," + ",".join(map(_joined, columns)))
    (folder / "episodes.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    if predictions:
        text = "\n".join(kept[: PREDICTED_EPISODES + 1]) + "\n"
        (folder / "predictions.csv").write_text(text, encoding="utf-8")
    if trained:
        log = [{"step": 10 * i, "loss": 1 / i, "validation": 1 - 1 / (i + 1)} for i in range(1, 5)]
        (folder / "training.json").write_text(json.dumps({"record": {}, "log": log}))
    drawn, available = images or (None, None)
    manifest = {
        "format": FORMAT,
        "identity": identity,
        "method": {
            "name": "guess",
            "spec": method,
            "parameters": {"backbone": "conv4"},
            "transductive": transductive,
            "pretrained_on": list(pretrained_on),
        },
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "status": "finished",
        "parameters": 111936,
        "episodes": {
            "count": episodes,
            "way": WAY,
            "shot": shot,
            "query": QUERY,
            "disjoint": False,
            "standard": True,
            "images_drawn": drawn,
            "images_available": available,
        },
        "cost": {
            "training_seconds": 60 * skill,
            "seconds_per_episode": skill / 700,
            "peak_memory_bytes": 850_000_000,
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _episode(
    dataset: OpenDataset, shot: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    classes = rng.choice(dataset.splits["test"], WAY, replace=False)
    ids = np.stack(
        [
            rng.choice(np.flatnonzero(dataset.labels == one), shot + QUERY, replace=False)
            for one in classes
        ]
    )
    return classes, ids[:, :shot].ravel(), ids[:, shot:].ravel()


def _joined(values: np.ndarray) -> str:
    return " ".join(map(str, values))


def report_on(*folders: Path, rule: str = "paired", with_plots: bool = True) -> Report:
    """The report on the runs below the folders."""
    tables = tables_of(read_results(run for folder in folders for run in Store(folder).runs()))
    with pytest.MonkeyPatch.context() as patch:
        if not with_plots:
            patch.setattr(plots, "available", lambda: False)
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

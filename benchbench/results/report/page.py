"""From entries to the whole page: each protocol's tables, plots, viewer and manifests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

import benchbench
from benchbench.errors import BenchbenchError, NoEstimate
from benchbench.results import plot_style, plots
from benchbench.results.comparison import compare_entries, comparison_frame
from benchbench.results.entries import Entry
from benchbench.results.leaderboard import GROUP, tabulate_entries
from benchbench.results.printed import Marked
from benchbench.results.report.across import Overview, overviews
from benchbench.results.report.classes import ClassSection, class_section
from benchbench.results.report.pictures import Draw, Picture
from benchbench.results.report.tables import Table, compared, is_words, measured, plain
from benchbench.results.report.viewer import BYTES, Thumbnails, Viewer, make_viewer
from benchbench.results.reporters.sections import Section, sections
from benchbench.runs.episodes_file import FILE_BYTES
from benchbench.runs.names import slug
from benchbench.runs.weights import OWN
from benchbench.system.files import read_text
from benchbench.system.places import Places
from benchbench.system.texts import legible, legible_lines
from benchbench.verification.redrawing import Redrawings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 1e15
"""A number of a training's log that a plot shows."""

ALL_PAIRS = 25
"""Entries up to which all pairs are compared, and each with the best one above."""


@dataclass
class Protocol:
    """A section of the page."""

    anchor: str
    title: str
    table: Table
    notes: list[str]
    manifests: list[tuple[str, Entry]]
    viewer: Viewer
    accuracy: Picture | None = None
    comparisons: Table | None = None
    differences: Picture | None = None
    training: Picture | None = None
    published: Table | None = None
    classes: ClassSection | None = None


@dataclass(frozen=True)
class Report:
    """The page as text, and the plots in it."""

    html: str
    pictures: list[Picture]


def make_report(tables: Sequence[list[Entry]], rule: str, places: Places) -> Report:
    """The report on the entries of each protocol; the same results give the same text.

    rule: that of the ranks. Plots are left out if matplotlib is not installed.
    """
    pictures: list[Picture] = []

    def draw(name: str, caption: str, make: Callable[[], Figure]) -> Picture | None:
        if not plot_style.available():
            return None
        pictures.append(Picture(name, caption, make()))
        return pictures[-1]

    frame = tabulate_entries(tables, rule)
    thumbnails, redrawings = Thumbnails(places), Redrawings()
    budget = BYTES // max(1, len(tables))
    groups = [rows for _, rows in frame.groupby(GROUP, sort=False)]
    protocols: list[Protocol] = []
    for entries, rows, section in zip(tables, groups, sections(frame), strict=True):
        by_label = {entry.label: entry for entry in entries}
        ordered = [by_label[label] for label in rows["method"]]
        viewer = make_viewer(ordered, thumbnails, budget)
        anchor = f"protocol-{len(protocols)}"
        protocol = _protocol(anchor, ordered, rows, section, viewer, draw)
        protocol.classes = class_section(protocol.title, ordered, thumbnails, redrawings)
        protocols.append(protocol)
    shots = _shot_plots(frame, draw)
    across = overviews(tables, rule, draw)
    html = _rendered(protocols, shots, across, thumbnails.images)
    return Report(html, pictures)


def _protocol(
    anchor: str,
    entries: list[Entry],
    rows: pd.DataFrame,
    section: Section,
    viewer: Viewer,
    draw: Draw,
) -> Protocol:
    """entries, rows: in the order of the table."""
    title, stem = section.title, slug(section.title)
    anchors = [f"{anchor}-row-{i}" for i in range(len(entries))]
    protocol = Protocol(
        anchor=anchor,
        title=title,
        table=measured(title, section.table, rows, anchors),
        notes=section.notes,
        manifests=list(zip(anchors, entries, strict=True)),
        viewer=viewer,
    )
    protocol.accuracy = draw(
        f"{stem}-accuracy",
        "Accuracy with both intervals, in the order of the table.",
        lambda: plots.accuracy_plot(rows),
    )
    _compare(protocol, entries, stem, draw)
    if logs := _training_logs(entries):
        protocol.training = draw(
            f"{stem}-training", "Validation accuracy and loss.", lambda: plots.training_plot(logs)
        )
    if section.published is not None:
        protocol.published = plain(f"Published on {title}", section.published)
    return protocol


def _compare(protocol: Protocol, entries: list[Entry], stem: str, draw: Draw) -> None:
    """Add the pairwise table, and the differences of the others to the first row as a plot."""
    if len(entries) < 2:
        return
    best = max(entries, key=lambda entry: float(entry.accuracy.mean()))
    try:
        pairs = compare_entries(entries, None if len(entries) <= ALL_PAIRS else best)
    except NoEstimate as error:  # as of all classes at once, which are one episode
        protocol.notes = [*protocol.notes, f"Nothing is compared in pairs. {error.reason}"]
        return
    frame = comparison_frame(pairs)
    protocol.comparisons = compared(f"Differences on {protocol.title}", frame)
    against = comparison_frame(compare_entries(entries, best))
    protocol.differences = draw(
        f"{stem}-differences",
        f"Paired differences to {best.label}, the highest mean, with both intervals.",
        lambda: plots.difference_plot(against),
    )


def _training_logs(entries: list[Entry]) -> dict[str, list[dict[str, Any]]]:
    """The logs of the trainings whose `training.json` is in a run's folder and can be read."""
    logs = {}
    for entry in entries:
        for result in entry.results:
            name = entry.label + (f", seed {result.seed}" if len(entry.results) > 1 else "")
            # Those of older runs lie in the run's folder itself.
            for folder in (result.path / OWN, result.path):
                if name not in logs and (log := training_log(folder / "training.json")):
                    logs[name] = log
    return logs


def training_log(file: Path) -> list[dict[str, Any]]:
    """The steps of a training that can be plotted."""
    try:
        content = json.loads(read_text(file, FILE_BYTES))
        return [one for one in content["log"] if _is_plottable(one)]
    except (OSError, BenchbenchError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _is_plottable(one: dict[str, Any]) -> bool:
    """Whether a step of a log has numbers that a plot takes, NaN among them."""
    further = (one[key] for key in ("validation", "loss") if one.get(key) is not None)
    numbers = [one["step"], *further]
    return all(isinstance(n, (int, float)) and not abs(n) > LARGEST for n in numbers)


def _shot_plots(frame: pd.DataFrame, draw: Draw) -> list[Picture]:
    """A plot for each data set and way on which a method was run with several shots."""
    keys = [key for key in GROUP if key != "protocol"]
    shaped = frame.dropna(subset="shot").assign(anyshot=_but_for_shot)
    pictures = []
    for key, rows in shaped.groupby([*keys, "anyshot"], sort=False):
        several = rows.groupby(["method", "budget"])["protocol"].transform("nunique") > 1
        if several.any():
            title = f"{key[0]}, {key[-1]}"
            pictures.append(
                draw(
                    f"{slug(title)}-{slug(str(key[1:]))[-6:]}-shots",
                    f"{title}: accuracy against shot. Thick bars are ± episodes, thin ones "
                    "± classes.",
                    partial(plots.shot_plot, rows[several]),
                )
            )
    return [picture for picture in pictures if picture]


def _but_for_shot(frame: pd.DataFrame) -> list[str]:
    """The protocols' names without the shot, equal for those that differ in nothing else."""
    pairs = zip(frame["protocol"], frame["shot"], strict=True)
    return [protocol.replace(f"{shot}shot-", "", 1) for protocol, shot in pairs]


def _rendered(
    protocols: list[Protocol], shots: list[Picture], across: list[Overview], images: list[str]
) -> str:
    package = files("benchbench.results.report")
    style, script, template = (
        package.joinpath(name).read_text(encoding="utf-8")
        for name in ("style.css", "script.js", "template.html")
    )
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["code"] = _code
    environment.filters["manifest"] = _manifest
    environment.filters["breakable"] = _breakable
    environment.filters["inline"] = Markup
    environment.tests["words"] = is_words
    # In their own order: that of the methods is that of the table.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "separators": (",", ":")}
    viewers = {
        one.anchor: {
            "methods": one.viewer.methods,
            "episodes": one.viewer.episodes,
            "files": one.viewer.files,
            "attributes": one.viewer.attributes,
        }
        for one in protocols
        if not one.viewer.reason
    }
    return environment.from_string(template).render(
        version=benchbench.__version__,
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        protocols=protocols,
        shots=shots,
        across=across,
        with_plots=plot_style.available(),
        data={"images": images, "viewers": viewers},
    )


def _shown(value: Any) -> Any:
    """What the template prints: text as `legible` writes it, elements of the page as they are."""
    return legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _manifest(manifest: dict[str, Any]) -> Markup:
    text = json.dumps(manifest, indent=1, ensure_ascii=False, default=str)
    return escape(legible_lines(text))


def _breakable(text: str) -> Markup:
    """Escaped, with places where a long spec may be broken."""
    parts = re.findall(r"[^,/]*[,/]|[^,/]+", legible(text))
    return Markup("<wbr>").join(map(escape, parts))


def _code(note: str) -> Markup:
    """Escaped; of our own words, what stands in backquotes is code."""
    text = escape(legible(note))
    if isinstance(note, Marked):
        return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(text)))
    return text

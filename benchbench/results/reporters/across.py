"""Several data sets side by side: methods in rows, test sources in columns, average ranks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from benchbench.errors import BenchbenchError, NoEstimate
from benchbench.results.across import Sources
from benchbench.results.numbers import DASH, decimals, p_equals, p_value, points
from benchbench.results.printed import markdown_text
from benchbench.results.reporters.markdown import bullets, heading, markdown_table
from benchbench.results.reporters.ranks import ranked_markdown
from benchbench.stats import (
    friedman,
    interquartile_mean,
    iqm_over_sources,
    nemenyi_critical_difference,
    performance_profile,
    probability_of_improvement,
    wilcoxon_holm,
)

TAUS = (0.25, 0.5, 0.75, 0.9, 0.95)
"""Normalised accuracies at which the performance profile is printed."""

ENOUGH_METHODS = 3
"""From how many methods on a test of all of them at once makes sense."""


def sources_markdown(sources: Sources, rule: str) -> str:
    """The ranked table, and for each group in it aggregates and tests over sources."""
    parts = [sources_table(sources, rule)]
    groups = sources.groups()
    for group, part in groups.items():
        of = f" ({group})" if len(groups) > 1 else ""
        parts += [heading(f"Aggregates{of}", 3), *_aggregates(part)]
        parts += [significance_over_sources(part, 3, of)] if len(part.entries) > 1 else []
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def sources_table(sources: Sources, rule: str) -> str:
    """The table as Meta-Dataset prints it, with notes on its ranks."""
    lacking = "; ".join(f"{m} (no {', '.join(s)})" for m, s in sources.left_out.items())
    left_out = f"Left out, as a rank needs every source: {lacking}." if lacking else ""
    return ranked_markdown(sources.ranked(rule), left_out)


def _aggregates(sources: Sources) -> list[str]:
    """The chance-normalised mean and its robust form, and who is likely to beat whom."""
    try:
        scores = {method: sources.seed_scores(method) for method in sources.entries}
    except BenchbenchError as error:
        return [markdown_text(str(error))]
    rows: list[dict[str, str]] = []
    without: dict[tuple[str, str], list[str]] = {}
    for method, values in scores.items():
        row = {"method": method, "normalised mean": decimals(float(values.mean())), "IQM": DASH}
        try:
            iqm = iqm_over_sources(values)
            row["IQM"] = f"{decimals(iqm.value)} [{decimals(iqm.low)}, {decimals(iqm.high)}]"
        except NoEstimate as error:
            what = "IQM"
            if values.shape[1] > 1:
                what, row["IQM"] = "interval of IQM", decimals(float(interquartile_mean(values)))
            without.setdefault((what, str(error)), []).append(method)
        shares = performance_profile(values, TAUS)
        row |= {f"> {tau:g}": f"{share:.2f}" for tau, share in zip(TAUS, shares, strict=True)}
        for other, theirs in scores.items():
            better = probability_of_improvement(values, theirs)
            row[f"beats {other}"] = DASH if other == method else f"{better:.2f}"
        rows.append(row)
    notes = [
        "Normalised: 0 is chance and 1 is perfect. > 0.9: the share of sources and seeds that are "
        "above (performance profile). Beats: the probability that a seed of the method is better "
        "than one of the other on a source drawn at random.",
        *(f"No {what}{_of(some, scores)}: {why}" for (what, why), some in without.items()),
    ]
    return [markdown_table(pd.DataFrame(rows)), bullets(notes)]


def _of(some: Sequence[str], all_of_them: Collection[str]) -> str:
    """Which methods a note is on, unless it is on all of them."""
    return "" if len(some) == len(all_of_them) else f" of {', '.join(some)}"


def significance_over_sources(sources: Sources, level: int = 2, of: str = "") -> str:
    """Wilcoxon's test of every pair and Friedman's of each group; `of` ends the heading."""
    table = sources.accuracies()
    parts = [heading(f"Over {len(table)} data sets: {', '.join(sources.names)}{of}", level)]
    try:
        pairs = wilcoxon_holm(table)
        shown = pd.DataFrame(
            {
                "a": pairs["a"],
                "b": pairs["b"],
                "median difference": pairs["median_difference"].map(points),
                "p (Wilcoxon)": pairs["p"].map(p_value),
                "p (Holm)": pairs["p_holm"].map(p_value),
            }
        )
        parts.append(markdown_table(shown))
        least = 2.0 ** (1 - len(table))
        notes = [
            f"With {len(table)} data sets the least p that Wilcoxon's test has is {least:.3g}."
        ]
        for part in sources.groups().values():
            if len(part.entries) >= ENOUGH_METHODS:
                notes += friedman_notes(part.accuracies())
        parts.append(bullets(notes))
    except NoEstimate as error:
        parts.append(markdown_text(str(error)))
    return "\n\n".join(parts) + "\n"


def friedman_notes(table: pd.DataFrame) -> list[str]:
    """Friedman's test of all methods at once, and Nemenyi's critical difference of its ranks."""
    try:
        test = friedman(table)
    except NoEstimate as error:
        return [str(error)]
    cd = nemenyi_critical_difference(table.shape[1], len(table))
    ranks = ", ".join(f"{m} {r:.2f}" for m, r in test.average_ranks.sort_values().items())
    first, second = test.f_degrees
    return [
        f"Friedman: chi2 = {test.chi2:.2f}, p {p_equals(test.p_chi2)}; Iman-Davenport: "
        f"F({first}, {second}) = {test.f:.2f}, p {p_equals(test.p_f)}.",
        f"Average ranks: {ranks}. Nemenyi: two differ from {cd:.2f} on (N = {len(table)}, "
        f"k = {table.shape[1]}).",
        *([test.caution] if test.caution else []),
    ]

"""A reporter: a list of the methods, the first of the leaderboard first."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from benchbench import hookimpl


def report(frame: pd.DataFrame) -> str:
    """One method a line."""
    return "".join(f"{method}\n" for method in frame["method"])


@hookimpl
def register_reporters(register: Callable[..., None]) -> None:
    register("thirdparty_names", report)

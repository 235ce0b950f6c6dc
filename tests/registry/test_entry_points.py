"""What installed packages announce is read once, and anew when one comes or goes."""

import importlib.metadata
import shutil
from pathlib import Path

import pytest
from support.installations import announce, methods_of

from benchbench.registry.entry_points import available


def test_packages_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known = available("method")
    monkeypatch.delattr(importlib.metadata, "entry_points")
    assert available("method") == known
    assert "glyphs" in available("dataset")


def test_a_package_that_comes_or_goes_later_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = set(available("method"))
    monkeypatch.syspath_prepend(tmp_path)
    assert set(available("method")) == known
    info = announce(tmp_path, "later", methods_of("later_module", ["later"]))
    assert set(available("method")) == known | {"later"}
    shutil.rmtree(info)
    assert set(available("method")) == known

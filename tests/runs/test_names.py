"""The names of runs and folders."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchbench.runs.names import run_hash, slug

IDENTITY = {"method": "toy", "protocol": "5way-1shot-15query", "seed": 0}


def test_the_hash_of_an_identity_is_eight_digits_whatever_its_order() -> None:
    assert run_hash({"a": 1, "b": {"c": 2, "d": 3}}) == run_hash({"b": {"d": 3, "c": 2}, "a": 1})
    assert run_hash({"a": 1}) != run_hash({"a": 2})
    assert len(bytes.fromhex(run_hash(IDENTITY))) == 4


@pytest.mark.parametrize("plain", ["glyphs", "omniglot_lake", "timm.resnet-18", "a=1"])
def test_a_plain_name_is_its_own_slug(plain: str) -> None:
    assert slug(plain) == plain


def test_the_slug_of_a_long_spec_has_its_files_without_their_folders() -> None:
    spec = "multi:cifar_fs,folder:/a/long/way/to/textures.zip,folder:/a/long/way/to/signs[size=84]"
    assert slug(spec).startswith("multi-cifar_fs-folder-textures.zip-folder-signs-size=84-")
    assert len(slug(spec.replace("signs", "signs" * 30))) <= 67


@settings(deadline=None)
@given(st.text(min_size=1), st.text(min_size=1))
def test_distinct_specs_have_distinct_slugs(first: str, second: str) -> None:
    assume(first != second)
    assert slug(first) != slug(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("omniglot[split=lake]", "omniglot:split=lake"),
        ("folder:/a/b", "folder:/a-b"),
        ("folder:" + "x" * 80 + "/a", "folder:" + "y" + "x" * 79 + "/a"),
        ("..", "..."),
    ],
)
def test_specs_that_look_alike_have_distinct_slugs(first: str, second: str) -> None:
    assert slug(first) != slug(second)


@settings(deadline=None)
@given(st.text(min_size=1))
def test_a_slug_is_one_folder_below_another(text: str) -> None:
    name = slug(text)
    assert name not in ("", ".", "..")
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \n\x00')
    assert len(name) <= 67

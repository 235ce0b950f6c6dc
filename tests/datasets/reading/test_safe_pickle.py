"""Pickles of plain arrays: read alike whoever wrote them, and nothing in one is ever run."""

import io
import os
import pickle
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.pickles import Call, python2_pickle
from support.sentences import one_sentence

from benchbench.datasets.reading.safe_pickle import DEPTH, KNOWN_NAMES, read_pickle
from benchbench.errors import BenchbenchError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def read(data: bytes) -> Any:
    return read_pickle(io.BytesIO(data), "the file")


def content() -> dict[str, Any]:
    images = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    return {"image_data": images, "class_dict": {"n01": [0], "n02": [1]}, "count": np.int64(2)}


def assert_content(found: Any) -> None:
    expected = content()
    assert found.keys() == expected.keys()
    np.testing.assert_array_equal(found["image_data"], expected["image_data"])
    assert found["image_data"].dtype == np.uint8
    assert found["class_dict"] == expected["class_dict"]
    assert found["count"] == 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_is_read(protocol: int) -> None:
    assert_content(read(pickle.dumps(content(), protocol)))


def test_python_2_is_read() -> None:
    data = python2_pickle(content())
    assert b"numpy.core" in data
    assert b"encode" not in data
    assert_content(read(data))


def test_keys_become_text_and_values_stay_bytes() -> None:
    found = read(python2_pickle(OrderedDict([(b"names", [b"cattle"]), (3, ("x",))])))
    assert found == {"names": [b"cattle"], 3: (b"x",)}


@given(
    protocol=st.sampled_from(PROTOCOLS),
    array=arrays.arrays(
        st.sampled_from(["?", "u1", "<i2", ">i4", "<i8", "<f4", ">f8"]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    ),
    by_columns=st.booleans(),
)
def test_arrays_survive(protocol: int, array: np.ndarray, by_columns: bool) -> None:
    array = np.asfortranarray(array) if by_columns else array
    found = read(pickle.dumps([array], protocol))[0]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("where", ["alone", "as a value", "in the state of an array"])
def test_a_call_is_refused_and_not_made(tmp_path: Path, protocol: int, where: str) -> None:
    marker = tmp_path / "executed"
    call = Call(os.mkdir, str(marker))
    objects = np.array([call, None], dtype=object)
    hostile = {"alone": call, "as a value": {**content(), "x": [call]}}.get(where, objects)
    data = pickle.dumps(hostile, protocol)
    with one_sentence(r"^the file holds .*was not read; get it from "):
        read(data)
    assert not marker.exists()
    pickle.loads(data)
    assert marker.exists(), "the pickle would have done no harm anyway"


@pytest.mark.parametrize(
    "name",
    ["builtins.eval", "numpy.load", "numpy._core.multiarray.fromfile", "functools.partial"],
)
def test_no_other_name_is_known(name: str) -> None:
    module, _, function = name.rpartition(".")
    with one_sentence(rf"^the file holds {name}, which no file of plain"):
        read(b"c" + module.encode() + b"\n" + function.encode() + b"\n.")


def test_a_name_within_a_known_name_is_not_known() -> None:
    data = b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93."
    with one_sentence(r"^the file holds numpy\.ndarray\.dump, which no"):
        read(data)


@pytest.mark.parametrize("name", KNOWN_NAMES, ids=".".join)
def test_what_is_known_stays_as_it_is(name: tuple[str, str]) -> None:
    """A pickle may set attributes of what it names, which would show in those read later."""
    before = dict(vars(KNOWN_NAMES[name])), KNOWN_NAMES[name].__doc__
    head = b"\x80\x02c" + "\n".join(name).encode() + b"\n"
    for state in (b"}U\x07changedU\x03yess", b"N}U\x07__doc__U\x03yess\x86"):
        with suppress(BenchbenchError):
            read(head + state + b"b.")
        assert (dict(vars(KNOWN_NAMES[name])), KNOWN_NAMES[name].__doc__) == before


@pytest.mark.parametrize(
    "array",
    [
        np.array([{}], dtype=object),
        np.array(["text"]),
        np.zeros(2, dtype=[("a", "u1"), ("b", "O")]),
        np.zeros(2, "datetime64[s]"),
        np.zeros(2, "c16"),
    ],
    ids=["objects", "texts", "records", "dates", "complex"],
)
def test_only_numbers_are_plain(array: np.ndarray) -> None:
    with one_sentence(r"^the file holds an array of type '"):
        read(pickle.dumps(array, 2))


def test_bytes_that_do_not_fit_the_shape() -> None:
    data = pickle.dumps(np.zeros((3, 5), np.uint8), 2)
    assert data.count(b"K\x03K\x05\x86") == 1
    with one_sentence(r"the bytes of an array do not fit its shape\)"):
        read(data.replace(b"K\x03K\x05\x86", b"K\x03K\x06\x86"))


def test_a_truncated_pickle() -> None:
    data = pickle.dumps(content(), 2)
    with one_sentence(r"^the file is not a readable pickle .* again\.$"):
        read(data[:-20])


def test_a_container_that_holds_itself() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with one_sentence("nested too deeply"):
        read(pickle.dumps(endless))


def test_a_container_that_is_in_others_many_times_is_made_once() -> None:
    value: list[Any] = []
    for _ in range(DEPTH):
        value = [value] * 10
    found = read(pickle.dumps(value))
    for _ in range(DEPTH):
        assert len(found) == 10
        assert all(item is found[0] for item in found)
        found = found[0]
    assert found == []


def test_a_name_of_two_lines_is_told_in_one() -> None:
    with one_sentence(r"^the file holds 'os\\n\.system', which"):
        read(b"\x80\x04\x8c\x03os\n\x8c\x06system\x93.")


@given(st.data())
def test_a_damaged_pickle_is_one_sentence(data: st.DataObject) -> None:
    whole = bytearray(pickle.dumps(content(), data.draw(st.sampled_from(PROTOCOLS))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BenchbenchError):
        read(bytes(whole))


@given(st.binary(max_size=60))
def test_anything_at_all_is_one_sentence(data: bytes) -> None:
    with suppress(BenchbenchError):
        read(data)

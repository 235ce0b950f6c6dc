"""The numbers that parameters take, and the one place that refuses others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.backbones import backbone_arguments
from benchbench.datasets.opening import create_dataset
from benchbench.errors import BenchbenchError
from benchbench.learners.creation import create_method
from benchbench.registry import specs
from benchbench.registry.bounds import LARGEST_FLOAT, LARGEST_INT, Bounds, exceeded, split_bounds
from benchbench.samplers.base import create_sampler

HUGE = str(2**200)
BEYOND = ("inf", "1e300")


@dataclass
class Toy:
    """Parameters with and without bounds."""

    name = "toy"
    k: int = 1
    rate: float = 1.0
    size: Annotated[int, Bounds(ge=1, le=9)] | None = None
    share: Annotated[float, Bounds(gt=0, lt=1)] = 0.5
    mean: tuple[Annotated[float, Bounds(gt=0)], ...] | None = None
    c: float | str = 1.0
    from_one: Annotated[int, Bounds(ge=1)] = 1
    above: Annotated[float, Bounds(gt=0)] = 1.0


def configured(key: str, text: str) -> object:
    return getattr(specs.configure(Toy, specs.Spec("toy", None, {key: text})), key)


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("k", HUGE, f"toy: k must be at most {LARGEST_INT}, not 16069"),
        ("k", f"-{HUGE}", f"toy: k must be at least -{LARGEST_INT}, not -16069"),
        *(("rate", text, r"rate must be at most 3\.4028234663852886e\+38") for text in BEYOND),
        ("rate", "-inf", r"rate must be at least -3\.4028234663852886e\+38"),
        ("rate", "nan", "rate must be a number of usual size"),
        ("from_one", HUGE, f"from_one must be at most {LARGEST_INT}, not 16069"),
        ("from_one", "0", "from_one must be at least 1, not 0"),
        *(("above", text, r"above must be at most 3\.40282") for text in BEYOND),
        ("above", "nan", "above must be above 0, not nan"),
        ("c", "nan", "c must be a number of usual size, not nan"),
        *(("size", text, "size must be at least 1 and at most 9") for text in ("0", "10", HUGE)),
        *(("share", text, "share must be above 0 and below 1") for text in ("0", "1", "nan")),
        ("mean", "0.5+nan", r"mean must be above 0, not 0\.5\+nan"),
        ("mean", "0.5+0", "mean must be above 0"),
    ],
)
def test_a_number_out_of_range_is_refused_in_one_sentence(key: str, text: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says) as caught:
        configured(key, text)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("k", str(LARGEST_INT), LARGEST_INT),
        ("k", "-3", -3),
        ("rate", "1e-300", 1e-300),
        ("rate", "3e38", 3e38),
        ("size", "none", None),
        ("size", "9", 9),
        ("mean", "0.5+1", (0.5, 1.0)),
        ("c", "auto", "auto"),
    ],
)
def test_one_in_range_is_taken(key: str, text: str, value: object) -> None:
    assert configured(key, text) == value


@given(
    st.builds(
        Bounds,
        ge=st.none() | st.integers(-9, 9),
        gt=st.none() | st.floats(-9, 9),
        le=st.none() | st.integers(-9, 9),
        lt=st.none() | st.floats(-9, 9),
    ),
    st.integers() | st.floats(),
)
def test_bounds_hold_as_they_read(bounds: Bounds, value: float) -> None:
    said = {"at least": "<=", "above": "<", "at most": ">=", "below": ">"}
    words = [part.rpartition(" ") for part in str(bounds).split(" and ") if part]
    within = all(
        eval(f"bound {said[word]} value", {"bound": float(bound), "value": value})
        for word, _, bound in words
    )
    usual = math.isfinite(value) and abs(value) <= (
        LARGEST_INT if isinstance(value, int) else LARGEST_FLOAT
    )
    assert bounds.hold(value) == (within and usual)
    kind = Annotated[type(value), bounds]
    _, kept = split_bounds(kind)  # `typing` may have kept equal ones, of which 0.0 is 0
    assert exceeded(value, [kind, str]) == ("" if bounds.hold(value) else kept.told(value))


@pytest.mark.parametrize("text", ["nan", "inf", HUGE, "-1", "1000000000", "99999999999"])
@pytest.mark.parametrize(
    ("create", "spec"),
    [
        (create_dataset, "folder:x[size={}]"),
        (create_dataset, "folder:x[val={}]"),
        (create_dataset, "folder:x[test={}]"),
        (create_dataset, "hf:x[size={}]"),
        (create_dataset, "cub[size={}]"),
        (create_dataset, "omniglot[size={}]"),
        (create_dataset, "multi:glyphs,shapes[size={}]"),
        (create_dataset, "meta_dataset:dtd[fraction={}]"),
        (create_sampler, "meta_dataset[max_query={}]"),
        (create_sampler, "meta_dataset[max_support={}]"),
        (create_sampler, "meta_dataset[max_contribution={}]"),
        (create_sampler, "meta_dataset[max_span={}]"),
        (create_method, "maml[inner_steps={}]"),
        (create_method, "knn[backbone=conv4[width={}]]"),
        (create_method, "knn[backbone=resnet12[drop={}]]"),
        (backbone_arguments, "torchvision:resnet18[size={}]"),
        (backbone_arguments, "torchvision:resnet18[crop={}]"),
    ],
)
def test_every_parameter_of_benchbench_has_bounds(create, spec: str, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BenchbenchError, match=r" must be at| must be above| is not a whole number"):
        create(spec.format(text))


@pytest.mark.parametrize(
    ("create", "spec"),
    [
        (create_dataset, "glyphs[seed={}]"),
        (create_dataset, "folder:x[seed={}]"),
        (create_sampler, "fixed[prior=dirichlet,concentration={}]"),
        (create_sampler, "meta_dataset[max_weight={}]"),
        (create_method, "knn[k={}]"),
        (create_method, "matchingnet[scale={}]"),
        (create_method, "protonet[scale={}]"),
        (create_method, "linear_probe[c={}]"),
        (create_method, "finetune[lr={}]"),
        (backbone_arguments, "torchvision:resnet18[mean={}]"),
        (backbone_arguments, "torchvision:resnet18[width_per_group={}]"),
    ],
)
@pytest.mark.parametrize("text", ["nan", "inf", HUGE])
def test_no_parameter_is_without_end(create, spec: str, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BenchbenchError, match=r" must be | is not a whole number"):
        create(spec.format(text))

"""The classes that a saved learner keeps come back as they were, attributes included."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.given import learned_part
from benchbench.evaluation.nonce import Nonce
from benchbench.prediction.learned_classes import learned_arrays, learned_classes, learned_texts


@pytest.mark.parametrize("described", [True, False])
def test_attributes_are_kept_and_those_of_test_classes_are_not_there(
    make_dataset: Callable[..., OpenDataset], described: bool
) -> None:
    dataset = make_dataset(classes=(3, 2, 2), per_class=4)
    if described:
        values = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
        dataset = replace(dataset, attributes=ClassAttributes(("a", "b"), values))
    learned = learned_part(dataset, Nonce(b"x" * 32))
    texts = json.loads(json.dumps(learned_texts(learned), allow_nan=False))
    again = learned_classes(texts, learned_arrays(learned, np.arange(3)))
    if not described:
        assert again.attributes is None
        return
    assert again.attributes is not None
    assert again.attributes.names == ("a", "b")
    np.testing.assert_array_equal(again.attributes.values[:5], values[:5])
    assert np.isnan(again.attributes.values[5:]).all()

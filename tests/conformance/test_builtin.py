"""The methods that come with benchbench, trained for seconds, are what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchbench.conformance import Bench, report_on, short_audit
from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.creation import create_methods
from benchbench.training.budget import Budget

TINY = "backbone=conv4[width=4]"
WORDS = ["red", "green", "blue", "white", "black", "round", "square", "flat", "tall"]
MAML = f"maml[{TINY},inner_steps=1,test_steps=2"


@pytest.fixture(scope="module")
def small(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    return make_dataset(classes=(8, 6, 4), per_class=12, noise=120)


def bench_for(spec: str, dataset: OpenDataset, folder: Path, steps: int = 3) -> Bench:
    (method,) = create_methods(spec)
    budget = Budget("smoke", steps)
    return Bench.train(
        method, dataset, folder, budget=budget, trials=2, chance_episodes=60, seconds=1.0
    )


@pytest.mark.parametrize(("bn", "inductive"), [("transductive", False), ("support", True)])
def test_batch_norm_decides_whether_maml_is_inductive(
    bn: str, inductive: bool, small: OpenDataset, tmp_path: Path
) -> None:
    bench = bench_for(f"{MAML},bn={bn}]", small, tmp_path)
    found = short_audit(bench.trained, small, bench.task, episodes=2)
    assert found["inductive"] is inductive
    assert found["declared"]["transductive"] is not inductive
    assert bool(found["batch_norms_on_queries"]) is not inductive


def test_maml_that_hides_its_batch_norm_is_found_out(small: OpenDataset, tmp_path: Path) -> None:
    bench = bench_for(f"{MAML},bn=transductive]", small, tmp_path)
    bench.trained.transductive = False
    found = short_audit(bench.trained, small, bench.task, episodes=2)
    assert found["inductive"] is False
    assert any(o["status"] == "failed" for o in found["outcomes"])
    assert "network.encoder.layers.0.1" in " ".join(found["batch_norms_on_queries"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (f"{MAML}]", {"class_slots"}),
        (f"fo{MAML}]", {"class_slots"}),
        (f"{MAML},rates=learned]", {"class_slots"}),
        (f"proto_maml[{TINY},inner_steps=1]", set()),
        (f"fo_proto_maml[{TINY},inner_steps=1]", set()),
        (f"proto_maml[{TINY},inner_steps=1,rates=learned,bn=task]", set()),
        (f"protonet[{TINY}]", set()),
        (f"protonet[{TINY},distance=cosine]", set()),
        (f"protonet[{TINY},bn=task]", set()),
        (f"matchingnet[{TINY}]", set()),
        (f"matchingnet[{TINY},fce=true]", {"support_order"}),
        ("knn[backbone=pixels]", set()),
        (f"knn[{TINY},k=3,distance=euclidean]", set()),
        ("linear_probe[backbone=pixels]", set()),
        (f"linear_probe[{TINY},c=auto]", set()),
        (f"knn[{TINY},k=3,temperature=0.07]", set()),
        (f"ridge_probe[{TINY}]", set()),
        (f"ensemble[of=linear_probe[{TINY}]+ridge_probe[{TINY}]]", set()),
        (f"finetune[{TINY},steps=3]", set()),
        (f"simpleshot[{TINY}]", set()),
        (f"r2d2[{TINY}]", set()),
        (f"meta_baseline[{TINY}]", set()),
        (f"cnp[{TINY}]", set()),
        (f"metaoptnet[{TINY}]", set()),
        (f"metaoptnet[{TINY},head=ridge]", set()),
        ("relation_net[backbone=conv4[width=4,pools=1]]", set()),
        (f"feat[{TINY}]", set()),
        (f"siamese[{TINY},width=8]", set()),
        (f"reptile[{TINY},test_steps=2]", {"class_slots"}),
        (f"leo[{TINY}]", set()),
        (f"spsa_protonet[{TINY},tasks=2]", set()),
        (f"transductive_finetuning[{TINY},epochs=2,query_weight=0]", set()),
        (f"transductive_finetuning[{TINY},epochs=2,query_weight=0,features=logits]", set()),
        (f"snail[{TINY},filters=8]", {"support_order"}),
        (f"mann[{TINY},rows=16,hidden=16]", {"support_order"}),
    ],
)
def test_a_built_in_method_passes(
    spec: str, expected: set[str], small: OpenDataset, tmp_path: Path
) -> None:
    report = report_on(bench_for(spec, small, tmp_path))
    assert not report.failed, report.as_dict()
    found = {o.check for o in report.outcomes if o.status == "expected failure"}
    assert found == expected
    assert report.verdict is not None
    assert report.verdict.inductive


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [
        "clip_zero_shot",
        "tip_adapter[alpha=auto,beta=auto]",
        "tip_adapter[alpha=30,finetune=true,epochs=3]",
        "clip_adapter[epochs=5]",
        "lpplusplus[epochs=20]",
        "clap[epochs=5]",
        "cross_modal[steps=5]",
        "coop[epochs=5,lr=0.1]",
        "coop[context=2,epochs=5]",
    ],
)
def test_a_method_that_reads_names_passes_where_they_are_combinations_of_known_words(
    spec: str, small: OpenDataset, tmp_path: Path
) -> None:
    places = [(index % 5, (index % 5 + index // 5) % 4) for index in range(18)]
    names = [f"{WORDS[first]} {WORDS[5 + second]}" for first, second in places]
    report = report_on(bench_for(spec, replace(small, class_names=names), tmp_path))
    assert not report.failed, report.as_dict()
    assert report.verdict is not None
    assert report.verdict.inductive


def with_words_drawn(dataset: OpenDataset) -> OpenDataset:
    """Classes of two words each: a pattern of noise for each, which a picture has both of."""
    places = [(index % 5, 5 + (index % 5 + index // 5) % 4) for index in range(18)]
    values = np.zeros((18, len(WORDS)), np.float32)
    for row, pair in zip(values, places, strict=True):
        row[list(pair)] = 1
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 100, (len(WORDS), *dataset.image_shape))
    drawn = np.tensordot(values, patterns, 1)[dataset.labels]
    pixels = drawn + rng.integers(0, 40, drawn.shape)
    return replace(
        dataset,
        pixels=pixels.astype(np.uint8),
        class_names=[f"{WORDS[first]} {WORDS[second]}" for first, second in places],
        attributes=ClassAttributes(tuple(WORDS), values),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("dap", "iap", "eszsl", "sae", "devise", "ale", "conse", "borrow", "gfzsl"),
        *("sync", "synthesis", "eszsl[vectors=words]"),
    ],
)
def test_a_method_that_reads_attributes_passes(
    name: str, small: OpenDataset, tmp_path: Path
) -> None:
    described = with_words_drawn(small)
    spec = name.replace("]", f",{TINY}]") if "[" in name else f"{name}[{TINY}]"
    report = report_on(bench_for(spec, described, tmp_path))
    assert not report.failed, report.as_dict()
    assert report.verdict is not None
    assert report.verdict.inductive


@pytest.mark.slow
def test_fine_tuning_on_the_queries_is_transductive_and_says_so(
    small: OpenDataset, tmp_path: Path
) -> None:
    spec = f"transductive_finetuning[{TINY},epochs=3,lr=0.01]"
    report = report_on(bench_for(spec, small, tmp_path))
    assert not report.failed, report.as_dict()
    assert report.verdict is not None
    assert not report.verdict.inductive

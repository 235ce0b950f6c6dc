import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.linear_probe import C_GRID, LinearProbe, likeliest_c, most_accurate_c
from sklearn.linear_model import LogisticRegression
from support.pictures import pixel_pairs

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.participant import evaluate
from benchbench.images import Images
from benchbench.method import Support
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.training.streams import support_of


@pytest.mark.parametrize("shots", [(5, 5, 5), (3, 4, 9)])
def test_the_chosen_c_is_that_of_an_independent_cross_validation(shots: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    labels = rng.permutation(np.repeat(np.arange(3), shots))
    chosen = set()
    for signal in (0.0, 1.0, 4.0):
        x = rng.normal(size=(len(labels), 6)) + signal * np.eye(3, 6)[labels]
        ours = likeliest_c(torch.from_numpy(x), F.one_hot(torch.from_numpy(labels)).double())
        place = np.array([np.sum(labels[:i] == label) for i, label in enumerate(labels)])
        fold = place % min(5, *shots)

        def held_out(c: float, x: np.ndarray = x, fold: np.ndarray = fold) -> float:
            total = 0.0
            for f in range(fold.max() + 1):
                model = LogisticRegression(C=c, tol=1e-10, max_iter=100_000)
                model.fit(x[fold != f], labels[fold != f])
                log_p = model.predict_log_proba(x[fold == f])
                total += log_p[np.arange(len(log_p)), labels[fold == f]].sum()
            return total

        assert ours == max(C_GRID, key=held_out)
        chosen.add(ours)
    assert len(chosen) > 1


def test_one_image_a_class_leaves_c_at_one(dataset: OpenDataset) -> None:
    assert likeliest_c(torch.randn(3, 4).double(), torch.eye(3).double()) == 1.0
    fixed, chosen = LinearProbe(backbone="pixels"), LinearProbe(backbone="pixels", c="auto")
    pool = ClassPool(dataset, "test")
    for shot, same in ((1, True), (5, False)):
        rows = []
        for method in (fixed, chosen):
            method.encoder = create_backbone("pixels", dataset.image_shape)
            episodes = FixedSampler(shot=shot).sample(pool, 5)
            supports = [support_of(dataset, dataset.view("test"), e, method, 0) for e in episodes]
            queries = supports[0].images
            rows.append(torch.stack([f(queries) for f in method.adapt_many(supports)]))
        assert torch.equal(*rows) == same


def test_together_or_one_by_one_the_numbers_are_the_same(dataset: OpenDataset) -> None:
    class OneByOne(LinearProbe):
        def adapt_many(self, supports):  # type: ignore[no-untyped-def]
            return [super(OneByOne, self).adapt_many([support])[0] for support in supports]

    pool = ClassPool(dataset, "test")
    rows = []
    for method in (LinearProbe(backbone="pixels"), OneByOne(backbone="pixels")):
        method.encoder = create_backbone("pixels", dataset.image_shape)
        episodes = FixedSampler(shot=2).sample(pool, 40)
        rows.append([one.record for one in evaluate(method, dataset, episodes)])
    assert rows[0] == rows[1]
    assert np.mean([record["accuracy"] for record in rows[0]]) > 0.9


def test_unequal_shapes_are_solved_apart() -> None:
    method = LinearProbe(backbone="pixels")
    method.encoder = create_backbone("pixels", (1, 2, 1))

    def support(values: list[list[int]], labels: list[int]) -> Support:
        return Support(pixel_pairs(values), torch.tensor(labels), max(labels) + 1, "toy")

    supports = [
        support([[0, 9], [9, 0]], [0, 1]),
        support([[0, 9], [9, 0], [9, 9]], [2, 0, 1]),
        support([[9, 0], [0, 9]], [0, 1]),
    ]
    query = supports[0].images
    answers = [classify(query).argmax(1).tolist() for classify in method.adapt_many(supports)]
    assert answers == [[0, 1], [2, 0], [1, 0]]


def test_c_must_be_positive() -> None:
    with pytest.raises(ValueError, match="c must be above 0"):
        LinearProbe(c=0.0)


@pytest.mark.parametrize("seed", range(3))
def test_the_swept_c_is_that_of_a_search_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, others = np.repeat(np.arange(3), 6), np.repeat(np.arange(3), 4)
    centres = rng.normal(size=(3, 8))
    x, held_out = (centres[who] + rng.normal(size=(len(who), 8)) for who in (labels, others))

    def correct(power: float) -> int:
        model = LogisticRegression(C=10**power, tol=1e-8, max_iter=100_000).fit(x, labels)
        return int((model.predict(held_out) == others).sum())

    coarse = [correct(power) for power in range(-6, 7, 2)]
    best = float(-6 + 2 * int(np.argmax(coarse)))
    for step in (1, 0.5, 0.25, 0.125):
        nearby = [best, max(best - step, -6.0), min(best + step, 6.0)]
        best = nearby[int(np.argmax([correct(power) for power in nearby]))]
    one_hot = F.one_hot(torch.from_numpy(labels)).double()
    ours = most_accurate_c(
        torch.from_numpy(x), one_hot, torch.from_numpy(held_out), torch.from_numpy(others)
    )
    assert ours == pytest.approx(10**best)
    assert len(set(coarse)) > 1


def test_only_a_sweep_declares_that_it_chooses_on_validation_images() -> None:
    declared = {c: LinearProbe(c=c).uses_validation for c in (1.0, "auto", "sweep")}
    assert declared == {1.0: False, "auto": False, "sweep": True}


def test_the_c_from_the_support_does_not_depend_on_its_order() -> None:
    generator = torch.Generator().manual_seed(3)
    values = torch.randint(1, 256, (15, 2), generator=generator)
    labels = torch.arange(15) % 3
    method = LinearProbe(backbone="pixels", c="auto")
    method.encoder = create_backbone("pixels", (1, 2, 1))
    everything, chosen = pixel_pairs(values.tolist()), set()
    source, rows = everything.block()
    for seed in range(4):
        order = torch.randperm(15, generator=torch.Generator().manual_seed(seed))
        images = Images(source, rows[order.numpy()])
        support = Support(images, labels[order], 3, "toy")
        y = F.one_hot(support.labels, 3).double()
        chosen.add(method.strength(support, method.features(images), y))
    assert len(chosen) == 1

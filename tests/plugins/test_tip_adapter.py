import pytest
import torch
from benchbench_plugins.tip_adapter import (
    ALPHA,
    ALPHAS,
    BETA,
    BETAS,
    TipAdapter,
    likelihood_without_itself,
)
from support.joint import known_support, noisy_support, unit_queries

ONES = [[1.0, 0.0], [0.0, 1.0]]


def test_the_published_formula_where_texts_and_keys_are_the_axes() -> None:
    head = TipAdapter(alpha=1.0, beta=1.0).head(known_support(ONES, [0, 1], ONES))
    expected = torch.tensor([[60.670320, 80.818731]])
    torch.testing.assert_close(head(torch.tensor([[0.6, 0.8]])), expected)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(0.0, [80.0, 60.0]), (20.0, [87.357589, 80.0]), (40.0, [94.715178, 100.0])],
)
def test_the_cache_wins_from_some_weight_on(alpha: float, expected: list[float]) -> None:
    known = known_support(ONES[::-1], [0, 1], [[0.8, 0.6], [0.6, 0.8]])
    found = TipAdapter(alpha=alpha).head(known)(torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([expected]))


def test_a_cache_without_distances_adds_the_shots_to_every_class() -> None:
    known = noisy_support(shot=3)
    flat = TipAdapter(alpha=2.0, beta=0.0).head(known)(unit_queries())
    shift = 2.0 * 3 * 20 / 100
    torch.testing.assert_close(flat, known.zero_shot(unit_queries()) + shift)


def test_the_weight_of_the_cache_goes_with_the_scale_of_the_model() -> None:
    pictures, labels = [[1.0, 0.0], [0.6, 0.8]], [0, 1]
    rows = [
        TipAdapter(alpha=5.0).head(known_support(pictures, labels, ONES, scale))(unit_queries(5, 2))
        for scale in (100.0, 10.0)
    ]
    torch.testing.assert_close(rows[0], 10 * rows[1])


def test_the_chosen_strengths_make_left_out_images_likeliest() -> None:
    known = noisy_support(shot=4)
    alpha, beta = TipAdapter(alpha="auto", beta="auto").strengths(known)

    def left_out(alpha: float, beta: float) -> float:
        total = 0.0
        for i in range(len(known.labels)):
            logits = known.scale * known.texts @ known.features[i]
            for j, label in enumerate(known.labels):
                if j != i:
                    affinity = torch.exp(-beta * (1 - known.features[i] @ known.features[j]))
                    logits[label] += alpha * known.scale / 100 * affinity
            total += float(logits.log_softmax(0)[known.labels[i]])
        return total / len(known.labels)

    grid = {(a, b): left_out(a, b) for a in ALPHAS for b in BETAS}
    assert (alpha, beta) == max(grid, key=grid.__getitem__)
    assert alpha > 0
    found = likelihood_without_itself(known.double(), 3.0, 6.0)
    assert found == pytest.approx(grid[3.0, 6.0], abs=1e-5)


def test_one_shot_leaves_the_strengths_where_the_search_begins() -> None:
    known = noisy_support(shot=1)
    assert TipAdapter(alpha="auto", beta="auto").strengths(known) == (ALPHA, BETA)
    assert TipAdapter(alpha="auto", beta=3.0).strengths(known) == (ALPHA, 3.0)
    assert TipAdapter(alpha=7.0, beta="auto").strengths(known) == (7.0, BETA)


def test_tuned_keys_are_those_of_adamw_and_are_not_normalised_again() -> None:
    known = noisy_support(scale=100.0)
    method = TipAdapter(alpha=10.0, beta=2.0, finetune=True, epochs=3, lr=0.01)
    keys = known.features.double().clone().requires_grad_()
    optimizer = torch.optim.AdamW([keys], lr=0.01, eps=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3)
    for _ in range(3):
        exact = known.double()
        affinity = torch.exp(-2 * (1 - exact.features @ keys.T))
        logits = 100 * exact.features @ exact.texts.T + 10 * affinity @ exact.one_hot
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(logits, known.labels).backward()
        optimizer.step()
        schedule.step()
    found = method.tuned(known.double(), 10.0, 2.0)
    torch.testing.assert_close(found, keys.detach().float())
    assert (found.norm(dim=1) - 1).abs().max() > 1e-3

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.lp_plus_plus import (
    LPPlusPlus,
    alphas_rate,
    first_alphas,
    first_weights,
    weights_rate,
)
from support.joint import known_support, noisy_support, unit_queries

from benchbench.errors import BenchbenchError
from benchbench.registry import specs

THREE = known_support([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], [0, 1, 1], [[1.0, 0.0], [0.0, 1.0]])


def test_it_begins_where_the_authors_code_does() -> None:
    torch.testing.assert_close(first_weights(THREE), torch.tensor([[1.0, 0.0], [0.6, 1.8]]))
    torch.testing.assert_close(first_alphas(THREE), torch.tensor([237.5, 237.5]))


def test_the_rates_are_those_of_the_paper() -> None:
    assert weights_rate(THREE.double()) == pytest.approx(6.0)
    assert alphas_rate(THREE.double()) == pytest.approx(0.457317, abs=1e-6)


def test_the_texts_weight_goes_with_the_scale_of_the_model() -> None:
    small = known_support(THREE.features.tolist(), [0, 1, 1], THREE.texts.tolist(), scale=10.0)
    torch.testing.assert_close(first_alphas(small), torch.tensor([23.75, 23.75]))


def test_before_the_first_epoch_scores_are_those_of_sums_and_weighted_texts() -> None:
    query = torch.tensor([[0.8, 0.6]])
    found = LPPlusPlus(epochs=0).head(THREE)(query)
    expected = torch.tensor([[0.8 + 237.5 * 0.8, 0.8 * 0.6 + 0.6 * 1.8 + 237.5 * 0.6]])
    torch.testing.assert_close(found, expected)


def test_epochs_are_those_of_the_authors_loop() -> None:
    """An optimizer for the probe, and a gradient of the texts' weights that is never cleared."""
    known = noisy_support(scale=10.0)
    exact = known.double()
    probe = torch.nn.Linear(8, 4).double()
    probe.weight.data, probe.bias.data = first_weights(exact), torch.zeros(4).double()
    alpha = first_alphas(exact).requires_grad_()
    optimizer = torch.optim.SGD(probe.parameters(), weights_rate(exact), momentum=0.9)
    for epoch in range(25):
        logits = probe(exact.features) + alpha * (exact.features @ exact.texts.T)
        optimizer.zero_grad()
        F.cross_entropy(logits, known.labels).backward()
        optimizer.step()
        if (epoch + 1) % 10 == 0:
            alpha.data -= alphas_rate(exact) * alpha.grad.data
    queries = unit_queries()
    found = LPPlusPlus(epochs=25).head(known)(queries)
    expected = probe(queries.double()) + alpha * (queries.double() @ exact.texts.T)
    torch.testing.assert_close(found, expected.detach().float(), rtol=1e-5, atol=1e-4)


def test_a_spec_cannot_hold_its_own_name() -> None:
    with pytest.raises(BenchbenchError, match=r"'lp\+\+' is not a name"):
        specs.parse("lp++")

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.cross_modal import CrossModal
from support.joint import noisy_support, unit_queries


def test_it_learns_from_half_the_images_and_half_the_texts() -> None:
    known = noisy_support()
    exact, weights = known.double(), known.texts.double().clone().requires_grad_()
    optimizer = torch.optim.AdamW([weights], lr=0.01, weight_decay=0.1)
    rates = [0.5, 1.0, 1.0, 0.5]  # two steps of the rise, then half a cosine
    for rate in rates:
        optimizer.param_groups[0]["lr"] = 0.01 * rate
        images = F.cross_entropy(20 * exact.features @ weights.T, known.labels)
        texts = F.cross_entropy(20 * exact.texts @ weights.T, torch.arange(4))
        optimizer.zero_grad()
        ((images + texts) / 2).backward()
        optimizer.step()
    found = CrossModal(steps=4, lr=0.01, weight_decay=0.1).learned(exact)
    torch.testing.assert_close(found, weights.detach())


@pytest.mark.parametrize("ensemble", [0.25, 1.0])
def test_weights_are_averaged_with_the_texts(ensemble: float) -> None:
    known, queries = noisy_support(), unit_queries()
    method = CrossModal(steps=5, ensemble=ensemble)
    weights = method.learned(known.double()).float()
    expected = ensemble * 20 * queries @ weights.T + (1 - ensemble) * known.zero_shot(queries)
    torch.testing.assert_close(method.head(known)(queries), expected)

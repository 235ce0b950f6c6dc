import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.clip_adapter import ClipAdapter, first_layers
from support.joint import noisy_support, unit_queries


def test_before_the_first_step_scores_are_those_of_the_mixed_features() -> None:
    known, queries = noisy_support(), unit_queries()
    inner, outer = (layer.detach().float() for layer in first_layers(known.double()))
    assert inner.shape == (8, 2)
    assert outer.shape == (2, 8)
    mixed = 0.7 * queries + 0.3 * (queries @ inner).relu().matmul(outer).relu()
    expected = 20 * torch.cosine_similarity(mixed[:, None], known.texts[None], dim=2)
    found = ClipAdapter(ratio=0.3, epochs=0).head(known)(queries)
    torch.testing.assert_close(found, expected)


def test_the_layers_begin_as_linear_layers_of_torch_do() -> None:
    inner, outer = first_layers(noisy_support(size=400).double())
    for layer in (inner, outer):
        bound = layer.shape[0] ** -0.5
        assert layer.abs().max() <= bound
        assert float(layer.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.02)


def test_other_seeds_are_other_layers_and_equal_ones_the_same() -> None:
    known = noisy_support()
    assert torch.equal(first_layers(known)[0], first_layers(known)[0])
    other = type(known)(known.features, known.labels, known.texts, known.scale, seed=4)
    assert not torch.equal(first_layers(known)[0], first_layers(other)[0])


@pytest.mark.parametrize(("shot", "epochs"), [(1, 50), (2, 100), (4, 100), (8, 200), (16, 200)])
def test_epochs_are_those_of_the_shot(shot: int, epochs: int) -> None:
    assert ClipAdapter().epochs_for(noisy_support(shot)) == epochs
    assert ClipAdapter(epochs=7).epochs_for(noisy_support(shot)) == 7


def test_steps_are_those_of_sgd_with_decay_along_half_a_cosine() -> None:
    known = noisy_support()
    exact = known.double()
    layers = first_layers(exact)
    optimizer = torch.optim.SGD(layers, 0.1, momentum=0.9, weight_decay=5e-4)  # scale 20: 25 lr
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)
    for _ in range(4):
        correction = F.relu(F.relu(exact.features @ layers[0]) @ layers[1])
        mixed = F.normalize(0.8 * exact.features + 0.2 * correction, dim=1)
        optimizer.zero_grad()
        F.cross_entropy(20 * mixed @ exact.texts.T, known.labels).backward()
        optimizer.step()
        schedule.step()
    method = ClipAdapter(lr=0.004, epochs=4)
    learned = [layer.detach().float() for layer in layers]
    torch.testing.assert_close(
        method.head(known)(unit_queries()), method.scores(unit_queries(), learned, known)
    )

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.leo import LATENT, LEO, PUBLISHED, Configuration
from support.learning import make_source
from support.pictures import SMALL, random_images, random_support
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.learners.latents import LatentSpace
from benchbench.learners.metric import class_means
from benchbench.method import Support, Task
from benchbench.registry.specs import configure, parse
from benchbench.training.budget import Budget

NONE = Configuration(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def ready(**parameters: Any) -> LEO:
    """A method as it is after training, but for its weights."""
    method = LEO(**parameters)
    method.penalties = NONE
    encoder = create_backbone("conv4[width=8]", SMALL).freeze()
    torch.manual_seed(0)
    task = Task("toy", "test", SMALL, 3, 2, 15)
    extra = method.extra_modules(encoder.feature_size, task)
    method.network = nn.ModuleDict({"encoder": encoder, **extra}).eval().requires_grad_(False)
    return method


def features(count: int, seed: int = 0) -> torch.Tensor:
    found = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))
    return F.normalize(found, dim=1)


@pytest.mark.parametrize(("size", "parameters"), [(640, 172_736), (64, 61_568)])
def test_it_has_the_papers_number_of_parameters(size: int, parameters: int) -> None:
    assert sum(tensor.numel() for tensor in LatentSpace(size, LATENT).parameters()) == parameters


def test_without_steps_a_zero_decoder_gives_equal_scores() -> None:
    method = ready(latent_steps=0, weight_steps=0)
    method.space.decoder.weight.zero_()
    scores = method.adapt(random_support())(random_images(5, seed=1))
    assert scores.tolist() == [[0.0] * 3] * 5


def test_without_steps_the_scores_are_linear_in_the_latents() -> None:
    method, support = ready(latent_steps=0, weight_steps=0), random_support()
    asked, latents = features(4, seed=1), torch.randn(2, 6, LATENT)

    def scores(latents: torch.Tensor) -> torch.Tensor:
        return asked @ method.adapted(latents, features(6), support, training=False)[1].T

    both = scores(2 * latents[0] - 3 * latents[1])
    expected = 2 * scores(latents[0]) - 3 * scores(latents[1])
    torch.testing.assert_close(both, expected, rtol=1e-4, atol=1e-4)


def test_a_step_on_the_weights_follows_the_summed_loss() -> None:
    method, support, known = ready(latent_steps=0, weight_steps=1), random_support(), features(6)
    latents = torch.randn(6, LATENT).requires_grad_()
    weights = method.space.decode(latents, 3, sample=False).detach().requires_grad_()
    logits = known @ class_means(weights, support).T
    loss = F.cross_entropy(logits, support.labels) * 6
    (gradient,) = torch.autograd.grad(loss, weights)
    found = method.adapted(latents, known, support, training=False)[1]
    torch.testing.assert_close(found, class_means(weights - 1e-3 * gradient, support))


def test_adaptation_fits_the_support_and_a_class_without_images_has_zero() -> None:
    method = ready()
    support = Support(random_images(4), torch.tensor([0, 0, 2, 2]), 3, "toy")
    before, after = (
        ready(latent_steps=steps, weight_steps=steps).adapt(support)(support.images)
        for steps in (0, 5)
    )
    labels = support.labels
    assert F.cross_entropy(after, labels) < F.cross_entropy(before, labels)
    assert (after[:, 1] == 0).all()
    assert torch.equal(method.adapt(support)(support.images), after)


def test_the_gradient_reaches_everything_that_is_learned(dataset: OpenDataset) -> None:
    method = ready(latent_steps=1, weight_steps=1)
    method.penalties = Configuration(1e-3, 0.0, 0.1, 0.3, 0.01, 0.1)
    method.space.train().requires_grad_(True)
    method.loss(make_source(dataset, method).episodes(3, 2, 2).grouped(2)[0]).backward()
    for name, tensor in method.space.named_parameters():
        assert tensor.grad.abs().sum() > 0, name
    assert method.encoder.frozen


def test_it_trains_on_the_frozen_classifier(dataset: OpenDataset) -> None:
    method = LEO("conv4[width=4]")
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    method.train(source)
    assert [record.stage for record in source.records] == ["classification", "training"]
    assert (method.space.latent_rate != 1).any()


@pytest.mark.parametrize(
    ("name", "shot", "key"), [("tieredimagenet[size=84]", 1, 1), ("cub", 7, 5)]
)
def test_the_papers_penalties_are_those_of_data_and_shot(name: str, shot: int, key: int) -> None:
    recipe = LEO().published(Task(name, "test", SMALL, 5, shot, 15))
    dataset = "tieredimagenet" if name.startswith("tiered") else "miniimagenet"
    found = PUBLISHED[dataset, key]
    assert (recipe["lr"], recipe["penalties"], recipe["tasks"]) == (found.lr, found, 12)


def test_negative_steps_are_refused() -> None:
    for name in ("latent_steps", "weight_steps"):
        with pytest.raises(BenchbenchError, match=f"{name}.*at least 0"):
            configure(LEO, parse(f"leo[{name}=-1]"))

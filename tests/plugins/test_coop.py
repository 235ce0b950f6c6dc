"""CoOp on the small encoder, and on a small network of open_clip."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.coop import CoOp, ordered
from support.learning import make_source
from support.pictures import random_images

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.images import Images
from benchbench.method import Support
from benchbench.system.vision import torchvision

NAMES = ("class 1", "class 9", "class 3")


@pytest.fixture(scope="module")
def trained(make_dataset: Callable[..., OpenDataset]) -> CoOp:
    """With the encoder of a short training."""
    method = CoOp()
    torch.manual_seed(0)
    method.train(make_source(make_dataset(classes=(8, 6, 5)), method, steps=20))
    return method


def with_options(trained: CoOp, **options: object) -> CoOp:
    method = CoOp(**options)  # type: ignore[arg-type]
    method.encoder = trained.encoder
    return method


def support(shot: int = 2, seed: int = 5) -> Support:
    labels = torch.arange(3).repeat_interleave(shot)
    return Support(random_images(3 * shot), labels, 3, "toy-0", seed, NAMES)


QUERIES = random_images(9, seed=3)


@pytest.mark.parametrize("init", ["a photo of a", "a photo of the"])
def test_the_words_of_a_template_have_its_scores(trained: CoOp, init: str) -> None:
    method = with_options(trained, init=init, epochs=0)
    method.templates = f"{init} {{}}."
    found = method.adapt(support())(QUERIES)
    torch.testing.assert_close(found, method.zero_shot(support())(QUERIES))


@pytest.mark.parametrize(
    "options",
    [{}, {"context": 3}, {"class_specific": True}, {"context": 2, "class_specific": True}],
)
def test_the_support_is_learned_and_nothing_of_the_encoder(trained: CoOp, options) -> None:
    before = [parameter.clone() for parameter in trained.encoder.parameters()]
    episode = support()
    losses = []
    for epochs in (0, 60):
        method = with_options(trained, epochs=epochs, lr=0.05, **options)
        losses.append(F.cross_entropy(method.adapt(episode)(episode.images), episode.labels))
    assert losses[1] < losses[0]
    after = trained.encoder.parameters()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_shared_context_is_one_and_a_specific_one_is_of_each_class(trained: CoOp) -> None:
    known = trained.joint(support())
    for specific, shape in ((False, (3, 128)), (True, (3, 3, 128))):
        method = with_options(trained, context=3, class_specific=specific, epochs=5, lr=0.1)
        assert method.learned(known, list(NAMES)).shape == shape


def test_steps_are_those_of_the_authors_loop(trained: CoOp) -> None:
    """SGD on the context alone: an epoch at 1e-5, then half a cosine."""
    method, known = with_options(trained, epochs=4), trained.joint(support())
    context = method.first_context(known, 3).requires_grad_()
    optimizer = torch.optim.SGD([context], momentum=0.9, weight_decay=5e-4, lr=0.002)
    for rate in (1e-5, *(0.001 * (1 + np.cos(np.pi * np.arange(1, 4) / 4)))):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        texts = F.normalize(method.encoder.encode_in_context(context, list(NAMES)), dim=1)
        F.cross_entropy(known.scale * known.features @ texts.T, known.labels).backward()
        optimizer.step()
    torch.testing.assert_close(method.learned(known, list(NAMES)), context.detach())


@pytest.mark.parametrize(("shot", "epochs"), [(1, 50), (2, 100), (4, 100), (8, 200), (16, 200)])
def test_epochs_are_the_authors(trained: CoOp, shot: int, epochs: int) -> None:
    assert trained.epochs_for(trained.joint(support(shot))) == epochs


def test_noise_comes_from_the_episodes_seed(trained: CoOp) -> None:
    method = with_options(trained, context=500)
    first, again, other = (
        method.first_context(trained.joint(support(seed=seed)), 3) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.std()) == pytest.approx(0.02, rel=0.03)


def test_the_order_of_the_support_leaves_no_trace(trained: CoOp) -> None:
    episode, method = support(), with_options(trained, epochs=20, lr=0.1)
    order = torch.tensor([4, 1, 5, 0, 3, 2])
    source, rows = episode.images.block()
    mixed = replace(episode, images=Images(source, rows[order]), labels=episode.labels[order])
    assert torch.equal(method.adapt(mixed)(QUERIES), method.adapt(episode)(QUERIES))
    known = ordered(method.joint(mixed), mixed)
    assert torch.equal(known.labels, episode.labels)


def test_without_support_images_it_is_the_texts_alone(trained: CoOp) -> None:
    none = Support(random_images(0), torch.empty(0, dtype=torch.int64), 3, "toy-0", 0, NAMES)
    assert torch.equal(trained.adapt(none)(QUERIES), trained.zero_shot(none)(QUERIES))


def test_an_init_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a word"):
        CoOp(init="...")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> CoOp:
    """With a small network of open_clip and random weights, as no weights are here."""
    torchvision()
    open_clip = pytest.importorskip("open_clip")
    from benchbench.backbones import create_backbone

    folder = tmp_path_factory.mktemp("configs")
    text = {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    vision = {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8}
    config = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text}
    (Path(folder) / "tiny-coop.json").write_text(json.dumps(config))
    open_clip.add_model_config(Path(folder))
    method = CoOp(epochs=30, lr=0.05)
    torch.manual_seed(0)
    method.encoder = create_backbone("open_clip:tiny-coop[projected=true]", (32, 32, 3))  # type: ignore[assignment]
    method.encoder.eval().requires_grad_(False)  # type: ignore[attr-defined]
    return method


def pictures(count: int, seed: int = 0) -> Images:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3))
    return Images.from_array(pixels.astype(np.uint8))


def test_in_open_clip_the_words_of_a_template_have_its_scores(clip: CoOp) -> None:
    episode = Support(pictures(6), torch.arange(3).repeat(2), 3, "toy", 1, NAMES)
    method = with_options(clip, epochs=0)
    found = method.adapt(episode)(pictures(4, seed=2))
    expected = method.zero_shot(episode)(pictures(4, seed=2))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert len(method.prompted.context_of("a photo of a")) == 4


@pytest.mark.parametrize("options", [{}, {"context": 5}, {"class_specific": True}])
def test_in_open_clip_the_support_is_learned_and_no_hook_is_left(clip: CoOp, options) -> None:
    episode = Support(pictures(6), torch.arange(3).repeat(2), 3, "toy", 1, NAMES)
    losses = []
    for epochs in (0, 30):
        method = with_options(clip, epochs=epochs, lr=0.05, **options)
        answer = method.adapt(episode)(episode.images)
        losses.append(F.cross_entropy(answer, episode.labels))
    assert losses[1] < losses[0]
    embedding = clip.encoder.network.token_embedding  # type: ignore[attr-defined]
    assert not embedding._forward_hooks

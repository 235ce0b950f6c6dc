import json
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from benchbench_plugins.clip_zero_shot import ClipZeroShot
from safetensors.torch import save_file
from support.command_line import process
from support.pictures import random_images

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.evaluation.participant import evaluate
from benchbench.images import Images
from benchbench.learners.creation import create_methods
from benchbench.method import Support, Task
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.system.vision import torchvision
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource

COLOURS = {"dark": 40, "grey": 110, "light": 180, "white": 240}
SIDES = {"left": (slice(None), slice(8)), "right": (slice(None), slice(8, 16))}
SIDES |= {"upper": (slice(8),), "lower": (slice(8, 16),)}


@pytest.fixture(scope="module")
def halves() -> OpenDataset:
    """Pictures of one half in one shade, "dark left": four shades by four halves."""
    names = [f"{shade} {side}" for shade in COLOURS for side in SIDES]
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 30, (16, 20, 16, 16, 1))
    for index, name in enumerate(names):
        shade, side = name.split()
        pixels[index][(slice(None), *SIDES[side])] += COLOURS[shade] - 30
    test = [0, 5, 10, 15]
    train = [index for index in range(16) if index not in test]
    return OpenDataset(
        name="halves",
        fingerprint="ab" * 32,
        pixels=np.clip(pixels, 0, 255).astype(np.uint8).reshape(-1, 16, 16, 1),
        labels=np.repeat(np.arange(16), 20),
        class_names=names,
        splits={"train": np.array(train), "val": np.array([], np.int64), "test": np.array(test)},
    )


def trained(dataset: OpenDataset, steps: int, spec: str = "clip_zero_shot") -> ClipZeroShot:
    (method,) = create_methods(spec)
    assert isinstance(method, ClipZeroShot)
    task = Task(dataset.name, "test", dataset.image_shape, 4, 0, 15)
    torch.manual_seed(0)
    method.train(TrainingSource(dataset, method, task, Budget("quick", steps)))
    return method


def accuracy(method: ClipZeroShot, dataset: OpenDataset) -> float:
    episodes = FixedSampler(4, 0, 10).sample(ClassPool(dataset, "test"), 20)
    scored = evaluate(method, dataset, episodes)
    return float(np.mean([record["accuracy"] for record, _ in scored]))


def empty_support(names: tuple[str, ...], shape: tuple[int, int, int] = (16, 16, 1)) -> Support:
    images = Images.from_array(np.zeros((0, *shape), np.uint8))
    return Support(images, torch.zeros(0, dtype=torch.int64), len(names), "halves", names=names)


def test_it_names_unseen_combinations_of_seen_words(halves: OpenDataset) -> None:
    assert accuracy(trained(halves, 150), halves) > 0.8


def test_names_are_all_that_it_learns_from(halves: OpenDataset) -> None:
    """The classes' names turned by one: what is learnt is then wrong, not merely unused."""
    train = halves.splits["train"]
    names = list(halves.class_names)
    for class_id, other in zip(train, np.roll(train, 1), strict=True):
        names[class_id] = halves.class_names[other]
    assert accuracy(trained(replace(halves, class_names=names), 150), halves) < 0.6


def test_training_is_a_function_of_the_seed(halves: OpenDataset) -> None:
    first, second = (trained(halves, 3).encoder.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_scores_are_cosines_with_the_mean_of_normalised_prompts(halves: OpenDataset) -> None:
    method = trained(halves, 2, "clip_zero_shot[templates=EuroSAT]")
    names = ("dark left", "white lower")
    images = random_images(5, seed=1)
    scores = method.adapt(empty_support(names))(images)
    templates = [
        "a centered satellite photo of {}.",
        "a centered satellite photo of a {}.",
        "a centered satellite photo of the {}.",
    ]
    centres = []
    for name in names:
        texts = method.encoder.encode_text([text.format(name) for text in templates])
        centres.append((texts / texts.norm(dim=1, keepdim=True)).mean(0))
    cosines = torch.cosine_similarity(method.encoder(images)[:, None], torch.stack(centres), dim=2)
    torch.testing.assert_close(scores, method.encoder.logit_scale.exp() * cosines)


def test_the_temperature_is_at_most_100(halves: OpenDataset) -> None:
    method = trained(halves, 1)
    images = Images.from_array(np.zeros((1, 16, 16, 1), np.uint8))
    with torch.no_grad():
        method.encoder.logit_scale.fill_(log(1000.0))
    scores = method.adapt(empty_support(("dark left", "white lower")))(images)
    assert float(scores.abs().max()) <= 100.0 + 1e-3


def test_each_text_is_embedded_once_and_alone(halves: OpenDataset) -> None:
    method = trained(halves, 1)
    calls: list[list[str]] = []
    embed = method.encoder.encode_text

    def counted(texts: list[str]) -> torch.Tensor:
        calls.append(texts)
        return embed(texts)

    method.encoder.encode_text = counted
    images = Images.from_array(np.full((2, 16, 16, 1), 99, np.uint8))
    first = method.adapt(empty_support(("dark left", "grey right")))(images)
    again = method.adapt(empty_support(("grey right", "dark left")))(images)
    assert calls == [["a photo of a dark left."], ["a photo of a grey right."]]
    assert torch.equal(first, again.flip(1))


def test_support_images_are_not_looked_at(halves: OpenDataset) -> None:
    method = trained(halves, 1)
    zero = empty_support(("dark left", "grey right"))
    queries = random_images(2)
    some = replace(zero, images=queries, labels=torch.tensor([0, 1]))
    assert torch.equal(method.adapt(zero)(queries), method.adapt(some)(queries))


def test_nameless_classes_are_skipped_with_the_reason() -> None:
    task = Task("omniglot[size=20]", "5way", (20, 20, 1), 5, 1, 15, has_class_names=False)
    assert ClipZeroShot().skip(task) == "the classes of omniglot have no names in words"
    assert ClipZeroShot().skip(replace(task, has_class_names=True, n_shot=0)) is None


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("clip_zero_shot[model=tinny]", "model=tinny is neither tiny nor a network of open_clip"),
        ("clip_zero_shot[model=ViT-B-32]", "such as ViT-B-32/openai or"),
        ("clip_zero_shot[model=ViT-B-23/openai]", "no network of open_clip named 'ViT-B-23'"),
        ("clip_zero_shot[templates=caltech]", "templates=caltech is neither a template"),
    ],
)
def test_mistakes_are_found_before_anything_runs(spec: str, says: str) -> None:
    if "ViT-B-23" in spec:
        torchvision()  # open_clip imports it, and needs its help beside some torches
        pytest.importorskip("open_clip")
    with pytest.raises(BenchbenchError, match=says):
        create_methods(spec)


def test_zero_shot_from_the_command_line(tmp_path: Path) -> None:
    done = process(
        *("run", "--methods", "clip_zero_shot[model=tiny],protonet", "--dataset", "shapes"),
        *("--way", 5, "--shot", 0, "--episodes", 20, "--budget", "smoke", "--out", tmp_path),
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[2:]
    assert float(first.split("|")[2]) > 22
    assert "skipped: it learns from support images and this task has none" in second
    table = process("leaderboard", tmp_path, "--out", "-").stdout
    assert "5way-0shot-15query" in table
    assert "clip_zero_shot" in table


def test_nameless_classes_from_the_command_line(tmp_path: Path) -> None:
    done = process("run", "--methods", "clip_zero_shot", "--episodes", 2, "--out", tmp_path)
    assert done.returncode == 2, done.stderr
    assert "cannot run: the classes of glyphs have no names in words" in done.stderr


@pytest.fixture
def real(tmp_path: Path) -> str:
    """The spec of a small network of open_clip with the weights of a file."""
    torchvision()
    open_clip = pytest.importorskip("open_clip")
    vision = {"image_size": 16, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8}
    text = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    config = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text}
    (tmp_path / "tiny-clip.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path)
    torch.manual_seed(3)
    weights = open_clip.create_model("tiny-clip").state_dict()
    save_file(
        {name: tensor.contiguous() for name, tensor in weights.items()}, tmp_path / "w.safetensors"
    )
    return f"open_clip:tiny-clip[weights={tmp_path}/w.safetensors]"


def test_a_network_of_open_clip_is_used_as_the_paper_does(real: str, halves: OpenDataset) -> None:
    import open_clip

    method = trained(halves, 1, f"clip_zero_shot[model={real}]")
    names = ("dark left", "grey right", "white upper")
    images = random_images(4)
    scores = method.adapt(empty_support(names))(images)
    network, tokens = method.encoder.network, open_clip.get_tokenizer("tiny-clip")
    texts = tokens([f"a photo of a {name}." for name in names])
    with torch.no_grad():
        expected, _ = network.get_logits(method.encoder.prepare(images.array), texts)
    torch.testing.assert_close(scores, expected)


def test_the_linear_probe_stands_on_features_before_the_projection(real, halves) -> None:
    (probe,) = create_methods(f"linear_probe[backbone={real}]")
    source = TrainingSource(halves, probe, Task("halves", "test", (16, 16, 1), 4, 5, 10))
    probe.train(source)
    assert source.records == []
    assert probe.encoder.feature_size == 32
    episodes = FixedSampler(4, 5, 10).sample(ClassPool(halves, "test"), 10)
    scored = evaluate(probe, halves, episodes)
    assert np.mean([record["accuracy"] for record, _ in scored]) > 0.7

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.finetune import Finetune
from support.pictures import SMALL, random_images, random_support

from benchbench.backbones import create_backbone
from benchbench.backbones.blocks import parameter_blocks
from benchbench.images import Images


def ready(**parameters: Any) -> Finetune:
    """A method as it is after training, but for its weights."""
    method = Finetune(**parameters)
    method.encoder = create_backbone("conv4[width=4]", SMALL).freeze()
    torch.manual_seed(0)
    return method


def changes(method: Finetune) -> list[float]:
    """How far the weights of each block go from where they were, the one at the input first."""
    support = random_support()
    weights, groups = method.start(support.n_way)
    pixels = method.encoder.prepare(support.images.array)
    method.descend(weights, groups, lambda: method.embed(weights, pixels), support.labels)
    initial = dict(method.encoder.named_parameters())
    return [
        max(float((weights[name] - initial[name]).detach().abs().max()) for name in block)
        for block in parameter_blocks(method.encoder)
    ]


@pytest.mark.parametrize("head", ["linear", "weight_norm", "cosine"])
@pytest.mark.parametrize("depth", [None, 0, 1])
def test_it_learns_the_support(head: str, depth: int | None) -> None:
    method = ready(head=head, depth=depth, steps=100, lr=0.01)
    support = random_support(way=4, shot=1)
    assert torch.equal(method.adapt(support)(support.images).argmax(1), support.labels)


@pytest.mark.parametrize(("depth", "moved"), [(None, 4), (0, 0), (1, 1), (3, 3), (9, 4)])
def test_depth_counts_blocks_from_the_last(depth: int | None, moved: int) -> None:
    found = changes(ready(depth=depth, steps=2))
    assert [change > 0 for change in found] == [False] * (4 - moved) + [True] * moved


def test_blocks_nearer_the_input_take_smaller_steps() -> None:
    """Adam's first step is the rate, whatever the gradient."""
    found = changes(ready(steps=1, lr=0.01, lr_decay=0.5))
    assert found == pytest.approx([0.01 / 8, 0.01 / 4, 0.01 / 2, 0.01], rel=1e-2)


def test_a_normalised_head_is_what_it_says() -> None:
    features = torch.tensor([[3.0, 4.0]])
    weights = {
        "head.weight": torch.tensor([[2.0, 0.0], [0.0, 5.0]]),
        "head.length": torch.tensor([[10.0], [1.0]]),
        "head.bias": torch.tensor([0.5, 0.0]),
    }
    expected = {"linear": [6.5, 20.0], "weight_norm": [30.5, 4.0], "cosine": [6.5, 0.8]}
    for head, logits in expected.items():
        found = Finetune(head=head).logits(weights, features)  # type: ignore[arg-type]
        torch.testing.assert_close(found, torch.tensor([logits]))


@pytest.mark.parametrize("bn", ["support", "running"])
def test_queries_do_not_depend_on_each_other(bn: str) -> None:
    method, queries = ready(bn=bn, steps=3), random_images(6, seed=1).array
    classify = method.adapt(random_support())
    alone = torch.cat([classify(Images.from_array(query[None])) for query in queries])
    torch.testing.assert_close(classify(Images.from_array(queries)), alone, atol=1e-4, rtol=1e-4)


def test_queries_are_normalised_as_the_support_is() -> None:
    """The support among the queries gets the features that it was trained with."""
    support = random_support()
    method = ready(steps=3)
    torch.manual_seed(1)
    scores = method.adapt(support)(support.images)
    torch.manual_seed(1)
    weights, groups = method.start(support.n_way)
    pixels = method.encoder.prepare(support.images.array)
    method.descend(weights, groups, lambda: method.embed(weights, pixels), support.labels)
    with torch.no_grad():
        trained = method.logits(weights, method.embed(weights, pixels))
    torch.testing.assert_close(scores, trained, atol=1e-4, rtol=1e-4)


def test_adaptation_leaves_no_state_behind() -> None:
    method, queries = ready(steps=3), random_images(6, seed=1)
    before = {name: tensor.clone() for name, tensor in method.encoder.state_dict().items()}

    def scores(seed: int) -> torch.Tensor:
        torch.manual_seed(7)
        answer = method.adapt(random_support(seed=seed))(queries)
        assert isinstance(answer, torch.Tensor)
        return answer

    first = scores(0)
    assert not torch.equal(scores(5), first)
    assert torch.equal(scores(0), first)
    assert not first.requires_grad
    after = method.encoder.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert method.encoder.frozen


def test_the_head_alone_has_one_answer_from_the_cache_and_from_the_pixels() -> None:
    support, queries = random_support(), random_images(4, seed=1)
    method = ready(depth=0, bn="running", steps=5)
    torch.manual_seed(1)
    cached = method.adapt(support)(queries)
    torch.manual_seed(1)
    weights, groups = method.start(support.n_way)
    pixels, query_pixels = (
        method.encoder.prepare(images.array) for images in (support.images, queries)
    )
    method.descend(weights, groups, lambda: method.embed(weights, pixels), support.labels)
    computed = method.logits(weights, method.embed(weights, pixels, query_pixels))
    torch.testing.assert_close(cached, computed)


def test_without_a_step_the_head_is_at_chance() -> None:
    method = ready(steps=0, head="linear")
    weights, _ = method.start(5)
    assert torch.equal(weights["head.bias"], torch.zeros(5))
    assert F.softmax(method.adapt(random_support())(random_images(4)), dim=1).max() < 0.999


@pytest.mark.parametrize(
    ("parameters", "word"),
    [({"steps": -1}, "steps"), ({"depth": -1}, "depth"), ({"lr_decay": -0.5}, "lr_decay")],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Finetune(**parameters)

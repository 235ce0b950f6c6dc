"""RelationNet: sizes, the pairs, what swaps and sums do, and its loss."""

import pytest
import torch
from benchbench_plugins.relation_net import Relation, RelationNet
from support.learning import make_source
from support.pictures import random_images
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.method import Support, Task
from benchbench.training.budget import Budget

OMNIGLOT = (28, 28, 1)


def untrained(**parameters: str) -> RelationNet:
    """With weights that matter: the authors' begin close to a constant."""
    torch.manual_seed(0)
    method = RelationNet(**parameters)
    encoder = create_backbone("conv4[width=8,pools=2,padding=0]", OMNIGLOT)
    method.network = nn.ModuleDict({"encoder": encoder, "relation": Relation(8, 5, 5)})
    for parameter in method.network.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.3)
    method.network.eval().requires_grad_(False)
    return method


def support_of(images: Images, labels: list[int], way: int = 3) -> Support:
    return Support(images, torch.tensor(labels), way, "toy")


@pytest.mark.parametrize(
    ("shape", "side", "linear", "parameters"),
    [(OMNIGLOT, 5, 64, 111_505), ((84, 84, 3), 19, 576, None)],
)
def test_sizes_are_the_authors(shape, side: int, linear: int, parameters: int | None) -> None:
    encoder = create_backbone("conv4[pools=2,padding=0]", shape)
    assert encoder.map_shape == (64, side, side)
    relation = Relation(*encoder.map_shape)
    (first,) = [m for m in relation.modules() if isinstance(m, nn.Linear) and m.out_features == 8]
    assert first.in_features == linear
    if parameters:
        assert sum(p.numel() for p in relation.parameters()) == parameters
    assert relation(torch.rand(2, 64, side, side), torch.rand(3, 64, side, side)).shape == (3, 2)


def test_each_pair_is_the_class_joined_by_the_query() -> None:
    relation = Relation(8, 5, 5).eval()
    classes, queries = torch.randn(3, 8, 5, 5), torch.randn(4, 8, 5, 5)
    pairs = torch.cat(
        [classes[None].expand(4, -1, -1, -1, -1), queries[:, None].expand(-1, 3, -1, -1, -1)], dim=2
    ).flatten(0, 1)
    assert pairs.shape == (12, 16, 5, 5)
    expected = relation.rest(relation.first(pairs)).view(4, 3)
    torch.testing.assert_close(relation(classes, queries), expected, atol=1e-5, rtol=1e-5)


def test_scores_swap_with_the_classes_and_are_from_0_to_1() -> None:
    method, queries = untrained(), random_images(4, OMNIGLOT, seed=1)
    images = random_images(3, OMNIGLOT)
    scores = method.adapt(support_of(images, [0, 1, 2]))(queries)
    assert ((scores > 0) & (scores < 1)).all()
    assert scores.std() > 1e-4
    swapped = method.adapt(support_of(images, [1, 0, 2]))(queries)
    torch.testing.assert_close(swapped, scores[:, [1, 0, 2]])


@pytest.mark.parametrize(("combine", "factor"), [("sum", 3), ("mean", 1)])
def test_copies_of_an_image_add_up_or_not(combine: str, factor: int) -> None:
    method, one = untrained(combine=combine), random_images(1, OMNIGLOT)
    query = random_images(2, OMNIGLOT, seed=1)
    copies = Images.from_array(one.array.repeat(3, axis=0))
    scores = method.adapt(support_of(copies, [0, 0, 0], way=2))(query)
    maps, asked = (method.encoder(i).unflatten(1, (8, 5, 5)) for i in (one, query))
    classes = torch.cat([factor * maps, torch.zeros_like(maps)])
    torch.testing.assert_close(scores, method.network["relation"](classes, asked))


def test_the_loss_is_the_squared_error_over_queries_and_classes() -> None:
    scores = torch.tensor([[0.9, 0.2], [0.6, 0.5]])
    support = support_of(random_images(2), [0, 1], way=2)
    loss = untrained().criterion(scores, torch.tensor([0, 1]), support)
    assert loss.item() == pytest.approx((0.1**2 + 0.2**2 + 0.6**2 + 0.5**2) / 4)


@pytest.mark.parametrize("bn", ["running", "transductive"])
def test_only_the_authors_batch_norm_is_transductive(bn: str) -> None:
    method, queries = untrained(bn=bn), random_images(4, OMNIGLOT, seed=1)
    classify = method.adapt(support_of(random_images(3, OMNIGLOT), [0, 1, 2]))
    together = classify(queries)
    alone: Tensor = torch.cat(
        [classify(Images.from_array(queries.array[i : i + 2])) for i in (0, 2)]
    )
    assert torch.allclose(together, alone, atol=1e-5) == (bn == "running")
    assert method.transductive == (bn == "transductive")


def test_it_trains_from_the_authors_first_weights(make_dataset) -> None:
    dataset = make_dataset(classes=(6, 5, 5), per_class=8, shape=(22, 22, 1))
    method = RelationNet("conv4[width=4,pools=2,padding=0]")
    method.train(make_source(dataset, method, budget=Budget("smoke", 1)))
    hidden = next(m for m in method.network["relation"].modules() if isinstance(m, nn.Linear))
    assert hidden.bias.mean() == pytest.approx(1, abs=0.01)
    assert hidden.weight.std() == pytest.approx(0.01, abs=0.003)


@pytest.mark.parametrize(
    ("backbone", "found"),
    [
        ("pixels", r"pixels has none; use .* or resnet12\[pool=false\]\."),
        ("resnet12", r"resnet12 has none; use .* or resnet12\[pool=false\]\."),
        ("conv4[width=4]", "has one of 1x1 for these images; use .* or images of 22 px or more"),
    ],
)
def test_a_backbone_without_a_map_is_refused(dataset, backbone: str, found: str) -> None:
    method = RelationNet(backbone)
    with pytest.raises(BenchbenchError, match=found):
        method.train(make_source(dataset, method))


def test_the_published_recipe_is_that_of_the_code() -> None:
    def recipe(name: str, way: int, shot: int) -> tuple[int, int]:
        found = RelationNet().published(Task(name, "", OMNIGLOT, way, shot, 15))
        return found["query"], found["steps"]

    shapes = [(5, 1), (5, 5), (20, 1), (20, 5)]
    assert [recipe("omniglot", *shape)[0] for shape in shapes] == [19, 15, 10, 5]
    assert [recipe("miniimagenet", 5, shot) for shot in (1, 5)] == [(15, 500_000), (10, 500_000)]

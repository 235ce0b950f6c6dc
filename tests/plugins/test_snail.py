"""SNAIL: sizes as published, causality, and which places a block of convolutions sees."""

import pytest
import torch
from benchbench_plugins.snail import SNAIL, Attention, Sequences, TemporalConvolutions
from support.learning import make_source
from support.pictures import SMALL, random_images, random_support
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.datasets.base import OpenDataset
from benchbench.method import Images, Task
from benchbench.training.budget import Budget


def channels(slots: int, length: int) -> list[int]:
    parts = Sequences(slots, length, width=128, first_dilation=2).parts
    return [64 + slots, *(part.channels for part in parts)]


@pytest.mark.parametrize(
    ("slots", "shot", "expected"),
    [
        (5, 1, [69, 101, 485, 613, 997, 1253]),
        (5, 5, [69, 101, 741, 869, 1509, 1765]),
        (20, 1, [84, 116, 756, 884, 1524, 1780]),
        (20, 5, [84, 116, 1012, 1140, 2036, 2292]),
    ],
)
def test_sizes_are_the_published_ones(slots: int, shot: int, expected: list[int]) -> None:
    with torch.device("meta"):
        assert channels(slots, slots * shot + 1) == expected


def test_the_number_of_parameters() -> None:
    with torch.device("meta"):
        network = Sequences(5, 6, width=128, first_dilation=2)
    assert sum(p.numel() for p in network.parameters()) == 3_097_406


def test_attention_reads_itself_and_what_came_before() -> None:
    weights = Attention(8, 4, 3).weights(torch.randn(2, 6, 8))
    torch.testing.assert_close(weights.sum(2), torch.ones(2, 6))
    assert (weights.triu(1) == 0).all()
    assert (weights.tril() > 0).sum() == 2 * 21


def test_later_places_change_no_earlier_one() -> None:
    parts = Sequences(3, 7, width=4, first_dilation=1).parts
    sequences = torch.randn(2, 67, 7)
    changed = sequences.clone()
    changed[:, :, 4] += 1
    before, after = parts(sequences), parts(changed)
    assert torch.equal(before[:, :, :4], after[:, :, :4])
    assert not torch.allclose(before[:, :, 4:], after[:, :, 4:])


@pytest.mark.parametrize(("first", "seen"), [(2, [0, 2, 4]), (1, [0, 1, 2, 3, 4, 5])])
def test_convolutions_from_dilation_two_see_every_second_place(first: int, seen: list[int]) -> None:
    block = TemporalConvolutions(3, 6, 4, first).double()
    place = torch.randn(1, 3, 6, dtype=torch.float64, requires_grad=True)
    block(place)[0, 3:, -1].sum().backward()
    reached = (place.grad[0].abs().sum(0) != 0).nonzero()[:, 0]
    assert [5 - int(position) for position in reached.flip(0)] == seen


def untrained() -> SNAIL:
    torch.manual_seed(0)
    method = SNAIL(width=4)
    method.n_slots = 3
    encoder = create_backbone("conv4[width=4]", SMALL)
    modules = method.extra_modules(4, Task("toy", "", SMALL, 3, 2, 15))
    method.network = nn.ModuleDict({"encoder": encoder, **modules})
    method.network.eval().requires_grad_(False)
    return method


def test_a_query_is_answered_alone_and_its_label_is_unknown() -> None:
    method, queries = untrained(), random_images(4, seed=1)
    read: list[Tensor] = []
    method.network["sequences"].register_forward_pre_hook(lambda _, given: read.append(given[0]))
    classify = method.adapt(random_support())
    scores = classify(queries)
    assert read[0].shape == (4, 64 + 3, 7)
    assert (read[0][:, 64:, -1] == 0).all()
    assert (read[0][:, 64:, :-1].sum(1) == 1).all()
    singles = [Images.from_array(queries.array[index : index + 1]) for index in range(4)]
    alone = torch.cat([classify(single) for single in singles])
    torch.testing.assert_close(alone, scores)
    labels = read[0][0, 64:, :-1].argmax(0)
    assert torch.equal(labels, method.shuffle(random_support()).labels)


def test_it_trains_on_a_range_of_shots(dataset: OpenDataset) -> None:
    method = SNAIL("conv4[width=4]", width=4)
    source = make_source(dataset, method, shot=3, budget=Budget("smoke", 2))
    source.validate = lambda: None  # type: ignore[method-assign]
    lengths: set[int] = set()
    whole = method.loss
    method.loss = lambda group: (  # type: ignore[method-assign]
        lengths.update(len(episode.support.images) for episode in group) or whole(group)
    )
    method.train(source)
    assert lengths <= {5, 10, 15}
    assert method.adapt(random_support(way=5, shot=3))(random_images(2)).isfinite().all()

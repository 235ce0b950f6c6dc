"""TaskNorm: the cases in which its blend is a normalisation that is known."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.learners.normalisation import BatchMoments, TaskMoments, TaskNorm, blended

SHAPE = (6, 3, 4, 4)


def norm(share: float | None = None) -> tuple[nn.BatchNorm2d, TaskNorm]:
    """A norm with weights that matter, and the shares of a network of it alone."""
    layer = nn.BatchNorm2d(3).double().eval()
    for tensor in (layer.weight, layer.bias, layer.running_mean):
        nn.init.normal_(tensor)
    shares = TaskNorm(layer).double()
    if share is not None:
        nn.init.constant_(shares.offset, torch.tensor(share, dtype=torch.float64).logit().item())
    return layer, shares


def maps(shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def test_a_share_of_one_is_the_support_alone() -> None:
    (layer, shares), batch = norm(1.0), maps()
    with TaskMoments(4, shares):
        found = layer(batch)
    with BatchMoments(4):
        torch.testing.assert_close(found, layer(batch))


def test_a_share_of_none_is_instance_norm() -> None:
    (layer, shares), batch = norm(0.0), maps()
    with TaskMoments(4, shares):
        found = layer(batch)
    torch.testing.assert_close(
        found, F.instance_norm(batch, weight=layer.weight, bias=layer.bias, eps=layer.eps)
    )


def test_of_one_support_image_every_share_is_instance_norm() -> None:
    batch = maps()
    for share in (0.2, 0.5, 0.9):
        mean, variance = blended(batch, 1, share)
        torch.testing.assert_close(mean[0].flatten(), batch[0].mean((1, 2)))
        torch.testing.assert_close(variance[0].flatten(), batch[0].var((1, 2), correction=0))


def test_a_share_of_n_to_n_and_one_is_the_support_and_the_query_in_one_batch() -> None:
    batch, n = maps(), 4
    mean, variance = blended(batch, n, n / (n + 1))
    together = torch.cat([batch[:n], batch[5:6]])
    torch.testing.assert_close(mean[5].flatten(), together.mean((0, 2, 3)), atol=1e-14, rtol=0)
    expected = together.var((0, 2, 3), correction=0)
    torch.testing.assert_close(variance[5].flatten(), expected, atol=1e-14, rtol=0)


def test_a_query_depends_on_the_support_and_on_no_other_query() -> None:
    (layer, shares), batch = norm(0.6), maps()
    with TaskMoments(4, shares):
        first = layer(batch)
        without = layer(batch[[0, 1, 2, 3, 5]])
        other = layer(torch.cat([batch[:3], batch[4:]]))
    torch.testing.assert_close(first[5], without[4])
    assert not torch.allclose(first[5], other[4])


def test_the_share_grows_with_the_support_and_each_norm_has_its_own() -> None:
    network = create_backbone("conv4[width=4]", (16, 16, 1)).freeze()
    shares = TaskNorm(network)
    assert shares(5).tolist() == [0.5] * 4
    pixels = torch.rand(5, 1, 16, 16)
    with TaskMoments(3, shares):
        features, again = network.embed(pixels), network.embed(pixels)
    assert torch.equal(features, again)
    features.square().sum().backward()
    assert (shares.scale.grad != 0).all()
    torch.testing.assert_close(shares.scale.grad, 3 * shares.offset.grad)
    nn.init.constant_(shares.scale, 0.5)
    assert shares(20)[0] > shares(2)[0]


def test_features_without_positions_take_the_support_alone() -> None:
    layer = nn.BatchNorm1d(3).double().eval()
    batch = maps((6, 3))
    with TaskMoments(4, TaskNorm(layer)):
        found = layer(batch)
    with BatchMoments(4):
        torch.testing.assert_close(found, layer(batch))

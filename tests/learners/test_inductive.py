"""Each query's outputs depend on the support and on no other query."""

import torch
from torch import nn

from benchbench.learners.inductive import QUERIES_TOGETHER, outputs_one_by_one
from benchbench.learners.normalisation import BatchMoments


def test_a_query_has_the_statistics_of_the_support_and_its_own() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten())
    network.eval().requires_grad_(False)
    support, queries = torch.randn(4, 1, 5, 5), torch.randn(QUERIES_TOGETHER + 2, 1, 5, 5)
    found = outputs_one_by_one(network, support, queries)
    with BatchMoments():
        expected = [network(torch.cat([support, query[None]]))[-1] for query in queries]
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-4)
    assert network[1].running_mean.tolist() == [0, 0, 0]
    alone = outputs_one_by_one(network, support, queries[:1])
    torch.testing.assert_close(found[:1], alone)

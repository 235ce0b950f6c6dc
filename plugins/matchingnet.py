"""Matching networks (Vinyals, Blundell, Lillicrap, Kavukcuoglu & Wierstra, NeurIPS 2016)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import MetricMethod, Recipe, Support, Task, constant, hookimpl


class FullContext(nn.Module):
    """Embeds each support image and each query conditioned on the support set.

    Full context embeddings of Vinyals et al. (section 2.1.2, appendix A).

    size: the number of features. steps: read-outs of the attention LSTM, K in the appendix.
    """

    def __init__(self, size: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.support_lstm = nn.LSTM(size, size, bidirectional=True)
        self.query_lstm = nn.LSTMCell(2 * size, size)

    def forward(self, query: Tensor, support: Tensor) -> tuple[Tensor, Tensor]:
        """The embeddings of queries [n_query, d] and support [n, d], of the same shapes.

        The support's embeddings (A.2) depend on its order, a query's (A.1) on no other query.
        """
        support = support + self.support_lstm(support)[0].unflatten(1, (2, -1)).sum(1)
        hidden = cell = torch.zeros_like(query)
        for _ in range(self.steps):
            read = F.softmax(hidden @ support.T, dim=1) @ support
            # The paper joins the read-out to the hidden state; joining it to the input is the same.
            output, cell = self.query_lstm(torch.cat([query, read], dim=1), (hidden, cell))
            hidden = output + query
        return hidden, support


@dataclass
class MatchingNet(MetricMethod):
    """Each support image votes for its class, weighted by a softmax over cosines to the query.

    Scores are log-probabilities, those of sum_i softmax_i(scale * cos(f(q), g(x_i))) y_i (eq. 1).
    In 1-shot, without FCE, the predictions are those of the nearest class mean in cosine distance.

    scale: the factor on the cosine. The paper has none (1), A Closer Look (arXiv:1904.04232) 100.
    fce: full context embeddings (section 2.1.2); the scores then depend on the support's order.
    fce_steps: read-outs of their attention LSTM, K in appendix A.1.
    """

    name = "matchingnet"
    paper = "arXiv:1606.04080"
    family = "metric-based"
    scale: float = 30.0
    fce: bool = False
    fce_steps: int = 5

    def __post_init__(self) -> None:
        if self.scale <= 0 or self.fce_steps < 1:
            raise ValueError("scale and fce_steps must be positive")
        self.order_dependent = self.fce

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"context": FullContext(feature_size, self.fce_steps)} if self.fce else {}

    def published(self, task: Task) -> Recipe:
        """The test's way and shot (section 4.1); everything else is A Closer Look's, for 1 shot."""
        shape = {"way": task.n_way or 5, "shot": task.n_shot or 1, "query": 16}
        fixed = {"steps": 60_000, "lr": 1e-3, "schedule": constant, "validate_every": 100}
        return shape | fixed

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        if self.fce:
            embed = self.network["context"]
            query_features, support_features = embed(query_features, support_features)
        cosines = F.normalize(query_features, dim=1) @ F.normalize(support_features, dim=1).T
        log_weights = F.log_softmax(self.scale * cosines, dim=1)
        members = F.one_hot(support.labels, support.n_way).to(cosines.device, torch.bool)
        # Not minus infinity: a class without support images also needs a finite score.
        return log_weights[:, :, None].where(members, -1e9).logsumexp(1)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MatchingNet)

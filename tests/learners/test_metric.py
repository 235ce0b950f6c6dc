import numpy as np
import pytest
import torch

from benchbench.learners.metric import MetricMethod, class_means
from benchbench.method import Images, Support


def test_a_class_mean_is_that_of_its_support() -> None:
    features = torch.tensor([[0.0, 2.0], [4.0, 0.0], [2.0, 4.0]])
    images = Images.from_array(np.zeros((3, 1, 1, 1), np.uint8))
    support = Support(images, torch.tensor([1, 0, 1]), 2, "toy")
    torch.testing.assert_close(
        class_means(features, support), torch.tensor([[4.0, 0.0], [1.0, 3.0]])
    )


def test_the_mean_of_a_class_without_support_is_zero() -> None:
    images = Images.from_array(np.zeros((1, 1, 1, 1), np.uint8))
    support = Support(images, torch.tensor([1]), 3, "toy")
    means = class_means(torch.tensor([[5.0, 7.0]]), support)
    torch.testing.assert_close(means, torch.tensor([[0.0, 0.0], [5.0, 7.0], [0.0, 0.0]]))


def test_what_a_subclass_forgot_is_named() -> None:
    method = MetricMethod()
    with pytest.raises(NotImplementedError, match="MetricMethod has no scores"):
        method.scores(torch.ones(1, 1), torch.ones(1, 1), None)  # type: ignore[arg-type]

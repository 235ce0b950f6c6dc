"""What a method declares, and which parameters decide on it."""

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from benchbench.method import Method
from benchbench.registry.bounds import Bounds
from benchbench.registry.declarations import by_default, deciding, paper_address


@dataclass
class Deciding(Method):
    """Declares by its parameters."""

    name = "deciding"
    rows: Literal["alone", "together"] = "alone"
    weight: Annotated[float, Bounds(ge=0)] = 1.0
    ordered: bool = False
    limit: Annotated[int, Bounds(ge=1)] | None = 3

    def __post_init__(self) -> None:
        if self.limit is None:
            raise ValueError("a limit is needed")
        self.transductive = self.rows == "together" or self.weight == 0 or self.limit == 1
        self.order_dependent = self.ordered


@dataclass
class Required(Method):
    """Has a parameter without a default."""

    name = "required"
    path: str
    transductive = True


def test_single_parameters_that_decide_are_found() -> None:
    assert deciding(Deciding, "transductive") == ["rows=together", "weight=0.0", "limit=1"]
    assert deciding(Deciding, "order_dependent") == ["ordered=true"]
    assert deciding(Deciding, "uses_class_names") == []


def test_a_required_parameter_leaves_what_the_class_declares() -> None:
    assert by_default(Required) is Required
    assert by_default(Deciding).limit == 3
    assert deciding(Required, "transductive") == []


def test_a_class_that_lacks_its_library_decides_as_its_base_does() -> None:
    @dataclass
    class Lacking(Deciding):
        fast: bool = False

        def __post_init__(self) -> None:
            super().__post_init__()
            raise ImportError("there is no such library")

    assert by_default(Lacking) is Lacking
    assert deciding(Lacking, "order_dependent") == ["ordered=true"]


@pytest.mark.parametrize(
    ("paper", "address"),
    [
        ("arXiv:1703.05175", "https://arxiv.org/abs/1703.05175"),
        ("arXiv:cs/0112017", "https://arxiv.org/abs/cs/0112017"),
        ("https://example.org/paper.pdf", "https://example.org/paper.pdf"),
        ("A book, page 3", ""),
        ("", ""),
    ],
)
def test_a_paper_has_its_address(paper: str, address: str) -> None:
    assert paper_address(paper) == address

"""The geometry of a framing, beside what torchvision computes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.system.framing import Framing, at_own_size, needs_one_size, size_in_words


@pytest.mark.parametrize(
    ("framing", "height", "width", "resized", "corner"),
    [
        (Framing((224, 224), 0.875), 84, 84, (256, 256), (16, 16)),
        (Framing((224, 224), 0.875), 84, 126, (256, 384), (16, 80)),
        (Framing((224, 224), 224 / 232), 500, 375, (309, 232), (42, 4)),
        (Framing((32, 64)), 10, 10, (64, 64), (16, 0)),
        (Framing((32, 32), squash=True), 10, 500, (32, 32), (0, 0)),
        (Framing((8, 8)), 1, 1000, (8, 8000), (0, 3996)),
    ],
)
def test_known_sizes(
    framing: Framing,
    height: int,
    width: int,
    resized: tuple[int, int],
    corner: tuple[int, int],
) -> None:
    assert framing.resized(height, width) == resized
    assert framing.corner(*resized) == corner


sides = st.integers(1, 5000)


@given(sides, sides, st.integers(1, 518), st.floats(0.1, 1))
def test_a_square_frame_is_resized_as_torchvision_does_it(
    height: int, width: int, side: int, crop: float
) -> None:
    from benchbench.system.vision import torchvision

    functional = torchvision("transforms.functional")
    framing = Framing((side, side), crop)
    expected = functional._compute_resized_output_size((height, width), [framing.target[0]])
    assert framing.resized(height, width) == tuple(expected)


@given(sides, sides, st.integers(1, 300), st.integers(1, 300), st.floats(0.1, 1), st.booleans())
def test_the_cut_lies_inside(
    height: int, width: int, tall: int, wide: int, crop: float, squash: bool
) -> None:
    framing = Framing((tall, wide), crop, squash=squash)
    rows, columns = framing.resized(height, width)
    top, left = framing.corner(rows, columns)
    assert top >= 0
    assert top + tall <= rows
    assert left >= 0
    assert left + wide <= columns


@pytest.mark.parametrize("size", [(0, 8), (8, 0)])
def test_no_pixel_is_no_frame(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Framing(size)


@pytest.mark.parametrize("crop", [0, 1.01])
def test_a_crop_is_a_share(crop: float) -> None:
    with pytest.raises(ValueError, match="crop"):
        Framing((8, 8), crop)


def test_pictures_at_their_own_size_are_known_by_the_shape() -> None:
    assert at_own_size((0, 0, 3))
    assert not at_own_size((84, 84, 3))
    assert size_in_words((0, 0, 1)) == "at their own size, grey"
    assert size_in_words((84, 60, 3), " px") == "84 x 60 px, colour"
    assert needs_one_size("it").startswith("it needs images of one size")

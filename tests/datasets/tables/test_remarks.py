"""What a table says of itself."""

import numpy as np
import pytest

from benchbench.datasets.tables.remarks import PIECE, changes, losses, sameness


def test_changes_are_added_up_over_the_classes() -> None:
    by_class = [{"turned": 2, "put on white": 1}, {}, {"turned": 3}]
    assert changes(by_class) == ["1 put on white.", "5 turned."]
    assert changes([]) == []


def test_lost_classes_are_counted_and_named() -> None:
    assert losses([]) == []
    assert losses(["cat"]) == ["1 class has no readable image and is missing: cat."]
    assert losses([*"abcdefg"]) == [
        "7 classes have no readable image and are missing: a, b, c, d, e and 2 more."
    ]


ONE_COLOUR = ["All images have one colour, the same all over: nothing tells the classes apart."]
ALIKE = ["All 2 classes have the same pictures: nothing tells them apart."]


@pytest.mark.parametrize(
    ("greys", "counts", "says"),
    [
        ([[7, 7], [7, 7], [7, 7]], [2, 1], ONE_COLOUR),
        ([[7, 7], [7, 8], [7, 7]], [2, 1], []),
        ([[7, 7], [8, 8]], [1, 1], []),
        ([[7, 8], [1, 2], [1, 2], [7, 8]], [2, 2], ALIKE),
        ([[7, 8], [1, 2], [7, 8]], [2, 1], []),
        ([[7, 8], [1, 2], [1, 2], [1, 3]], [2, 2], []),
        ([[7, 8], [1, 2]], [2], []),
    ],
)
def test_nothing_to_tell_classes_by(greys: list[list[int]], counts: list[int], says) -> None:
    pixels = np.array(greys, np.uint8)[:, :, None, None].repeat(3, axis=3)
    assert sameness(pixels, counts) == says


def test_a_coloured_picture_is_not_of_one_colour_for_equal_channels_elsewhere() -> None:
    pixels = np.full((2, 2, 2, 3), (1, 2, 3), np.uint8)
    assert sameness(pixels, [1, 1]) == ONE_COLOUR
    pixels[1, 1, 1, 2] = 4
    assert sameness(pixels, [1, 1]) == []


def test_the_last_piece_counts() -> None:
    pixels = np.zeros((2 * PIECE + 1, 1, 1, 1), np.uint8)
    assert sameness(pixels, [PIECE, PIECE + 1]) == ONE_COLOUR
    pixels[-1] = 1
    assert sameness(pixels, [PIECE, PIECE + 1]) == []


def test_reading_stops_at_the_first_difference() -> None:
    class Watched:
        """Ten thousand images, of which those after the first two pieces may not be read."""

        def __len__(self) -> int:
            return 10_000

        def __getitem__(self, index):
            if isinstance(index, tuple):
                return np.zeros(1, np.uint8)
            assert index.stop <= 2 * PIECE
            return np.arange(index.start, index.stop, dtype=np.int64)[:, None, None, None]

    assert sameness(Watched(), [PIECE, PIECE, 10_000 - 2 * PIECE]) == []

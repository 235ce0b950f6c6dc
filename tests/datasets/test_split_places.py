"""Where split folders lie, and what is lost with those that may not be read."""

import pytest

from benchbench.datasets.split_places import common_top, lost_splits


@pytest.mark.parametrize(
    ("folders", "top"),
    [
        ([], ""),
        (["a"], ""),
        (["a", "b"], ""),
        (["x/y/a"], "x/y/"),
        (["x/y/a", "x/y/b"], "x/y/"),
        (["x/y/a", "x/y"], "x/"),
        (["x/ya", "x/yb"], "x/"),
    ],
)
def test_the_folders_around_all(folders: list[str], top: str) -> None:
    assert common_top(folders) == top


@pytest.mark.parametrize(
    ("images", "unread", "lost"),
    [
        (["train/a/0.png"], ["test/"], ["test/"]),
        (["train/a/0.png"], ["test/b/", "test/c/"], ["test/"]),
        (["x/train/a/0.png", "x/val/b/0.png"], ["x/test/"], ["test/"]),
        (["train/a/0.png", "test/b/0.png"], ["test/c/"], []),
        (["a/0.png", "b/0.png"], ["test/"], []),
        (["a/train/0.png", "b/train/0.png"], ["a/test/"], []),
    ],
)
def test_split_folders_of_which_nothing_is_read(
    images: list[str], unread: list[str], lost: list[str]
) -> None:
    assert lost_splits(images, unread) == lost

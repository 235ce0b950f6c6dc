"""Finding a source's files, and refusing what is none of them."""

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.datasets.meta_dataset.readers.layout import Layout, Published, stays_below
from benchbench.datasets.reading.file_tree import UnreadableImageError
from benchbench.errors import BenchbenchError

LAYOUT = Layout("Small", ("inner",), ("a.zip", "b.zip"), "inner/")


def test_the_shallowest_place_is_taken(tmp_path):
    for name in ("b/c/list.txt", "b/list.txt", "a/list.txt", "a/my list.txt", "unlist.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    published = Published(tmp_path, LAYOUT, tmp_path)
    assert published.part("list.txt").read("list.txt") == b"a/list.txt"
    assert published.part("c/").top == "b/"
    with pytest.raises(BenchbenchError, match=r"has no ist\.txt; Small is read from inner/"):
        published.part("ist.txt")


def test_the_inner_folder_goes_before_archives(tmp_path, put):
    for name in ("a", "b"):
        put(tmp_path / name, f"images/{name}.png")
        shutil.make_archive(str(tmp_path / name), "zip", tmp_path / name)
        shutil.rmtree(tmp_path / name)
    published = Published(tmp_path, LAYOUT, tmp_path)
    assert published.part("images/").images() == ["images/a.png"]
    put(tmp_path / "inner", "images/c.png")
    published = Published(tmp_path, LAYOUT, tmp_path)
    assert published.part("images/").images() == ["images/c.png"]
    names = [tree.path.name for tree in published.trees()]
    assert names == ["inner", tmp_path.name, "a.zip", "b.zip"]


def test_a_damaged_archive_is_told(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"half a download")
    with pytest.raises(BenchbenchError, match=r"a\.zip is neither .*; copy or download it again"):
        Published(tmp_path, LAYOUT, tmp_path).part("images/")


def test_a_file_that_is_no_image_raises_when_it_is_loaded(tmp_path, read_from):
    file = tmp_path / "dtd/images/banded/a.jpg"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half a photograph")
    files = read_from("dtd", tmp_path, "banded")
    with pytest.raises(UnreadableImageError, match=r"a\.jpg"):
        files.load(files.images["banded"][0])


@given(st.lists(st.sampled_from(["a", "..", ".", "", "b.jpg", "c d"]), min_size=1, max_size=5))
def test_a_name_stays_below_unless_it_climbs_or_starts_at_the_root(parts):
    name = "/".join(parts)
    assert stays_below(name) == (not name.startswith("/") and ".." not in parts)

"""Reading images where they lie in a tar archive."""

from __future__ import annotations

import io
import tarfile

import pytest
from PIL import Image

from benchbench.datasets.reading.file_tree import UnreadableImageError
from benchbench.datasets.reading.image_tars import Span, image_members, members, whole


def tar_of(*entries):
    """An archive of (member, content) pairs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member, content in entries:
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def entry(name, content=b"", **fields):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    return member, content


def test_members_are_read_where_they_lie(tmp_path):
    inner = tar_of(entry("b.JPEG", b"second"), entry("dir/a.jpeg", b"first"), entry("c.txt", b"no"))
    outer = tmp_path / "outer.tar"
    outer.write_bytes(tar_of(entry("x.tar", inner), entry("y.tar", inner)))
    first, second = members(whole(outer))
    assert [first.name, second.name] == ["x.tar", "y.tar"]
    for tar in (first, second):
        found = image_members(tar)
        assert [span.name for span in found] == ["a.jpeg", "b.JPEG"]
        assert [span.read() for span in found] == [b"first", b"second"]


def test_links_and_devices_are_passed_over(tmp_path):
    file = tmp_path / "a.tar"
    file.write_bytes(
        tar_of(
            entry("link.jpg", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
            entry("hard.jpg", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
            entry("device.jpg", type=tarfile.CHRTYPE),
            entry("folder.jpg", type=tarfile.DIRTYPE),
            entry("real.jpg", b"bytes"),
        )
    )
    assert [span.name for span in image_members(whole(file))] == ["real.jpg"]


def test_an_inner_archive_ends_where_its_member_does(tmp_path):
    """Without its closing zeros it would run on into its neighbour."""
    inner = tar_of(entry("a.jpg", b"x" * 512))[:1024]
    outer = tmp_path / "outer.tar"
    outer.write_bytes(tar_of(entry("x.tar", inner), entry("y.jpg", b"neighbour")))
    first, _ = members(whole(outer))
    assert [span.name for span in members(first)] == ["a.jpg"]


def test_what_claims_to_reach_beyond_is_passed_over(tmp_path):
    inner = tar_of(entry("a.jpg", b"x" * 512))[:1024]
    member, _ = entry("a.jpg")
    member.size = 4096
    inner = member.tobuf() + inner[512:]
    outer = tmp_path / "outer.tar"
    outer.write_bytes(tar_of(entry("x.tar", inner), entry("y.jpg", b"n" * 9000)))
    first, _ = members(whole(outer))
    assert list(members(first)) == []


def test_a_damaged_archive_raises(tmp_path):
    file = tmp_path / "a.tar"
    file.write_bytes(b"no archive" * 100)
    with pytest.raises(tarfile.TarError):
        list(members(whole(file)))


def test_bytes_that_are_no_image_raise(tmp_path):
    file = tmp_path / "a.tar"
    Image.new("L", (2, 3)).save(file, "PNG")
    assert whole(file).image().size == (2, 3)
    with pytest.raises(UnreadableImageError, match="half"):
        Span(file, "half", 0, 30).image()

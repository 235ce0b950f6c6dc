"""Archives from strangers: what would do harm is refused in one sentence before it is read."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.sentences import one_sentence

from benchbench.datasets.folder import Folder
from benchbench.datasets.opening import open_dataset
from benchbench.datasets.reading import archive_checks
from benchbench.datasets.reading.archive_checks import Member, check_members, plain_name
from benchbench.datasets.reading.archives import Tar, Zip, open_archive
from benchbench.datasets.reading.offline import WouldDecodeError, only_looking
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places

CONTENT = {"a/one": b"1" * 700, "a/b/two": b"two", "empty": b""}
KINDS = pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
COMPRESS = {"tar": bytes, "gz": gzip.compress, "tgz": gzip.compress, "bz2": bz2.compress}


def limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(archive_checks, name, value)


def make(folder: Path, kind: str, content: dict[str, bytes] = CONTENT) -> Path:
    """An archive of these files."""
    path = folder / f"images.{kind}"
    if kind == "zip":
        return zipped(path, *content.items())
    return compressed(path, tar_of(*((tarfile.TarInfo(name), d) for name, d in content.items())))


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            archive.writestr(member, data)
    return path


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def compressed(path: Path, content: bytes) -> Path:
    compress = COMPRESS.get(path.suffix[1:], lzma.compress)
    path.write_bytes(compress(content))
    return path


def opened(path: Path) -> Zip | Tar:
    return open_archive(path, path.parent / "unpacked")


def refused(path: Path, says: str) -> None:
    """It is refused in one sentence that names it and leaves nothing behind."""
    with one_sentence(says) as caught:
        opened(path)
    assert str(path) in str(caught.value)
    assert not list(path.parent.rglob("unpacked/*.tar"))


@KINDS
def test_what_was_packed_is_read(tmp_path: Path, kind: str) -> None:
    archive = opened(make(tmp_path, kind))
    assert archive.names == sorted(CONTENT)
    assert {name: archive.read(name) for name in archive.names} == CONTENT
    with pytest.raises(KeyError):
        archive.read("a")


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "C:/up", "c:up", "a\\b"])
@KINDS
def test_a_name_that_leaves_the_archive(tmp_path: Path, kind: str, name: str) -> None:
    path = make(tmp_path, kind, {"fine": b"", name: b"evil"})
    refused(path, r"is refused because '.*' (has an absolute|climbs out|has a backslash)")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@KINDS
def test_a_name_that_is_there_twice(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"images.{kind}"
    if kind == "zip":
        zipped(path, ("a", b"1"), ("a", b"2"))
    else:
        compressed(path, tar_of(*((tarfile.TarInfo(name), b"1") for name in ("a", "./a"))))
    refused(path, "a' is there twice")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_folder_may_be_there_twice(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("a")
    folder.type = tarfile.DIRTYPE
    members = [(folder, b""), (tarfile.TarInfo("a/one"), b"1"), (folder, b"")]
    assert opened(compressed(tmp_path / "images.tar", tar_of(*members))).names == ["a/one"]
    path = zipped(tmp_path / "images.zip", ("a/", b""), ("a/", b""), ("a/one", b"1"))
    assert opened(path).names == ["a/one"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_may_not_bear_a_folder_s_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "images.zip", ("a", b"1"), ("a/", b""))
    refused(path, "'a/' is there twice")


@KINDS
def test_images_of_one_s_own_may_lie_in_it(tmp_path: Path, kind: str) -> None:
    content = {}
    for index in range(6):
        buffer = io.BytesIO()
        Image.new("L", (5, 5), 40 * index).save(buffer, "png")
        content[f"class{index}/one.png"] = buffer.getvalue()
        (tmp_path / "files" / f"class{index}").mkdir(parents=True)
        (tmp_path / "files" / f"class{index}" / "one.png").write_bytes(buffer.getvalue())
    places = Places(tmp_path, tmp_path / "cache")
    packed = open_dataset(Folder(str(make(tmp_path, kind, content)), size=4), places)
    plain = open_dataset(Folder(str(tmp_path / "files"), size=4), places)
    assert packed.fingerprint == plain.fingerprint
    assert packed.labels.tolist() == list(range(6))


def test_dots_before_a_name_are_left_out(tmp_path: Path) -> None:
    archive = opened(make(tmp_path, "tar", {"./a/one": b"1", "././two": b"2"}))
    assert archive.names == ["a/one", "two"]
    assert archive.read("a/one") == b"1"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("evil")
    member.type, member.linkname = kind, "/etc/passwd"
    path = compressed(tmp_path / "images.tar", tar_of((member, b"")))
    refused(path, "'evil' is a link or a device")


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("evil")
    member.create_system, member.external_attr = 3, 0o120777 << 16
    path = zipped(tmp_path / "images.zip", (member, b"/etc/passwd"))
    refused(path, "'evil' is a link or a device")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = make(tmp_path, "zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, "'a/one' is encrypted")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_bomb_of_one_file(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(make(tmp_path, kind, {"zeros": bytes(200_000)})).names == ["zeros"]
    for file in (tmp_path / "unpacked").glob("*"):
        file.unlink()
    limit(monkeypatch, SMALL_BYTES=9)
    refused(make(tmp_path, kind, {"zeros": bytes(200_000)}), "more than 200 times")


@KINDS
def test_more_than_the_total(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, MOST_BYTES=5000, MOST_RATIO=10, SMALL_BYTES=1000)
    content = {str(index): bytes([index]) * 900 for index in range(6)}
    refused(make(tmp_path, kind, content), "unpacks to more than")


def test_many_small_files_are_a_bomb_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {str(index): bytes(400) for index in range(9)}
    limit(monkeypatch, MOST_RATIO=5, SMALL_BYTES=1000)
    refused(make(tmp_path, "zip", content), "it unpacks to more than 5 times its size")


def test_a_zip_whose_members_share_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stated packed sizes are a claim; the file's own size bounds them."""
    limit(monkeypatch, MOST_RATIO=10, SMALL_BYTES=1000)
    members = [Member(str(index), 1000, 1000) for index in range(9)]
    with one_sentence(r"^it is refused .* more than 10 times its size"):
        check_members("it", 10, members)


def state_size(path: Path, size: int) -> None:
    """Let a zip of one file say that it is of this size."""
    content = bytearray(path.read_bytes())
    content[22:26] = struct.pack("<I", size)
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(content)


@pytest.mark.parametrize("stated", [10, 2000])
def test_a_size_other_than_stated(tmp_path: Path, stated: int) -> None:
    path = make(tmp_path, "zip", {"lie": b"x" * 1000})
    state_size(path, stated)
    archive = opened(path)
    with one_sentence(r"is damaged at lie .*copy or download it again"):
        archive.read("lie")


@KINDS
def test_an_archive_without_files(tmp_path: Path, kind: str) -> None:
    with one_sentence(r"^The (zip|tar) file .* is empty; copy or"):
        opened(make(tmp_path, kind, {}))


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.9])
@KINDS
def test_a_truncated_archive(tmp_path: Path, kind: str, kept: float) -> None:
    content = {str(index): bytes(range(256)) * 20 for index in range(5)}
    path = make(tmp_path, kind, content)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    refused(path, r"(is damaged|nor a readable zip file) .*copy or download it again")


@pytest.mark.parametrize("content", [b"", b"just text"])
@KINDS
def test_what_is_no_archive(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / f"images.{kind}"
    path.write_bytes(content)
    refused(path, "copy or download it again")


def test_a_damaged_header_does_not_pass_for_the_end(tmp_path: Path) -> None:
    path = make(tmp_path, "tar", {"one": b"1", "two": b"2"})
    content = bytearray(path.read_bytes())
    content[1024:1034] = bytes(range(10))
    path.write_bytes(content)
    refused(path, "no member and no end of the archive at byte 1024")


def test_a_tar_is_decompressed_once(tmp_path: Path) -> None:
    path = make(tmp_path, "tgz")
    opened(path)
    (plain,) = (tmp_path / "unpacked").glob("*.tar")
    plain.touch()
    before = plain.stat().st_ino
    assert opened(path).read("a/b/two") == b"two"
    assert plain.stat().st_ino == before


def test_a_changed_tar_is_decompressed_anew(tmp_path: Path) -> None:
    opened(make(tmp_path, "tgz"))
    changed = make(tmp_path, "tgz", {**CONTENT, "three": b"3"})
    assert opened(changed).read("three") == b"3"


def test_a_plain_tar_is_read_where_it_lies(tmp_path: Path) -> None:
    opened(make(tmp_path, "tar"))
    assert not (tmp_path / "unpacked").exists()


def inside(path: Path, name: str, content: bytes, *others: bytes) -> Tar:
    """The tar archive of this content, which is a member of another one, before some files."""
    files = [(tarfile.TarInfo(f"other {number}"), data) for number, data in enumerate(others)]
    outer = opened(compressed(path / "outer.tar", tar_of((tarfile.TarInfo(name), content), *files)))
    assert isinstance(outer, Tar)
    return outer.inner(name)


def test_a_tar_in_a_tar_is_read_where_it_lies(tmp_path: Path) -> None:
    content = tar_of(*((tarfile.TarInfo(name), data) for name, data in CONTENT.items()))
    archive = inside(tmp_path, "in.tar", content, b"neighbour")
    assert {name: archive.read(name) for name in archive.names} == CONTENT
    assert not (tmp_path / "unpacked").exists()


@pytest.mark.parametrize("others", [(), (b"neighbour",)], ids=["last", "followed"])
def test_a_tar_in_a_tar_ends_where_its_member_does(tmp_path: Path, others: tuple[bytes]) -> None:
    """Without its closing zeros it would run on into its neighbour, or into the outer one's."""
    content = tar_of((tarfile.TarInfo("a"), b"x" * 512))[:1024]
    with one_sentence(r"^in\.tar of \S+outer\.tar is damaged \("):
        inside(tmp_path, "in.tar", content, *others)


def test_a_member_may_not_reach_beyond_a_tar_in_a_tar(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a")
    member.size = 4096
    content = member.tobuf() + b"x" * 512
    with one_sentence(r"damaged \('a' reaches beyond the end\)"):
        inside(tmp_path, "in.tar", content, b"n" * 9000)


def test_a_tar_in_a_tar_is_checked_as_any_other(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with one_sentence(r"'link\.jpg' is a link or a device"):
        inside(tmp_path, "in.tar", tar_of((link, b"")))


def test_nothing_is_decompressed_while_only_looking(tmp_path: Path) -> None:
    with only_looking(), pytest.raises(WouldDecodeError):
        opened(make(tmp_path, "tgz"))


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with one_sentence(r"^Cannot write to .*set BENCHBENCH_CACHE"):
        open_archive(make(tmp_path, "tgz"), tmp_path / "file" / "unpacked")


def test_a_missing_archive(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.zip", "There is no folder or zip file")


NAMES = st.lists(st.sampled_from(["..", ".", "a", "b", "", "c:", "~", "x\\y"]), min_size=1)


@given(NAMES.map("/".join))
def test_no_accepted_name_leaves_a_folder(name: str) -> None:
    base = Path("/base")
    try:
        check_members("it", 1, [Member(name, 1, 1)])
    except BenchbenchError:
        return
    parts = (base / plain_name(name)).parts
    assert parts[:2] == ("/", "base")
    assert ".." not in parts
    assert not any("\\" in part for part in parts)


@pytest.mark.parametrize("harm", [lambda b: b[:100], lambda b: b + b"x", lambda b: b[::-1]])
@KINDS
def test_whatever_is_done_to_it_ends_in_one_sentence(tmp_path, kind, harm) -> None:
    path = make(tmp_path, kind)
    path.write_bytes(harm(path.read_bytes()))
    content, says = CONTENT, "damaged"
    try:
        archive = opened(path)
        content = {name: archive.read(name) for name in archive.names}
    except BenchbenchError as error:
        says = str(error)
    assert content == CONTENT
    assert "\n" not in says

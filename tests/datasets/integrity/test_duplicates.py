"""Duplicates: planted copies are found, each once, and nothing else."""

import io

import numpy as np
import pytest
from PIL import Image

from benchbench.datasets.integrity import duplicates
from benchbench.datasets.integrity.duplicates import Pairs, find_duplicates, scan
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places

COUNT = 40


def scenes(count: int = COUNT, side: int = 48, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Pictures uint8 [n, side, side, channels] of blurred shapes, no two alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 7, 7, channels)).astype(np.uint8)
    pictures = []
    for one in coarse:
        image = Image.fromarray(one if channels == 3 else one[..., 0])
        pictures.append(np.asarray(image.resize((side, side), Image.Resampling.BICUBIC)))
    return np.stack(pictures).reshape(count, side, side, channels)


def jpeg(image: np.ndarray, quality: int = 60) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def found(*tables: np.ndarray, **options: float) -> Pairs:
    return find_duplicates(tables, [scan(table) for table in tables], **options)


def as_list(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))


def test_unrelated_pictures_are_no_pairs() -> None:
    pairs = found(scenes())
    assert as_list(pairs) == []
    assert pairs.complete


def test_planted_copies_are_found_and_ordered() -> None:
    images = scenes()
    images[7] = images[3]
    images[21] = jpeg(images[5])
    images[30] = (images[9] * 0.8 + 20).astype(np.uint8)
    pairs = found(images)
    assert as_list(pairs)[0] == (3, 7)
    assert set(as_list(pairs)) == {(3, 7), (5, 21), (9, 30)}
    assert pairs.exact.tolist() == [True, False, False]
    assert pairs.correlation[0] == 1
    assert (pairs.correlation[1:] >= duplicates.CORRELATION).all()
    assert pairs.correlation[1] >= pairs.correlation[2]


def test_correlation_is_that_of_the_pictures() -> None:
    images = scenes(side=32)
    images[21] = jpeg(images[5], quality=20)
    (correlation,) = found(images, correlation=0.9).correlation
    expected = np.corrcoef(images[5].ravel(), images[21].ravel())[0, 1]
    assert correlation == pytest.approx(expected, abs=1e-5)


def test_a_picture_that_only_the_hash_takes_for_a_copy_is_none() -> None:
    """The lowest frequencies agree and the rest does not."""
    images = scenes(side=32)
    noise = np.random.default_rng(1).integers(-90, 91, images[0].shape)
    images[21] = np.clip(images[5].astype(int) + noise, 0, 255).astype(np.uint8)
    hashes = scan(images).hashes
    assert bin(int(hashes[5] ^ hashes[21])).count("1") <= 12
    assert as_list(found(images, distance=12)) == []
    assert as_list(found(images, distance=12, correlation=0.3)) == [(5, 21)]


def test_several_exact_copies_are_each_paired_with_the_first() -> None:
    images = scenes()
    images[[4, 12, 31]] = images[2]
    images[20] = jpeg(images[2], quality=90)
    assert set(as_list(found(images))) == {(2, 4), (2, 12), (2, 31), (2, 20)}


def test_pictures_of_one_colour_have_no_copies() -> None:
    images = scenes()
    images[:10] = 255
    images[10:20] = (9, 80, 7)
    scanned = scan(images)
    assert scanned.constant.tolist() == [True] * 20 + [False] * 20
    assert as_list(found(images)) == []


def test_grey_pictures_among_coloured_ones_are_told() -> None:
    images = scenes()
    images[3] = images[3, ..., :1]
    assert np.flatnonzero(scan(images).grey).tolist() == [3]
    assert not scan(images[..., :1]).grey.any()


def test_copies_are_found_in_each_group() -> None:
    images = scenes()
    images[[4, 12, 21, 22]] = images[2]
    images[30] = jpeg(images[2])
    groups = np.repeat([0, 1, 2, -1], 10)
    pairs = find_duplicates([images], [scan(images)], groups=groups)
    assert set(as_list(pairs)) == {(2, 4), (2, 12), (2, 21), (21, 22)}
    groups[30] = 3
    pairs = find_duplicates([images], [scan(images)], groups=groups)
    assert {(2, 30), (12, 30), (21, 30)} <= set(as_list(pairs))


def test_between_two_tables_only_crossing_pairs_count() -> None:
    one, other = scenes(seed=0), scenes(seed=1)
    one[4] = one[2]
    other[5] = other[6] = one[2]
    other[9] = jpeg(one[8])
    assert set(as_list(found(one, other))) == {(2, COUNT + 5), (8, COUNT + 9)}
    groups = np.zeros(2 * COUNT, np.int64)
    groups[4] = 1
    scans = scan(one), scan(other)
    pairs = as_list(find_duplicates([one, other], scans, groups=groups))
    assert set(pairs) == {(2, COUNT + 5), (4, COUNT + 5), (8, COUNT + 9)}


def test_two_tables_may_differ_in_size_and_colour() -> None:
    large, small = scenes(side=96), scenes(side=40, channels=1, seed=1)
    image = Image.fromarray(large[11]).convert("L").resize((40, 40), Image.Resampling.BOX)
    small[17, ..., 0] = np.asarray(image)
    assert as_list(found(large, small)) == [(11, COUNT + 17)]


def test_tiny_images_can_be_compared() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 2, 2, 3), dtype=np.uint8)
    images[4] = images[1]
    assert (1, 4) in as_list(found(images))
    assert as_list(found(np.zeros((3, 1, 1, 1), np.uint8))) == []
    assert as_list(found(np.zeros((0, 4, 4, 1), np.uint8))) == []


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    images = scenes()
    images[7], images[21] = images[3], jpeg(images[5])
    whole, scanned = found(images, correlation=0.0), scan(images)
    monkeypatch.setattr(duplicates, "BYTES_AT_ONCE", 3 * images[0].nbytes)
    monkeypatch.setattr(duplicates, "PAIRS_AT_ONCE", 2)
    assert as_list(found(images, correlation=0.0)) == as_list(whole)
    again = scan(images)
    np.testing.assert_array_equal(again.hashes, scanned.hashes)
    np.testing.assert_array_equal(again.digests, scanned.digests)


def test_too_many_pairs_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(-3, 4, (COUNT, 48, 48, 3))
    images = (scenes(1) // 2 + 60 + noise).astype(np.uint8)
    assert len(found(images).left) > 600
    monkeypatch.setattr(duplicates, "MOST_PAIRS", 50)
    monkeypatch.setattr(duplicates, "PAIRS_AT_ONCE", 32)
    pairs = found(images)
    assert not pairs.complete
    assert 50 <= len(pairs.left) < 200


@pytest.mark.data
def test_of_omniglots_drawings_two_are_equal_and_no_others_alike(places: Places) -> None:
    """Thousands share nearly the same hash; one pair of dots is the same picture."""
    omniglot = open_dataset("omniglot", places)
    pairs = found(omniglot.pixels)
    assert pairs.exact.tolist() == [True]
    (one,), (other,) = pairs.left, pairs.right
    assert omniglot.class_names[omniglot.labels[one]] == "Braille/character01"
    np.testing.assert_array_equal(omniglot.pixels[one], omniglot.pixels[other])


@pytest.mark.data
def test_a_real_photograph_is_found_at_another_size(places: Places) -> None:
    path = places.data_root / "folders" / "textures.zip"
    large, small = (open_dataset(f"folder:{path}[size={size}]", places).pixels for size in (84, 48))
    pairs = as_list(found(large, small))
    found_again = {one for one, other in pairs if other - len(large) == one}
    assert len(found_again) >= 0.9 * len(large)
    assert len(pairs) < 1.1 * len(large)

"""Data sets of Hugging Face: splits, folders, the hub, and what is found decoded."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets.exceptions import DatasetNotFoundError
from PIL import Image
from support.image_tables import (
    CLASS,
    NAMES,
    TEXT,
    columns,
    dictionary,
    opened,
    picture,
    saved,
    table,
)
from support.opened import greys_by_class, split_names, split_sizes
from support.sentences import one_sentence

from benchbench.datasets.huggingface import HuggingFace
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.datasets.reading.offline import WouldDecodeError, WouldDownloadError, only_looking
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.system.places import Places


@pytest.fixture(autouse=True)
def library_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "library cache")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, {"owl": [10], "cat": [20, 30], "dog": [40]}),
        (("second",), {"cat": [30], "dog": [40]}),
        (("second", "first"), {"owl": [10], "cat": [30, 20], "dog": [40]}),
    ],
)
def test_rows_of_several_splits(tmp_path, wanted, found) -> None:
    folder = saved(tmp_path / "set", dictionary())
    assert greys_by_class(opened(folder, tmp_path, hf_split=wanted)) == found


def test_splits_that_cannot_be_had(tmp_path: Path) -> None:
    folder = saved(tmp_path / "dict", dictionary())
    with pytest.raises(BenchbenchError, match=r"no split of hf:.* 'frist'; did you mean first"):
        opened(folder, tmp_path, hf_split=("frist",))
    single = saved(tmp_path / "single", table([1], [0]))
    with pytest.raises(BenchbenchError, match="one table without splits; leave out hf_split"):
        opened(single, tmp_path, hf_split=("first",))
    other = table([1], [0], datasets.ClassLabel(names=["x", "y"]))
    odd = saved(tmp_path / "odd", datasets.DatasetDict({"a": table([1], [0]), "b": other}))
    with pytest.raises(BenchbenchError, match="do not fit together, so choose with hf_split"):
        opened(odd, tmp_path)
    assert opened(odd, tmp_path, hf_split=("b",)).class_names == ["x"]


def many_classes(folder: Path, count: int = 20) -> Path:
    names = [f"class {index:02}" for index in range(count)]
    return saved(folder, table(range(count), names, TEXT))


def test_classes_are_dealt_out_by_the_seed(tmp_path: Path) -> None:
    folder = many_classes(tmp_path / "set")
    first, again, other = (opened(folder, tmp_path, seed=seed) for seed in (0, 0, 1))
    assert split_names(first) == split_names(again) != split_names(other)
    assert split_sizes(first) == (11, 3, 6)
    assert len({name for names in split_names(first).values() for name in names}) == 20
    assert split_sizes(opened(folder, tmp_path, val=0.5, test=0.5)) == (0, 10, 10)


def test_the_deal_is_that_of_a_folder_of_the_same_classes(tmp_path: Path) -> None:
    dataset = opened(many_classes(tmp_path / "set"), tmp_path, seed=3)
    for index in range(20):
        (tmp_path / "images" / f"class {index:02}").mkdir(parents=True)
        picture(index).save(tmp_path / "images" / f"class {index:02}" / "0.png")
    folder = create_dataset(f"folder:{tmp_path / 'images'}[seed=3,size=4]")
    other = open_dataset(folder, Places(tmp_path, tmp_path / "cache"))
    assert split_names(dataset) == split_names(other)
    assert dataset.fingerprint == other.fingerprint


def test_a_file_lists_the_classes(tmp_path: Path) -> None:
    folder, lists = many_classes(tmp_path / "set", 4), tmp_path / "lists.json"
    wanted = {"train": ["class 03"], "val": [], "test": ["class 00", "class 02"]}
    lists.write_text(json.dumps(wanted))
    assert split_names(opened(folder, tmp_path, splits=str(lists))) == wanted


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"test": ["unicorn"]}', "not in the data set, such as 'unicorn'"),
        ('{"test": "owl"}', "is not of the form"),
        ("[]", "is not of the form"),
        ('{"exam": []}', "'exam' is not a split"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_list_that_does_not_fit(tmp_path: Path, content: str | None, says: str) -> None:
    folder, lists = many_classes(tmp_path / "set", 4), tmp_path / "lists.json"
    if content is not None:
        lists.write_text(content)
    with pytest.raises(BenchbenchError, match=says):
        opened(folder, tmp_path, splits=str(lists))


def class_folders(root: Path, names: Sequence[str]) -> Path:
    for grey, name in enumerate(names):
        (root / name).mkdir(parents=True)
        picture(grey).save(root / name / "0.png")
    return root


def test_class_folders_of_images(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "images", ["owl", "cat", "dog"])
    assert greys_by_class(opened(folder, tmp_path)) == {"cat": [1], "dog": [2], "owl": [0]}


def test_class_folders_below_splits(tmp_path: Path) -> None:
    names = ["train/owl", "train/cat", "test/owl", "test/dog"]
    folder = class_folders(tmp_path / "images", names)
    assert greys_by_class(opened(folder, tmp_path)) == {"cat": [1], "dog": [3], "owl": [0, 2]}
    only = opened(folder, tmp_path, hf_split=("test",))
    assert greys_by_class(only) == {"dog": [3], "owl": [2]}


def test_configurations_of_a_folder_of_tables(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    for config, grey in (("small", 10), ("large", 90)):
        (root / config).mkdir(parents=True)
        table([grey], [0]).to_parquet(root / config / "train-00000-of-00001.parquet")
    (root / "README.md").write_text(
        "---\nconfigs:\n"
        "- config_name: small\n  data_files: small/*.parquet\n"
        "- config_name: large\n  data_files: large/*.parquet\n---\n"
    )
    assert greys_by_class(opened(root, tmp_path, config="large")) == {"owl": [90]}
    with pytest.raises(BenchbenchError, match="choose with config=NAME: 'small', 'large'"):
        opened(root, tmp_path)
    with pytest.raises(BenchbenchError, match="BuilderConfig 'huge' not found"):
        opened(root, tmp_path, config="huge")


def test_a_folder_below_the_data_root_and_one_that_is_handed_over(tmp_path: Path) -> None:
    saved(tmp_path / "data root" / "birds" / "mine", table([10], [0]))
    assert opened("birds/mine", tmp_path).class_names == ["owl"]
    dataset = HuggingFace("user/name", size=4)
    dataset.origin = saved(tmp_path / "elsewhere", table([10], [1]))
    places = Places(tmp_path / "data root", tmp_path / "cache")
    assert open_dataset(dataset, places).class_names == ["cat"]


@pytest.mark.parametrize(
    ("source", "parameters", "says"),
    [
        ("set", {"revision": "main"}, "which has no revisions; leave out revision"),
        ("set", {"config": "small"}, "without configurations; leave out config"),
        ("empty", {}, r"^hf:.* cannot be loaded: .*any data files\.$"),
        ("file.zip", {}, "is a file; name the folder that it is in"),
        ("truncated", {}, "^hf:.* cannot be loaded: "),
        ("/no/where", {}, "There is no folder /no/where"),
        ("./nowhere", {}, "There is no folder .*nowhere"),
        ("~/no where", {}, "There is no folder .*/no where"),
        ("a/b/c", {}, "There is no folder a/b/c"),
        ("user/name", {}, "^hf:user/name cannot be loaded: .*HF_HOME"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, source: str, parameters, says: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.zip").write_bytes(b"")
    for name in ("set", "truncated"):
        saved(tmp_path / name, table([1], [0]))
    next((tmp_path / "truncated").glob("*.arrow")).write_bytes(b"truncated")
    here = tmp_path / source
    with one_sentence(says):
        opened(here if here.exists() else source, tmp_path, **parameters)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (DatasetNotFoundError("Dataset 'x' is a gated dataset on the Hub."), "hf auth login"),
        (DatasetNotFoundError("Dataset 'x' doesn't exist on the Hub."), "check the name"),
        (DatasetNotFoundError("Revision 'v2' doesn't exist for dataset 'x'."), "Revision 'v2'"),
        (ConnectionError("Couldn't reach 'x' on the Hub"), "unset HF_HUB_OFFLINE"),
        (RuntimeError("Dataset scripts are no longer supported, but found x.py"), "never run"),
        (OSError("No space left\nand a long explanation"), r"No space left\.$"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(tmp_path, monkeypatch, error, says) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(BenchbenchError, match=says) as refusal:
        opened("user/name", tmp_path)
    assert "\n" not in str(refusal.value)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """A hub that has every name; the calls that it got."""
    calls: list[tuple[Any, ...]] = []

    def load_dataset(name: str, config: str | None, **named: Any) -> datasets.DatasetDict:
        calls.append((name, config, named))
        return dictionary()

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return calls


def test_a_name_is_asked_for_once(tmp_path: Path, hub: list[tuple[Any, ...]]) -> None:
    places = Places(tmp_path / "data root", tmp_path / "cache")
    text = "hf:user/name[config=small,hf_split=second+first,revision=v1,size=4]"
    dataset = create_dataset(text)
    assert specs.parse(specs.text_of(dataset)) == specs.parse(text)
    first = open_dataset(dataset, places)
    assert first.class_names == NAMES
    assert hub == [("user/name", "small", {"revision": "v1"})]
    assert open_dataset(create_dataset(text), places).fingerprint == first.fingerprint
    open_dataset(create_dataset(text.replace("size=4", "size=4,seed=1")), places)
    assert len(hub) == 1
    open_dataset(create_dataset(text.replace("v1", "v2")), places)
    assert len(hub) == 2


def test_nothing_is_fetched_where_one_only_looks(tmp_path, hub) -> None:
    with only_looking(), pytest.raises(WouldDownloadError, match="hf:user/name is not here yet"):
        list(HuggingFace("user/name").decode([]))
    with only_looking(), pytest.raises(WouldDecodeError):
        opened("user/name", tmp_path)
    assert hub == []


def test_the_second_opening_does_without_the_library(tmp_path: Path) -> None:
    folder = saved(tmp_path / "set", dictionary())
    before = opened(folder, tmp_path)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from benchbench.datasets.opening import create_dataset, open_dataset\n"
        "from benchbench.system.places import Places\n"
        f"root = Path({str(tmp_path)!r})\n"
        f"dataset = create_dataset('hf:{folder}[size=4]')\n"
        "print(open_dataset(dataset, Places(root / 'data root', root / 'cache')).fingerprint)\n"
        "assert not {'datasets', 'pyarrow', 'pandas'} & set(sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert result.stdout.strip() == before.fingerprint


def test_another_table_at_the_same_place_is_decoded_anew(tmp_path: Path) -> None:
    folder = saved(tmp_path / "set", table([10], [0]))
    before = opened(folder, tmp_path)
    saved(folder, table([11], [0]))
    after = opened(folder, tmp_path)
    assert greys_by_class(after) == {"owl": [11]}
    assert before.fingerprint != after.fingerprint


def test_a_class_is_decoded_when_its_turn_comes(tmp_path, monkeypatch) -> None:
    dataset = HuggingFace(str(saved(tmp_path / "set", table([10, 20], [0, 1]))), colour="grey")
    pending = list(dataset.decode([tmp_path / "set"]))
    seen: list[str] = []
    load: Callable[..., Image.Image] = Image.open
    monkeypatch.setattr(
        Image, "open", lambda file, **options: seen.append("image") or load(file, **options)
    )
    assert [item.name for item in pending] == ["owl", "cat"]
    assert seen == []
    assert pending[1].load().images[0, 0, 0].tolist() == [20]
    assert seen == ["image"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hf", "'hf' needs its source: hf:SOURCE"),
        ("hf:", "'hf' needs its source: hf:SOURCE"),
        ("hf:mnist[size=0]", "size must be at least 1 pixel"),
        ("hf:mnist[seed=-1]", "seed must be at least 0"),
        ("hf:mnist[val=0.6,test=0.5]", "together at most 1"),
        ("hf:mnist[colour=blue]", "one of auto, grey, rgb"),
    ],
)
def test_parameters_that_cannot_be(text: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        create_dataset(text)


def test_pictures_at_their_own_size_are_the_bytes_of_the_rows(tmp_path: Path) -> None:
    dataset = opened(saved(tmp_path / "set", table([10, 20, 30], [0, 1, 1])), tmp_path, "native")
    squares = opened(tmp_path / "set", tmp_path, 84)
    assert dataset.image_shape == (0, 0, 1)
    assert dataset.pixels.content(2).startswith(b"\x89PNG")
    assert (dataset.thumbnails[[0, 1, 2]] == squares.pixels[[0, 1, 2]]).all()


def test_arrays_are_no_encoded_pictures(tmp_path: Path) -> None:
    arrays = columns(
        picture=(datasets.Array2D((6, 6), "uint8"), [[[7] * 6] * 6] * 2), kind=(CLASS, [0, 1])
    )
    with pytest.raises(BenchbenchError, match=r"holds arrays, which are no encoded pictures"):
        opened(saved(tmp_path / "set", arrays), tmp_path, "native", image="picture")

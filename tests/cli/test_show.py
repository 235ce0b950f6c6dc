"""`benchbench data show` and `episodes show`: a file, its path, and one sentence for a mistake."""

import json
from pathlib import Path

import pytest
from PIL import Image
from support.command_line import assert_one_sentence, invoke, succeeded, write_pictures

CLASSES, IMAGES = 8, 6


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of images; five of its classes are for test."""
    folder = tmp_path_factory.mktemp("show") / "photos"
    write_pictures(folder, classes=8, count=6, size=9, colour=True)
    return f"folder:{folder}[size=9,test=0.6]"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_contact_sheet_is_named_for_what_it_shows(photos: str, here: Path) -> None:
    result = succeeded("data", "show", photos, "--classes", 3, "--images", 4)
    (file,) = here.iterdir()
    assert result.stdout == f"{file.name}\n"
    assert file.name.endswith("-test.png")
    assert Image.open(file).size[0] > 4 * 60


def test_the_sheet_of_another_split(photos: str, here: Path) -> None:
    test, train = (
        invoke("data", "show", photos, "--split", split, "--out", f"{split}.png")
        for split in ("test", "train")
    )
    assert (test.stdout, train.stdout) == ("test.png\n", "train.png\n")
    assert Path("test.png").read_bytes() != Path("train.png").read_bytes()


def test_views_of_an_augmentation_are_shown(photos: str, here: Path) -> None:
    command = ("data", "show", photos, "--classes", 2, "--images", 3, "--augment")
    result = succeeded(*command, "crop+flip")
    (file,) = here.iterdir()
    assert result.stdout == f"{file.name}\n"
    assert file.name.endswith("-test-views.png")
    assert Image.open(file).size[0] > 4 * 60
    assert_one_sentence(invoke(*command, "crp"), "no augmentation named 'crp'")
    assert_one_sentence(invoke(*command, "crop", "--files"), "leave out --augment")


def test_an_existing_file_is_replaced_and_a_folder_made(photos: str, here: Path) -> None:
    out = here / "new" / "x.png"
    contents = []
    for _ in range(2):
        assert invoke("data", "show", photos, "--out", out).exit_code == 0
        contents.append(out.read_bytes())
    assert contents[0] == contents[1]


def test_the_files_of_a_contact_sheet_are_listed_in_its_order(photos: str, here: Path) -> None:
    command = ("data", "show", photos, "--classes", 2, "--images", 3, "--files")
    listed = json.loads(succeeded(*command, "--format", "json").stdout)
    root = Path(photos.removeprefix("folder:").partition("[")[0])
    assert len(listed) == 6
    for row, place in zip(listed, [0, 2, 4] * 2, strict=True):
        files = sorted((root / row["class"]).iterdir())
        assert row["file"] == f"{row['class']}/{files[place].name}"
        assert row["image"] % IMAGES == place
    lines = succeeded(*command).stdout.splitlines()
    assert [line.split("\t") for line in lines] == [[str(v) for v in r.values()] for r in listed]
    assert not list(here.iterdir())


TASK = ("--way", 3, "--shot", 2, "--query", 3)


def test_an_episode_is_drawn_as_it_is_made(photos: str, here: Path) -> None:
    drawn = succeeded("episodes", "show", "--dataset", photos, *TASK, "--number", 4)
    (file,) = here.iterdir()
    assert drawn.stdout == f"{file.name}\n"
    assert file.name.endswith("-test-episode-4.png")
    succeeded("episodes", "make", "--dataset", photos, *TASK, "--episodes", 6, "--out", "e.npz")
    shown = ("episodes", "show", "--dataset", photos, "--episodes", "e.npz", "--out", "saved.png")
    succeeded(*shown, "--number", 4)
    assert Path("saved.png").read_bytes() == file.read_bytes()
    succeeded(*shown, "--number", 5)
    assert Path("saved.png").read_bytes() != file.read_bytes()


def test_an_episode_of_another_split_and_seed(photos: str, here: Path) -> None:
    base = ("episodes", "show", "--dataset", photos, "--way", 2, "--query", 1)
    contents = []
    for number, options in enumerate([(), ("--split", "train"), ("--seed", 1)]):
        succeeded(*base, *options, "--out", f"{number}.png")
        contents.append(Path(f"{number}.png").read_bytes())
    assert len(set(contents)) == 3


EPISODE = ("episodes", "show", "--dataset", "PHOTOS")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("data", "show", "omnigolt"), ("did you mean omniglot",)),
        (("data", "show", "glyphs", "--out", "x.jpg"), ("x.jpg must end in .png",)),
        (("data", "show", "PHOTOS", "--out", "file/x.png"), ("Cannot write file/x.png",)),
        (("data", "show", "PHOTOS", "--split", "tset"), ("no split 'tset'", "train, val, test")),
        (("data", "show", "PHOTOS", "--classes", "0"), ("--classes",)),
        (("data", "show", "PHOTOS", "--files", "--out", "x.png"), ("no picture", "--out")),
        (("data", "show", "PHOTOS", "--format", "json"), ("--format is for --files",)),
        ((*EPISODE, "--files", "--out", "x.png"), ("no picture", "--out")),
        (("data", "shwo", "glyphs"), ("'shwo'", "did you mean show")),
        (("episodes", "show", "--dataset", "glyhps"), ("did you mean glyphs",)),
        (("episodes", "show", "--out", "x"), ("x must end in .png",)),
        ((*EPISODE, "--way", "6"), ("split 'test'", "--way 5")),
        ((*EPISODE, "--episodes", "no.npz"), ("no episode file no.npz",)),
        ((*EPISODE, "--episodes", "no.npz", "--way", "3"), ("no.npz says all", "--way")),
        ((*EPISODE, "--number", "-1"), ("--number",)),
    ],
)
def test_mistakes(photos: str, here: Path, arguments: tuple[str, ...], words: tuple[str]) -> None:
    (here / "file").touch()
    given = (photos if each == "PHOTOS" else each for each in arguments)
    assert_one_sentence(invoke(*given), *words)
    assert list(here.glob("*.png")) == []


def test_an_episode_beyond_the_last_one(photos: str, here: Path) -> None:
    task = ("--dataset", photos, "--replacement", "none", "--query", 1)
    result = invoke("episodes", "show", *task, "--number", 9)
    assert result.exit_code == 2
    assert result.stderr.endswith("Error: There is no episode 9; there are 3, numbered from 0.\n")

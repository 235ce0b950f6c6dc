"""Pictures at their own size by the command line: prepared, verified, shown, run, refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from support.command_line import assert_one_sentence, invoke, process, refused, stored, succeeded
from support.own_size import write_encoder, write_own_size

from benchbench.backbones import feature_cache

METHODS = ("knn", "linear_probe", "simpleshot")
SMALL = ("--way", 3, "--query", 3, "--episodes", 8, "--threads", 1)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_encoder(tmp_path_factory.mktemp("encoder") / "w.safetensors")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCHBENCH_CACHE", str(tmp_path / "cache"))
    return write_own_size(tmp_path / "pictures", classes=10)


def native(root: Path, **parameters: object) -> str:
    given = "".join(f",{name}={value}" for name, value in parameters.items())
    return f"folder:{root}[size=native{given}]"


def run(root: Path, methods: str, out: Path) -> tuple[str, ...]:
    dataset = native(root, val=0, test=0.5)
    return ("run", "--dataset", dataset, "--methods", methods, "--out", str(out))


def test_it_is_prepared_verified_and_shown(root: Path, tmp_path: Path) -> None:
    told = succeeded("data", "prepare", native(root)).stdout
    assert "pixels       at their own size, colour" in told
    pictures = sum(file.stat().st_size for file in root.rglob("*.png"))
    offsets = 128 + 8 * 81  # of 80 pictures, in NumPy's format
    assert f"on disk      {(pictures + offsets) / 1000:.1f} kB" in told
    assert "nothing is wrong" in succeeded("data", "verify", native(root)).stdout
    sheet = tmp_path / "sheet.png"
    succeeded("data", "show", native(root), "--out", sheet)
    assert Image.open(sheet).size[0] > 200
    episode = tmp_path / "episode.png"
    of = ("--dataset", native(root), "--way", 2, "--query", 3)
    succeeded("episodes", "show", *of, "--out", episode)
    assert episode.exists()


def test_a_copy_across_splits_is_found_by_thumbnails(root: Path) -> None:
    """Byte by byte, or at another size and in another format."""
    for place, folder in (("train", "class0[0-7]"), ("test", "class0[89]")):
        for old in list(root.glob(folder)):
            (root / place).mkdir(exist_ok=True)
            old.rename(root / place / old.name)
    shutil.copy(root / "train" / "class00" / "0.png", root / "test" / "class08" / "copy.png")
    other = Image.open(root / "train" / "class01" / "1.png")
    other.resize((200, 160), Image.Resampling.BICUBIC).save(root / "test" / "class09" / "x.webp")
    told = invoke("data", "verify", native(root, split="folders"))
    assert told.exit_code == 1
    lines = [line for line in told.stdout.splitlines() if "in two splits" in line]
    assert len(lines) == 2
    assert "equals" in lines[0]
    assert "is nearly" in lines[1]


def test_frozen_backbones_run_and_read_features_from_disk(
    root: Path, encoder: str, tmp_path: Path
) -> None:
    methods = ",".join(f"{name}[backbone={encoder}]" for name in METHODS)
    of = ("--dataset", native(root, val=0, test=0.5), "--backbone", encoder, "--threads", 1)
    succeeded(*run(root, methods, tmp_path / "before"), *SMALL, "--no-audit")
    assert "40 features of 64 numbers, made" in succeeded("features", "make", *of).stdout
    feature_cache._tables.clear()
    after = succeeded(*run(root, methods, tmp_path / "after"), *SMALL, "--no-audit")
    assert "read from disk" in after.stderr
    answers = [
        {name.split("/")[-2].partition("-")[0]: rows for name, rows in stored(out).items()}
        for out in (tmp_path / "before", tmp_path / "after")
    ]
    assert answers[0] == answers[1]
    assert set(answers[0]) == set(METHODS)
    exported = tmp_path / "f.npz"
    succeeded("features", "export", *of, "--to", exported)
    succeeded(
        *("run", "--dataset", f"features:{exported}", "--methods", "knn[backbone=features]"),
        *("--out", tmp_path / "on features", *SMALL, "--no-audit"),
    )
    (rows,) = stored(tmp_path / "on features").values()
    assert rows == answers[0]["knn"]
    (on_features,) = (tmp_path / "on features").rglob("knn-*")
    (on_pictures,) = (tmp_path / "after").rglob("knn-*")
    told = succeeded("compare", on_features, on_pictures).stdout
    assert "of the same pictures: as features in " in told


@pytest.mark.slow
def test_a_confined_process_reads_pictures_and_is_audited(
    root: Path, encoder: str, tmp_path: Path
) -> None:
    command = run(root, f"knn[backbone={encoder}]", tmp_path / "r")
    done = process(*command, *SMALL, cold=True)
    assert done.returncode == 0, done.stderr
    (manifest,) = (tmp_path / "r").rglob("manifest.json")
    content = json.loads(manifest.read_text())
    assert content["dataset"]["image_shape"] == [0, 0, 3]
    assert content["audit"]["inductive"] is True


@pytest.mark.parametrize(
    ("method", "status", "reason"),
    [
        ("protonet", "cannot run", "its backbone conv4 needs images of one size"),
        ("protonet[backbone=ENCODER]", "failed", "A method that reads pixels needs images"),
        ("finetune[backbone=ENCODER]", "failed", "A method that reads pixels needs images"),
        ("knn[backbone=timm:test_convnext]", "failed", "from random weights needs images"),
        ("ensemble[of=knn+protonet]", "cannot run", "conv4 needs images of one size"),
    ],
)
def test_what_reads_pixels_is_refused_with_the_cure(
    root: Path, encoder: str, tmp_path: Path, method: str, status: str, reason: str
) -> None:
    method = method.replace("ENCODER", encoder)
    result = invoke(*run(root, method, tmp_path / "r"), *SMALL, "--budget", "smoke")
    told = result.stdout if status == "failed" else result.stderr
    (line,) = (line for line in told.splitlines() if f"{status}: " in line)
    assert reason in line
    assert "give it size=N, such as size=84" in line
    assert result.exit_code == (1 if status == "failed" else 2)


def test_what_needs_one_size_is_refused_with_the_cure(
    root: Path, encoder: str, tmp_path: Path
) -> None:
    of = ("--methods", "knn", "--out", tmp_path / "r")
    several = f"multi:folder:{root}[size=native],glyphs"
    assert "give it size=N" in refused("run", "--dataset", several, *of)
    assert_one_sentence(invoke("run", "--dataset", f"folder:{root}[size=own]", *of), "size=own")
    of_check = ("check", f"knn[backbone={encoder}]", "--dataset", native(root))
    assert "The check of a method needs images of one size" in refused(*of_check)


def test_pages_show_thumbnails(root: Path, encoder: str, tmp_path: Path) -> None:
    out = tmp_path / "r"
    succeeded(*run(root, f"knn[backbone={encoder}]", out), *SMALL, "--no-audit")
    page = tmp_path / "page.html"
    succeeded("report", out, "--out", page)
    assert "cannot be shown" not in page.read_text()
    assert "iVBOR" in page.read_text()

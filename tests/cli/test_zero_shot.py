"""Zero-shot by attributes through the command line: attributes beside class folders, and names."""

import gzip
import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.command_line import manifests, rows, stored, succeeded

SHADES = {"dark": 40, "grey": 110, "light": 180, "white": 240}
SIDES = {"left": (slice(None), slice(4)), "right": (slice(None), slice(4, 8))}
SIDES |= {"upper": (slice(4),), "lower": (slice(4, 8),)}
SPLITS = {"train": range(4, 16), "val": (), "test": range(4)}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of a half in a shade, with a table of shades and halves beside them."""
    root = tmp_path_factory.mktemp("images") / "halves"
    # The test classes, which come first, have each shade and each half once.
    diagonal = list(zip(SHADES, SIDES, strict=True))
    pairs = [*diagonal, *(pair for pair in product(SHADES, SIDES) if pair not in diagonal)]
    rng = np.random.default_rng(0)
    lines = [",".join(["class", *SHADES, *SIDES])]
    for split, numbers in SPLITS.items():
        for number in numbers:
            shade, side = pairs[number]
            folder = root / split / f"{shade} {side}"
            folder.mkdir(parents=True)
            numbers_of = [str(int(word in (shade, side))) for word in (*SHADES, *SIDES)]
            lines.append(",".join([folder.name, *numbers_of]))
            for image in range(8):
                pixels = rng.integers(0, 30, (8, 8))
                pixels[SIDES[side]] += SHADES[shade] - 30
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{image}.png")
    (root / "attributes.csv").write_text("\n".join(lines) + "\n")
    return root


def run(dataset: str, out: Path, methods: str, *options: object) -> str:
    task = ("--dataset", dataset, "--methods", methods, "--sampler", "zero_shot")
    return succeeded("run", *task, "--out", out, "--no-audit", *options).output


def test_classes_are_told_by_a_table_of_attributes(described: Path, tmp_path: Path) -> None:
    dataset = f"folder:{described}[size=8]"
    told = succeeded("data", "prepare", dataset).stdout
    assert "8 of each class: dark, grey, light, white" in told
    out = run(dataset, tmp_path, "gfzsl[backbone=pixels],knn[backbone=pixels]")
    assert "it learns from support images and this task has none (0-shot)" in out
    (row,) = rows(tmp_path)
    assert (row["n_way"], row["n_query"]) == ("4", "32")
    assert float(row["accuracy"]) > 0.6
    (manifest,) = manifests(tmp_path).values()
    assert manifest["method"]["uses_attributes"]
    known = manifest["dataset"]["attributes"]
    assert known["number"] == 8
    assert manifest["identity"]["attributes"] == known["sha256"]
    assert len(known["sha256"]) == 64


def test_no_shot_alone_is_the_sampler_of_all_classes(described: Path, tmp_path: Path) -> None:
    dataset, method = f"folder:{described}[size=8]", "gfzsl[backbone=pixels]"
    task = ("run", "--dataset", dataset, "--methods", method, "--out", tmp_path, "--no-audit")
    assert "0 shots: all 4 classes are candidates at once\n" in succeeded(*task, "--shot", 0).stderr
    assert "candidates" not in run(dataset, tmp_path, method)
    assert len(stored(tmp_path)) == 1
    config = tmp_path / "grid.toml"
    config.write_text("shot = 0\nway = 2\nquery = 3\nepisodes = 4\n")
    assert "candidates" not in succeeded(*task, "--config", config).stderr
    assert len(stored(tmp_path)) == 2
    assert len(list(tmp_path.rglob("2way-0shot-3query"))) == 1


def test_other_attributes_are_another_run_of_the_same_images(
    described: Path, tmp_path: Path
) -> None:
    dataset, file = f"folder:{described}[size=8]", described / "attributes.csv"
    content = file.read_text()
    run(dataset, tmp_path, "gfzsl[backbone=pixels]")
    try:
        file.write_text(content.replace("dark", "dim", 1))
        run(dataset, tmp_path, "gfzsl[backbone=pixels]")
    finally:
        file.write_text(content)
    assert len(stored(tmp_path)) == 2
    identities = [
        pd.read_json(path, typ="series")["identity"] for path in tmp_path.rglob("manifest.json")
    ]
    assert len({one["fingerprint"] for one in identities}) == 1
    assert len({one["attributes"] for one in identities}) == 2


def test_names_take_the_place_of_attributes(described: Path, tmp_path: Path) -> None:
    run(f"folder:{described}[size=8]", tmp_path, "gfzsl[backbone=pixels,vectors=words]")
    (manifest,) = manifests(tmp_path).values()
    assert manifest["method"]["uses_class_names"]
    assert "uses_attributes" not in manifest["method"]
    assert "attributes" not in manifest["identity"]


def test_seen_and_unseen_classes_together(described: Path, tmp_path: Path) -> None:
    metrics = ("seen_accuracy", "unseen_accuracy", "harmonic_mean")
    dataset = f"generalised:folder:{described}[size=8][held_out=0.25]"
    out = run(dataset, tmp_path, "gfzsl[backbone=pixels]", "--metrics", ",".join(metrics))
    (row,) = rows(tmp_path)
    assert (row["n_way"], row["n_query"]) == ("16", str(12 * 2 + 4 * 8))
    seen, unseen, harmonic = (float(row[name]) for name in metrics)
    assert seen > 0.5
    assert unseen > 0.1
    assert harmonic == pytest.approx(2 * seen * unseen / (seen + unseen))
    assert all(name in out for name in metrics)


def test_these_metrics_are_left_out_of_other_data(described: Path, tmp_path: Path) -> None:
    dataset, method = f"folder:{described}[size=8]", "gfzsl[backbone=pixels]"
    out = run(dataset, tmp_path, method, "--metrics", "harmonic_mean")
    assert "harmonic_mean is left out" in out
    assert "harmonic_mean" not in rows(tmp_path)[0]


def told(dataset: str, backbone: str, out: Path) -> dict[str, tuple[bytes, str]]:
    """By method, the stored answers and the hash of the attributes."""
    methods = ("dap", "eszsl", "conse", "gfzsl[stacking=0.1]")
    specs = [specs_of(name, backbone) for name in methods]
    run(dataset, out, ",".join(specs))
    found = {}
    for manifest in out.rglob("manifest.json"):
        name = json.loads(manifest.read_text())["method"]["name"]
        answers = gzip.decompress((manifest.parent / "answers.csv.gz").read_bytes())
        rows_of = (manifest.parent / "episodes.csv").read_bytes()
        known = json.loads(manifest.read_text())["identity"]["attributes"]
        found[name] = (rows_of + answers, known)
    assert len(found) == len(methods)
    return found


def specs_of(method: str, backbone: str) -> str:
    name, _, more = method.rstrip("]").partition("[")
    return f"{name}[{','.join(filter(None, [more, f'backbone={backbone}']))}]"


def test_features_in_a_file_know_their_classes_attributes(described: Path, tmp_path: Path) -> None:
    dataset = f"folder:{described}[size=8]"
    of_images = told(dataset, "pixels", tmp_path / "images")
    for ending in ("npz", "safetensors"):
        file = tmp_path / f"halves.{ending}"
        export = ("features", "export", "--dataset", dataset, "--backbone", "pixels", "--to", file)
        assert "of 16 classes with 8 attributes, in " in succeeded(*export).stdout
        assert told(f"features:{file}", "features", tmp_path / ending) == of_images


def test_seen_and_unseen_classes_of_features(described: Path, tmp_path: Path) -> None:
    """The same images are held out, so that all answers are the same whatever their order."""
    dataset, file = f"folder:{described}[size=8]", tmp_path / "halves.npz"
    succeeded("features", "export", "--dataset", dataset, "--backbone", "pixels", "--to", file)
    metrics = ("seen_accuracy", "unseen_accuracy", "harmonic_mean")
    found = []
    for of, backbone in ((dataset, "pixels"), (f"features:{file}", "features")):
        out = tmp_path / backbone
        spec = f"generalised:{of}[held_out=0.25]"
        run(spec, out, f"gfzsl[backbone={backbone}]", "--metrics", ",".join(metrics))
        found.append([float(rows(out)[0][name]) for name in metrics])
        (manifest,) = manifests(out).values()
        assert "drawn_as" not in manifest["identity"]
    assert found[0] == pytest.approx(found[1], abs=1e-12)

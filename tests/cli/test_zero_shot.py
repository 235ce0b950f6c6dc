"""Zero-shot by attributes through the command line: attributes beside class folders, and names."""

import gzip
import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from results.report.synthetic import Page
from support.command_line import invoke, manifests, rows, stored, succeeded

from benchbench.samplers.class_table import ClassTable

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


def test_what_was_chosen_is_in_the_manifest(described: Path, tmp_path: Path) -> None:
    out = run(f"folder:{described}[size=8]", tmp_path, "gfzsl[backbone=pixels]")
    assert "gfzsl: lam=1, as there are no validation classes to choose on" in out
    (manifest,) = manifests(tmp_path).values()
    record = manifest["training"][-1]
    assert (record["stage"], record["chosen"]) == ("strengths", {"lam": 1.0})
    assert record["validation_accuracy"] is None


def test_the_report_tells_attributes_that_were_mistaken(described: Path, tmp_path: Path) -> None:
    """Compared with what the stored predictions and the table of attributes say."""
    results, out = tmp_path / "results", tmp_path / "report.html"
    run(f"generalised:folder:{described}[size=8][]", results, "borrow[backbone=pixels]")
    succeeded("report", results, "--out", out)
    page = Page(out.read_text(encoding="utf-8"))
    (shown,) = pd.read_csv(next(results.rglob("predictions.csv"))).itertuples()
    names = page.data["viewers"]["protocol-0"]["episodes"][0]["names"]
    classes = [set(name.rpartition("/")[2].split()) for name in names]
    true, said = (
        [classes[int(slot)] for slot in column.split()]
        for column in (shown.query_labels, shown.predicted)
    )
    assert true != said, "the test needs a wrong answer"
    (caption,) = [c for c in page.tables if c.startswith("Attributes mistaken by borrow")]
    heading, *lines = page.tables[caption]
    assert [cell for cell, _ in heading] == ["attribute", "present %", "missed %", "invented %"]
    assert {cells[0][0] for cells in lines} == {*SHADES, *SIDES}
    for (name, _), *cells in lines:
        has = [s for t, s in zip(true, said, strict=True) if name in t]
        lacks = [s for t, s in zip(true, said, strict=True) if name not in t]
        missed, invented = (sum(name in s for s in some) for some in (has, lacks))
        counted = (len(has) / len(true), 1 - missed / len(has), invented / len(lacks))
        assert [cell for cell, _ in cells] == [f"{100 * share:.2f}" for share in counted]


def test_attributes_of_features_are_told_though_there_are_no_images(
    described: Path, tmp_path: Path
) -> None:
    dataset, file, out = f"folder:{described}[size=8]", tmp_path / "halves.npz", tmp_path / "r.html"
    succeeded("features", "export", "--dataset", dataset, "--backbone", "pixels", "--to", file)
    run(f"features:{file}", tmp_path / "results", "borrow[backbone=features]")
    succeeded("report", tmp_path / "results", "--out", out)
    html = out.read_text(encoding="utf-8")
    assert "has features and no images to look at" in html
    page = Page(html)
    (caption,) = [c for c in page.tables if c.startswith("Attributes mistaken by borrow")]
    assert {cells[0][0] for cells in page.tables[caption][1:]} == {*SHADES, *SIDES}
    (caption,) = [c for c in page.tables if c.startswith("Classes of ")]
    assert {cells[0][0] for cells in page.tables[caption][1:]} == {
        f"test/{shade} {side}" for shade, side in zip(SHADES, SIDES, strict=True)
    }


def test_several_methods_on_one_episode_are_on_the_page_and_not_compared(
    described: Path, tmp_path: Path
) -> None:
    results, out = tmp_path / "results", tmp_path / "report.html"
    methods = "borrow[backbone=pixels],gfzsl[backbone=pixels]"
    run(f"folder:{described}[size=8]", results, methods)
    succeeded("report", results, "--out", out)
    page = Page(out.read_text(encoding="utf-8"))
    mistaken = [c for c in page.tables if c.startswith("Attributes mistaken by")]
    assert len(mistaken) == 2
    assert not [c for c in page.tables if c.startswith("Differences on")]
    said = "Nothing is compared in pairs. A paired comparison needs two episodes or more."
    assert said in out.read_text(encoding="utf-8")


def test_the_viewer_says_what_else_was_likely(described: Path, tmp_path: Path) -> None:
    results, out = tmp_path / "results", tmp_path / "report.html"
    run(f"generalised:folder:{described}[size=8][]", results, "borrow[backbone=pixels]")
    succeeded("report", results, "--out", out)
    viewer = Page(out.read_text(encoding="utf-8")).data["viewers"]["protocol-0"]
    (episode,), (method,) = viewer["episodes"], viewer["methods"]
    predicted = method["predicted"]["0"]
    wrong = [i for i, slot in enumerate(predicted) if slot != episode["query_labels"][i]]
    assert [int(place) for place in method["top"]["0"]] == wrong
    for place, pairs in method["top"]["0"].items():
        assert pairs[0][0] == predicted[int(place)]
        assert len({slot for slot, _ in pairs}) == 5
        assert sorted((score for _, score in pairs), reverse=True) == [s for _, s in pairs]
    names = viewer["attributes"]["names"]
    for name, class_id in zip(episode["names"], episode["classes"], strict=True):
        own = {names[number] for number in viewer["attributes"]["present"][str(class_id)]}
        assert own == set(name.rpartition("/")[2].split())


def test_another_table_of_attributes_than_the_runs_is_not_shown(
    described: Path, tmp_path: Path
) -> None:
    results, out, file = tmp_path / "results", tmp_path / "r.html", described / "attributes.csv"
    run(f"folder:{described}[size=8]", results, "borrow[backbone=pixels]")
    content = file.read_text()
    try:
        file.write_text(content.replace("dark", "dim", 1))
        succeeded("report", results, "--out", out)
    finally:
        file.write_text(content)
    html = out.read_text(encoding="utf-8")
    assert "those found here are not those of all of these runs" in html
    assert "Mistaken by" not in html


def test_metrics_of_seen_classes_are_computed_again_from_the_answers(
    described: Path, tmp_path: Path
) -> None:
    metrics = "seen_accuracy,unseen_accuracy,harmonic_mean"
    dataset = f"generalised:folder:{described}[size=8][held_out=0.25]"
    run(dataset, tmp_path, "gfzsl[backbone=pixels]", "--metrics", metrics)
    told = succeeded("verify", tmp_path).output
    assert ": verified (" in told
    assert all(name in told for name in metrics.split(","))
    (table,) = tmp_path.rglob("class_tables/*.npz")
    older = ClassTable.load(table)
    older.seen = None
    older.save(table)
    told = succeeded("verify", tmp_path).output
    assert told.count("the table of classes does not say") == 3
    assert ": verified (" in succeeded("verify", tmp_path, "--write-tables").output


def test_a_method_that_reads_attributes_beside_a_support_is_ranked_apart(
    described: Path, tmp_path: Path
) -> None:
    methods = "gfzsl[backbone=pixels],knn[backbone=pixels]"
    task = ("--dataset", f"folder:{described}[size=8]", "--methods", methods, "--way", "4")
    more = ("--query", "3", "--episodes", "4", "--no-audit", "--out", tmp_path)
    succeeded("run", *task, "--shot", "1", *more)
    board = succeeded("leaderboard", tmp_path, "--out", "-").stdout
    groups = "inductive, class-attributes, unprotected; inductive, unprotected"
    assert f"Ranked apart: {groups}." in board
    header = next(line for line in board.splitlines() if "accuracy %" in line)
    assert "attributes" in header


def test_without_a_support_names_and_attributes_stand_in_one_group(
    described: Path, tmp_path: Path
) -> None:
    methods = "gfzsl[backbone=pixels],sae[backbone=pixels,vectors=words]"
    run(f"folder:{described}[size=8]", tmp_path, methods)
    board = succeeded("leaderboard", tmp_path, "--out", "-").stdout
    assert "Ranked apart" not in board
    lines = [line for line in board.splitlines() if line.startswith("|")]
    heading, _, *cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    read = {row[heading.index("method")]: row for row in cells}
    of_attributes, of_names = read["gfzsl[backbone=pixels]"], read[methods.split(",", 1)[1]]
    places = heading.index("class names"), heading.index("attributes")
    assert [of_attributes[place] for place in places] == ["–", "read"]
    assert [of_names[place] for place in places] == ["read", "–"]


def test_a_run_is_repeated_with_the_strengths_that_it_chose(
    described: Path, tmp_path: Path
) -> None:
    """A run that is older than their record is repeated as well, and chooses them anew."""
    run(f"folder:{described}[size=8]", tmp_path, "gfzsl[backbone=pixels]")
    assert ": verified (" in succeeded("verify", tmp_path, "--evaluate").output
    folder = tmp_path / Path(*list(stored(tmp_path))[:1]).parent
    content = json.loads((folder / "manifest.json").read_text())
    content["training"] = [one for one in content["training"] if one["stage"] != "strengths"]
    (folder / "manifest.json").write_text(json.dumps(content))
    for file in (folder / "training").glob("strengths.*"):
        file.unlink()
    assert ": verified (" in succeeded("verify", tmp_path, "--evaluate").output


def test_other_seen_classes_than_the_runs_are_found(described: Path, tmp_path: Path) -> None:
    dataset = f"generalised:folder:{described}[size=8][held_out=0.25]"
    run(dataset, tmp_path, "gfzsl[backbone=pixels]", "--metrics", "seen_accuracy")
    (file,) = tmp_path.rglob("class_tables/*.npz")
    table = ClassTable.load(file)
    assert table.seen is not None
    assert table.seen.sum() == 12
    table.seen = ~table.seen
    table.save(file)
    told = invoke("verify", tmp_path)
    assert told.exit_code == 1
    assert "seen_accuracy is not that of the answers in 1 rows" in told.output

"""The documents tell the truth: the README's method runs, every hook is documented."""

import inspect
import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from support.command_line import process, succeeded
from support.installations import install, methods_of

import benchbench
from benchbench.cli.listing import MARKED
from benchbench.cli.method_tables import method_tables
from benchbench.datasets.feature_file import FeatureFile
from benchbench.datasets.opening import open_problems
from benchbench.registry import entry_points, hookspecs
from benchbench.results.leaderboard import collect
from benchbench.results.outcomes import run_table
from benchbench.results.stored import read_results
from benchbench.runs.directory import RunDirectory
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import Store
from benchbench.system.places import Places

ROOT = Path(__file__).parents[1]
LEADERBOARDS = ROOT / "leaderboards"


def example(guide: str, class_name: str) -> str:
    """The code block of a document that defines the class."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / guide).read_text("utf-8"), re.DOTALL)
    (code,) = [block for block in blocks if f"class {class_name}(" in block]
    return code


def announcement(guide: str, module: str) -> str:
    """The first entry points that a document shows, leading to this module."""
    block = re.search(r"```toml\n(.*?)```", (ROOT / guide).read_text("utf-8"), re.DOTALL)
    entries = block[1].replace("project.entry-points.", "").replace('"', "")
    return re.sub(r"= [\w.]+", f"= {module}", entries)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the packages of all documents are installed."""
    site = tmp_path_factory.mktemp("site")
    for module, guide, class_name in (
        ("readme", "README.md", "NearestMean"),
        ("short", "docs/writing-a-method.md", "MyMethod"),
        ("pictures", "docs/writing-a-dataset.md", "MyData"),
    ):
        code = {f"of_{module}": example(guide, class_name)}
        install(site, module, code, announcement(guide, f"of_{module}"))
    engine = {"of_engine": example("docs/grids.md", "Elsewhere")}
    install(site, "engine", engine, "[benchbench.plugins]\nelsewhere = of_engine\n")
    metric = {"of_metric": example("docs/writing-a-method.md", "CityBlock")}
    return install(site, "metric", metric, methods_of("of_metric", ["city_block"]))


METHODS = [
    "nearest_mean",
    "nearest_mean[power=0.5]",
    "my_method[backbone=pixels]",
    "my_method[backbone=pixels,power=1.5]",
    "city_block[backbone=conv4[width=16]]",
]
"""The README's method, that of the guide, and the guide's metric."""


def table_of(site: Path, out: Path, methods: Iterable[str], *options: str) -> pd.DataFrame:
    arguments = ("run", "--episodes", 20, "--budget", "smoke", "--methods", ",".join(methods))
    done = process(*arguments, "--out", out, *options, path=(site,))
    assert done.returncode == 0, done.stderr
    return collect(Store(out).runs()).set_index("method")


@pytest.fixture(scope="module")
def accuracies(site: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.Series:
    """Of the documents' methods, by spec, from one run."""
    return table_of(site, tmp_path_factory.mktemp("out"), METHODS)["accuracy"]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_of_the_documents_runs(accuracies: pd.Series, method: str) -> None:
    assert len(accuracies) == len(METHODS)
    assert accuracies[method] > 0.35


@pytest.mark.parametrize(
    ("guide", "class_name"),
    [("README.md", "NearestMean"), ("docs/writing-a-method.md", "MyMethod")],
)
def test_a_whole_method_has_at_most_twenty_lines(guide: str, class_name: str) -> None:
    code = example(guide, class_name)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20


def test_the_whole_data_set_of_the_guide_runs(site: Path, tmp_path: Path) -> None:
    options = ("--dataset", "my_data[noise=60]")
    table = table_of(site, tmp_path, ["knn[backbone=pixels]"], *options)
    assert set(table["dataset"]) == {"my_data[noise=60]"}
    assert (table["accuracy"] > 0.5).all()


@pytest.mark.slow
def test_the_engine_of_the_guide_computes_cells(site: Path, tmp_path: Path) -> None:
    options = ("--engine", "elsewhere[places=1]", "--shot", "1,2")
    table = table_of(site, tmp_path, ["knn[backbone=pixels]"], *options)
    assert len(table) == 2
    assert (table["accuracy"] > 0.35).all()


@pytest.mark.parametrize("generalised", [True, False])
def test_the_published_features_of_the_guide_are_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generalised: bool
) -> None:
    """Of a small pair of files in their layout: six classes, of which the last two are unseen."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 6)[rng.permutation(36)]
    features = rng.normal(size=(36, 9)) + 3 * labels[:, None]
    numbers = np.arange(1, 37)
    unseen, (train, seen) = labels > 3, np.array_split(numbers[labels < 4], [18])
    locations = {"trainval": train, "test_seen": seen, "test_unseen": numbers[unseen]}
    classes = np.array([f"{n + 1:03}.Bird" for n in range(6)], dtype=object)[:, None]
    attributes = rng.normal(size=(5, 6))
    (tmp_path / "CUB").mkdir()
    published = {"features": features.T, "labels": (labels + 1.0)[:, None]}
    savemat(tmp_path / "CUB/res101.mat", published)
    where = {f"{name}_loc": at.astype(np.uint16)[:, None] for name, at in locations.items()}
    named = {"att": attributes, "allclasses_names": classes, **where}
    savemat(tmp_path / "CUB/att_splits.mat", named)
    guide = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    (code,) = [b for b in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "loadmat" in b]
    monkeypatch.chdir(tmp_path)
    exec(code.replace("generalised = True", f"generalised = {generalised}"), {})

    found = FeatureFile.load(Path("cub-resnet101.npz"))
    kept = 36 if generalised else 36 - len(seen)
    assert (len(found.features), found.class_names) == (kept, classes.ravel().tolist())
    assert found.splits == ["train"] * 4 + ["test"] * 2
    assert found.parts.count("train") == len(train)
    np.testing.assert_allclose(found.attributes.values, attributes.T, rtol=1e-6)
    nearest = np.abs(found.features[:, None] - features).sum(2).argmin(1)
    np.testing.assert_array_equal(found.labels, labels[nearest])
    spec = f"{'generalised:' if generalised else ''}features:cub-resnet101.npz"
    (problem,) = open_problems(spec, Places.find())
    learned = np.isin(problem.train.labels, problem.train.splits["train"]).sum()
    asked = np.isin(problem.test.labels, problem.test.splits["test"]).sum()
    assert (learned, asked) == (len(train), unseen.sum() + len(seen) * generalised)
    task = ("--dataset", spec, "--methods", "eszsl[backbone=features]", "--shot", 0)
    done = succeeded("run", *task, "--out", "out", "--no-audit")
    assert f"all {6 if generalised else 2} classes are candidates" in done.stderr
    (manifest,) = Path("out").rglob("manifest.json")
    assert json.loads(manifest.read_text())["method"]["pretrained_on"] == ["imagenet-1k"]


def test_every_hook_and_its_arguments_are_documented() -> None:
    text = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", text, re.MULTILINE))
    hooks = {
        name: function
        for name, function in vars(hookspecs).items()
        if hasattr(function, "benchbench_spec")
    }
    assert set(rows) == set(hooks)
    for name, function in hooks.items():
        assert re.findall(r"`(\w+)`", rows[name]) == list(inspect.signature(function).parameters)
        assert inspect.getdoc(function), f"{name} has no docstring"


def test_the_documents_name_only_files_that_exist() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert benchbench.__version__ == version("benchbench")
    assert benchbench.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_leaderboards_are_those_of_their_runs() -> None:
    checked = ("--across", "methods-by-data-set", "--check")
    succeeded("leaderboard", LEADERBOARDS / "runs", "--out", LEADERBOARDS, *checked)


def test_the_tables_of_methods_are_what_the_plug_ins_declare() -> None:
    """Its command writes them anew: benchbench list methods --format markdown --help."""
    guide = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    assert MARKED.replaced(guide, method_tables("benchbench")) == guide


def test_every_method_has_its_variant_and_its_budget() -> None:
    guide = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    ours = [p.name for p in entry_points.available("method").values() if p.package == "benchbench"]
    for title in ("Which variant each is", "Budgets"):
        section = guide.partition(f"## {title}\n")[2].partition("\n## ")[0]
        first = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
        named = re.findall(r"`(\w+)`", " ".join(first))
        assert sorted(named) == sorted(ours), title


def test_the_numbers_of_the_guide_to_statistics() -> None:
    """Each line of its example gives what the comment behind it begins with."""
    guide = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", guide, re.DOTALL)
    names: dict[str, object] = {}
    compared = 0
    for line in filter(None, block[1].splitlines()):
        code, _, comment = line.partition("#")
        number = re.match(r"\s*([\d.]+)(?=[ ,]|$)", comment)
        if number is None:
            exec(code, names)
            continue
        digits = len(number[1].partition(".")[2])
        assert round(eval(code.strip(), names), digits) == float(number[1])
        compared += 1
    assert compared == 4


def test_the_table_of_the_readme_is_that_of_the_runs() -> None:
    """What `benchbench run` prints by default: the runs of seed 0."""
    runs = Store(LEADERBOARDS / "runs" / "glyphs" / "5way-1shot-15query").runs()
    of_seed = {r.method: RunDirectory(r.path) for r in read_results(runs) if r.seed == 0}
    cells = [Outcome(name, "finished", run=of_seed[name]) for name in ("knn", "protonet")]
    assert run_table(cells, 600) in (ROOT / "README.md").read_text(encoding="utf-8")

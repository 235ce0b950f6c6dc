"""The command line as users meet it: output, exit codes, what is stored, what mistakes say."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from benchbench import plugins, specs
from benchbench.cli import cli

CLASSES, PER_CLASS, SIZE = 15, 8, 16
TEST_CLASSES = 5

PLUGIN = '''
import os

import click
import numpy as np
from dataclasses import dataclass

from benchbench import Method, hookimpl


@dataclass
class Chance(Method):
    """Scores that know nothing."""

    name = "chance"
    sharpness: float = 1.0

    def adapt(self, support):
        rng = np.random.default_rng(support.seed)
        return lambda images: self.sharpness * rng.random((len(images), support.n_way))


class Flaky(Chance):
    """Breaks at the third episode until it is mended."""

    name = "flaky"
    calls = 0

    def adapt(self, support):
        self.calls += 1
        if self.calls == 3 and not os.environ.get("FLAKY_IS_MENDED"):
            raise RuntimeError("the third\\nepisode broke")
        return super().adapt(support)


class Untrainable(Chance):
    """Breaks while it learns."""

    name = "untrainable"

    def train(self, source):
        raise ZeroDivisionError("no gradient")


class NotANumber(Chance):
    """Answers NaN."""

    name = "not_a_number"

    def adapt(self, support):
        return lambda images: np.full((len(images), support.n_way), np.nan)


class Misshaped(Chance):
    """Answers a label in place of scores."""

    name = "misshaped"

    def adapt(self, support):
        return lambda images: np.zeros(len(images))


class Integers(Chance):
    """Answers integers."""

    name = "integers"

    def adapt(self, support):
        return lambda images: np.zeros((len(images), support.n_way), dtype=int)


class Choosy(Chance):
    """Declines every task."""

    name = "choosy"

    def skip(self, task):
        return f"it wants 4-way and this is {task.n_way}-way"


class BadSkip(Chance):
    """Breaks when it is asked whether it applies."""

    name = "bad_skip"

    def skip(self, task):
        raise KeyError("task")


class BadStart(Method):
    """Breaks when it is made."""

    name = "bad_start"

    def __init__(self):
        raise RuntimeError("no licence file")


class Together(Method):
    """Several episodes at once, with the global generator that is seeded before each call."""

    name = "together"

    def adapt_many(self, supports):
        return [self.classifier(np.random.rand(100, s.n_way)) for s in supports]

    def adapt(self, support):
        return self.adapt_many([support])[0]

    def classifier(self, scores):
        return lambda images: scores[: len(images)]


METHODS = [
    Chance, Flaky, Untrainable, NotANumber, Misshaped, Integers, Choosy, BadSkip, BadStart, Together
]


@hookimpl
def register_methods(register):
    for cls in METHODS:
        register(cls)
'''

EXTRAS = '''
import os
from pathlib import Path

import click

from benchbench import hookimpl


@click.command()
def salute():
    """Say hello from a plug-in."""
    click.echo("hello from a plug-in")


@hookimpl
def register_commands(group):
    group.add_command(salute)


def margin(scores, labels):
    top = abs(scores).max()
    return float(top)


@hookimpl
def register_metrics(register):
    register(margin)


@hookimpl
def register_reporters(register):
    register("names", lambda frame: " ".join(sorted(frame["method"])) + "\\n")


@hookimpl
def run_finished(run):
    if "OBSERVED" in os.environ:
        with Path(os.environ["OBSERVED"]).open("a") as file:
            file.write(f"{run.manifest['method']['name']} {run.manifest['status']}\\n")
'''

PACKAGES = Path(plugins.__file__).parents[1]
"""Where the benchbench under test lies."""

THIRD_PARTY = (
    "chance",
    "flaky",
    "untrainable",
    "not_a_number",
    "misshaped",
    "integers",
    "choosy",
    "bad_skip",
    "bad_start",
    "together",
)


def write_pictures(folder: Path, seed: int = 0, classes: int = CLASSES, count: int = PER_CLASS):
    """A folder of small grey images: a class is a random pattern, its images are noisy copies."""
    rng = np.random.default_rng(seed)
    for number in range(classes):
        pattern = rng.integers(0, 256, (SIZE, SIZE))
        place = folder / f"class {number:02}"
        place.mkdir(parents=True)
        for index in range(count):
            noisy = pattern + rng.integers(-300, 301, pattern.shape)
            Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(place / f"{index}.png")
    return folder


def install(site: Path, name: str, sources: dict[str, str], entry_points: str) -> Path:
    """A package as pip would leave it: modules, and a .dist-info that announces them."""
    site.mkdir(exist_ok=True)
    for module, source in sources.items():
        (site / f"{module}.py").write_text(source, encoding="utf-8")
    info = site / f"{name}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(entry_points)
    return site


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_pictures(tmp_path_factory.mktemp("images") / "tiny pictures ü")
    return f"folder:{folder}[size={SIZE}]"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a third-party package of methods."""
    entries = "".join(f"{name} = third_party_methods\n" for name in THIRD_PARTY)
    return install(
        tmp_path_factory.mktemp("site"),
        "third_party",
        {"third_party_methods": PLUGIN},
        f"[benchbench.methods]\n{entries}",
    )


@pytest.fixture(scope="session")
def extras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of commands, metrics, reporters and an observer."""
    return install(
        tmp_path_factory.mktemp("extras"),
        "third_party_extras",
        {"third_party_extras": EXTRAS},
        "[benchbench.plugins]\nextras = third_party_extras\n",
    )


def process(
    *arguments: object, cwd: Path | None = None, path: tuple[Path, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """The real program in a process of its own; `path` goes to PYTHONPATH."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    variables.pop("BENCHBENCH_ENGINE")
    if path:
        variables["PYTHONPATH"] = os.pathsep.join(map(str, path))
    return subprocess.run(
        [sys.executable, "-m", "benchbench.cli", *map(str, arguments)],
        cwd=cwd,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def invoke(*arguments: object) -> Result:
    """The same command line in this process."""
    return CliRunner().invoke(
        cli, [str(argument) for argument in arguments], prog_name="benchbench"
    )


def task(
    pictures: str, episodes: object = 10, methods: str = "knn", **options: object
) -> list[str]:
    """The arguments of a small run."""
    chosen = {
        "methods": methods,
        "dataset": pictures,
        "way": 3,
        "query": 4,
        "episodes": episodes,
        "budget": 2,
        **options,
    }
    pairs = [(f"--{key.replace('_', '-')}", str(value)) for key, value in chosen.items()]
    return ["run", *(text for pair in pairs for text in pair)]


def stored(out: Path, pattern: str = "episodes.csv") -> dict[str, bytes]:
    """The files of that name below a results folder, by relative path."""
    files = (file for file in sorted(out.rglob(pattern)) if file.is_file())
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def manifests(out: Path) -> dict[str, dict]:
    """The manifests below a results folder, by the method's spec."""
    loaded = [json.loads(content) for content in stored(out, "manifest.json").values()]
    return {manifest["method"]["spec"]: manifest for manifest in loaded}


def rows(out: Path) -> list[dict[str, str]]:
    (content,) = stored(out).values()
    return list(csv.DictReader(io.StringIO(content.decode())))


def assert_one_sentence(result: Result, *words: str) -> None:
    """Exit 2 and one sentence that holds the words; no traceback, nothing on standard output."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)
    *usage, last = result.stderr.strip().splitlines()
    assert last.startswith("Error: "), result.stderr
    assert all(not line or line.startswith(("Usage: ", "Try ")) for line in usage), result.stderr
    for word in words:
        assert word in last


class TestRun:
    def test_table_on_stdout_and_progress_on_stderr_and_nothing_twice(
        self, pictures: str, tmp_path: Path
    ) -> None:
        first, second = tmp_path / "a", tmp_path / "b c"
        arguments = task(pictures, methods="knn,protonet")
        one = process(*arguments, "--out", first)
        assert one.returncode == 0, one.stderr
        lines = one.stdout.splitlines()
        assert len(lines) == 4
        assert all(line.startswith("|") and line.endswith("|") for line in lines)
        assert [line.split("|")[1].strip() for line in lines[2:]] == ["knn", "protonet"]
        assert "± episodes" in lines[0]
        assert "± classes" in lines[0]
        assert "|" not in one.stderr
        assert "knn" in one.stderr
        assert "Traceback" not in one.stderr

        before = stored(first, "*")
        stamps = {file: file.stat().st_mtime_ns for file in first.rglob("*.*")}
        again = process(*arguments, "--out", first)
        assert again.returncode == 0
        assert again.stdout == one.stdout
        assert "per episode" not in again.stderr
        assert stored(first, "*") == before
        assert {file: file.stat().st_mtime_ns for file in first.rglob("*.*")} == stamps

        other = process(*arguments, "--out", second)
        assert other.stdout == one.stdout
        assert stored(second) == stored(first)
        assert stored(second, "*.safetensors") == stored(first, "*.safetensors")

    def test_order_of_methods_changes_no_number(self, pictures: str, tmp_path: Path) -> None:
        invoke(*task(pictures, methods="knn,protonet", out=tmp_path / "a"))
        invoke(*task(pictures, methods="protonet,knn", out=tmp_path / "b"))
        assert len(stored(tmp_path / "a")) == 2
        assert stored(tmp_path / "a") == stored(tmp_path / "b")

    def test_more_episodes_go_on_from_the_stored_ones(self, pictures: str, tmp_path: Path) -> None:
        arguments = {"methods": "protonet", "out": tmp_path / "grown"}
        assert invoke(*task(pictures, 7, **arguments)).exit_code == 0
        (short,) = stored(tmp_path / "grown").values()
        (weights,) = (tmp_path / "grown").rglob("training.safetensors")
        stamp = weights.stat().st_mtime_ns
        grown = invoke(*task(pictures, 140, **arguments))
        (long,) = stored(tmp_path / "grown").values()
        assert long.startswith(short)
        assert long.count(b"\n") == 141
        assert weights.stat().st_mtime_ns == stamp
        direct = invoke(*task(pictures, 140, methods="protonet", out=tmp_path / "direct"))
        assert stored(tmp_path / "direct") == stored(tmp_path / "grown")
        assert direct.stdout == grown.stdout

    def test_fewer_episodes_are_the_first_ones(self, pictures: str, tmp_path: Path) -> None:
        invoke(*task(pictures, 30, out=tmp_path / "long"))
        before = stored(tmp_path / "long", "*")
        fewer = invoke(*task(pictures, 6, out=tmp_path / "long"))
        direct = invoke(*task(pictures, 6, out=tmp_path / "short"))
        assert fewer.exit_code == 0
        assert fewer.stdout == direct.stdout
        assert stored(tmp_path / "long", "*") == before

    def test_methods_that_adapt_many_continue_alike(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        for count in (5, 45):
            result = invoke(*task(pictures, count, methods="together", out=tmp_path / "grown"))
            assert result.exit_code == 0, result.output
        invoke(*task(pictures, 45, methods="together", out=tmp_path / "direct"))
        assert stored(tmp_path / "grown") == stored(tmp_path / "direct")

    def test_a_name_given_twice_runs_once(self, pictures: str, tmp_path: Path) -> None:
        result = invoke(*task(pictures, methods="knn, knn,knn[k=1]", out=tmp_path))
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) == 3

    def test_parameters_make_another_run(self, pictures: str, tmp_path: Path) -> None:
        spec = "knn[k=3,distance=euclidean]"
        result = invoke(*task(pictures, methods=f"knn,{spec}", shot=3, out=tmp_path))
        assert result.exit_code == 0
        assert set(manifests(tmp_path)) == {"knn", spec}
        assert spec in result.stdout

    @pytest.mark.parametrize(
        "change",
        [{"seed": 1}, {"episode_seed": 1}, {"budget": 3}, {"shot": 2}],
        ids=lambda change: next(iter(change)),
    )
    def test_what_changes_the_numbers_makes_another_run(
        self, pictures: str, tmp_path: Path, change: dict[str, object]
    ) -> None:
        invoke(*task(pictures, out=tmp_path))
        invoke(*task(pictures, **change, out=tmp_path))
        assert len(stored(tmp_path)) == 2

    def test_rows_follow_the_documented_columns(self, pictures: str, tmp_path: Path) -> None:
        invoke(*task(pictures, 5, out=tmp_path))
        (content,) = stored(tmp_path).values()
        assert content.splitlines()[0] == b"episode,n_way,n_query,correct,accuracy,classes"
        for number, row in enumerate(rows(tmp_path)):
            assert int(row["episode"]) == number
            assert (int(row["n_way"]), int(row["n_query"])) == (3, 12)
            assert float(row["accuracy"]) == int(row["correct"]) / 12
            assert len(set(row["classes"].split())) == 3

    def test_metric_of_a_plugin_is_a_further_column(
        self, pictures: str, extras: Path, tmp_path: Path
    ) -> None:
        result = process(*task(pictures, 3, metrics="margin", out=tmp_path), path=(extras,))
        assert result.returncode == 0, result.stderr
        assert all(float(row["margin"]) > 0 for row in rows(tmp_path))

    def test_further_metrics_are_stored_printed_and_tabulated(
        self, pictures: str, tmp_path: Path
    ) -> None:
        names = ["balanced_accuracy", "negative_log_likelihood", "expected_calibration_error"]
        result = invoke(*task(pictures, 5, metrics=",".join(names), out=tmp_path))
        assert result.exit_code == 0, result.output
        stored_rows = rows(tmp_path)
        assert list(stored_rows[0])[6:] == names
        # Every class has as many queries, so the two accuracies are one.
        for row in stored_rows:
            assert float(row["balanced_accuracy"]) == pytest.approx(float(row["accuracy"]))
        nats = np.mean([float(row["negative_log_likelihood"]) for row in stored_rows])
        board = invoke("leaderboard", "--out", "-", tmp_path).stdout
        for text in (result.stdout, board):
            assert all(f" {name} " in text for name in names)
            assert f" {nats:.4f} " in text
        (found,) = json.loads(
            invoke("leaderboard", "--out", "-", tmp_path, "--format", "json").stdout
        )
        assert found["negative_log_likelihood"] == nats

    @pytest.mark.parametrize("name", ["correct", "seeds", "protocol"])
    def test_a_metric_cannot_take_the_name_of_another_column(
        self, monkeypatch: pytest.MonkeyPatch, pictures: str, tmp_path: Path, name: str
    ) -> None:
        metrics = {name: lambda scores, labels: 0.0}
        find = plugins.find
        monkeypatch.setattr(
            plugins, "find", lambda hook, kind, asked: metrics.get(asked) or find(hook, kind, asked)
        )
        result = invoke(*task(pictures, metrics=name, out=tmp_path))
        assert_one_sentence(result, f"'{name}'", "another column")

    def test_path_with_spaces_and_umlauts(self, pictures: str, tmp_path: Path) -> None:
        out = tmp_path / "Ergebnisse für später 数"
        result = process(*task(pictures, 3, out=out))
        assert result.returncode == 0, result.stderr
        assert len(stored(out)) == 1

    def test_relative_out_and_default_out(self, pictures: str, tmp_path: Path) -> None:
        result = process(*task(pictures, 3), cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert len(stored(tmp_path / "results")) == 1
        table = process("leaderboard", "--out", "-", cwd=tmp_path)
        assert table.returncode == 0, table.stderr
        assert "knn" in table.stdout

    def test_ascii_terminal_still_gets_its_table(self, pictures: str, tmp_path: Path) -> None:
        result = process(*task(pictures, 3, out=tmp_path), PYTHONIOENCODING="ascii")
        assert "Traceback" not in result.stderr
        assert result.returncode == 0
        assert "knn" in result.stdout


class TestEpisodeFiles:
    def test_a_file_gives_the_same_rows_as_drawing(self, pictures: str, tmp_path: Path) -> None:
        file = tmp_path / "frozen.npz"
        made = invoke(
            *("episodes", "make", "--dataset", pictures, "--way", 3, "--query", 4),
            *("--episodes", 8, "--out", file),
        )
        assert made.exit_code == 0, made.output
        assert "sha256" in made.stdout
        drawn = invoke(*task(pictures, 8, out=tmp_path / "drawn"))
        loaded = invoke(
            "run",
            *("--methods", "knn", "--dataset", pictures, "--episodes", file),
            *("--budget", 2, "--out", tmp_path / "loaded"),
        )
        assert loaded.exit_code == 0, loaded.output
        assert loaded.stdout == drawn.stdout
        assert stored(tmp_path / "loaded") == stored(tmp_path / "drawn")

    def test_the_hash_is_printed_without_a_file_and_is_always_the_same(self, pictures: str) -> None:
        arguments = ("episodes", "make", "--dataset", pictures, "--way", 3, "--query", 4)
        assert invoke(*arguments).stdout == invoke(*arguments).stdout
        assert invoke(*arguments).stdout != invoke(*arguments, "--seed", 1).stdout

    def test_disjoint_episodes_are_as_many_as_there_are_images_for(
        self, pictures: str, tmp_path: Path
    ) -> None:
        """Five classes of eight images: an episode takes four of three of them."""
        name = f"{pictures} has images for 3 disjoint episodes; 10 were asked for"
        shape = {"replacement": "none", "query": 3}
        result = invoke(*task(pictures, **shape, out=tmp_path / "drawn"))
        assert result.exit_code == 0, result.output
        assert result.stderr.count(name) == 1
        assert "says nothing about other images" not in result.stderr
        assert len(rows(tmp_path / "drawn")) == 3
        again = invoke(*task(pictures, **shape, out=tmp_path / "drawn"))
        assert again.stdout == result.stdout
        (manifest,) = manifests(tmp_path / "drawn").values()
        assert manifest["identity"]["protocol"] == "3way-1shot-3query-disjoint"
        assert manifest["episodes"]["images_drawn"] == 36

        file = tmp_path / "frozen.npz"
        made = invoke(
            *("episodes", "make", "--dataset", pictures, "--way", 3, "--query", 3),
            *("--episodes", 10, "--replacement", "none", "--out", file),
        )
        assert made.exit_code == 0, made.output
        assert name in made.stderr
        assert "3 episodes 3way-1shot-3query-disjoint" in made.stdout
        loaded = invoke(
            "run",
            *("--methods", "knn", "--dataset", pictures, "--episodes", file),
            *("--budget", 2, "--out", tmp_path / "loaded"),
        )
        assert loaded.stdout == result.stdout
        refused = invoke(
            *("run", "--methods", "knn", "--dataset", pictures, "--episodes", file),
            *("--replacement", "none", "--out", tmp_path / "loaded"),
        )
        assert_one_sentence(refused, "--replacement")

    def test_images_drawn_more_often_than_there_are_call_for_a_warning(
        self, pictures: str, tmp_path: Path
    ) -> None:
        """Once a command, whatever the number of methods; the test split has forty images."""
        often = invoke(*task(pictures, 3, methods="knn,protonet", out=tmp_path))
        assert often.stderr.count("says nothing about other images") == 1
        assert "--replacement none" in often.stderr
        seldom = invoke(*task(pictures, 2, out=tmp_path))
        assert "says nothing about other images" not in seldom.stderr

    def test_episodes_of_other_pixels_are_refused(self, pictures: str, tmp_path: Path) -> None:
        other = write_pictures(tmp_path / "other", seed=1)
        file = tmp_path / "other.npz"
        options = ("--way", 3, "--query", 4, "--episodes", 8, "--out", file)
        made = invoke("episodes", "make", "--dataset", f"folder:{other}[size={SIZE}]", *options)
        assert made.exit_code == 0, made.output
        result = invoke("run", "--dataset", pictures, "--episodes", file, "--out", tmp_path / "r")
        assert_one_sentence(result, str(file), "pixels")

    def test_episodes_of_another_split_of_the_classes_are_refused(
        self, pictures: str, tmp_path: Path
    ) -> None:
        """Equal pixels, but the file's test classes are partly training classes here."""
        file = tmp_path / "split.npz"
        dealt = pictures.replace("]", ",seed=7]")
        made = invoke(
            *("episodes", "make", "--dataset", dealt, "--way", 3, "--query", 4),
            *("--episodes", 8, "--out", file),
        )
        assert made.exit_code == 0, made.output
        result = invoke(
            *("run", "--methods", "knn", "--dataset", pictures, "--episodes", file),
            *("--out", tmp_path / "r"),
        )
        assert_one_sentence(result, str(file))

    def test_training_episodes_do_not_share_a_table_with_test_episodes(
        self, pictures: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "train.npz"
        made = invoke(
            *("episodes", "make", "--dataset", pictures, "--way", 3, "--query", 4),
            *("--episodes", 8, "--split", "train", "--out", file),
        )
        assert made.exit_code == 0, made.output
        out = tmp_path / "r"
        result = invoke(
            *("run", "--methods", "knn[k=2]", "--dataset", pictures, "--episodes", file),
            *("--budget", 2, "--out", out),
        )
        if result.exit_code == 2:
            return
        assert invoke(*task(pictures, 8, out=out)).exit_code == 0
        table = invoke("leaderboard", "--out", "-", out).stdout
        assert table.count("## ") == 2, "rows over different episodes share a table"

    def test_a_contradiction_of_file_and_options_is_told(
        self, pictures: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "frozen.npz"
        invoke(
            *("episodes", "make", "--dataset", pictures, "--way", 3, "--query", 4),
            *("--episodes", 8, "--out", file),
        )
        result = invoke(
            *("run", "--methods", "knn", "--dataset", pictures, "--episodes", file),
            *("--way", 5, "--out", tmp_path / "r"),
        )
        assert_one_sentence(result, "--way")

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("absent.npz", None, "There is no episode file"),
            ("text.npz", b"not a zip", "is not an episode file"),
            ("empty.npz", b"", "is not an episode file"),
        ],
    )
    def test_a_bad_file_is_told(
        self, pictures: str, tmp_path: Path, name: str, content: bytes | None, words: str
    ) -> None:
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        result = invoke("run", "--dataset", pictures, "--episodes", file, "--out", tmp_path / "r")
        assert_one_sentence(result, words, name)

    @pytest.mark.parametrize("name", ["file.txt", "below.txt/x.npz"])
    def test_where_a_file_cannot_go(self, pictures: str, tmp_path: Path, name: str) -> None:
        (tmp_path / "below.txt").touch()
        result = invoke(
            *("episodes", "make", "--dataset", pictures, "--way", 3, "--query", 4),
            *("--out", tmp_path / name),
        )
        assert_one_sentence(result, name)

    def test_unknown_split(self, pictures: str) -> None:
        result = invoke("episodes", "make", "--dataset", pictures, "--split", "tset")
        assert_one_sentence(result, "tset", "train, val, test")


class TestFailures:
    def test_a_failed_method_harms_no_other_and_is_tried_again(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arguments = task(pictures, methods="flaky,knn,chance", out=tmp_path)
        result = process(*arguments, path=(site,))
        assert result.returncode == 1
        assert "Traceback" not in result.stdout + result.stderr
        told = [line for line in result.stderr.splitlines() if "failed" in line]
        assert len(told) == 1
        assert "flaky" in told[0]
        assert "the third episode broke" in told[0]
        assert "error.txt" in told[0]
        assert "failed: RuntimeError: the third episode broke" in result.stdout
        (error,) = tmp_path.rglob("error.txt")
        assert str(error) in told[0]
        assert "Traceback" in error.read_text()
        assert "third_party_methods.py" in error.read_text()
        status = {name: manifest["status"] for name, manifest in manifests(tmp_path).items()}
        assert status == {"flaky": "failed", "knn": "finished", "chance": "finished"}
        board = invoke("leaderboard", "--out", "-", tmp_path).stdout
        assert "knn" in board
        assert "flaky" not in board

        monkeypatch.syspath_prepend(str(site))
        assert invoke(*arguments).exit_code == 1
        monkeypatch.setenv("FLAKY_IS_MENDED", "yes")
        mended = invoke(*arguments)
        assert mended.exit_code == 0, mended.output
        assert not list(tmp_path.rglob("error.txt"))
        never_failed = tmp_path / "never"
        assert invoke(*task(pictures, methods="flaky", out=never_failed)).exit_code == 0
        (clean,) = stored(never_failed).values()
        assert clean in [v for k, v in stored(tmp_path).items() if not k.startswith("never")]

    @pytest.mark.parametrize(
        ("method", "reason"),
        [
            ("untrainable", "ZeroDivisionError: no gradient"),
            ("not_a_number", "NaN"),
            ("misshaped", "[12] in place of [12, 3]"),
            ("integers", "int64 in place of floats"),
        ],
    )
    def test_reasons(
        self,
        pictures: str,
        site: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        method: str,
        reason: str,
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        result = invoke(*task(pictures, methods=f"{method},knn", out=tmp_path))
        assert result.exit_code == 1, result.output
        assert f"failed: {reason}" in result.stdout or reason in result.stdout
        assert reason in result.stderr
        assert "Traceback" not in result.output
        assert manifests(tmp_path)["knn"]["status"] == "finished"
        assert reason in manifests(tmp_path)[method]["reason"]

    def test_a_count_stays_an_integer_beside_a_failure(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        result = invoke(*task(pictures, methods="untrainable,knn", out=tmp_path))
        (line,) = [line for line in result.stdout.splitlines() if line.startswith("| knn")]
        assert line.split("|")[5].strip() == "10"

    @pytest.mark.parametrize("method", ["bad_skip", "bad_start"])
    def test_other_errors_of_a_plugin_end_it_alone(
        self,
        pictures: str,
        site: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        method: str,
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        result = invoke(*task(pictures, methods=f"{method},knn", out=tmp_path))
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        assert "Traceback" not in result.output
        assert method in result.stderr
        if result.exit_code != 2:  # refused before anything ran is as good
            assert result.exit_code == 1
            assert manifests(tmp_path)["knn"]["status"] == "finished"

    def test_skipped_by_shot_zero(self, pictures: str, tmp_path: Path) -> None:
        result = invoke(*task(pictures, methods="knn,protonet", shot=0, out=tmp_path))
        assert result.exit_code == 0, result.output
        assert result.stdout.count("skipped: it learns from support images") == 2
        assert stored(tmp_path, "manifest.json") == {}

    def test_skipped_by_its_own_reason(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        result = invoke(*task(pictures, methods="choosy,knn", out=tmp_path))
        assert result.exit_code == 0
        assert "skipped: it wants 4-way and this is 3-way" in result.stdout

    def test_observers_meet_the_status_that_the_hook_promises(
        self, pictures: str, site: Path, extras: Path, tmp_path: Path
    ) -> None:
        log = tmp_path / "observed"
        result = process(
            *task(pictures, methods="knn,untrainable", out=tmp_path / "r"),
            path=(site, extras),
            OBSERVED=str(log),
        )
        assert result.returncode == 1, result.stderr
        assert log.read_text().splitlines() == ["knn finished", "untrainable failed"]

    def test_a_second_process_leaves_the_running_one_alone(
        self, pictures: str, tmp_path: Path
    ) -> None:
        """Two equal commands: the later one says so and touches nothing of the other's run."""
        from filelock import FileLock

        assert invoke(*task(pictures, out=tmp_path)).exit_code == 0
        (file,) = tmp_path.rglob("manifest.json")
        running = {**json.loads(file.read_text()), "status": "running"}
        file.write_text(json.dumps(running))
        with FileLock(file.parent / ".lock"):
            result = process(*task(pictures, out=tmp_path))
        assert result.returncode == 1
        assert "another process" in result.stderr
        assert "Traceback" not in result.stderr
        assert json.loads(file.read_text()) == running
        assert not (file.parent / "error.txt").exists()


class TestDamage:
    """A results folder that something else has spoilt."""

    @pytest.fixture
    def out(self, pictures: str, tmp_path: Path) -> Path:
        out = tmp_path / "results"
        assert invoke(*task(pictures, methods="knn,knn[k=2]", out=out)).exit_code == 0
        return out

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"status": "finished"}', "\x00\x00"])
    def test_a_damaged_manifest(self, pictures: str, out: Path, content: str) -> None:
        damaged = next(f for f in out.rglob("manifest.json") if "knn" in f.parent.name)
        damaged.write_text(content)
        for result in (
            invoke("leaderboard", "--out", "-", out),
            invoke(*task(pictures, methods="knn,knn[k=2]", out=out)),
        ):
            assert result.exception is None or isinstance(result.exception, SystemExit), repr(
                result.exception
            )
            assert "Traceback" not in result.output
            assert str(damaged.parent.name) in result.stderr or result.exit_code == 0

    def test_foreign_files_below_the_folder_are_no_runs(self, out: Path) -> None:
        (out / "web").mkdir()
        (out / "web" / "manifest.json").write_text('{"name": "a web application"}')
        result = invoke("leaderboard", "--out", "-", out)
        assert result.exit_code == 0, result.output
        assert result.stdout.count("| knn") == 2

    def test_one_damaged_run_does_not_hide_the_others(self, out: Path) -> None:
        damaged, *_ = sorted(out.rglob("manifest.json"))
        damaged.write_text("{")
        result = invoke("leaderboard", "--out", "-", out)
        assert result.stdout.count("| knn") == 1
        assert damaged.parent.name in result.stderr

    def test_an_empty_episode_file_is_begun_anew(self, pictures: str, tmp_path: Path) -> None:
        """A kill between the creation of episodes.csv and its first row leaves it empty."""
        assert invoke(*task(pictures, out=tmp_path)).exit_code == 0
        before = stored(tmp_path)
        (file,) = tmp_path.rglob("episodes.csv")
        file.write_bytes(b"")
        self._interrupt(tmp_path)
        result = invoke(*task(pictures, out=tmp_path))
        assert result.exit_code == 0, result.exception
        assert stored(tmp_path) == before

    @pytest.mark.parametrize("cut", [10, 60, 90, 200])
    def test_a_row_that_was_cut_short_is_written_again(
        self, pictures: str, tmp_path: Path, cut: int
    ) -> None:
        assert invoke(*task(pictures, out=tmp_path)).exit_code == 0
        before = stored(tmp_path)
        (file,) = tmp_path.rglob("episodes.csv")
        file.write_bytes(file.read_bytes()[:cut])
        self._interrupt(tmp_path)
        result = invoke(*task(pictures, out=tmp_path))
        assert result.exit_code == 0, result.exception
        assert stored(tmp_path) == before

    def test_fewer_episodes_than_an_interrupted_run_has(
        self, pictures: str, tmp_path: Path
    ) -> None:
        assert invoke(*task(pictures, 30, out=tmp_path)).exit_code == 0
        self._interrupt(tmp_path)
        result = invoke(*task(pictures, 10, out=tmp_path))
        assert result.exit_code == 0, result.output
        (manifest,) = manifests(tmp_path).values()
        assert manifest["cost"]["seconds_per_episode"] >= 0
        board = json.loads(invoke("leaderboard", "--out", "-", tmp_path, "--format", "json").stdout)
        assert board[0]["episodes"] == manifest["episodes"]["count"]

    def test_more_episodes_that_fail_do_not_lose_the_finished_ones(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        assert invoke(*task(pictures, 2, methods="flaky", out=tmp_path)).exit_code == 0
        finished = invoke("leaderboard", "--out", "-", tmp_path).stdout
        assert "flaky" in finished
        assert invoke(*task(pictures, 9, methods="flaky", out=tmp_path)).exit_code == 1
        assert "flaky" in invoke("leaderboard", "--out", "-", tmp_path).stdout

    @pytest.mark.parametrize("name", ["episodes.csv", "manifest.json"])
    def test_a_deleted_file_is_made_again(self, pictures: str, tmp_path: Path, name: str) -> None:
        assert invoke(*task(pictures, out=tmp_path)).exit_code == 0
        before = stored(tmp_path)
        (file,) = tmp_path.rglob(name)
        file.unlink()
        board = invoke("leaderboard", "--out", "-", tmp_path)
        assert board.exception is None or isinstance(board.exception, SystemExit)
        result = invoke(*task(pictures, out=tmp_path))
        assert result.exit_code == 0, result.exception
        assert stored(tmp_path) == before

    @staticmethod
    def _interrupt(out: Path) -> None:
        """Leave the manifest as a killed process does."""
        (file,) = out.rglob("manifest.json")
        manifest = json.loads(file.read_text())
        file.write_text(json.dumps({**manifest, "status": "running"}))


class TestMistakes:
    @pytest.mark.parametrize(
        ("option", "value", "words"),
        [
            ("methods", "protnet", ("'protnet'", "did you mean protonet")),
            ("methods", "zzzzzz", ("'zzzzzz'", "known:", "knn")),
            ("methods", "", ("benchbench list methods",)),
            ("methods", ",", ("benchbench list methods",)),
            ("methods", "knn[k=0]", ("knn", "at least 1")),
            ("methods", "knn[k=two]", ("k=two", "int")),
            ("methods", "knn[kk=2]", ("'kk'", "did you mean k?")),
            ("methods", "knn[distance=cosin]", ("euclidean, cosine",)),
            ("methods", "knn[k=1,k=2]", ("'k' twice",)),
            ("methods", "knn[k]", ("key=value",)),
            ("methods", "knn[k=1", ("unbalanced",)),
            ("methods", "knn]", ("unbalanced",)),
            ("methods", "k nn", ("'k nn'",)),
            ("methods", "knn:3", ("nothing after a colon",)),
            ("methods", "knn[backbone=conv5]", ("'conv5'", "did you mean conv4?")),
            ("methods", "knn[backbone=conv4[widht=3]]", ("'widht'", "did you mean width?")),
            ("methods", "knn[backbone=torchvision]", ("torchvision:MODEL",)),
            ("methods", "knn[backbone=torchvision:resnet81]", ("'resnet81'", "did you mean")),
            (
                "methods",
                "knn[backbone=torchvision:resnet18[weights=no/w.safetensors]]",
                ("no such file",),
            ),
            (
                "methods",
                "knn[backbone=torchvision:resnet18[weights=w.pth]]",
                ("w.pth", "pickle", "convert it"),
            ),
            ("dataset", "omnigolt", ("'omnigolt'", "did you mean omniglot")),
            ("dataset", "glyphs[sed=1]", ("'sed'", "did you mean seed?")),
            ("dataset", "glyphs[seed=-1]", ("seed must be at least 0",)),
            ("dataset", "glyphs[seed", ("glyphs[seed",)),
            ("dataset", "", ("is not a name",)),
            ("dataset", "folder", ("folder:PATH",)),
            ("dataset", "folder:", ()),
            ("dataset", "folder:no/such/place", ("There is no folder or zip file", "no/such")),
            ("sampler", "fxied", ("'fxied'", "did you mean fixed?")),
            ("sampler", "fixed[wya=3]", ("'wya'", "did you mean way?")),
            ("metrics", "acuracy", ("'acuracy'", "did you mean accuracy")),
            ("metrics", "nats", ("'nats'", "accuracy")),
            ("budget", "quik", ("'quik'", "smoke, quick, paper")),
            ("budget", "0", ("'0'", "number of training steps")),
            ("budget", "-3", ("'-3'",)),
            ("budget", "1.5", ("'1.5'",)),
            ("budget", "", ("smoke, quick, paper",)),
            ("way", TEST_CLASSES + 1, ("split 'test'", f"--way {TEST_CLASSES} or fewer")),
            ("way", 10**6, (f"--way {TEST_CLASSES} or fewer",)),
            ("way", 1, ("--way",)),
            ("way", "five", ("--way",)),
            ("shot", PER_CLASS, ("images of a class", "fewer shots")),
            ("shot", -1, ("--shot",)),
            ("query", PER_CLASS, ("images of a class", f"--query {PER_CLASS - 1} or fewer")),
            ("query", 0, ("--query",)),
            ("episodes", "1", ("--episodes 1",)),
            ("episodes", "many", ("--episodes many", ".npz")),
            ("episodes", "-5", ("--episodes -5",)),
            ("seed", "-1", ("seed",)),
            ("seed", str(2**70), ("seed",)),
            ("seed", "x", ("--seed",)),
            ("device", "gpu", ("'gpu'", "auto, cpu or cuda")),
            ("threads", "0", ("--threads",)),
        ],
    )
    def test_one_sentence(
        self, pictures: str, tmp_path: Path, option: str, value: object, words: tuple[str, ...]
    ) -> None:
        arguments = task(pictures, out=tmp_path / "r")
        result = invoke(*arguments, f"--{option}", value)
        assert_one_sentence(result, *words)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("rnu",), ("'rnu'", "did you mean run or rank?")),
            (("xyzzy",), ("'xyzzy'", "known:", "leaderboard")),
            (("run", "--method", "knn"), ("--methods",)),
            (("run", "knn"), ("knn",)),
            (("episodes", "mkae"), ("make",)),
            (("describe", "protonte"), ("'protonte'", "did you mean protonet")),
            (("describe", "knn["), ("knn[",)),
            (("describe", "conv5"), ("'conv5'", "did you mean conv4")),
            (("list", "methds"), ("methods",)),
            (("list", "metric"), ("metrics",)),
            (("describe", "knn[steps=5]"), ("'steps'", "knn")),
            (("leaderboard", "no/such/folder"), ("no/such/folder",)),
        ],
    )
    def test_one_sentence_of_any_command(
        self, arguments: tuple[str, ...], words: tuple[str, ...]
    ) -> None:
        assert_one_sentence(invoke(*arguments), *words)

    def test_way_and_a_samplers_own_way_contradict(self, pictures: str, tmp_path: Path) -> None:
        result = invoke(*task(pictures, out=tmp_path / "r"), "--sampler", "fixed[way=2]")
        assert_one_sentence(result, "way")

    def test_advice_for_too_few_test_classes_can_be_followed(self, tmp_path: Path) -> None:
        few = write_pictures(tmp_path / "few", classes=3)
        result = invoke(*task(f"folder:{few}[size={SIZE}]", out=tmp_path / "r"))
        assert_one_sentence(result)
        assert "--way 1 or fewer" not in result.stderr
        assert "--way 0 or fewer" not in result.stderr

    @pytest.mark.parametrize("below", ["file", "file/deeper/still"])
    def test_unwritable_out(self, pictures: str, tmp_path: Path, below: str) -> None:
        (tmp_path / "file").touch()
        result = invoke(*task(pictures, out=tmp_path / below))
        assert_one_sentence(result, "Cannot write results to", "--out")

    def test_a_mistake_leaves_no_folder(self, tmp_path: Path) -> None:
        result = invoke(*task("folder:no/such/place", out=tmp_path / "r"))
        assert result.exit_code == 2
        assert not (tmp_path / "r").exists()

    def test_in_a_real_process(self, pictures: str, tmp_path: Path) -> None:
        result = process(*task(pictures, methods="protnet", out=tmp_path))
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr == (
            "Error: There is no method named 'protnet'; did you mean protonet?\n"
        )


class TestOwnImages:
    """Mistakes in a folder or archive of one's own."""

    def run(self, path: Path, out: Path) -> Result:
        return invoke(*task(f"folder:{path}[size={SIZE}]", out=out))

    def archive(self, tmp_path: Path) -> Path:
        write_pictures(tmp_path / "images")
        return Path(shutil.make_archive(str(tmp_path / "images"), "zip", tmp_path / "images"))

    def test_an_archive_is_as_good_as_its_folder(self, tmp_path: Path) -> None:
        packed = self.archive(tmp_path)
        from_zip = self.run(packed, tmp_path / "a")
        from_folder = self.run(tmp_path / "images", tmp_path / "b")
        assert from_zip.exit_code == 0, from_zip.output
        assert from_zip.stdout == from_folder.stdout
        assert list(stored(tmp_path / "a").values()) == list(stored(tmp_path / "b").values())

    @pytest.mark.parametrize(
        "content", [b"", b"PK\x05\x06" + bytes(18), b"just text\n"], ids=["nothing", "zip", "text"]
    )
    def test_an_empty_archive(self, tmp_path: Path, content: bytes) -> None:
        file = tmp_path / "images.zip"
        file.write_bytes(content)
        assert_one_sentence(self.run(file, tmp_path / "r"), str(file), "copy or download it again")

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
    def test_a_truncated_archive(self, tmp_path: Path, share: float) -> None:
        file = self.archive(tmp_path)
        content = file.read_bytes()
        file.write_bytes(content[: int(share * len(content))])
        assert_one_sentence(self.run(file, tmp_path / "r"), str(file), "copy or download it again")

    def test_an_archive_damaged_inside(self, tmp_path: Path) -> None:
        file = self.archive(tmp_path)
        content = bytearray(file.read_bytes())
        content[len(content) // 3 : len(content) // 3 + 200] = bytes(200)
        file.write_bytes(content)
        assert_one_sentence(self.run(file, tmp_path / "r"), str(file), "damaged")

    def test_a_text_file_named_png_as_the_data_set(self, tmp_path: Path) -> None:
        file = tmp_path / "notes.png"
        file.write_text("these are notes")
        assert_one_sentence(self.run(file, tmp_path / "r"), str(file), "not a folder")

    def test_a_text_file_named_png_among_images_is_named(self, tmp_path: Path) -> None:
        folder = write_pictures(tmp_path / "images")
        (folder / "class 00" / "notes.png").write_text("these are notes")
        result = self.run(folder, tmp_path / "r")
        assert result.exit_code == 0, result.output
        assert "class 00/notes.png" in result.stderr
        assert manifests(tmp_path / "r")["knn"]["dataset"]["unreadable"] == ["class 00/notes.png"]

    def test_only_text_files_named_png(self, tmp_path: Path) -> None:
        folder = tmp_path / "images" / "class"
        folder.mkdir(parents=True)
        (folder / "notes.png").write_text("these are notes")
        assert_one_sentence(self.run(tmp_path / "images", tmp_path / "r"), "no readable image")

    def test_a_folder_without_class_folders(self, tmp_path: Path) -> None:
        flat = tmp_path / "flat"
        flat.mkdir()
        Image.new("L", (SIZE, SIZE)).save(flat / "a.png")
        assert_one_sentence(self.run(flat, tmp_path / "r"), "one folder per class")

    def test_a_bad_split_file(self, tmp_path: Path) -> None:
        folder = write_pictures(tmp_path / "images")
        (folder / "splits.json").write_text("{")
        assert_one_sentence(self.run(folder, tmp_path / "r"), "splits.json")

    def test_a_path_with_brackets(self, tmp_path: Path) -> None:
        folder = write_pictures(tmp_path / "cats [2024]")
        result = self.run(folder, tmp_path / "r")
        assert result.exit_code == 0, result.output


class TestInformation:
    @pytest.mark.parametrize(
        "arguments", [["--help"], ["list"], ["run", "--help"], ["--version"], ["list", "methods"]]
    )
    def test_imports_nothing_heavy(self, arguments: list[str]) -> None:
        code = (
            "import sys\n"
            "from benchbench.cli import cli\n"
            f"cli({arguments!r}, prog_name='benchbench', standalone_mode=False)\n"
            "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'PIL', 'torchvision', 'rich'}\n"
            "print('\\nHEAVY', sorted(heavy & set(sys.modules)))\n"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[-1] == "HEAVY []"

    def test_help_shows_every_verb(self) -> None:
        result = invoke("--help")
        assert result.exit_code == 0
        for verb in ("run", "list", "describe", "episodes", "leaderboard", "doctor"):
            assert f"\n  {verb}" in result.stdout
        assert invoke("-h").stdout == result.stdout

    def test_list_names_all_with_a_summary_and_a_home(self) -> None:
        listed = invoke("list").stdout
        for kind in plugins.KINDS:
            for name, provenance in plugins.available(kind).items():
                (line,) = [x for x in listed.splitlines() if x.split()[:1] == [name]]
                assert f"[{provenance.package} {provenance.version}]" in line
                assert plugins.summary(provenance) in line
        assert "glyphs" not in invoke("list", "methods").stdout
        assert "knn" not in invoke("list", "datasets").stdout

    @pytest.mark.parametrize("kind", ["backbones", "samplers", "metrics"])
    def test_list_names_what_is_registered_with_a_summary_and_a_module(self, kind: str) -> None:
        title, *lines = invoke("list", kind).stdout.splitlines()
        assert title == f"{kind}:"
        things = plugins.registered(f"register_{kind}")
        assert [line.split()[0] for line in lines] == sorted(things)
        for line in lines:
            thing = things[line.split()[0]]
            assert thing.__doc__.splitlines()[0] in line
            assert line.endswith(f" [{thing.__module__}]")

    @pytest.mark.parametrize(
        ("kind", "name"),
        [("backbones", "conv4"), ("samplers", "fixed"), ("metrics", "negative_log_likelihood")],
    )
    def test_list_of_a_kind_knows_the_cores_own(self, kind: str, name: str) -> None:
        assert f"\n  {name} " in invoke("list", kind).stdout
        assert f"\n  {name} " not in invoke("list").stdout

    def test_list_names_the_metrics_of_extras(self, extras: Path) -> None:
        listed = process("list", "metrics", path=(extras, PACKAGES)).stdout
        assert "\n  margin " in listed
        assert "\n  accuracy " in listed

    @pytest.mark.parametrize(
        ("kind", "name"), [(k, n) for k in plugins.KINDS for n in plugins.available(k)]
    )
    def test_describe(self, kind: str, name: str) -> None:
        result = invoke("describe", name)
        assert result.exit_code == 0, result.output
        assert f"{name} ({kind} of " in result.stdout
        assert plugins.summary(plugins.available(kind)[name]) in result.stdout
        assert "parameters:" in result.stdout
        assert "No description" not in result.stdout

    @pytest.mark.parametrize("name", ["conv4", "pixels", "resnet12", "timm", "torchvision"])
    def test_describe_a_backbone(self, name: str) -> None:
        cls = plugins.registered("register_backbones")[name]
        text = invoke("describe", name).stdout
        assert f"{name} (backbone of {cls.__module__})" in text
        assert cls.__doc__.splitlines()[0] in text
        for parameter in specs.parameter_types(cls):
            assert f"\n  {parameter}: " in text
        assert ("any other key" in text) == (specs.open_parameters(cls) is not None)

    def test_describe_knows_defaults(self) -> None:
        text = invoke("describe", "knn").stdout
        assert "k: int; default 1" in text
        assert "distance: one of euclidean, cosine; default cosine" in text
        assert "path: str; required" in invoke("describe", "folder").stdout

    @pytest.mark.parametrize("method", ["finetune", "maml", "protonet", "proto_maml"])
    def test_describe_explains_every_parameter_once(self, method: str) -> None:
        explanation, _, _ = invoke("describe", method).stdout.partition("\nparameters:\n")
        for parameter in specs.parameter_types(plugins.load("method", method)):
            assert len(re.findall(rf"^{parameter}: ", explanation, re.MULTILINE)) == 1

    def test_describe_takes_parameters_that_change_what_a_method_declares(self) -> None:
        assert "order_dependent: false" in invoke("describe", "matchingnet").stdout
        text = invoke("describe", "matchingnet[fce=true]").stdout
        assert "order_dependent: true" in text
        assert "fce: true or false; default false" in text

    def test_doctor(self, site: Path, extras: Path) -> None:
        result = process("doctor", path=(site, extras))
        assert result.returncode == 0, result.stdout + result.stderr
        assert "method chance (third_party 1.5)" in result.stdout
        assert result.stdout.endswith("Everything works.\n")

    def test_doctor_names_what_is_broken(self, tmp_path: Path) -> None:
        site = install(
            tmp_path / "site",
            "unwell",
            {"unwell_method": "import no_such_module\n", "unwell_extra": "1 / 0\n"},
            "[benchbench.methods]\nunwell = unwell_method\nknn = unwell_method\n"
            "[benchbench.plugins]\nunwell_extra = unwell_extra\n",
        )
        result = process("doctor", path=(site,))
        assert result.returncode == 1
        assert "Traceback" not in result.stdout + result.stderr
        failed = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
        assert len(failed) == 3
        assert any("method unwell" in line and "no_such_module" in line for line in failed)
        assert any("method knn" in line and "the name is taken" in line for line in failed)
        assert any("unwell_extra" in line and "ZeroDivisionError" in line for line in failed)
        assert process("list", path=(site,)).returncode == 0

    def test_doctor_notices_a_cache_that_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        result = process("doctor", BENCHBENCH_CACHE=str(tmp_path / "file" / "cache"))
        assert result.returncode == 1
        assert "FAIL cache" in result.stdout


@pytest.fixture(scope="module")
def board(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two protocols."""
    out = tmp_path_factory.mktemp("board")
    assert invoke(*task(pictures, methods="knn,protonet", out=out)).exit_code == 0
    assert invoke(*task(pictures, way=4, out=out)).exit_code == 0
    return out


class TestLeaderboard:
    def test_markdown_has_a_table_for_each_protocol(self, board: Path) -> None:
        text = invoke("leaderboard", "--out", "-", board).stdout
        headings = [line for line in text.splitlines() if line.startswith("## ")]
        assert len(headings) == 2
        assert all("way-1shot-4query" in heading for heading in headings)
        assert "± episodes" in text
        assert "± classes" in text

    def test_csv_and_json_hold_the_same_rows(self, board: Path) -> None:
        as_csv = invoke("leaderboard", "--out", "-", board, "--format", "csv")
        as_json = invoke("leaderboard", "--out", "-", board, "--format", "json")
        assert as_csv.exit_code == as_json.exit_code == 0
        table = list(csv.DictReader(io.StringIO(as_csv.stdout)))
        objects = json.loads(as_json.stdout)
        assert [row["method"] for row in table] == [row["method"] for row in objects]
        assert len(table) == 3
        for row, other in zip(table, objects, strict=True):
            assert float(row["accuracy"]) == pytest.approx(other["accuracy"], rel=1e-14)
            assert 0 <= float(row["accuracy"]) <= 1

    def test_best_row_first(self, board: Path) -> None:
        objects = json.loads(invoke("leaderboard", "--out", "-", board, "--format", "json").stdout)
        three_way = [row["accuracy"] for row in objects if row["protocol"].startswith("3way")]
        assert three_way == sorted(three_way, reverse=True)

    def test_unknown_format(self, board: Path) -> None:
        assert_one_sentence(
            invoke("leaderboard", "--out", "-", board, "--format", "cvs"),
            "'cvs'",
            "did you mean csv?",
        )

    def test_missing_folder(self, tmp_path: Path) -> None:
        assert_one_sentence(
            invoke("leaderboard", "--out", "-", tmp_path / "no"), "There is no folder"
        )

    def test_no_runs_yet(self, tmp_path: Path) -> None:
        assert invoke("leaderboard", "--out", "-", tmp_path).stdout == "No finished runs.\n"
        assert (
            json.loads(invoke("leaderboard", "--out", "-", tmp_path, "--format", "json").stdout)
            == []
        )
        table = invoke("leaderboard", "--out", "-", tmp_path, "--format", "csv")
        assert list(csv.DictReader(io.StringIO(table.stdout))) == []
        assert '""' not in table.stdout

    def test_a_folder_named_twice_counts_once(self, board: Path) -> None:
        once = invoke("leaderboard", "--out", "-", board).stdout
        assert invoke("leaderboard", "--out", "-", board, board).stdout == once
        inside = next(path for path in board.iterdir() if path.is_dir())
        assert invoke("leaderboard", "--out", "-", board, inside).stdout == once


class TestThirdParty:
    def test_a_method_is_listed_described_and_run(
        self, pictures: str, site: Path, tmp_path: Path
    ) -> None:
        listed = process("list", path=(site,)).stdout
        assert "Scores that know nothing. [third_party 1.5]" in listed
        assert "knn" in listed
        described = process("describe", "chance", path=(site,)).stdout
        assert "chance (method of third_party 1.5)" in described
        assert "sharpness: float; default 1.0" in described
        spec = "chance[sharpness=2.0]"
        result = process(*task(pictures, methods=f"{spec},knn", out=tmp_path), path=(site,))
        assert result.returncode == 0, result.stderr
        assert spec in result.stdout
        described_run = manifests(tmp_path)[spec]["method"]
        assert (described_run["package"], described_run["version"]) == ("third_party", "1.5")
        assert described_run["parameters"] == {"sharpness": 2.0}

    def test_an_edited_method_is_a_new_run(self, pictures: str, tmp_path: Path) -> None:
        site = install(
            tmp_path / "site",
            "edited",
            {"edited_method": PLUGIN},
            "[benchbench.methods]\nchance = edited_method\n",
        )
        out = tmp_path / "r"
        arguments = task(pictures, methods="chance", out=out)
        assert process(*arguments, path=(site,)).returncode == 0
        (site / "edited_method.py").write_text(PLUGIN.replace("rng.random", "-rng.random"))
        assert process(*arguments, path=(site,)).returncode == 0
        assert len(stored(out)) == 2

    def test_a_command_and_a_reporter_of_a_plugin(
        self, pictures: str, extras: Path, tmp_path: Path
    ) -> None:
        helped = process("--help", path=(extras,))
        assert "salute" in helped.stdout
        assert "Say hello from a plug-in." in helped.stdout
        said = process("salute", path=(extras,))
        assert (said.returncode, said.stdout) == (0, "hello from a plug-in\n")
        assert "did you mean salute?" in process("salut", path=(extras,)).stderr
        invoke(*task(pictures, out=tmp_path))
        names = process("leaderboard", "--out", "-", tmp_path, "--format", "names", path=(extras,))
        assert names.stdout == "knn\n"

    @pytest.mark.parametrize("source", ["1 / 0\n", "import sys\nsys.exit('no')\n"])
    def test_a_broken_package_does_not_stop_the_tool(
        self, pictures: str, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site = install(
            tmp_path / "site",
            "broken",
            {"broken_module": source},
            "[benchbench.methods]\nbroken = broken_module\n"
            "[benchbench.plugins]\nbroken_extra = broken_module\n",
        )
        result = process(*task(pictures, 3, out=tmp_path / "r"), path=(site,))
        assert result.returncode == 0, result.stderr
        assert "Traceback" not in result.stderr
        assert "broken_extra" in result.stderr
        monkeypatch.syspath_prepend(str(site))
        used = invoke(*task(pictures, 3, methods="broken", out=tmp_path / "r"))
        assert used.exit_code in (1, 2)
        assert "broken" in used.stderr

"""The published runs: a file of options makes each of them, and nothing else lies beside them."""

import json
import tomllib
from pathlib import Path
from typing import Any

from benchbench.results.publishing import FILES, LARGEST_WEIGHTS
from benchbench.runs.class_tables import FOLDER
from benchbench.runs.weights import OWN, SHARED
from benchbench.system.files import file_hash

ROOT = Path(__file__).parents[1]
LEADERBOARDS = ROOT / "leaderboards"
BOARDS = [tomllib.loads(file.read_text("utf-8")) for file in sorted(LEADERBOARDS.glob("*.toml"))]
RUNS = sorted((LEADERBOARDS / "runs").rglob("manifest.json"))


def makes(board: dict[str, Any], manifest: dict[str, Any]) -> bool:
    """Whether a run is a row of the board."""
    identity, dataset = manifest["identity"], manifest["dataset"]
    seeds = board.get("seed", 0)
    return (
        (dataset.get("trained_on") or dataset)["name"] == board["dataset"]
        and manifest["method"]["spec"] in board["methods"]
        and identity["seed"] in (seeds if isinstance(seeds, list) else [seeds])
        and identity["budget"] == board.get("budget", "quick")
        and identity["protocol"] == protocol_of(board)
        and manifest["compute"]["threads"] == board["threads"]
    )


def protocol_of(board: dict[str, Any]) -> str:
    """Without a support all classes are candidates."""
    way, query = ("5", 15) if board.get("shot") != 0 else ("all", board["query"])
    return f"{way}way-{board.get('shot', 1)}shot-{query}query"


def test_each_run_is_a_row_of_one_board() -> None:
    for file in RUNS:
        manifest = json.loads(file.read_text("utf-8"))
        assert sum(makes(board, manifest) for board in BOARDS) == 1, file


def test_each_board_has_all_of_its_rows() -> None:
    manifests = [json.loads(file.read_text("utf-8")) for file in RUNS]
    for board in BOARDS:
        made = {
            (manifest["method"]["spec"], manifest["identity"]["seed"])
            for manifest in manifests
            if makes(board, manifest)
        }
        seeds = board.get("seed", 0)
        count = len(seeds) if isinstance(seeds, list) else 1
        assert len(made) == count * len(board["methods"]), board["dataset"]


def test_only_what_is_to_be_published_lies_there() -> None:
    for file in (LEADERBOARDS / "runs").rglob("*"):
        if file.is_dir():
            continue
        if file.parent.name == FOLDER:
            assert file.suffix == ".npz"
        elif file.parent.name == OWN or SHARED in file.parts:
            assert file.suffix in (".json", ".safetensors"), file
        else:
            assert file.name in (*FILES, "training.json"), file
        assert file.suffix != ".safetensors" or file.stat().st_size < LARGEST_WEIGHTS, file


def test_what_is_trained_again_is_of_the_code_here() -> None:
    """Weights of other code, on a processor that rounds otherwise, would show nothing."""
    short = tomllib.loads((LEADERBOARDS / "glyphs-smoke.toml").read_text("utf-8"))
    for file in RUNS:
        manifest = json.loads(file.read_text("utf-8"))
        if makes(short, manifest):
            identity = manifest["identity"]
            plugin = ROOT / "plugins" / f"{identity['method']}.py"
            assert identity["method_source"] == file_hash(plugin), (
                f"{plugin.name} has changed: make the rows of glyphs-smoke.toml anew"
            )

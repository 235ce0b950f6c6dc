"""The file of a grid: what would be typed, and one sentence about what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchbench.errors import BenchbenchError
from benchbench.grid.config import read_config

KNOWN = ("methods", "way", "seed", "episode_seed", "budget", "fast", "metrics")
SEVERAL = ("methods", "way", "seed", "metrics")


def config(folder: Path, text: str) -> dict[str, str | bool]:
    file = folder / "grid.toml"
    file.write_text(text, encoding="utf-8")
    return read_config(file, KNOWN, SEVERAL)


def test_values_are_as_typed(tmp_path: Path) -> None:
    found = config(
        tmp_path,
        'way = [5, 20]\nseed = "0..4"\nepisode-seed = 7\nfast = false\n'
        'methods = ["knn[k=3]", "maml"]',
    )
    assert found == {
        "way": "5,20",
        "seed": "0..4",
        "episode_seed": "7",
        "fast": False,
        "methods": "knn[k=3],maml",
    }


def test_methods_have_names_and_parameters(tmp_path: Path) -> None:
    found = config(
        tmp_path,
        """
        [methods]
        short = "protonet"
        [methods.mbv2]
        use = "knn[k=3]"
        backbone = "timm:mobilenetv2_100[mean=0.5+0.5+0.5]"
        [methods.deep]
        use = "finetune"
        steps = 10
        scale = true
        sizes = [1, 2]
        [methods.maml]
        inner_steps = 2
        """,
    )
    assert found["methods"] == (
        "short=protonet,mbv2=knn[k=3,backbone=timm:mobilenetv2_100[mean=0.5+0.5+0.5]],"
        "deep=finetune[steps=10,scale=true,sizes=1+2],maml[inner_steps=2]"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wya = 5", "There is no key named 'wya'; did you mean way?"),
        ("way = ", "is no TOML"),
        ("way = {a = 1}", "way is to be a number, a text, true, false, or a list"),
        ("way = []", "not a list"),
        ("way = [[5]]", "not a list"),
        ("fast = [true]", "not a list"),
        (
            "budget = ['smoke', 'quick']",
            "grid.toml: budget takes one value, not a list of 2; give it one, and run the file "
            "again with --budget for each other one.",
        ),
        (
            "episode-seed = [1, 2, 3]",
            "not a list of 3; give it one, and run the file again with --",
        ),
        (
            "[slurm]\npartion = 'main'",
            "There is no key of [slurm] named 'partion'; known: account,",
        ),
        ("[slurm.gpu]\ngpus = -1", "gpus = -1 in [slurm.gpu] is not what docs/cluster.md says"),
        ("way = 2020-01-01", "not 2020-01-01"),
        ("episode_seed = 1\nepisode-seed = 2", "gives episode-seed twice"),
        ("[methods.mbv2]\nbackbone = 'pixels'", 'methods.mbv2 needs use = "METHOD"'),
        ("[methods]\nmbv2 = 3", "methods.mbv2 is to be a table"),
        ("[methods.a]\nuse = 'knn[k=1]'\nk = 2", "methods.a gives k twice"),
        ("[methods.a]\nuse = 'knn'\nk = {b = 1}", "methods.a.k is to be a number"),
        ("[methods.a]\nuse = 3", 'methods.a needs use = "METHOD"'),
        ("[methods.a]\nuse = 'knn['", "'knn[' is not a name"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(BenchbenchError) as error:
        config(tmp_path, text)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchbenchError, match="There is no file"):
        read_config(tmp_path / "none.toml", KNOWN)
    with pytest.raises(BenchbenchError, match="folder and no file"):
        read_config(tmp_path, KNOWN)
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BenchbenchError, match="UTF-8"):
        read_config(tmp_path / "x.toml", KNOWN)

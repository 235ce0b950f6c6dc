"""What the command line says about mistakes: one sentence, with the cure."""

from pathlib import Path

import pytest
from support.command_line import (
    PER_CLASS,
    SIZE,
    TEST_CLASSES,
    assert_one_sentence,
    invoke,
    process,
    task,
    write_pictures,
)


class TestMistakes:
    @pytest.mark.parametrize(
        ("option", "value", "words"),
        [
            ("methods", "protnet", ("'protnet'", "did you mean protonet")),
            ("methods", "zzzzzz", ("'zzzzzz'", "known:", "knn")),
            ("methods", "", ("benchbench list methods",)),
            ("methods", ",", ("benchbench list methods",)),
            ("methods", "knn[k=0]", ("knn", "at least 1")),
            ("methods", "knn[k=two]", ("k=two", "a whole number")),
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
            (
                "methods",
                "knn[backbone=pixels,pretrain=simclr]",
                ("pretrain=simclr trains a backbone from scratch, and pixels has nothing to",),
            ),
            (
                "methods",
                "knn[backbone=torchvision:resnet18[weights=default],pretrain=vicreg]",
                ("comes with weights; leave out one of the two",),
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
            ("way", 10**21, ("split 'test'", f"--way {TEST_CLASSES} or fewer")),
            ("query", 10**21, (f"--query {PER_CLASS - 1} or fewer",)),
            ("unlabelled", 10**21, ("unlabelled images", f"has {PER_CLASS}")),
            ("way", 1, ("--way",)),
            ("way", "five", ("--way",)),
            ("shot", PER_CLASS, ("images of a class", "fewer shots")),
            ("shot", -1, ("--shot",)),
            ("shot", "al", ("'al' is not a whole number or all.",)),
            ("shot", "1,al", ("'al' is not a whole number or all.",)),
            ("query", PER_CLASS, ("images of a class", f"--query {PER_CLASS - 1} or fewer")),
            ("query", 0, ("--query",)),
            ("episodes", "1", ("--episodes 1",)),
            ("episodes", "many", ("--episodes many", ".npz")),
            ("episodes", "-5", ("--episodes -5",)),
            ("seed", "-1", ("seed",)),
            ("seed", str(2**70), ("seed",)),
            ("seed", "x", ("--seed",)),
            ("episodes", str(10**9), ("from 2 to 1000000",)),
            ("episodes", str(2**200), ("from 2 to 1000000",)),
            ("sampler", f"fixed[concentration={2**2000}]", ("concentration must be",)),
            (
                "dataset",
                "folder:x[size=nativ]",
                (
                    "size=nativ is not a whole number (at least 1 pixel and at most 4096) or "
                    "native; did you mean native?",
                ),
            ),
            (
                "dataset",
                "folder:x[size=1000000000]",
                ("size must be at least 1 pixel",),
            ),
            ("methods", "matchingnet[scale=nan]", ("scale must be a number of usual size",)),
            ("methods", "knn[backbone=conv4[width=0]]", ("conv4: width must be at least 1",)),
            ("budget", str(10**12), ("training steps up to 1000000000",)),
            ("threads", str(2**40), ("--threads",)),
            ("timeout", "nan", ("--timeout", "is not a number")),
            ("audit-seconds", "nan", ("--audit-seconds", "is not a number")),
            ("dataset", "folder:~nobody_of_this_name/x", ("home folder that ~nobody",)),
            ("device", "gpu", ("'gpu'", "auto, cpu or cuda")),
            ("threads", "0", ("--threads",)),
        ],
    )
    def test_one_sentence(self, pictures, tmp_path, option, value, words) -> None:
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
    def test_one_sentence_of_any_command(self, arguments, words) -> None:
        assert_one_sentence(invoke(*arguments), *words)

    def test_way_and_a_samplers_own_way_contradict(self, pictures: str, tmp_path: Path) -> None:
        result = invoke(*task(pictures, out=tmp_path / "r"), "--sampler", "fixed[way=2]")
        assert_one_sentence(result, "way")

    def test_advice_for_too_few_test_classes_can_be_followed(self, tmp_path: Path) -> None:
        few = write_pictures(tmp_path / "few", classes=3)
        result = invoke(*task(f"folder:{few}[size={SIZE}]", out=tmp_path / "r"))
        assert result.exit_code == 2
        assert "[val=0,test=1] tests on all" in result.stderr
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
        result = process(*task(pictures, methods="protnet", out=tmp_path), cold=True)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr == (
            "Error: There is no method named 'protnet'; "
            "did you mean protonet or spsa_protonet or metaoptnet?\n"
        )

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="the system has no /proc")
    def test_a_folder_in_which_nothing_can_be_made(self, pictures: str) -> None:
        result = invoke(*task(pictures, out="/proc/no_such_folder"))
        assert_one_sentence(result, "Cannot write results to /proc/no_such_folder", "--out")

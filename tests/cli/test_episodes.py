"""`benchbench episodes make`, and runs on a file of episodes."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from support.command_line import (
    SIZE,
    assert_one_sentence,
    invoke,
    manifests,
    rows,
    stored,
    succeeded,
    task,
    write_pictures,
)


def make(dataset: str, file: Path, *options: object, query: int = 4) -> Result:
    """A file of eight 3-way episodes, unless the options say otherwise."""
    shape = ("--way", 3, "--query", query, "--episodes", 8)
    return succeeded("episodes", "make", "--dataset", dataset, *shape, *options, "--out", file)


def run(dataset: str, file: Path, *options: object) -> Result:
    arguments = ("--methods", "knn", "--dataset", dataset, "--episodes", file, "--budget", 2)
    return invoke("run", *arguments, "--out", file.parent / "loaded", *options)


class TestEpisodeFiles:
    def test_a_file_gives_the_same_rows_as_drawing(self, pictures: str, tmp_path: Path) -> None:
        file = tmp_path / "frozen.npz"
        assert "sha256" in make(pictures, file).stdout
        drawn = invoke(*task(pictures, 8, out=tmp_path / "drawn"))
        loaded = run(pictures, file)
        assert loaded.exit_code == 0, loaded.output
        assert loaded.stdout == drawn.stdout
        assert stored(tmp_path / "loaded") == stored(tmp_path / "drawn")

    def test_an_ending_in_capitals_is_as_good(self, pictures: str, tmp_path: Path) -> None:
        file = tmp_path / "FROZEN.NPZ"
        assert str(file) in make(pictures, file).stdout
        assert [path.name for path in tmp_path.iterdir()] == ["FROZEN.NPZ"]
        assert run(pictures, file).exit_code == 0

    def test_the_hash_is_printed_without_a_file_and_is_always_the_same(self, pictures: str) -> None:
        arguments = ("episodes", "make", "--dataset", pictures, "--way", 3, "--query", 4)
        assert invoke(*arguments).stdout == invoke(*arguments).stdout
        assert invoke(*arguments).stdout != invoke(*arguments, "--seed", 1).stdout

    def test_disjoint_episodes_are_as_many_as_there_are_images_for(
        self, pictures: str, tmp_path: Path
    ) -> None:
        """Five classes of eight images: an episode takes four of three of them."""
        name = f"{pictures} has images for 3 episodes 3way-1shot-3query-disjoint; 10 were asked for"
        shape = {"replacement": "none", "query": 3}
        result = succeeded(*task(pictures, **shape, out=tmp_path / "drawn"))
        assert result.stderr.count(name) == 1
        assert "says nothing about other images" not in result.stderr
        assert len(rows(tmp_path / "drawn")) == 3
        again = invoke(*task(pictures, **shape, out=tmp_path / "drawn"))
        assert again.stdout == result.stdout
        (manifest,) = manifests(tmp_path / "drawn").values()
        assert manifest["identity"]["protocol"] == "3way-1shot-3query-disjoint"
        assert manifest["episodes"]["images_drawn"] == 36

        file = tmp_path / "frozen.npz"
        made = make(pictures, file, "--episodes", 10, "--replacement", "none", query=3)
        assert name in made.stderr
        assert "3 episodes 3way-1shot-3query-disjoint" in made.stdout
        assert run(pictures, file).stdout == result.stdout
        assert_one_sentence(run(pictures, file, "--replacement", "none"), "--replacement")

    def test_images_drawn_more_often_than_there_are_call_for_a_warning(
        self, pictures: str, tmp_path: Path
    ) -> None:
        """Once a command, whatever the number of methods; the test split has forty images."""
        often = invoke(*task(pictures, 3, methods="knn,protonet", out=tmp_path))
        assert often.stderr.count("says nothing about other images") == 1
        assert "--replacement none" in often.stderr
        seldom = invoke(*task(pictures, 2, out=tmp_path))
        assert "says nothing about other images" not in seldom.stderr

    @pytest.mark.parametrize(
        "sampler", ["fixed", "fixed[prior=natural]", "meta_dataset[min_way=3]"]
    )
    def test_disjoint_episodes_are_recommended_to_those_who_can_have_them(
        self, pictures: str, tmp_path: Path, sampler: str
    ) -> None:
        """A file of episodes takes no --replacement, and neither do samplers of other rules."""
        file, shape = tmp_path / "often.npz", ["--way", 3, "--query", 4]
        drawing = ["--sampler", sampler, *(shape if sampler.startswith("fixed") else [])]
        succeeded(
            *("episodes", "make", "--dataset", pictures, "--episodes", 12, "--out", file), *drawing
        )
        for episodes, can in ([12, *drawing], sampler == "fixed"), ([file], False):
            result = invoke(
                *("run", "--methods", "knn[backbone=pixels]", "--dataset", pictures, "--no-audit"),
                *("--out", tmp_path / "out", "--episodes", *episodes),
            )
            assert "says nothing about other images" in result.stderr
            assert ("--replacement none" in result.stderr) == can

    def test_episodes_of_other_pixels_are_refused(self, pictures: str, tmp_path: Path) -> None:
        other = write_pictures(tmp_path / "other", seed=1)
        file = tmp_path / "other.npz"
        make(f"folder:{other}[size={SIZE}]", file)
        assert_one_sentence(run(pictures, file), str(file), "pixels")

    def test_episodes_of_another_split_of_the_classes_are_refused(self, pictures, tmp_path) -> None:
        """Equal pixels, but the file's test classes are partly training classes here."""
        file = tmp_path / "split.npz"
        make(pictures.replace("]", ",seed=7]"), file)
        assert_one_sentence(run(pictures, file), str(file))

    def test_training_episodes_do_not_share_a_table_with_test_episodes(
        self, pictures: str, tmp_path: Path
    ) -> None:
        file, out = tmp_path / "train.npz", tmp_path / "loaded"
        make(pictures, file, "--split", "train")
        if run(pictures, file, "--methods", "knn[k=2]").exit_code == 2:
            return
        succeeded(*task(pictures, 8, out=out))
        table = invoke("leaderboard", "--out", "-", out).stdout
        assert table.count("## ") == 2, "rows over different episodes share a table"

    def test_a_contradiction_of_file_and_options_is_told(self, pictures, tmp_path) -> None:
        make(pictures, tmp_path / "frozen.npz")
        assert_one_sentence(run(pictures, tmp_path / "frozen.npz", "--way", 5), "--way")

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("absent.npz", None, "There is no episode file"),
            ("text.npz", b"not a zip", "is not an episode file"),
            ("empty.npz", b"", "is not an episode file"),
        ],
    )
    def test_a_bad_file_is_told(self, pictures, tmp_path, name, content, words) -> None:
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        assert_one_sentence(run(pictures, file), words, name)

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


def test_the_files_of_an_episode_are_listed(pictures: str) -> None:
    shape = ("--dataset", pictures, "--way", 2, "--query", 3, "--files")
    lines = succeeded("episodes", "show", *shape).stdout.splitlines()
    listed = json.loads(succeeded("episodes", "show", *shape, "--format", "json").stdout)
    assert [line.split("\t") for line in lines] == [
        [str(value) for value in row.values()] for row in listed
    ]
    assert [row["part"] for row in listed] == ["support"] * 2 + ["query"] * 6
    assert all(row["file"].startswith(f"{row['class']}/") for row in listed)
    assert len({row["file"] for row in listed}) == len(listed)
    result = invoke("episodes", "show", *shape[:-1], "--format", "json")
    assert_one_sentence(result, "--format is for --files")

"""Packages that bring methods, commands and reporters of their own, or are broken."""

from pathlib import Path

import pytest
from support.command_line import invoke, manifests, process, stored, task
from support.installations import install
from support.plugin_sources import PLUGIN

from benchbench.runs.started import StartLog


class TestThirdParty:
    def test_a_method_is_listed_described_and_run(self, pictures, site, tmp_path) -> None:
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

    def test_a_command_and_a_reporter_of_a_plugin(self, knn_out: Path, extras: Path) -> None:
        helped = process("--help", path=(extras,))
        assert "salute" in helped.stdout
        assert "Say hello from a plug-in." in helped.stdout
        said = process("salute", path=(extras,))
        assert (said.returncode, said.stdout) == (0, "hello from a plug-in\n")
        assert "did you mean salute?" in process("salut", path=(extras,)).stderr
        names = process("leaderboard", "--out", "-", knn_out, "--format", "names", path=(extras,))
        assert names.stdout == "knn\n"

    def test_an_engine_of_a_plugin(self, pictures: str, extras: Path, tmp_path: Path) -> None:
        options = {"methods": "knn[backbone=pixels]", "engine": "backwards", "out": tmp_path}
        done = process(*task(pictures, seed="0..1", **options), path=(extras,))
        assert done.returncode == 0, done.stderr
        assert "2 of 2 cells" in done.stderr
        first, second = StartLog(tmp_path).lines()
        assert (first["seed"], second["seed"]) == (1, 0)

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

"""The command line as a whole: it starts fast and shows every verb."""

from __future__ import annotations

import subprocess
import sys

import pytest
from command_line import invoke


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

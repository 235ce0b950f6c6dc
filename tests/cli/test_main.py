"""The command line as a whole: it starts fast, and explains every verb and option."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner
from support.command_line import assert_one_sentence, invoke

from benchbench.cli.main import VERBS, Program, cli


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All verbs, those of groups included, by the words that are typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


ALL = dict(commands(cli))
each = pytest.mark.parametrize("verb", ALL, ids=" ".join)


def test_help_of_every_verb_and_lists_import_nothing_heavy() -> None:
    texts = [["--version"], ["--help"], *([*verb, "--help"] for verb in ALL)]
    code = (
        "import sys\n"
        "from benchbench.cli.main import cli\n"
        f"for arguments in {[*texts, ['list'], ['list', 'methods']]}:\n"
        "    cli(arguments, prog_name='benchbench', standalone_mode=False)\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'PIL', 'torchvision', 'rich', 'jinja2'}\n"
        "print('\\nHEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "HEAVY []"
    for verb in ALL:
        assert f"Usage: benchbench {' '.join(verb)} [OPTIONS]" in result.stdout


def test_help_shows_every_verb_with_a_whole_sentence() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.partition("Commands:\n")[2].splitlines()] == [
        *VERBS
    ]
    assert invoke("-h").stdout == result.stdout
    for group in ("", "data", "episodes"):
        assert "..." not in invoke(*group.split(), "--help").stdout.partition("Commands:")[2]


@each
def test_every_option_is_explained_by_a_sentence(verb: tuple[str, ...]) -> None:
    for option in ALL[verb].params:
        if isinstance(option, click.Option):
            text = option.help or ""
            assert text.endswith("."), option.name
            assert len(text.split()) > 3, option.name


@each
def test_help_names_what_a_value_is_and_every_default(verb: tuple[str, ...]) -> None:
    text = invoke(*verb, "--help").stdout
    for python in ("TEXT", "INTEGER", "FLOAT", "PATH\n", "DIRECTORY"):
        assert python not in text
    shown = " ".join(text.split())
    options = [each for each in ALL[verb].params if isinstance(each, click.Option)]
    for default in (option.default for option in options if not option.is_flag):
        if isinstance(default, (str, int, float)) and default != "":
            assert f"default: {default}" in shown


def test_verbs_of_plug_ins_cannot_replace_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.commands, "run", click.Command("run", help="Another."))
    assert "Another" not in invoke("run", "--help").stdout
    assert invoke("--help").stdout.count("\n  run ") == 1


def test_too_little_memory_is_one_sentence() -> None:
    program = Program()

    @program.command()
    def fill() -> None:
        raise MemoryError("Unable to allocate 248 GiB for an array.")

    result = CliRunner().invoke(program, ["fill"])
    told = "There is too little memory (Unable to allocate 248 GiB for an array); ask for fewer"
    assert_one_sentence(result, told)

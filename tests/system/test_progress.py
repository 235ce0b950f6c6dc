"""Progress: on standard error only, a bar on a terminal, else a line now and then."""

import io
import sys

import pytest

from benchbench.system import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, as `clock[0]`."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard error a terminal; returns what is written to it."""
    stream = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_say_writes_a_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say("hello")
    assert capsys.readouterr() == ("", "hello\n")


def test_short_loops_are_silent_without_a_terminal(capsys, clock) -> None:
    with progress.meter("episodes", 100) as counter:
        for _ in range(100):
            counter.advance()
    assert capsys.readouterr() == ("", "")


def test_long_loops_say_a_line_now_and_then(capsys, clock) -> None:
    with progress.meter("training", 10, done=2) as counter:
        for number in range(8):
            clock[0] += 0.4 * progress.QUIET_SECONDS
            counter.advance(remark=f"loss {number}")
    assert capsys.readouterr() == ("", "training: 5/10 loss 2\ntraining: 8/10 loss 5\n")


def test_one_of_several_processes_says_less(monkeypatch, capsys, clock) -> None:
    for text, lines in (("30", 2), ("inf", 0), ("often", 4)):
        monkeypatch.setenv(progress.REPORT_SECONDS, text)
        with progress.meter("training", 8) as counter:
            for _ in range(4):
                clock[0] += 16
                counter.advance()
        assert len(capsys.readouterr().err.splitlines()) == lines


@pytest.mark.parametrize("shown", [True, False])
def test_a_state_is_one_line_of_a_terminal(monkeypatch, shown: bool) -> None:
    terminal = open_terminal(monkeypatch)
    with progress.state_line("cells", 12, 3, shown) as tell:
        tell("4 of 12 cells, 1 failed", 4, "2 running, 1 failed")
        progress.say("knn failed: no luck")
    written = terminal.getvalue()
    assert "knn failed: no luck\n" in written
    assert ("4/12" in written and "2 running, 1 failed" in written) == shown
    assert ("4 of 12 cells, 1 failed\n" in written) != shown


def test_a_state_is_a_line_each_time_elsewhere(capsys) -> None:
    with progress.state_line("cells", 12, 3, True) as tell:
        tell("4 of 12 cells", 4, "2 running")
        tell("5 of 12 cells", 5, "")
    assert capsys.readouterr() == ("", "4 of 12 cells\n5 of 12 cells\n")


def test_an_unknown_total_is_a_question_mark(capsys, clock) -> None:
    with progress.meter("files") as counter:
        clock[0] += 2 * progress.QUIET_SECONDS
        counter.advance(7)
    assert capsys.readouterr().err == "files: 7/?\n"


def test_a_terminal_gets_a_bar(monkeypatch, capsys) -> None:
    terminal = open_terminal(monkeypatch)
    with progress.meter("episodes", 8, done=3) as counter:
        counter.advance(2, remark="loss 0.5")
    assert "episodes" in terminal.getvalue()
    assert "5/8" in terminal.getvalue()
    assert "loss 0.5" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_a_line_beside_a_bar_stays_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with progress.meter("episodes", 8):
        progress.say("half way")
    assert "half way\n" in terminal.getvalue()


@pytest.mark.parametrize("spec", ["knn[backbone=pixels]", "a[/x]", "[red]b[/red]", "[link=c]d"])
def test_a_spec_on_a_bar_is_no_markup(monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    terminal = open_terminal(monkeypatch)
    with progress.meter(f"{spec}: episodes", 8) as counter:
        counter.advance(2, remark=f"loss of {spec}")
        progress.say(f"{spec} speaks")
    for text in (f"{spec}: episodes", f"loss of {spec}", f"{spec} speaks\n"):
        assert text in terminal.getvalue()


@pytest.mark.parametrize("on_terminal", [True, False])
def test_what_would_move_the_cursor_is_written_out(
    monkeypatch: pytest.MonkeyPatch, capsys, clock, on_terminal: bool
) -> None:
    terminal = open_terminal(monkeypatch) if on_terminal else None
    evil = "a\x1b[2J\nb\u202ec\udcdf"
    with progress.meter(evil, 8) as counter:
        clock[0] += 2 * progress.QUIET_SECONDS
        counter.advance(2, remark=evil)
        progress.say(evil)
    written = terminal.getvalue() if terminal else capsys.readouterr().err
    assert written.count(r"a\x1b[2J\nb\u202ec\xdf") >= 3
    assert not [one for one in ("\x1b[2J", "\u202e", "\udcdf") if one in written]


def test_track_yields_every_item_and_counts_it(capsys, clock) -> None:
    seen = []
    for item in progress.track("abc", "letters", total=3):
        seen.append(item)
        clock[0] += 2 * progress.QUIET_SECONDS
    assert seen == ["a", "b", "c"]
    assert capsys.readouterr().err.splitlines() == [f"letters: {n}/3" for n in (1, 2, 3)]


def test_track_takes_items_one_by_one() -> None:
    taken = []
    items = progress.track((taken.append(n) or n for n in range(5)), "numbers")
    assert next(items) == 0
    assert taken == [0]
    items.close()


@pytest.mark.parametrize("on_terminal", [True, False])
def test_an_error_in_the_loop_gets_through(monkeypatch, on_terminal) -> None:
    if on_terminal:
        open_terminal(monkeypatch)
    with pytest.raises(KeyError), progress.meter("episodes", 8):
        raise KeyError

"""The page as text: its numbers, its safety, its size, and what it says where something lacks."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from results.report.synthetic import Page, report_on, write_run

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.results import plot_style
from benchbench.results.leaderboard import collect
from benchbench.results.report import viewer
from benchbench.results.report.page import training_log
from benchbench.results.report.tables import VALUES
from benchbench.results.reporters import csv as csv_reporter
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store
from benchbench.system.texts import legible_lines

PROTOCOL = "5way-1shot-15query"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, toy: OpenDataset) -> Path:
    root = tmp_path_factory.mktemp("runs")
    write_run(root, toy, "good", 0.9, trained=True, images=(4800, 500))
    write_run(root, toy, "good", 0.9, seed=1, trained=True, images=(4800, 500))
    write_run(root, toy, "fair[backbone=conv4,distance=euclidean]", 0.7, images=(4800, 500))
    write_run(root, toy, "equal", 0.7, images=(4800, 500))
    write_run(root, toy, "poor", 0.4, transductive=True, predictions=False)
    return root


@pytest.fixture(scope="module")
def page(runs: Path) -> Page:
    return Page(report_on(runs).html)


def test_every_number_is_that_of_the_csv_leaderboard(runs: Path, page: Page) -> None:
    text = csv_reporter(collect(Store(runs).runs()))
    expected = list(csv.DictReader(io.StringIO(text)))
    header, *rows = page.tables[f"toy-0, {PROTOCOL}"]
    columns = [name for name, _ in header]
    assert len(rows) == len(expected) == 4
    behind = VALUES | {"sharpness": "sharpness"}
    numeric = [name for name in columns if name in behind]
    assert {"rank", "accuracy %", "± episodes", "± classes", "± seeds", "sharpness", "n"} <= {
        *numeric
    }
    assert {"training s", "ms / episode", "parameters", "peak MB"} <= {*numeric}
    for row, exact in zip(rows, expected, strict=True):
        cells = dict(zip(columns, row, strict=True))
        assert cells["method"][0] == exact["method"]
        for name in columns:
            value = cells[name][1].get("data-value")
            assert value == (exact[behind[name]] if name in behind else None), name


def test_the_best_row_is_marked(page: Page) -> None:
    marked = [a for tag, a in page.tags if tag == "tr" and a.get("class") == "best"]
    assert len(marked) == 2  # of the inductive and of the transductive
    assert {a["data-setting"] for a in marked} == {"inductive", "transductive"}


def test_pairs_are_compared_at_full_precision(page: Page) -> None:
    header, *rows = page.tables[f"Differences on toy-0, {PROTOCOL}"]
    names = [name for name, _ in header]
    assert names[:5] == ["a", "b", "a %", "b %", "difference"]
    assert len(rows) == 6
    for row in rows:
        text, attributes = row[names.index("difference")]
        assert text == f"{100 * float(attributes['data-value'] or 'nan'):+.2f}"


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "action", "data", "srcset"):
                assert (value or "").startswith(("#", "data:")), (tag, name, value)
        assert tag not in ("link", "base", "iframe", "object", "embed", "form")
    assert not re.search(r"@import|url\((?!#)", page.html)


def test_the_policy_allows_no_source_but_the_page_itself(page: Page) -> None:
    policies = [a["content"] for _, a in page.tags if "Content-Security-Policy" in a.values()]
    assert len(policies) == 1
    policy = policies[0] or ""
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert not re.search(r"https?:|\*|'self'", policy)


def test_ids_are_unique_and_links_lead_to_them(page: Page) -> None:
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name in ("href", "xlink:href"):
            if name in attributes:
                assert (attributes[name] or "#")[1:] in ids
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids


def test_text_from_results_is_escaped(tmp_path: Path, toy: OpenDataset) -> None:
    evil = 'x[a=</script><script>alert("1\'&$2$")</script>,b=<b>]'
    write_run(tmp_path, toy, evil, 0.8, trained=True)
    write_run(tmp_path, toy, "other", 0.5)
    html = report_on(tmp_path).html
    page = Page(html)
    assert html.count("<script") == html.count("</script>") == 2
    assert not [tag for tag, _ in page.tags if tag == "b"]
    viewer = page.data["viewers"]["protocol-0"]
    assert evil in [method["name"] for method in viewer["methods"]]
    assert evil in [row[1][0] for row in page.tables[f"toy-0, {PROTOCOL}"]]
    assert json.dumps(evil) in page.text  # the manifest


def test_names_with_what_cannot_be_seen_are_written_out(tmp_path, toy, monkeypatch) -> None:
    evil = "x[a=\x1b[2J\n\u202e`b`,c=<img src=x>]"
    shown = r"x[a=\x1b[2J\n\u202e`b`,c=<img src=x>]"
    hidden = replace(toy, class_names=[f"{name}\u202e</script>" for name in toy.class_names])
    monkeypatch.setattr(viewer, "open_dataset", lambda name, places: hidden)
    write_run(tmp_path, toy, evil, 0.8, trained=True)
    write_run(tmp_path, toy, "other", 0.5)
    html = report_on(tmp_path).html
    page = Page(html)
    assert legible_lines(html) == html
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert shown in [row[1][0] for row in page.tables[f"toy-0, {PROTOCOL}"]]
    data = page.data["viewers"]["protocol-0"]
    assert shown in [method["name"] for method in data["methods"]]
    assert data["episodes"][0]["names"][0].endswith(r"\u202e</script>")


def test_names_that_look_like_parts_of_a_plot_stay_as_they_are(tmp_path, toy) -> None:
    name = f'x[id="a",href="#b",c={plot_style.INK}]'
    write_run(tmp_path, toy, name, 0.8)
    html = report_on(tmp_path).html
    words = re.findall(r"<text[^>]*>([^<]*)</text>", html)
    assert name in words


def test_equal_results_give_equal_bytes(runs: Path, tmp_path: Path, toy: OpenDataset) -> None:
    write_run(tmp_path, toy, "another", 0.6)
    first = report_on(runs, tmp_path)
    again = report_on(tmp_path, runs)
    assert first.html == again.html
    assert str(tmp_path) not in first.html


def test_twenty_methods_stay_below_three_megabytes(tmp_path: Path, toy: OpenDataset) -> None:
    for number in range(20):
        method = f"method_{number}[backbone=timm:resnet50.a1_in1k,distance=euclidean,k={number}]"
        write_run(tmp_path, toy, method, 0.4 + number / 40, episodes=600, trained=True)
    report = report_on(tmp_path)
    assert len(report.html.encode()) < 3_000_000
    page = Page(report.html)
    data = page.data
    episodes = data["viewers"]["protocol-0"]["episodes"]
    assert len(episodes) >= 10
    assert f"The first {len(episodes)}" in page.text
    assert len(set(data["images"])) == len(data["images"])
    assert len(page.tables[f"Differences on toy-0, {PROTOCOL}"]) == 191


def test_without_matplotlib_the_page_says_so(runs: Path) -> None:
    report = report_on(runs, with_plots=False)
    assert "<svg" not in report.html
    assert "without plots" in report.html
    assert not report.pictures
    assert Page(report.html).data["viewers"]["protocol-0"]["episodes"]


def test_images_that_were_drawn_more_than_once_are_warned_of(page: Page) -> None:
    assert "was drawn 9.6 times on average" in page.text


def test_each_seed_has_a_manifest_and_a_training_curve(page: Page) -> None:
    assert page.text.count('"budget": "quick"') == 5
    assert "good, seed 0" in page.text
    assert "good, seed 1" in page.text


@pytest.mark.parametrize(
    "log",
    [
        '[{"step": "one"}]',
        '[{"step": 1, "loss": "low"}]',
        '[{"step": 1, "loss": 1' + "0" * 400 + "}]",
        "[" * 10**5,
        '{"step": 1}',
        "[1]",
        "",
    ],
)
def test_a_log_that_cannot_be_plotted_is_left_out(tmp_path: Path, log: str) -> None:
    file = tmp_path / "training.json"
    file.write_text('{"log": ' + log)
    assert training_log(file) == []
    file.write_text('{"log": ' + log + "}")
    assert training_log(file) == []
    file.write_text('\ufeff{"log": [{"step": 1, "loss": NaN, "validation": null}]}')
    assert len(training_log(file)) == 1


def test_shots_and_data_sets_are_put_together(tmp_path: Path, toy: OpenDataset) -> None:
    other = OpenDataset(**{**vars(toy), "name": "toy-1", "fingerprint": "01" * 32})
    for method, skill in (("a", 0.8), ("b", 0.6), ("c", 0.4)):
        write_run(tmp_path, toy, method, skill)
        write_run(tmp_path, toy, method, skill + 0.1, shot=5)
        write_run(tmp_path, other, method, skill)
    report = report_on(tmp_path)
    page = Page(report.html)
    header, *rows = page.tables[f"Average ranks, {PROTOCOL}, inductive"]
    assert [text for text, _ in header] == ["method", "setting", "average rank", "toy-0", "toy-1"]
    assert [row[0][0] for row in rows] == ["a", "b", "c"]
    assert {row[1][0] for row in rows} == {"inductive (claimed)"}
    assert [row[2][1]["data-value"] for row in rows] == ["1.0", "2.0", "3.0"]
    assert re.fullmatch(r"\d\d\.\d\d ± \d\.\d\d \(1\)", rows[0][3][0])
    accuracies = collect(Store(tmp_path).runs()).set_index(["dataset", "protocol", "method"])
    expected = accuracies.loc[("toy-0", PROTOCOL, "a"), "accuracy"]
    assert float(rows[0][3][1]["data-value"] or "nan") == pytest.approx(expected, abs=1e-12)
    assert "Friedman" in page.text
    assert "p-values are rough" in page.text
    assert any(picture.name.endswith("critical-difference") for picture in report.pictures)
    assert sum(picture.name.endswith("shots") for picture in report.pictures) == 1
    names = [picture.name for picture in report.pictures]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("change", "group", "note"),
    [
        ({"audit": {"inductive": False}}, "transductive", "d claims to be inductive"),
        ({"audit": {"inductive": None, "undecided": True}}, "undecided", "Undecided: the audit"),
        ({"protection": {"protected": False}}, "inductive, unprotected", "Unprotected: computed"),
    ],
    ids=["transductive", "undecided", "unprotected"],
)
def test_who_is_no_equal_is_ranked_apart_over_data_sets(
    tmp_path: Path, toy: OpenDataset, change: dict[str, Any], group: str, note: str
) -> None:
    other = OpenDataset(**{**vars(toy), "name": "toy-1", "fingerprint": "01" * 32})
    for number, method in enumerate("abcdef"):
        for dataset in (toy, other):
            run = RunDirectory(write_run(tmp_path, dataset, method, 0.9 - number / 10))
            run.update(audit={"inductive": True})
            if method in "def" and dataset is other:  # found out on one data set
                run.update(**change)
    page = Page(report_on(tmp_path, with_plots=False).html)
    for name, methods in (("inductive", "abc"), (group, "def")):
        header, *rows = page.tables[f"Average ranks, {PROTOCOL}, {name}"]
        assert [row[0][0] for row in rows] == list(methods)
        column = [name for name, _ in header].index("average rank")
        assert [row[column][1]["data-value"] for row in rows] == ["1.0", "2.0", "3.0"]
    assert page.text.count("Average ranks: a 1.00, b 2.00, c 3.00.") == 1
    assert page.text.count("Average ranks: d 1.00, e 2.00, f 3.00.") == 1
    assert note in page.text
    settings = {row[1][0]: row[3][0] for row in page.tables[f"toy-1, {PROTOCOL}"][1:]}
    assert {settings[method] for method in "def"} == {
        group.replace(", ", ",")
    }  # lines may break there


def test_long_names_are_whole_in_every_plot(tmp_path: Path, toy: OpenDataset) -> None:
    long = "knn[backbone=open_clip:ViT-B-32-quickgelu/laion400m_e32,distance=euclidean,k=5,z=0.125]"
    write_run(tmp_path, toy, long, 0.8, trained=True)
    write_run(tmp_path, toy, "knn", 0.7)
    for picture in report_on(tmp_path).pictures:
        words = "".join(re.findall(r">([^<]+)</text>", plot_style.svg(picture.figure)))
        assert long in re.sub(r"\s", "", words), picture.name

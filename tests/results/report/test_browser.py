"""The page in a real browser: sorting, filters, the viewer, a phone's width."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from results.report.synthetic import report_on, write_run

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.image_files import ImageFiles
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.results.report import viewer
from benchbench.results.report.predictions import read_predictions
from benchbench.runs.directory import RunDirectory

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

METHODS = {
    "protonet": 0.9,
    "knn[backbone=open_clip:ViT-B-32-quickgelu/laion400m_e32,distance=euclidean,k=5]": 0.75,
    "tim[temperature=15]": 0.8,
    "linear_probe": 0.4,
}


def unavailable(reason: str) -> None:
    if os.environ.get("BENCHBENCH_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    try:
        from selenium import webdriver
    except ImportError:
        unavailable("needs selenium")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        unavailable("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def file_name(image: int | str) -> str:
    return f"a folder/<b>{image}_with_a_name_that_is_longer_than_a_phone_is_wide.png"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, toy: OpenDataset) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    other = OpenDataset(**{**vars(toy), "name": "toy-1", "fingerprint": "01" * 32})
    for dataset in (other, toy):
        folders = {
            method: write_run(
                root, dataset, method, skill, transductive=method.startswith("tim"), trained=True
            )
            for method, skill in METHODS.items()
        }
    write_run(root, toy, "protonet", 0.95, shot=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageFiles, "names", lambda files, ids: list(map(file_name, ids.tolist())))
        html = report_on(root).html
    (root / "report.html").write_text(html, encoding="utf-8")
    return folders


@pytest.fixture
def page(browser: Chrome, runs: dict[str, Path]) -> Chrome:
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get("about:blank")
    browser.get((runs["protonet"].parents[2] / "report.html").as_uri())
    return browser


def find(page: Any, selector: str) -> list[WebElement]:
    found: list[WebElement] = page.find_elements("css selector", selector)
    return found


SECTION = "#protocol-0"


def header(page: Chrome, name: str) -> WebElement:
    headers = find(page, f"{SECTION} .table-block:first-of-type thead th")
    return next(one for one in headers if one.text.startswith(name))


def column(page: Chrome, name: str) -> list[str]:
    """The values of a column, those of words as text, in the order in which rows stand."""
    script = """
    const table = document.querySelector(arguments[0] + " table");
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const at = names.indexOf(arguments[1]);
    return [...table.tBodies[0].rows].filter((row) => !row.hidden).map(
      (row) => row.cells[at].dataset.value ?? row.cells[at].textContent.trim());
    """
    values: list[str] = page.execute_script(script, SECTION, name)
    return values


def test_a_click_sorts_and_another_turns_the_order(page: Chrome) -> None:
    accuracies = sorted(map(float, column(page, "accuracy %")))
    button = find(header(page, "accuracy %"), "button")[0]
    button.click()
    assert list(map(float, column(page, "accuracy %"))) == accuracies
    assert header(page, "accuracy %").get_attribute("aria-sort") == "ascending"
    button.click()
    assert list(map(float, column(page, "accuracy %"))) == accuracies[::-1]
    assert header(page, "accuracy %").get_attribute("aria-sort") == "descending"
    find(header(page, "method"), "button")[0].click()
    assert column(page, "method") == sorted(METHODS)
    assert header(page, "accuracy %").get_attribute("aria-sort") == "none"


def test_the_keyboard_sorts(page: Chrome) -> None:
    from selenium.webdriver.common.keys import Keys

    find(header(page, "rank"), "button")[0].send_keys(Keys.TAB)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert header(page, "method").get_attribute("aria-sort") == "ascending"
    assert column(page, "method") == sorted(METHODS)


def test_rows_are_filtered_by_text_and_by_setting(page: Chrome) -> None:
    from selenium.webdriver.support.ui import Select

    text = find(page, f"{SECTION} .filter-text")[0]
    count = find(page, f"{SECTION} .filter-count")[0]
    text.send_keys("KNN[")
    assert column(page, "method") == [name for name in METHODS if name.startswith("knn")]
    assert count.text == "1 of 4 rows"
    text.clear()
    setting = Select(find(page, f"{SECTION} .filter-setting")[0])
    setting.select_by_visible_text("transductive")
    assert column(page, "method") == ["tim[temperature=15]"]
    setting.select_by_visible_text("inductive")
    assert len(column(page, "method")) == 3
    setting.select_by_visible_text("all")
    assert len(column(page, "method")) == 4


def test_the_viewer_marks_what_the_predictions_say(page: Chrome, runs: dict[str, Path]) -> None:
    from selenium.webdriver.support.ui import Select

    method = Select(find(page, f"{SECTION} .viewer-method")[0])
    episode = Select(find(page, f"{SECTION} .viewer-episode")[0])
    for name in ("protonet", "linear_probe"):
        with (runs[name] / "predictions.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        method.select_by_visible_text(name)
        for number in (0, 7):
            episode.select_by_visible_text(str(number))
            _check_marks(page, rows[number])


def _check_marks(page: Chrome, row: dict[str, str]) -> None:
    labels, predicted = row["query_labels"].split(), row["predicted"].split()
    script = """
    return [...document.querySelectorAll(arguments[0] + " .viewer figure[data-query]")].map(
      (figure) => [figure.dataset.query, figure.className, figure.querySelector("figcaption")
        .textContent, figure.querySelector("img").naturalWidth]);
    """
    shown = page.execute_script(script, SECTION)
    assert len(shown) == len(labels)
    for query, kind, caption, width in shown:
        label, found = labels[int(query)], predicted[int(query)]
        right = label == found
        assert kind == ("right" if right else "wrong")
        assert caption == ("✓" if right else f"✗ {'ABCDE'[int(found)]}")
        assert width == 28
    correct = sum(one == other for one, other in zip(labels, predicted, strict=True))
    score = find(page, f"{SECTION} .viewer-score")[0].text
    assert score == f"{correct} of {len(labels)} right ({100 * correct / len(labels):.2f} %)"
    assert len(find(page, f"{SECTION} .viewer figure.support img")) == len(row["support"].split())


def test_each_picture_and_row_of_the_viewer_names_its_file(
    page: Chrome, runs: dict[str, Path]
) -> None:
    find(page, f"{SECTION} .viewer-next")[0].click()
    find(page, f"{SECTION} .viewer-files summary")[0].click()
    with (runs["protonet"] / "predictions.csv").open(encoding="utf-8") as file:
        row = list(csv.DictReader(file))[1]
    support, query = row["support"].split(), row["query"].split()
    script = """
    const texts = (row) => [...row.cells].map((cell) => cell.textContent);
    const root = document.querySelector(arguments[0] + " .viewer");
    return [[...root.querySelectorAll(".viewer-files tbody tr")].map(texts),
      [...root.querySelectorAll("figure[data-query]")].map(
        (figure) => [figure.dataset.query, figure.querySelector("img").title])];
    """
    rows, titles = page.execute_script(script, SECTION)
    assert [one[0] for one in rows] == ["support"] * len(support) + ["query"] * len(query)
    assert [one[3:] for one in rows] == [[image, file_name(image)] for image in support + query]
    answers = zip(row["query_labels"].split(), row["predicted"].split(), strict=True)
    marks = ["✓" if slot == found else f"✗ {'ABCDE'[int(found)]}" for slot, found in answers]
    assert [one[2] for one in rows] == [""] * len(support) + marks
    assert all(title.endswith(f"; {file_name(query[int(place)])}") for place, title in titles)


def test_the_buttons_step_through_the_episodes(page: Chrome) -> None:
    before, after = (find(page, f"{SECTION} .viewer-{name}")[0] for name in ("previous", "next"))
    episode = find(page, f"{SECTION} .viewer-episode")[0]
    assert not before.is_enabled()
    after.click()
    assert episode.get_attribute("value") == "1"
    before.click()
    assert episode.get_attribute("value") == "0"


def test_a_method_leads_to_its_manifest(page: Chrome) -> None:
    link = find(page, f"{SECTION} tbody a")[0]
    target = page.find_element("id", (link.get_attribute("href") or "").partition("#")[2])
    assert target.get_attribute("open") is None
    link.click()
    page.execute_async_script("setTimeout(arguments[0], 50)")
    assert target.get_attribute("open") is not None
    manifest = json.loads(find(target, "pre")[0].text)
    assert manifest["method"]["spec"] == link.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_never_scrolls_sideways(page: Chrome, width: int, scheme: str) -> None:
    metrics = {"width": width, "height": 740, "deviceScaleFactor": 1, "mobile": width < 500}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    page.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    wide, inner = page.execute_script("return [document.scrollingElement.scrollWidth, innerWidth]")
    assert inner == width
    assert wide <= inner
    ink, paper = page.execute_script("""
    const text = document.querySelector(".plot svg text");
    return [getComputedStyle(text).fill, getComputedStyle(document.body).backgroundColor];
    """)
    assert abs(_brightness(ink) - _brightness(paper)) > 150


def _brightness(color: str) -> float:
    return sum(map(int, color[color.index("(") + 1 : -1].split(",")[:3])) / 3


def test_nothing_goes_wrong_and_nothing_is_fetched(page: Chrome) -> None:
    for button in find(page, "thead button"):
        page.execute_script("arguments[0].click()", button)
    assert page.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    requests = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert requests
    assert {url.partition(":")[0] for url in requests} <= {"file", "data", "about"}
    assert len([url for url in requests if url.startswith("file:")]) == 1


def test_wrong_answers_of_a_zero_shot_run_are_explained(
    browser: Chrome, toy: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = np.arange(len(toy.class_names))
    bits = np.stack([ids >> place & 1 for place in range(5)], axis=1).astype(np.float32)
    known = ClassAttributes(("one", "two", "four", "eight", "sixteen"), bits)
    monkeypatch.setattr(viewer, "open_dataset", lambda *_: replace(toy, attributes=known))
    run = RunDirectory(write_run(tmp_path, toy, "a", 0.7, shot=0))
    run.update(dataset={**run.manifest["dataset"], "attributes": {"sha256": known.sha256}})
    shown, predicted = read_predictions(run.path)
    for number, slots in predicted.items():
        run.append_top(number, np.eye(5)[slots])
    run.flush()
    (tmp_path / "zero.html").write_text(report_on(tmp_path).html, encoding="utf-8")
    browser.get((tmp_path / "zero.html").as_uri())
    browser.execute_script("document.querySelector('.viewer-wrong').open = true")
    headings = [cell.text for cell in find(browser, ".viewer-wrong th")]
    of_attributes = ["missed", "invented", "as near"]
    assert headings == ["query", "class", "answer", *of_attributes, "likeliest classes"]
    labels = shown[0].query_labels
    wrong = [i for i, slot in enumerate(predicted[0]) if slot != labels[i]]
    rows = find(browser, ".viewer-wrong tbody tr")
    assert len(rows) == len(wrong) > 0
    classes = {slot: toy.labels[shown[0].query[i]] for i, slot in enumerate(labels)}
    true, said = (classes[slots[wrong[0]]] for slots in (labels, predicted[0]))
    names = [
        ", ".join(name for name, a, b in zip(known.names, *pair, strict=True) if a > b) or "–"
        for pair in ((bits[true], bits[said]), (bits[said], bits[true]))
    ]
    differ = np.abs(bits - bits[true]).sum(1)
    near = sum(differ[one] <= differ[said] for one in classes.values()) - 2
    cells = [cell.text for cell in rows[0].find_elements("css selector", "td")][3:]
    assert cells[:3] == [*names, str(near)]
    assert cells[3].startswith(f"{toy.class_names[said]} 1; ")
    assert "support" not in find(browser, ".viewer-classes")[0].text

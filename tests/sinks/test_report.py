import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import rich.console

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History, Measurement, Overhead
from keras_babysit.schedule.schedule import ALLOWANCE_SECONDS
from keras_babysit.sinks import Report
from keras_babysit.sinks.report import SHORT_RUN_SECONDS
from keras_babysit.testing.sinks import FINDING, HOSTILE_NAMES

OVERHEAD = Overhead(0.42, 53.1, 31)
LAYERS = ("dense", "dense_1", "logits")


def a_history(steps=100, layers=LAYERS):
    history = History()
    history.note(steps_per_epoch=20)
    history.append(Measurement(0, 0, "loss/start", "", 2.3))
    for step in range(0, steps + 1, 10):
        epoch = step // 20
        history.append(Measurement(step, epoch, "loss/batch", "", 2.0 / (1 + step)))
        for index, layer in enumerate(layers):
            value = index / len(layers)
            history.append(Measurement(step, epoch, "activations/dead_fraction", layer, value))
            history.append(Measurement(step, epoch, "gradients/norm", f"{layer}/kernel", 0.1))
    for target, loss in (("train", 0.02), ("validation", 0.09)):
        history.append(Measurement(steps, 4, "score/loss", target, loss))
        history.append(Measurement(steps, 4, "score/loss_stderr", target, 0.01))
    return history


class Page(HTMLParser):
    """The elements of a page: tags with their attributes, and the text of each script."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.text = [], [], []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._in_script = False

    def handle_data(self, data):
        if self._in_script:
            self.scripts[-1] += data
        else:
            self.text.append(data)

    @property
    def data(self):
        return json.loads(self.scripts[0])


def test_printed_verdict_has_one_block_per_cause():
    findings = [
        replace(FINDING, step=10, resolved_step=40),
        *(replace(FINDING, target=f"dense_{i}", step=20) for i in range(3)),
        Finding("loss_explosion", Severity.ERROR, "", "The loss explodes.", step=12),
        Finding("not_watched", Severity.NOTE, "scores", "Scores not measured: no memory."),
    ]
    lines = str(Report(a_history(), findings, OVERHEAD)).splitlines()
    assert lines[0] == ("keras-babysit: Loss explosion  (1 error, 4 warnings, 1 note (1 resolved))")
    at = lines.index("ERROR  Loss explosion  since step 12")
    assert lines[at + 1 : at + 3] == [
        "  The loss explodes.",
        "  explains: dead units, reported at step 10",
    ]
    assert sum("dead units" in line.lower() for line in lines if "Not checked" not in line) == 1
    assert "Scores not measured: no memory." in lines
    assert lines[-1].startswith("monitoring took 0.4 s of 53.1 s (31 measurements")


def test_a_finding_on_several_layers_names_them_and_its_further_remedies():
    remedies = (Remedy("Lower the rate.", "rate = 1"), Remedy("Use LeakyReLU."))
    found = [replace(FINDING, target=f"dense_{i}", step=20, remedies=remedies) for i in range(9)]
    lines = str(Report(a_history(), found, OVERHEAD)).splitlines()
    assert lines[2:4] == ["Do this first: Lower the rate.", "    rate = 1"]
    at = lines.index("WARNING  Dead units  since step 20")
    assert lines[at + 1].endswith('Also in "dense_1", "dense_2", "dense_3", "dense_4", and 4 more.')
    assert lines[at + 2] == "  or: Use LeakyReLU."


def test_episodes_of_one_finding_are_one_line():
    found = [replace(FINDING, step=s, resolved_step=s + 5) for s in (10, 30, 50)]
    lines = str(Report(a_history(), found, OVERHEAD)).splitlines()
    assert "WARNING  Dead units  resolved: from step 10 to step 55, 3 times" in lines
    assert not [line for line in lines if line.startswith("Do this first")]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_word_is_lost_at_any_width(width):
    message = " ".join(f"word{i}" for i in range(50)) + "."
    found = [replace(FINDING, message=message, target="block/" * 8 + "dense")]
    stream = io.StringIO()
    rich.console.Console(file=stream, width=width).print(Report(a_history(), found, OVERHEAD))
    words = stream.getvalue().split()
    assert [word for word in message.split() if word not in words] == []
    assert max(len(line) for line in stream.getvalue().splitlines() if "rate" not in line) <= width


def test_a_healthy_run_prints_two_lines():
    history = a_history()
    history.note(rules=("loss_explosion",))  # what it needs was measured
    first, second = str(Report(history, [], OVERHEAD)).splitlines()
    assert first.startswith("No problems found: loss ")
    assert "validation" in second
    assert second.endswith("monitoring took 0.4 s of 53.1 s")


def test_a_run_that_measured_little_says_what_was_not_checked():
    text = str(Report(a_history(), [], OVERHEAD))
    assert text.startswith("keras-babysit: No problems found\n\nNot checked, as what they need")


def test_run_without_measurements_is_not_well():
    assert str(Report(History(), [])).startswith("keras-babysit: Nothing was measured\n")


def test_run_whose_monitoring_failed_is_not_well():
    history = a_history()
    history.note(broke_off="ValueError: shapes differ")
    failure = "Monitoring failed: ValueError: shapes differ"
    assert Report(history, []).result() == failure
    assert Report(history, [FINDING]).result() == f"{failure}; before that: 1 warning"
    assert not Report(history, []).is_well


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([2.0, 1.0, 0.5], "loss 2 -> 0.5 in 20 steps"),
        ([2.0, 0.5, 1.0], "loss 2 -> 1 in 20 steps (best 0.5 at step 10)"),
        ([2.0, 0.5, np.nan], "loss 2 -> nan in 20 steps (best 0.5 at step 10)"),
        ([np.nan] * 3, "loss nan -> nan in 20 steps"),
    ],
)
def test_loss_line(values, line):
    history = History()
    for index, value in enumerate(values):
        history.append(Measurement(10 * index, 0, "loss/batch", "", value))
    assert line in Report(history, []).summary()


def test_final_losses_are_compared():
    history = a_history()
    line = "final loss, both in inference mode: train 0.020 ± 0.010, validation 0.090 ± 0.010"
    assert line in Report(history, []).summary()
    assert line.replace("±", "+/-") in str(Report(history, []))


def test_final_loss_without_validation():
    history = History()
    history.append(Measurement(9, 0, "score/loss", "train", 0.5))
    assert Report(history, []).summary() == ["final loss in inference mode: train 0.5"]


@pytest.mark.parametrize(
    ("overhead", "is_compiled", "line"),
    [
        (Overhead(2.0, 200.0, 1), True, "monitoring took 2.0 s of 200.0 s (1.0 %, 1 measurement)"),
        (Overhead(1.0, 50.0, 9), None, "of 50.0 s (9 measurements; short runs get a fixed"),
        (
            Overhead(2.0, 200.0, 2),
            False,
            "2 measurements; not compiled, to stay within the budget)",
        ),
    ],
)
def test_monitoring_line(overhead, is_compiled, line):
    history = a_history()
    if is_compiled is not None:
        history.note(is_compiled=is_compiled)
    assert line in Report(history, [], overhead).summary()[-1]


def test_a_run_is_short_as_long_as_the_schedule_says():
    assert SHORT_RUN_SECONDS == ALLOWANCE_SECONDS


def test_json_has_the_worst_severity(tmp_path):
    resolved = replace(FINDING, severity=Severity.ERROR, resolved_step=40)
    report = Report(a_history(), [FINDING, resolved], OVERHEAD)
    text = report.to_json(tmp_path / "report.json")
    record = json.loads((tmp_path / "report.json").read_text())
    assert json.loads(text) == record
    assert record["worst"] == "WARNING"
    assert [Finding.from_json(one) for one in record["findings"]] == [FINDING, resolved]
    assert record["loss"] == {"start": 2.3, "last": 2 / 101, "best": 2 / 101, "best_step": 100}
    assert record["scores"]["loss"] == {"train": 0.02, "validation": 0.09}
    assert record["overhead"]["probes"] == 31


def test_json_of_an_empty_run_is_strict():
    history = History()
    history.note(recurring_fraction=float("nan"))
    history.append(Measurement(1, 0, "loss/batch", "", float("inf")))
    assert json.loads(Report(history, []).to_json())["worst"] is None


def test_page_loads_nothing():
    page = Page(Report(a_history(), [FINDING], OVERHEAD).to_html())
    links = [attrs[key] for _, attrs in page.elements for key in ("src", "href") if key in attrs]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttp", page.scripts[1])


def test_page_draws_layers_in_the_order_of_the_network():
    heat = Page(Report(a_history(), [], OVERHEAD).to_html()).data["maps"][0]
    assert heat["rows"] == list(LAYERS)
    assert [row[-1] for row in heat["cells"]] == [0.0, 0.3333, 0.6667]


@pytest.mark.parametrize(
    ("metric", "value", "drawn"),
    [("accuracy", 0.75, ["accuracy"]), ("auc", 0.9, ["auc", "error"])],
    ids=["redundant", "informative"],
)
def test_redundant_scores_are_not_drawn(metric, value, drawn):
    history = History()
    for target in ("train", "validation"):
        history.append(Measurement(10, 0, f"score/{metric}", target, value))
        history.append(Measurement(10, 0, "score/error", target, 0.25))
    scores = Page(Report(history, []).to_html()).data["scores"]
    assert [score["name"] for score in scores] == drawn


def test_page_has_remedies_as_code():
    page = Report(a_history(), [FINDING], OVERHEAD).to_html()
    assert "<code>optimizer.learning_rate = 1e-4</code></pre>" in page


def test_timeline_holds_what_opened_and_when_it_resolved():
    findings = [replace(FINDING, step=10, resolved_step=40), replace(FINDING, step=60)]
    page = Page(Report(a_history(), findings).to_html())
    bars = page.data["timeline"]
    assert [(bar["from"], bar["to"]) for bar in bars] == [(60, None), (10, 40)]
    ids = [attrs["id"] for tag, attrs in page.elements if tag == "article"]
    assert ids == ["finding-1"]  # both bars link to the block of their cause
    assert [bar["anchor"] for bar in bars] == ids * 2


def sick_findings():
    """Return a cause on two layers with two symptoms, and what was not checked."""
    remedies = (Remedy("Use He's initializer.", "model.optimizer"), Remedy("Lower the rate."))
    dead = Finding("dead_units", Severity.ERROR, "dense", "All are dead.", {}, remedies, step=50)
    other = Remedy("Raise the rate.", "model.optimizer.learning_rate = 1.0")
    stuck = Finding("no_gradient", Severity.ERROR, "", "No gradient.", {}, (other,), step=7)
    poor = Finding("underfitting", Severity.WARNING, "", "It underfits.", step=90)
    notice = Finding("not_watched", Severity.NOTE, "scores", "Scores not measured: no memory.")
    return [dead, replace(dead, target="dense_1"), stuck, poor, notice]


def test_page_opens_with_the_verdict():
    page = Page(Report(a_history(), sick_findings(), OVERHEAD).to_html())
    words = [text.strip() for text in page.text if text.strip()]
    order = [
        "Dead units in 2 parts of the model",
        "Do this first",
        "Use He's initializer.",
        "model.optimizer",
        "Findings",
        'All are dead. Also in "dense_1".',
        "also: underfitting since step 90",
        "explains: no gradient, reported at step 7",
        "1 further remedy",
        "Not checked",
        "Scores not measured: no memory.",
        "Run",
        "Training curves",
        "Layers",
    ]
    found = [
        words.index(text, words.index("Findings") if number > 3 else 0)
        for number, text in enumerate(order)
    ]
    assert found == sorted(found)
    assert [tag for tag, _ in page.elements].count("article") == 1
    assert "open" not in {key for tag, attrs in page.elements if tag == "details" for key in attrs}


def test_page_describes_the_run():
    history = a_history()
    history.note(
        started="2026-03-01T14:05:00+01:00",
        model="digits",
        parameters=26_122,
        batch_size=32,
        optimizer="SGD",
        examples_per_epoch=1280,
        versions={"keras": "3.15.1"},
    )
    history.append(Measurement(90, 4, "optimizer/learning_rate", "", 0.06))
    text = " ".join(Page(Report(history, []).to_html()).text)
    for part in (
        "2026-03-01 14:05",
        "digits",
        "26,122",
        "SGD, learning rate 0.06",
        "1,280 examples per epoch, batches of 32",
        "keras 3.15.1",
    ):
        assert part in text


def test_heat_map_opens_on_the_quantity_of_the_worst_finding():
    history = a_history()
    exploding = Finding("exploding_gradients", Severity.ERROR, "dense/kernel", "It explodes.")
    for findings, title in (([], "Dead units"), ([FINDING, exploding], "Gradient")):
        data = Page(Report(history, findings).to_html()).data
        assert data["maps"][data["worst"]]["title"].startswith(title)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_names_stay_data(name):
    clean = Page(Report(a_history(), [FINDING], OVERHEAD).to_html())
    history = a_history(layers=(name, "dense_1", "logits"))
    history.note(optimizer=name)
    sick = replace(FINDING, target=name, message=name, reference=name, evidence={name: name})
    sick = replace(sick, rule=name, remedies=(Remedy(name, name),))
    page = Page(Report(history, [sick], OVERHEAD).to_html())
    tags = [tag for tag, _ in page.elements]
    assert not {"img", "object", "iframe"} & set(tags)
    assert tags.count("script") == [tag for tag, _ in clean.elements].count("script") == 2
    assert not any(key.startswith("on") for _, attrs in page.elements for key in attrs)
    assert len(page.data["maps"][0]["rows"]) == 3


def test_name_is_shown_as_it_is():
    name = "<b>&amp;'\"</b>"
    page = Page(Report(a_history(), [replace(FINDING, target=name)]).to_html())
    assert name in page.text


def test_lines_are_thinned_but_keep_their_peaks():
    history = History(max_points=10_000)
    values = np.random.default_rng(0).random(5000)
    values[[1234, 4321]] = 9.0, -9.0
    for step, value in enumerate(values):
        history.append(Measurement(step, 0, "loss/batch", "", value))
    line = Page(Report(history, []).to_html()).data["batch"]
    assert len(line["steps"]) <= 400
    assert (max(line["values"]), min(line["values"])) == (9.0, -9.0)
    assert line["steps"] == sorted(line["steps"])


def test_page_of_a_long_run_of_a_large_network_is_small():
    layers = [f"encoder/block_{i // 8}/attention/dense_{i}" for i in range(400)]
    history = History()
    quantities = ("dead_fraction", "saturated_fraction", "std")
    quantities = [f"activations/{q}" for q in quantities] + ["gradients/norm", "updates/ratio"]
    values = np.random.default_rng(0).random(101)
    for step, value in zip(range(0, 100_001, 1000), values, strict=True):
        history.append(Measurement(step, 0, "loss/batch", "", value))
        for quantity in quantities:
            history.extend(Measurement(step, 0, quantity, layer, value) for layer in layers)
    findings = [replace(FINDING, target=layer, step=500) for layer in layers]
    assert len(Report(history, findings, OVERHEAD).to_html().encode()) < 1_000_000


def test_non_finite_and_missing_values_differ():
    history = a_history()
    history.append(Measurement(100, 4, "gradients/norm", "dense/kernel", float("nan")))
    history.append(Measurement(100, 4, "gradients/norm", "late/kernel", 1.0))
    data = Page(Report(history, []).to_html()).data
    cells = dict(zip(data["maps"][1]["rows"], data["maps"][1]["cells"], strict=True))
    assert cells["dense/kernel"][-1] == "nan"
    assert cells["late/kernel"][0] is None
    assert cells["late/kernel"][-1] == 1.0


def test_a_vector_instead_of_a_number_is_skipped():
    history = a_history()
    for quantity in ("loss/batch", "loss/start", "score/loss", "activations/std"):
        history.append(Measurement(100, 4, quantity, "", np.ones(3, np.float32)))
    report = Report(history, [])
    assert Page(report.to_html()).data["batch"]["steps"][-1] == 100
    assert report.summary()


def test_notebook_shows_the_page_in_a_frame():
    report = Report(a_history(), [FINDING], OVERHEAD)
    ((tag, attributes),) = Page(report._repr_html_()).elements
    assert tag == "iframe"
    assert attributes["srcdoc"] == report.to_html()


def test_printed_report_is_plain_ascii_where_its_names_are():
    findings = [replace(FINDING, target=f"dense_{i}") for i in range(9)]
    assert str(Report(a_history(), findings, OVERHEAD)).isascii()


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
def test_page_draws_itself_in_a_browser(tmp_path):
    history = a_history(layers=(*HOSTILE_NAMES[:3], "dense_1"))
    findings = [replace(FINDING, target=name) for name in HOSTILE_NAMES]
    Report(history, findings, OVERHEAD).to_html(tmp_path / "report.html")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    options += [f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=500", "--dump-dom"]
    address = (tmp_path / "report.html").as_uri()
    done = subprocess.run([BROWSER, *options, address], capture_output=True, text=True, check=True)
    page = Page(done.stdout)
    drawn = [attrs.get("class") for tag, attrs in page.elements if tag in ("path", "a", "circle")]
    for part in ("line batch", "line train", "line validation", "bar warning", "h0"):
        assert part in drawn
    assert "<script>alert(1)</script>" in page.text
    assert not [tag for tag, _ in page.elements if tag == "img"]


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
def test_page_fits_a_phone_and_two_pages_of_paper(tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api", reason="the driver is not installed")
    findings = [replace(one, target=f"{one.target}{'/block' * 20}") for one in sick_findings()]
    Report(a_history(), [*sick_findings(), *findings], OVERHEAD).to_html(tmp_path / "page.html")
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 390, "height": 844})
        page.goto((tmp_path / "page.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.locator(".first").bounding_box()["y"] < 200  # visible without scrolling
        printed = page.pdf(format="A4")
        opened.close()
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) <= 2

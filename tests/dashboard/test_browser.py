"""Typical use of the tab, in a real browser, on logs of real training runs."""

import os
import re
import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import pytest

import keras_babysit as kb
from keras_babysit.findings import Remedy
from keras_babysit.history import History
from keras_babysit.sinks import Report, TensorBoard
from keras_babysit.testing.sinks import FINDING, opened
from tests.dashboard.logs import event_run, probe, write
from tests.examples.paths import EXAMPLES

playwright = pytest.importorskip("playwright.sync_api", reason="the driver is not installed")

from tests.dashboard.browser import BROWSER, Tab, browser, tensorboard  # noqa: E402

pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.skipif(BROWSER is None, reason="no browser is installed"),
]

SCRIPT = "<script>alert(1)</script>"
COPIED = """() => { window.copied = new Promise((done) => {
    new MutationObserver(() => [...document.querySelectorAll("button")]
        .some((one) => one.textContent === "Copied") && done(true))
        .observe(document.body, { childList: true, subtree: true });
}); }"""
"""Wait for a button that says so for a moment, which a busy machine may miss."""

DEAD = 40


def copy_by(button):
    """Press a button that copies, and wait until it says that it has."""
    frame = button.element_handle().owner_frame()
    frame.evaluate(COPIED)
    button.click()
    assert frame.evaluate("() => window.copied")


def far_below_zero(shape, dtype=None):
    """Return biases whose first 40 entries keep their units dead."""
    return keras.ops.where(keras.ops.arange(shape[0]) < DEAD, -20.0, 0.0)


def train(folder, *, bias="zeros", rate=0.02, epochs=6, callbacks=()):
    """Train on handwritten digits; `bias` initializes the biases of the first layer."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).astype("float32")
    hidden = {"activation": "relu", "kernel_initializer": "he_normal"}
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, name="hidden_1", bias_initializer=bias, **hidden),
            keras.layers.Dense(64, name="hidden_2", **hidden),
            keras.layers.Dense(10, activation="softmax", name="digits"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    sitter = kb.Babysitter(log_dir=folder, every=10, verbose=0)
    model.fit(x, y, validation_split=0.3, epochs=epochs, verbose=0, callbacks=[sitter, *callbacks])
    return sitter


def demo(folder):
    """Train the faulty network of the demo."""
    quickstart = SimpleNamespace(**runpy.run_path(str(EXAMPLES / "quickstart.py")))
    keras.utils.set_random_seed(0)
    narrow = keras.initializers.RandomNormal(stddev=0.05)
    model = quickstart.build("relu", narrow, -20.0, keras.optimizers.SGD(0.06))
    sitter = kb.Babysitter(log_dir=folder, every=10, verbose=0)
    quickstart.train(model, quickstart.load(scaled=False), sitter, 12)
    return sitter


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened_browser:
        yield opened_browser


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """TensorBoard on two real runs, one with many dead units and a healthy one."""
    folder = tmp_path_factory.mktemp("logs")
    # The rest of the network hardly learns either: otherwise dead units are a note.
    sick = train(folder / "sick", bias=far_below_zero, rate=1e-4)
    assert "dead_units" in {cause.rule for cause in sick.verdict.causes}
    train(folder / "fixed")
    demo(folder / "demo")
    with tensorboard(folder) as address:
        yield address


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """A log folder for the runs of single tests, and the address of TensorBoard on it."""
    folder = tmp_path_factory.mktemp("others")
    with tensorboard(folder) as address:
        yield folder, address


def test_runs_heat_map_findings_and_layer_are_visible(chromium, trained):
    tab = Tab(chromium, trained, viewport={"width": 1320, "height": 1000})
    tab.run("sick").click()
    expect = playwright.expect
    expect(tab.inside.locator("h1")).to_have_text("sick")
    expect(tab.inside.locator(".runs .run")).to_have_count(3)
    expect(tab.inside.locator(".timeline .bar").first).to_be_visible()
    expect(tab.inside.locator(".plot canvas").first).to_be_visible()
    card = tab.inside.locator(".view .card", has_text="dead_units").first
    expect(card).to_contain_text("since step")
    tab.heat().click(position={"x": 400, "y": 10})
    layer = tab.inside.locator(".layer")
    expect(layer.locator("h2")).to_have_text("hidden_1")
    expect(layer.locator(".units")).to_contain_text(re.compile(r"[4-6]\d of 64 units are at 0"))
    expect(layer.locator("figure").first).to_contain_text("Dead units")
    expect(layer.locator(".card").first).to_contain_text("dead_units")
    tab.keep("light")
    tab.page.evaluate("document.body.classList.add('dark-mode')")
    expect(tab.inside.locator("html")).to_have_attribute("data-theme", "dark")
    tab.keep("dark")
    layer.locator(".close").click()
    expect(layer).to_be_hidden()
    tab.assert_clean()


def test_the_answer_is_visible_without_scrolling(chromium, trained):
    expect = playwright.expect
    tab = Tab(chromium, trained, viewport={"width": 1440, "height": 900})
    tab.run("demo").click()
    expect(tab.inside.locator("h1")).to_have_text("demo")
    expect(tab.inside.locator(".verdict")).to_contain_text("Dead units in both hidden layers")
    expect(tab.inside.locator(".view .card")).to_have_count(1)
    remedy, card = tab.inside.locator(".first .code"), tab.inside.locator(".view .card")
    expect(remedy).to_be_in_viewport(ratio=1)
    expect(card).to_be_in_viewport(ratio=1)
    tab.keep("answer")
    symptoms = card.locator(".symptom")
    expect(symptoms).to_have_count(4)
    expect(symptoms.first).to_be_hidden()
    card.get_by_text("What the symptoms say").click()
    expect(symptoms.first).to_be_visible()
    # The heat map opens on the quantity and the layer of the finding.
    expect(tab.inside.locator(".layers .picker select")).to_have_value("activations/dead_fraction")
    expect(tab.inside.locator(".layers .reading")).to_contain_text("hidden_1")
    tab.assert_clean()


def test_the_address_holds_what_was_chosen(chromium, trained):
    expect = playwright.expect
    tab = Tab(chromium, trained, permissions=["clipboard-read", "clipboard-write"])
    tab.run("sick").click()
    expect(tab.inside.locator("h1")).to_have_text(["sick"])
    tab.inside.get_by_label("Compare with fixed").check()
    expect(tab.inside.locator("h1")).to_have_text(["sick", "fixed"])
    tab.inside.locator(".layers .picker select").first.select_option("gradients/norm")
    expect(tab.inside.locator(".layers .picker select").nth(1)).to_have_value("gradients/norm")
    tab.heat(0).focus()
    tab.page.keyboard.press("ArrowDown")
    tab.page.keyboard.press("Enter")
    expect(tab.inside.locator(".layer h2")).to_contain_text("hidden_")
    name = tab.inside.locator(".layer h2").text_content()
    copy_by(tab.inside.get_by_role("button", name="Copy link"))
    link = tab.page.evaluate("navigator.clipboard.readText()")
    assert link == tab.page.url
    for part in ("run=sick", "other=fixed", "quantity=gradients%2Fnorm", "layer="):
        assert f"p.babysit.{part}" in link
    again = Tab(chromium, trained)
    again.page.goto(link)
    again.page.reload()
    expect(again.inside.locator("h1")).to_have_text(["sick", "fixed"])
    expect(again.inside.locator(".layers .picker select").first).to_have_value("gradients/norm")
    expect(again.inside.locator(".layer h2")).to_have_text(name)
    again.assert_clean()


def test_charts_are_saved_as_pictures_and_as_numbers(chromium, trained, tmp_path):
    tab = Tab(chromium, trained, accept_downloads=True)
    tab.run("sick").click()
    playwright.expect(tab.inside.locator("h1")).to_have_text("sick")
    tab.heat().wait_for()
    for label in ("loss", "Dead units, fraction of the layer"):
        for kind in ("PNG", "CSV"):
            with tab.page.expect_download() as waited:
                tab.inside.get_by_role("button", name=f"Save {label} as {kind}").click()
            waited.value.save_as(tmp_path / f"{label}.{kind}")
    for label in ("loss", "Dead units, fraction of the layer"):
        assert (tmp_path / f"{label}.PNG").read_bytes().startswith(b"\x89PNG")
    loss = (tmp_path / "loss.CSV").read_text().splitlines()
    assert loss[0] == "step,seconds since 1970,batch,train,validation"
    assert [float(row.split(",")[0]) for row in loss[1:]] == sorted(
        float(row.split(",")[0]) for row in loss[1:]
    )
    layers = (tmp_path / "Dead units, fraction of the layer.CSV").read_text().splitlines()
    assert [row.split(",")[0] for row in layers] == ["layer or weight", "hidden_1", "hidden_2"]
    tab.assert_clean()


def test_curves_follow_the_switches(chromium, trained):
    expect = playwright.expect
    tab = Tab(chromium, trained)
    tab.run("sick").click()
    expect(tab.inside.locator("h1")).to_have_text("sick")
    switch = tab.inside.locator("[data-switch=axis]")
    axis = tab.inside.locator(".heat .over text").last
    expect(axis).to_have_text("step")
    for value, unit in (("relative", "time"), ("wall", "clock"), ("step", "step")):
        switch.select_option(value)
        expect(axis).to_have_text(unit)
    loss = tab.inside.locator(".chart[aria-label=loss] .caption")
    tab.inside.locator("[data-switch=scale]").select_option("log")
    expect(loss).to_contain_text("logarithmic")
    tab.inside.locator("[data-switch=scale]").select_option("linear")
    expect(loss).not_to_contain_text("logarithmic")
    slider = tab.inside.get_by_label("Smoothing")
    slider.focus()
    tab.page.keyboard.press("End")
    expect(slider).to_have_value("0.95")
    tab.assert_clean()


def test_the_table_of_runs_sorts_and_opens_one(chromium, trained):
    expect = playwright.expect
    tab = Tab(chromium, trained)
    tab.run("sick").wait_for()
    tab.inside.get_by_role("button", name="Table", exact=True).click()
    table = tab.inside.locator(".all-runs table")
    names = table.locator("tbody th")
    expect(names).to_have_count(3)
    table.get_by_role("button", name="run", exact=True).click()
    expect(names).to_have_text(["demo", "fixed", "sick"])
    table.get_by_role("button", name="run").click()
    expect(names).to_have_text(["sick", "fixed", "demo"])
    table.get_by_role("button", name="worst finding").click()
    expect(names.first).to_have_text("fixed")
    table.get_by_role("button", name="loss, validation").click()
    heading = table.locator("th[aria-sort=ascending]")
    expect(heading).to_contain_text("loss, validation")
    expect(names.last).to_have_text("demo")  # it does not learn
    table.get_by_role("button", name="demo").click()
    expect(tab.inside.locator("h1")).to_have_text("demo")
    tab.assert_clean()


def test_axe_finds_no_violation(chromium, trained):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    source = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    tab = Tab(chromium, trained)
    tab.run("demo").click()
    playwright.expect(tab.inside.locator("h1")).to_have_text("demo")
    tab.heat().click(position={"x": 200, "y": 10})
    tab.inside.locator(".layer h2").wait_for()
    (frame,) = [one for one in tab.page.frames if one != tab.page.main_frame]

    def violations():
        frame.evaluate(source)
        found = frame.evaluate("() => axe.run()")["violations"]
        return [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found]

    assert violations() == []
    tab.page.evaluate("document.body.classList.add('dark-mode')")
    playwright.expect(tab.inside.locator("html")).to_have_attribute("data-theme", "dark")
    assert violations() == []
    tab.inside.get_by_role("button", name="Table", exact=True).click()
    tab.inside.locator(".all-runs table").wait_for()
    assert violations() == []


def test_a_damaged_record_is_reported(chromium, others):
    folder, address = others
    path = event_run(folder / "altered", events=[opened(FINDING, 20)])
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"rule": "dead_units"', b'"rule": "dead_unitz"'))
    tab = Tab(chromium, address)
    tab.run("altered").click()
    expect = playwright.expect
    expect(tab.inside.locator("h1")).to_have_text("altered")
    expect(tab.inside.locator(".problem")).to_contain_text("A record is damaged")
    expect(tab.inside.locator("body")).not_to_contain_text("dead_unitz")
    tab.assert_clean()


def test_a_window_of_steps_is_restored(chromium, trained):
    expect = playwright.expect
    tab = Tab(chromium, trained)
    tab.page.goto(f"{trained}/#babysit&p.babysit.run=sick&p.babysit.window=40-120")
    tab.page.reload()
    expect(tab.inside.locator("h1")).to_have_text("sick")
    expect(tab.inside.locator(".course .bar-top")).to_contain_text("steps 40 to 120")
    tab.assert_clean()


def test_a_running_run_refreshes_by_itself(chromium, others):
    folder, address = others
    sink = write(TensorBoard(folder / "growing"), ends=False)
    tab = Tab(chromium, address)
    tab.run("growing").click()
    expect = playwright.expect
    head = tab.inside.locator(".head")
    expect(head).to_contain_text("running · step 100")
    expect(head).to_contain_text(re.compile(r"updated \d\d:\d\d:\d\d, every 5 s"))
    sink.on_measurements(probe(110))
    expect(head).to_contain_text("running · step 110")
    sink.on_end(Report(History(), []))
    expect(head).to_contain_text("finished · step 110")
    expect(head).not_to_contain_text("updated")
    tab.assert_clean()


def test_remedy_is_copied_with_a_button(chromium, trained):
    tab = Tab(chromium, trained, permissions=["clipboard-read", "clipboard-write"])
    tab.run("sick").click()
    code = tab.inside.locator(".view .first .code")
    copy_by(code.locator("button"))
    copied = tab.page.evaluate("navigator.clipboard.readText()")
    assert copied == code.locator("code").text_content()
    assert "keras" in copied or "optimizer" in copied
    tab.assert_clean()


def test_two_runs_stand_side_by_side(chromium, trained):
    expect = playwright.expect
    tab = Tab(chromium, trained)
    tab.run("sick").click()
    expect(tab.inside.locator("h1")).to_have_text("sick")
    tab.inside.get_by_label("Compare with fixed").check()
    expect(tab.inside.locator("h1")).to_have_text(["sick", "fixed"])
    tab.inside.locator(".layers .picker select").first.select_option("gradients/norm")
    expect(tab.inside.locator(".legend")).to_have_count(2)
    html = tab.inside.locator("html")
    html.evaluate("() => scrollTo({ top: 100, behavior: 'instant' })")
    tab.inside.locator(".layers .picker select").first.select_option("updates/ratio")
    expect(tab.inside.locator(".heat + .reading").first).to_be_attached()
    expect(tab.inside.locator(".layers .picker select").nth(1)).to_have_value("updates/ratio")
    assert html.evaluate("() => scrollY") == 100  # redrawing keeps the scroll position
    html.evaluate("() => scrollTo({ top: 0, behavior: 'instant' })")
    first, second = tab.inside.locator(".legend").all()
    assert first.text_content() == second.text_content()  # both maps have the same scale
    plots = [tab.heat(index).bounding_box() for index in (0, 1)]
    assert plots[0]["y"] == pytest.approx(plots[1]["y"], abs=1)
    tab.keep("side_by_side")
    tab.inside.get_by_label("Compare with fixed").uncheck()
    expect(tab.inside.locator("h1")).to_have_text(["sick"])  # a list: two headings are waited out
    tab.run("fixed").click()
    expect(tab.inside.locator("h1")).to_have_text("fixed")
    tab.assert_clean()


def test_more_than_two_runs_lie_over_each_other(chromium, trained, tmp_path):
    expect = playwright.expect
    tab = Tab(chromium, trained, viewport={"width": 1440, "height": 900})
    tab.run("sick").click()
    tab.inside.get_by_label("Compare with fixed").check()
    expect(tab.inside.locator("h1")).to_have_text(["sick", "fixed"])
    tab.inside.get_by_label("Compare with demo").check()
    expect(tab.inside.locator("h1")).to_have_text(["3 runs"])
    expect(tab.inside.locator(".overlaid .name")).to_have_text(["sick", "fixed", "demo"])
    loss = tab.inside.locator(".chart").first
    expect(loss.locator("canvas:not(.swatch)")).to_be_visible()
    expect(loss.locator(".key")).to_have_count(3)
    tab.keep("overlay")
    with tab.page.expect_download() as download:
        loss.get_by_role("button", name="as CSV").click()
    download.value.save_as(tmp_path / "loss.csv")
    heading, *rows = (tmp_path / "loss.csv").read_text().splitlines()
    assert heading == "run,data,step,seconds since 1970,value"
    assert {tuple(row.split(",")[:2]) for row in rows} == {
        (run, "validation") for run in ("sick", "fixed", "demo")
    }
    tab.inside.locator("[data-switch=side]").select_option("train")
    expect(loss.locator(".key").first).to_have_attribute("title", "sick, train")
    tab.inside.locator("[data-switch=axis]").select_option("relative")
    expect(loss.locator("canvas:not(.swatch)")).to_be_visible()
    assert tab.page.url.count("p.babysit.other=") == 2
    tab.page.reload()
    expect(tab.inside.locator("h1")).to_have_text(["3 runs"])
    tab.inside.get_by_label("Compare with demo").uncheck()
    expect(tab.inside.locator("h1")).to_have_text(["sick", "fixed"])
    tab.assert_clean()


def test_everything_works_with_the_keyboard(chromium, trained):
    expect = playwright.expect
    tab = Tab(chromium, trained)
    tab.run("sick").focus()
    tab.page.keyboard.press("Enter")
    expect(tab.inside.locator("h1")).to_have_text("sick")
    tab.inside.locator(".bar[aria-label*='Dead units']").first.focus()
    tab.page.keyboard.press("Enter")
    card = tab.inside.locator(".card:focus")
    expect(card).to_contain_text("dead_units")
    expect(card).to_be_in_viewport()
    tab.heat().focus()
    tab.page.keyboard.press("ArrowDown")
    tab.page.keyboard.press("ArrowLeft")
    expect(tab.inside.locator(".layers .reading")).to_contain_text("hidden_")
    tab.page.keyboard.press("Enter")
    expect(tab.inside.locator(".layer h2")).to_contain_text("hidden_")
    tab.page.keyboard.press("Escape")
    expect(tab.inside.locator(".layer")).to_be_hidden()
    tab.assert_clean()


def test_dragging_over_a_curve_zooms_in(chromium, trained):
    expect = playwright.expect
    tab = Tab(chromium, trained)
    tab.run("sick").click()
    expect(tab.inside.locator("h1")).to_have_text("sick")
    plot = tab.inside.locator(".plot .u-over").first.bounding_box()
    y = plot["y"] + plot["height"] / 2
    tab.page.mouse.move(plot["x"] + plot["width"] * 0.25, y)
    tab.page.mouse.down()
    tab.page.mouse.move(plot["x"] + plot["width"] * 0.75, y, steps=5)
    tab.page.mouse.up()
    expect(tab.inside.locator(".course .bar-top")).to_contain_text("steps ")
    tab.inside.get_by_role("button", name="Show the whole run").click()
    expect(tab.inside.locator(".course .bar-top")).to_contain_text("Drag over a curve")
    tab.assert_clean()


class Look(keras.callbacks.Callback):
    """Reads the tab during the run, at the end of two epochs."""

    def __init__(self, chromium, address):
        super().__init__()
        self.chromium, self.address = chromium, address
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.tab = Tab(self.chromium, self.address)
            self.tab.run("live").click()
            self.note("running · step 80")
        if epoch == 3:
            self.tab.reload()
            self.note("running · step 160")

    def note(self, words):
        head = self.tab.inside.locator(".head")
        playwright.expect(head).to_contain_text(words)
        self.seen.append(words)


def test_reload_while_the_run_still_writes(chromium, others):
    folder, address = others
    look = Look(chromium, address)
    sitter = train(folder / "live", bias=far_below_zero, epochs=5, callbacks=[look])
    assert look.seen == ["running · step 80", "running · step 160"]
    look.tab.reload()
    head = look.tab.inside.locator(".head")
    playwright.expect(head).to_contain_text(f"finished · step {sitter.history.step}")
    look.tab.assert_clean()


def test_names_are_shown_as_text(chromium, others):
    folder, address = others
    sick = replace(FINDING, target=SCRIPT, message=f"{SCRIPT} is sick", rule=SCRIPT)
    sick = replace(
        sick, remedies=(Remedy(SCRIPT, f"name = {SCRIPT!r}"),), evidence={SCRIPT: SCRIPT}
    )
    event_run(folder / "<b>run</b>", layers=(SCRIPT, "dense_1"), events=[opened(sick, 20)])
    tab = Tab(chromium, address)
    tab.run("<b>run</b>").click()
    expect = playwright.expect
    expect(tab.inside.locator("h1")).to_have_text("<b>run</b>")
    tab.heat().click(position={"x": 200, "y": 10})
    expect(tab.inside.locator(".layer h2")).to_have_text(SCRIPT)
    expect(tab.inside.locator(".view .card")).to_contain_text(f"{SCRIPT} is sick")
    made = tab.inside.locator("h1, h2, h3, p, td, dt, dd, li, .run, pre, svg text")
    assert made.locator("script, b, img").count() == 0
    tab.keep("hostile")
    tab.assert_clean()


def test_truncated_event_file_is_reported_and_the_rest_is_shown(chromium, others):
    folder, address = others
    path = event_run(folder / "cut")
    path.write_bytes(path.read_bytes()[:-11])
    os.utime(path, (0, 0))
    tab = Tab(chromium, address)
    tab.run("cut").click()
    expect = playwright.expect
    expect(tab.inside.locator("h1")).to_have_text("cut")
    expect(tab.inside.locator(".problem")).to_contain_text("The last record is incomplete")
    expect(tab.inside.locator(".head")).to_contain_text("step 100")
    tab.assert_clean()


def test_folder_without_runs_shows_how_to_write_one(chromium, tmp_path):
    (tmp_path / "events.out.tfevents.1.host").touch()
    with tensorboard(tmp_path) as address:
        tab = Tab(chromium, address)
        empty = tab.inside.locator(".empty")
        playwright.expect(empty).to_contain_text("No keras-babysit runs found")
        playwright.expect(empty).to_contain_text("kb.Babysitter(log_dir=")
        tab.assert_clean()


def test_run_without_a_probe(chromium, others):
    folder, address = others
    sink = TensorBoard(folder / "fresh")
    sink.on_start(History())
    sink.close()
    tab = Tab(chromium, address)
    tab.run("fresh").click()
    expect = playwright.expect
    expect(tab.inside.locator("h1")).to_have_text("fresh")
    expect(tab.inside.locator(".verdict")).to_contain_text("Nothing was measured")
    expect(tab.inside.locator(".layers")).to_contain_text("No layer has been measured yet")
    tab.assert_clean()

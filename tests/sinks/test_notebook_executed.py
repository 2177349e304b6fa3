"""A notebook that uses the package, executed as users execute one."""

import shutil

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbconvert is not installed")
preprocessors = pytest.importorskip("nbconvert.preprocessors")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.any_backend

SETUP = """
import keras, numpy as np
import keras_babysit as kb
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(256, 8)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
dead = keras.initializers.Constant(-20.0)
model = keras.Sequential([
    keras.Input((8,)),
    keras.layers.Dense(32, activation="relu", bias_initializer=dead, name="hidden"),
    keras.layers.Dense(1, activation="sigmoid"),
])
model.compile("sgd", "binary_crossentropy")
sitter = kb.Babysitter(every=4)
"""

FIT = "model.fit(x, y, epochs=12, verbose=0, callbacks=[sitter]);"

LAST = {
    "sitter": "sitter",
    "findings": "sitter.findings",
    "finding": "sitter.findings[0]",
    "history": "sitter.history",
    "verdict": "sitter.verdict",
    "profiles": 'kb.activations.profile("relu", "tanh", with_cost=False)',
    "plot": 'kb.activations.plot(kb.activations.profile("relu", "tanh", with_cost=False))',
    "check": "kb.check(model, x, y, seconds=5)",
    "report": "sitter.report()",
}


def outputs_of(cells, folder):
    """Execute cells in a kernel of this interpreter; return the outputs of each."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    executor = preprocessors.ExecutePreprocessor(timeout=600, kernel_name="python3")
    executor.preprocess(notebook, {"metadata": {"path": str(folder)}})
    return notebook, [cell.outputs for cell in notebook.cells]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    notebook, outputs = outputs_of([SETUP, FIT, *LAST.values()], folder)
    return notebook, outputs


def html_of(output):
    return "".join(output["data"]["text/html"])


def test_a_fit_shows_one_card_with_the_verdict_and_prints_nothing(executed):
    _, outputs = executed
    (card,) = outputs[1]
    assert card["output_type"] == "display_data"
    assert "Dead units in " in html_of(card).replace("&quot;", '"')
    assert "Do this first" in html_of(card)
    assert "Dead units" in card["data"]["text/plain"]


@pytest.mark.parametrize("name", LAST)
def test_the_last_expression_of_a_cell_shows_itself_once(executed, name):
    _, outputs = executed
    (shown,) = outputs[2 + list(LAST).index(name)]
    data = shown["data"]
    assert "object at 0x" not in data["text/plain"]
    assert ("image/png" if name == "plot" else "text/html") in data


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_of_the_notebook_follows_its_theme(executed, theme, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api", reason="the driver is not installed")
    from nbconvert import HTMLExporter

    from keras_babysit import markup
    from tests.dashboard.browser import SHOTS

    page, _ = HTMLExporter(theme=theme).from_notebook_node(executed[0])
    if theme == "dark":  # as JupyterLab marks its body
        page = page.replace("<body", '<body data-jp-theme-light="false"', 1)
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    colours = markup.LIGHT if theme == "light" else markup.DARK
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        shown = opened.new_page(viewport={"width": 1000, "height": 1400})
        # What the exported page asks other servers for is not needed.
        shown.route("http*://**", lambda route: route.abort())
        shown.goto((tmp_path / "page.html").as_uri(), wait_until="load")
        card = shown.locator(".kb-card").first
        card.wait_for()
        ink = card.evaluate("node => getComputedStyle(node).color")
        SHOTS.mkdir(parents=True, exist_ok=True)
        shown.screenshot(path=SHOTS / f"notebook_{theme}.png", full_page=True)
        opened.close()
    parts = [int(colours["ink"][at : at + 2], 16) for at in (1, 3, 5)]
    assert ink == f"rgb({parts[0]}, {parts[1]}, {parts[2]})"

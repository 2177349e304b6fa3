import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points
from types import SimpleNamespace

import numpy as np
import pytest
from tensorboard.backend.application import TensorBoardWSGI
from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import Client

from keras_babysit.dashboard import bounds
from keras_babysit.dashboard.plugin import BabysitPlugin
from keras_babysit.findings import Remedy
from keras_babysit.history import History, Measurement
from keras_babysit.sinks import TensorBoard
from keras_babysit.testing.sinks import FINDING, HOSTILE_NAMES, opened
from tests.dashboard.logs import LAYERS, event_run, facts, json_run

ROOT = "/data/plugin/babysit"


class Board:
    """TensorBoard with only our plugin, requested without a network."""

    def __init__(self, folder, **kwargs):
        self.plugin = BabysitPlugin(TBContext(logdir=str(folder), **kwargs))
        self._client = Client(TensorBoardWSGI([self.plugin]))

    def ask(self, route, status=200, **arguments):
        response = self._client.get(f"{ROOT}/{route}", query_string=arguments)
        assert response.status_code == status, response.text
        assert len(response.data) <= bounds.MAX_RESPONSE_BYTES
        return json.loads(response.data, parse_constant=pytest.fail)

    def get(self, path):
        return self._client.get(path)

    @property
    def first(self):
        return self.ask("runs")["runs"][0]["id"]


@pytest.fixture
def board(tmp_path):
    event_run(tmp_path / "one")
    return Board(tmp_path)


def test_tab_is_there_where_runs_are_and_only_there(tmp_path):
    assert not Board(tmp_path).plugin.is_active()
    json_run(tmp_path / "run.jsonl")
    assert Board(tmp_path).plugin.is_active()


def test_listing_names_the_page(board):
    listing = json.loads(board.get("/data/plugins_listing").data)["babysit"]
    assert listing["enabled"]
    assert listing["tab_name"] == "Babysit"
    module = listing["loading_mechanism"]["module_path"]
    assert board.get(module).mimetype == "text/javascript"


def test_every_file_of_the_page_is_served_and_nothing_else(board):
    entry = board.get(f"{ROOT}/static/index.js").text
    for path in ("styles.css", "vendor/uPlot.esm.js", "vendor/uPlot.min.css", "heat_map.js"):
        assert board.get(f"{ROOT}/static/{path}").status_code == 200
    assert "styles.css" in entry
    for path in (
        "../plugin.py",
        "%2e%2e/plugin.py",
        "vendor/README.md",
        "nothing.js",
        "vendor",
        "",
    ):
        assert board.get(f"{ROOT}/static/{path}").status_code == 404


def test_run_is_listed_with_its_state_once_it_was_read(board):
    (unread,) = board.ask("runs")["runs"]
    assert (unread["name"], "state" in unread) == ("one", False)
    (run,) = board.ask("runs", read=1)["runs"]
    assert (run["state"], run["step"], run["worst"]) == ("finished", 100, None)


def test_overview_summarizes_the_run(board):
    run = board.ask("run", run=board.first)
    assert (run["state"], run["last"], run["problem"]) == ("finished", 100, "")
    assert run["verdict"]["headline"] == "No open problems (1 resolved)"
    assert run["counts"] == "1 error (1 resolved)"
    assert "loss 2 -> 0.0198 in 100 steps" in run["summary"]
    assert run["epochs"] == [20, 40, 60, 80]
    loss, accuracy = run["charts"]
    assert [line["kind"] for line in loss["lines"]] == ["batch", "train", "validation"]
    assert loss["lines"][2]["margins"] == [0.01]
    assert accuracy["title"] == "accuracy"  # and no chart of its errors, which say the same


def test_timeline_shows_what_opened_worsened_and_was_resolved(board):
    (bar,) = board.ask("run", run=board.first)["bars"]
    assert (bar["from"], bar["worsened"], bar["to"]) == (20, [40], 80)
    assert (bar["severity"], bar["rule"], bar["where"]) == ("error", "dead_units", "dense")


def test_findings_have_their_remedy_as_code(tmp_path):
    event_run(tmp_path, events=[opened(FINDING, 20)])
    board = Board(tmp_path)
    run = board.ask("run", run=board.first)
    assert run["verdict"]["doFirst"]["code"] == "optimizer.learning_rate = 1e-4"
    (card,) = run["verdict"]["cards"]
    assert card["remedies"] == []  # its only remedy is what to do first
    assert card["key"] == run["bars"][0]["card"]


def test_measured_quantities_are_offered_the_best_known_first(tmp_path):
    sink, history = TensorBoard(tmp_path), History()
    history.note(**facts(("dense",)))
    sink.on_start(history)
    of_the_layer = ("activations/of_a_later_version", "updates/ratio", "activations/mean")
    for quantity in (*of_the_layer, "activations/std"):
        sink.on_measurements([Measurement(1, 0, quantity, "dense", 1.0)])
    of_others = (("loss/batch", ""), ("score/loss", "train"), ("other/version", "train"))
    of_data = (("inputs/mean", "inputs[0]"), ("outputs/std", "outputs[0]"))
    for quantity, target in of_others + of_data:
        sink.on_measurements([Measurement(1, 0, quantity, target, 1.0)])
    sink.close()
    board = Board(tmp_path)
    offered = board.ask("run", run=board.first)["quantities"]
    assert [one["name"] for one in offered] == [
        "activations/std",
        "updates/ratio",
        "activations/mean",
        "activations/of_a_later_version",
    ]
    assert offered[0]["title"] == "Activation, standard deviation"
    assert offered[-1]["title"] == "Activations: of a later version"


def test_heat_map_has_the_layers_in_the_order_of_the_network(board):
    heat = board.ask("heat", run=board.first, quantity="activations/dead_fraction")
    assert [row["name"] for row in heat["rows"]] == list(LAYERS)
    assert [row[-1] for row in heat["cells"]] == [0.0, 0.333, 0.667]
    assert (heat["low"], heat["high"], heat["isLog"]) == (0, 1, False)
    assert heat["ends"][-1] == 100


def test_symptoms_are_folded_under_the_card_of_their_cause(tmp_path):
    stuck = replace(FINDING, rule="no_gradient", target="", message="No gradient.")
    event_run(tmp_path, events=[opened(FINDING, 20), opened(stuck, 10)])
    board = Board(tmp_path)
    run = board.ask("run", run=board.first)
    (card,) = run["verdict"]["cards"]
    assert (card["rule"], [one["rule"] for one in card["symptoms"]]) == (
        "dead_units",
        ["no_gradient"],
    )
    assert card["lines"] == ["explains: no gradient, reported at step 10"]
    assert {bar["card"] for bar in run["bars"]} == {card["key"]}
    assert len(run["bars"]) == 2


def test_heat_map_opens_on_the_worst_finding(tmp_path):
    exploding = replace(FINDING, rule="exploding_gradients", target="logits/kernel")
    event_run(tmp_path, events=[opened(exploding, 20)])
    board = Board(tmp_path)
    opens_on = board.ask("run", run=board.first)["opensOn"]
    heat = board.ask("heat", run=board.first)
    assert opens_on["quantity"] == heat["quantity"] == "gradients/norm"
    assert [row["name"] for row in heat["rows"] if row["id"] == opens_on["series"]] == [
        "logits/kernel"
    ]


def test_default_quantity_is_the_first_and_an_unknown_one_has_no_rows(board):
    first = board.ask("run", run=board.first)["quantities"][0]["name"]
    assert board.ask("heat", run=board.first)["quantity"] == first
    assert board.ask("heat", run=board.first, quantity="no/such")["rows"] == []


def test_layers_that_were_measured_later_are_in_network_order(tmp_path):
    sink = TensorBoard(tmp_path)
    history = History()
    history.note(**facts(("a", "b", "c")))
    sink.on_start(history)
    for layers in ("ac", "bca"):
        sink.on_measurements(
            [Measurement(1, 0, "gradients/norm", f"{one}/kernel", 1.0) for one in layers]
        )
    sink.close()
    board = Board(tmp_path)
    heat = board.ask("heat", run=board.first, quantity="gradients/norm")
    assert [row["name"] for row in heat["rows"]] == ["a/kernel", "b/kernel", "c/kernel"]


def test_peaks_and_non_finite_values_survive_downsampling(tmp_path):
    sink = TensorBoard(tmp_path)
    sink.on_start(History())
    values = np.full(3000, 0.5)
    values[1234], values[2345] = 9.0, np.nan
    for step, value in enumerate(values):
        sink.on_measurements(
            [
                Measurement(step, 0, "gradients/norm", "dense", value),
                Measurement(step, 0, "loss/batch", "", value),
            ]
        )
    sink.close()
    board = Board(tmp_path)
    (cells,) = board.ask("heat", run=board.first, quantity="gradients/norm")["cells"]
    assert len(cells) == bounds.MAX_COLUMNS
    assert (cells.count(9.0), cells.count("nan")) == (1, 1)
    (line,) = board.ask("run", run=board.first)["charts"][0]["lines"]
    assert len(line["values"]) <= bounds.MAX_POINTS
    assert 9.0 in line["values"]
    assert "nan" in line["values"]


def test_zooming_in_shows_every_probe(board):
    window = {"from": 30, "to": 60, "run": board.first}
    heat = board.ask("heat", quantity="activations/std", **window)
    assert (heat["first"], heat["ends"][0], heat["ends"][-1]) == (30, 30, 60)
    (batch, *_) = board.ask("run", **window)["charts"][0]["lines"]
    assert batch["steps"] == [20, 30, 40, 50, 60, 70]  # one beyond each end, to draw up to it


def test_nothing_is_drawn_after_the_latest_step_of_the_shorter_run(board):
    heat = board.ask("heat", run=board.first, quantity="activations/std", **{"from": 0, "to": 200})
    assert heat["cells"][0][:101].count(None) == 0
    assert set(heat["cells"][0][102:]) == {None}


def test_row_with_an_open_finding_is_marked(tmp_path):
    event_run(tmp_path, events=[opened(replace(FINDING, target="dense_1"), 20)])
    board = Board(tmp_path)
    heat = board.ask("heat", run=board.first, quantity="gradients/norm")
    assert [row.get("mark") for row in heat["rows"]] == [None, "warning", None]


def test_layer_has_units_series_and_its_own_findings(board):
    heat = board.ask("heat", run=board.first, quantity="gradients/norm")
    layer = board.ask("layer", run=board.first, series=heat["rows"][0]["id"], step=55)
    assert layer["layer"] == "dense"
    (units,) = layer["units"]
    assert (units["step"], units["count"], units["zeros"]) == (50, 4, 1)
    assert units["values"] == [0.0, 0.25, 1.0, 0.5]
    assert {one["target"] for one in layer["series"]} == {"dense", "dense/kernel"}
    assert [card["where"] for card in layer["findings"]["cards"]] == ["dense"]
    other = board.ask("layer", run=board.first, series=heat["rows"][1]["id"], step=55)
    assert other["findings"]["cards"] == []


@pytest.mark.parametrize(
    ("route", "arguments", "status"),
    [
        ("run", {"run": "nothing"}, 404),
        ("run", {}, 404),
        ("heat", {"run": "nothing"}, 404),
        ("layer", {"series": 9999, "step": 1}, 404),
        ("layer", {"series": "-1", "step": 1}, 400),
        ("layer", {"series": 1}, 400),
        ("run", {"from": 5, "to": 5}, 400),
        ("run", {"from": 1}, 400),
        ("run", {"from": "a", "to": "9" * 400}, 400),
    ],
)
def test_invalid_request_is_refused_with_a_sentence(board, route, arguments, status):
    if arguments and "run" not in arguments:
        arguments = {"run": board.first, **arguments}
    assert len(board.ask(route, status, **arguments)["error"]) > 20


def test_huge_window_is_answered(board):
    window = {"from": 0, "to": 10**15}
    heat = board.ask("heat", run=board.first, quantity="activations/std", **window)
    assert len(heat["ends"]) == bounds.MAX_COLUMNS


def test_run_whose_file_is_gone(tmp_path):
    path = event_run(tmp_path)
    board = Board(tmp_path)
    first = board.first
    board.ask("run", run=first)
    path.unlink()
    assert "cannot be read" in board.ask("run", 503, run=first)["error"]
    assert board.ask("runs")["runs"] == []


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_names_are_data(tmp_path, name):
    sick = replace(FINDING, rule=name, target=name, message=name, reference=name)
    sick = replace(sick, evidence={name: name}, remedies=(Remedy(name, name),))
    event_run(tmp_path, layers=(name, "dense_1"), events=[opened(sick, 20)])
    board = Board(tmp_path)
    run = board.first
    overview = board.ask("run", run=run)
    assert len(overview["verdict"]["cards"]) == 1
    heat = board.ask("heat", run=run, quantity="activations/dead_fraction")
    layer = board.ask("layer", run=run, series=heat["rows"][0]["id"], step=100)
    texts = json.dumps([overview, heat, layer], ensure_ascii=False)
    assert "\x1b" not in texts
    assert "\n" not in texts
    if name.startswith("<script>"):
        assert heat["rows"][0]["name"] == name


class RecordsOnly(TensorBoard):
    """Leaves out what TensorBoard itself shows, which would take minutes here."""

    def summary_values(self, measurement):
        return ()


def test_responses_for_a_large_network_with_many_findings_are_bounded(tmp_path):
    words = "\u5c42" * 150  # six bytes each in JSON
    layers = [f"{words}/{index}" for index in range(400)]
    events = [
        opened(
            replace(
                FINDING,
                rule=f"rule_{index}",
                target=layer,
                message=words,
                evidence={f"{words}{i}": words for i in range(22)},
                remedies=tuple(Remedy(words, "x = 1\n" * 600) for _ in range(9)),
            ),
            20,
        )
        for index, layer in enumerate(layers[:120])
    ]
    sink, history, random = RecordsOnly(tmp_path), History(), np.random.default_rng(0)
    sink.on_start(history)
    history.note(**facts(layers))
    for step in range(0, 5000, 20):
        numbers = random.normal(size=len(layers)) * -1.2345e-7
        pairs = zip(layers, numbers, strict=True)
        sink.on_measurements([Measurement(step, 0, "activations/mean", *pair) for pair in pairs])
    units = random.normal(size=60_000).astype(np.float32)
    sink.on_measurements([Measurement(5000, 0, "activations/gate", layers[0], units)])
    for index in range(100):
        sink.on_measurements([Measurement(5000, 0, f"more/{index}{words}", layers[0], 1.0)])
    sink.on_events(events)
    sink.close()
    board = Board(tmp_path)
    run = board.first
    overview = board.ask("run", run=run)  # `ask` asserts the bound on each answer
    assert overview["verdict"]["omitted"] > 0
    heat = board.ask("heat", run=run, quantity="activations/mean")
    assert (len(heat["rows"]), heat["omitted"]) == (bounds.MAX_ROWS, 100)
    assert len(heat["rows"]) * len(heat["ends"]) <= bounds.MAX_CELLS
    layer = board.ask("layer", run=run, series=heat["rows"][0]["id"], step=5000)
    assert len(layer["units"][0]["values"]) <= bounds.MAX_UNITS
    assert len(layer["series"]) <= bounds.MAX_SERIES


def test_several_folders_have_prefixes(tmp_path):
    event_run(tmp_path / "a" / "x")
    event_run(tmp_path / "b" / "x")
    spec = f"left:{tmp_path / 'a'},{tmp_path / 'b'}"
    plugin = BabysitPlugin(TBContext(logdir="", flags=SimpleNamespace(logdir_spec=spec)))
    names = {run.name for run in plugin.library.find()}
    assert names == {"left/x", f"{tmp_path / 'b'}/x"}


def test_entry_point_leads_to_the_plugin(tmp_path):
    (point,) = entry_points(group="tensorboard_plugins", name="babysit")
    plugin = point.load()().load(TBContext(logdir=str(tmp_path)))
    assert plugin.plugin_name == "babysit"


WITHOUT_KERAS = """
import sys
sys.modules["keras"] = None  # as where Keras or its backend cannot be imported
from tensorboard import default
from tensorboard.plugins.base_plugin import TBContext
(ours,) = [p for p in default.get_plugins() if p.__module__ == "keras_babysit_tensorboard"]
assert ours().load(TBContext(logdir=".")) is None
"""

ANOTHER_BACKEND = """
import sys
import keras_babysit_tensorboard
keras_babysit_tensorboard.Loader().load(None)
assert "keras_babysit" in sys.modules
"""


@pytest.mark.parametrize("code", [WITHOUT_KERAS, ANOTHER_BACKEND], ids=["no-keras", "other"])
def test_tensorboard_starts_whatever_keras_finds(code):
    surroundings = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    if code is ANOTHER_BACKEND:
        surroundings["KERAS_BACKEND"] = "not-installed"
    done = subprocess.run(
        [sys.executable, "-c", code], env=surroundings, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr

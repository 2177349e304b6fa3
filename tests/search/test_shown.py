"""What the user sees: progress bar, table, plot, TensorBoard's HParams, and Optuna's log."""

import io
import logging

import optuna
import pytest
from matplotlib.figure import Figure

import keras_babysit as kb
from keras_babysit.search.objective import read_objective
from keras_babysit.search.phases import plan_phases
from keras_babysit.search.plot import plot
from keras_babysit.search.progress import ProgressBar, incomplete_text
from tests.search.models import blobs, deep
from tests.search.records import DROPOUT, record

pytestmark = pytest.mark.any_backend

OBJECTIVE = read_objective("val_loss")


class Shown:
    """A view of these trials."""

    def __init__(self, records):
        self.found = records

    def records(self):
        return self.found


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A search with a trial for each way in which a trial can end."""
    logs = tmp_path_factory.mktemp("logs")
    search = kb.search.RandomizedSearchCV(
        deep,
        objective="val_accuracy",
        max_trials=7,
        cv=2,
        seed=0,
        verbose=0,
        max_stopped=1.0,
        log_dir=logs,
    )
    return search.fit(*blobs(400), epochs=4, batch_size=16), logs


def test_hparams_are_read_back_by_tensorboards_own_plugin(search):
    search, logs = search
    groups = session_groups(logs)
    assert {group["name"] for group in groups} == {f"trial-{n:04d}" for n in range(7)}
    for group in groups:
        record = search.records_[int(group["name"].split("-")[1])]
        values = group["hparams"]
        assert values["learning_rate"] == pytest.approx(record.params["learning_rate"])
        assert values["activation"] == record.params["activation"]
        assert values["cause"] == record.cause
        assert group["status"] == (
            "STATUS_SUCCESS" if record.state == "complete" else "STATUS_FAILURE"
        )
        if record.scores:
            assert group["metrics"]["val_accuracy"] == pytest.approx(record.score)
    assert {r.state for r in search.records_} >= {"complete", "stopped"}


def session_groups(logs):
    """Return the content of the HParams tab, as the plugin sends it to the browser."""
    from tensorboard.backend.event_processing import data_provider
    from tensorboard.backend.event_processing import plugin_event_multiplexer as multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import hparams_plugin
    from werkzeug.test import Client

    events = multiplexer.EventMultiplexer().AddRunsFromDirectory(str(logs))
    events.Reload()
    provider = data_provider.MultiplexerDataProvider(events, str(logs))
    context = base_plugin.TBContext(data_provider=provider, logdir=str(logs))
    app = hparams_plugin.HParamsPlugin(context).get_plugin_apps()["/session_groups"]
    statuses = [f"STATUS_{name}" for name in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]
    request = {
        "startIndex": 0,
        "sliceSize": 99,
        "allowedStatuses": statuses,
        "colParams": [{"metric": {"tag": tag}} for tag in ("val_accuracy", "gap")],
    }
    answer = Client(app).post("/", json=request)
    assert answer.status_code == 200, answer.text
    return [
        {
            "name": group["sessions"][0]["name"],
            "hparams": group["hparams"],
            "metrics": {m["name"]["tag"]: m["value"] for m in group.get("metricValues", ())},
            "status": group["sessions"][0]["status"],
        }
        for group in answer.json["sessionGroups"]
    ]


def test_the_picture_has_log_axes_and_causes(search):
    figure = search[0].plot()
    assert isinstance(figure, Figure)
    axes = {a.get_xlabel(): a for a in figure.axes}
    assert set(axes) == {"activation", "learning_rate"}
    assert axes["learning_rate"].get_xscale() == "log"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"round 1", "best"} < set(labels)
    assert {r.cause for r in search[0].records_ if r.state == "stopped"} <= set(labels)
    figure.savefig(io.BytesIO())


def test_the_plot_of_a_reverse_log_axis_and_of_no_trial():
    mirrored = kb.search.Range("momentum", 0.1, 0.9, sampling="reverse_log")
    trials = [
        kb.search.Record(n, params={"momentum": v}, space={"momentum": mirrored}, scores=[v])
        for n, v in enumerate([0.2, 0.5, 0.9])
    ]
    figure = plot(trials, [{"momentum": mirrored}], OBJECTIVE)
    figure.savefig(io.BytesIO())
    assert plot([], [], OBJECTIVE).axes == []


def test_the_plot_lists_only_what_it_shows_and_its_labels_do_not_overlap():
    narrow = kb.search.Range("weight_decay", 1.2e-4, 9e-4, sampling="log")
    names = kb.search.Choice("activation", ("leaky_relu", "hard_sigmoid", "softplus", "tanh"))
    space = {"weight_decay": narrow, "activation": names}
    trials = [
        kb.search.Record(
            n, params={"weight_decay": v, "activation": names.values[n]}, space=space, scores=[v]
        )
        for n, v in enumerate([1.3e-4, 2.4e-4, 5e-4, 8.5e-4])
    ]
    figure = plot(trials, [], OBJECTIVE)
    figure.savefig(io.BytesIO())
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["round 1", "best"]
    decay, activation = figure.axes
    assert {"0.0002", "0.0005"} <= {text.get_text() for text in decay.get_xticklabels()}
    assert all(not t.get_text() for t in decay.get_xticklabels(minor=True))
    assert {t.get_rotation() for t in activation.get_xticklabels()} == {30.0}


def test_whole_numbers_have_whole_labels():
    layers = kb.search.Range("layers", 1, 2, is_int=True)
    trials = [
        kb.search.Record(n, params={"layers": n + 1}, space={"layers": layers}, scores=[n + 1.0])
        for n in range(2)
    ]
    figure = plot(trials, [], OBJECTIVE)
    figure.savefig(io.BytesIO())
    shown = [t for t in figure.axes[0].get_xticks() if 1 <= t <= 2]
    assert shown == [1, 2]


def test_the_plot_names_rounds_without_complete_trials_and_partial_ones():
    wide, narrow = (kb.search.Range("rate", low, 1.0, sampling="log") for low in (1e-3, 0.1))
    trials = [
        kb.search.Record(
            n, n, state, params={"rate": 0.5}, space={"rate": wide}, scores=[0.1 * (n + 1)]
        )
        for n, state in enumerate(["complete", "partial", "pruned"])
    ]
    figure = plot(trials, [{"rate": wide}, {"rate": narrow}, {"rate": narrow}], OBJECTIVE)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["round 1", "round 2", "round 3", "partial", "pruned", "best"]


@pytest.mark.parametrize(("rounds", "marked"), [(1, 0.1), (2, 0.2), (None, 0.2)])
def test_the_circle_is_around_the_winner_once_the_best_were_trained_again(rounds, marked):
    rate = kb.search.Range("rate", 1e-3, 1.0)
    lucky, steady = (
        kb.search.Record(
            n, params={"rate": value}, space={"rate": rate}, scores=[value], reruns=[[again]]
        )
        for n, (value, again) in enumerate([(0.1, 0.9), (0.2, 0.3)])
    )
    figure = plot([lucky, steady], [{"rate": rate}] * 2, OBJECTIVE, rounds)
    circles = [c for c in figure.axes[0].collections if c.get_label() == "best"]
    assert [c.get_offsets()[0][0] for c in circles] == [marked]


TRIALS = [
    record(0, 0.5, learning_rate=0.01, dropout=0.1),
    record(1, 0.3, learning_rate=0.02, dropout=0.1, state="pruned"),
    record(2, None, "loss_explosion", learning_rate=3.0, dropout=0.1),
    record(3, None, "no_update", learning_rate=1e-5, dropout=0.1),
    record(4, None, "no_update", learning_rate=1.1e-5, dropout=0.1),
    record(5, 0.4, learning_rate=0.02, dropout=0.1),
]


def test_a_pipe_gets_a_line_per_change_with_best_and_causes():
    stream = io.StringIO()
    with ProgressBar(OBJECTIVE, plan_phases([6], [0], 0), stream=stream) as bar:
        for count in (0, 1, 1, 6):
            bar.update(Shown(TRIALS[:count]))
    assert stream.getvalue().splitlines() == [
        "trials  1/6  best val_loss 0.5",
        "trials  6/6  best val_loss 0.4  pruned 1 · no_update 2 · loss_explosion 1",
    ]


def test_a_terminal_gets_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with ProgressBar(OBJECTIVE, plan_phases([2] * 3, [0] * 3, 0), stream=stream) as bar:
        bar.update(Shown(TRIALS))
    assert "round 1/3" in stream.getvalue()
    assert "6/6" in stream.getvalue()
    assert "best val_loss 0.4" in stream.getvalue()
    assert incomplete_text(TRIALS) == "pruned 1 · no_update 2 · loss_explosion 1"


def test_verbose_0_prints_nothing(capsys):
    with ProgressBar(OBJECTIVE, plan_phases([2] * 3, [0] * 3, 0), verbose=0) as bar:
        bar.update(Shown(TRIALS))
    assert capsys.readouterr().out == ""


def test_the_table_comes_with_the_findings(capsys):
    from keras_babysit.search.rounds import Steering, next_ranges
    from keras_babysit.search.table import as_text, show, summary

    spread = [record(n, v, dropout=d) for n, (d, v) in enumerate([(0, 3), (0.2, 2), (0.5, 1)])]
    findings = next_ranges(spread, {"dropout": DROPOUT}, Steering())[1]
    text = as_text(summary(spread, findings, OBJECTIVE))
    assert "NOTE edge_of_range after round 1: The best trial has dropout=0.5" in text
    assert 'hp.Float("dropout"' in text
    assert "3 trials: 3 complete; 0 examples" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    show(summary(TRIALS, [], OBJECTIVE))
    assert "no_update 2" in capsys.readouterr().out


def test_a_search_leaves_optunas_log_level_alone(search):
    assert optuna.logging.get_verbosity() == logging.INFO
    assert len(search[0].study_.trials) == 7


def test_a_random_search_has_ranges_and_findings(search):
    (ranges,) = search[0].ranges_
    assert ranges["learning_rate"].low == 1e-7
    assert isinstance(search[0].findings_, list)


@pytest.mark.parametrize("worst", [3.0, 1e21])
def test_a_trial_that_diverged_does_not_stretch_the_axis(worst):
    rate = kb.search.Range("rate", 1e-4, 1e-1, sampling="log")
    scores = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, worst]
    trials = [
        kb.search.Record(number, params={"rate": 1e-3}, space={"rate": rate}, scores=[score])
        for number, score in enumerate(scores)
    ]
    figure = plot(trials, [], OBJECTIVE)
    (axes,) = figure.axes
    _, labels = axes.get_legend_handles_labels()
    assert ("off the scale" in labels) == (worst > 3)
    assert axes.get_ylim()[1] < 4

"""Measures how long the Babysit tab takes to show a long run of a large network.

    python benchmarks/dashboard.py [--probes 1000] [--layers 200] [--looks 5]

Writes the log of such a run, starts TensorBoard on it and opens the tab in headless Chromium.
Prints the time from the request of the page until its heat map is painted, and the size of each
response. On the first visit the server reads the event file; on later visits it is in memory.
"""

import argparse
import json
import statistics
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from keras_babysit.facts import LayerFacts
from keras_babysit.history import History, Measurement, Overhead
from keras_babysit.sinks import Report, TensorBoard
from tests.dashboard.browser import browser, tensorboard

QUANTITIES = {
    "activations/dead_fraction": 0.2,
    "activations/saturated_fraction": 0.1,
    "activations/std": 1.0,
    "gradients/norm": 1.0,
    "updates/ratio": 1e-3,
}
UNITS = 64

PAINTED = """async () => {
  const start = performance.timeOrigin;
  for (;;) {
    await new Promise(requestAnimationFrame);
    if (document.querySelector("canvas.cells") && document.querySelector(".u-over")) break;
  }
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.timeOrigin + performance.now() - start;
}"""


def write(folder, probes, layers):
    """Write the log of a run with five quantities and the gates of every layer per probe."""
    random = np.random.default_rng(0)
    names = [f"encoder/block_{index // 8}/attention/dense_{index}" for index in range(layers)]
    history = History()
    history.note(layers=dict.fromkeys(names, LayerFacts(class_name="Dense", units=UNITS)))
    sink = TensorBoard(folder)
    sink._values = (
        lambda measurement: ()
    )  # TensorBoard's own scalars are slow to write and not read here
    sink.on_start(history)
    for probe in range(probes):
        step, found = 10 * probe, []
        found.append(Measurement(step, 0, "loss/batch", "", float(np.exp(-probe / probes))))
        for quantity, size in QUANTITIES.items():
            values = size * np.exp(-np.arange(layers) / layers) * random.random(layers)
            pairs = zip(names, values.tolist(), strict=True)
            found += [Measurement(step, 0, quantity, name, value) for name, value in pairs]
        gates = random.random((layers, UNITS)).astype(np.float32)
        pairs = zip(names, gates, strict=True)
        found += [Measurement(step, 0, "activations/gate", name, gate) for name, gate in pairs]
        sink.on_measurements(found)
    sink.on_end(Report(history, [], Overhead(1.0, 100.0, probes)))


def look(chromium, address):
    """Return the milliseconds from the request of the page until it is painted."""
    page = chromium.new_context(viewport={"width": 1320, "height": 900}).new_page()
    page.goto(f"{address}/data/plugin_entry.html?name=babysit", wait_until="commit")
    milliseconds = page.evaluate(PAINTED)
    page.context.close()
    return milliseconds


def sizes(address):
    """Return the size of each response in bytes, before compression."""

    def ask(route, **arguments):
        query = urllib.parse.urlencode(arguments)
        with urllib.request.urlopen(f"{address}/data/plugin/babysit/{route}?{query}") as answer:
            text = answer.read()
        return json.loads(text), len(text)

    listing, _ = ask("runs", read=1)
    run = listing["runs"][0]["id"]
    heat, heat_size = ask("heat", run=run, quantity="gradients/norm")
    series = heat["rows"][0]["id"]
    return {
        "run": ask("run", run=run)[1],
        "heat": heat_size,
        "layer": ask("layer", run=run, series=series, step=5000)[1],
    }


def main():
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--probes", type=int, default=1000)
    parser.add_argument("--layers", type=int, default=200)
    parser.add_argument("--looks", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write(folder, arguments.probes, arguments.layers)
        (file,) = Path(folder).rglob("*.babysit")
        print(
            f"{arguments.probes:,} probes x {arguments.layers} layers, "
            f"{file.stat().st_size:,} bytes"
        )
        with tensorboard(folder) as address, browser() as chromium:
            times = [look(chromium, address) for _ in range(arguments.looks + 1)]
            answers = sizes(address)
    print(f"first visit   {times[0]:,.0f} ms until painted, including reading the file")
    later = f"{statistics.median(times[1:]):,.0f} ms (median of {arguments.looks})"
    print(f"later visits  {later}")
    for route, size in answers.items():
        print(f"/{route:<6} {size:>9,} bytes")


if __name__ == "__main__":
    main()

// One layer: its units at the selected step, its measurements over time, its findings.

import { cards } from "./findings.js";
import { h, replace, svg } from "./dom.js";
import { isNumber, short, whole } from "./format.js";
import { drawUnits } from "./units.js";

const SPARK = { width: 336, height: 44 };

let chosenUnits = null;

export function drawLayer(parent, layer, close) {
  const units = h("div", { class: "units" });
  replace(parent, [
    h("header", {},
      h("button", { type: "button", class: "close", "aria-label": "Close the layer", "data-focus": "close", click: close }, "×"),
      h("h2", {}, h("code", {}, layer.layer)),
      h("p", { class: "quiet" }, layer.facts.map(([key, value]) => (key === "layer" || key === "activation" ? value : `${value} ${key}`)).join(" · "))),
    units,
    h("section", { "aria-label": "Measurements of the layer" }, h("h3", {}, "Measurements"),
      layer.series.length ? layer.series.map((series) => spark(series, layer)) : h("p", { class: "quiet" }, "No measurements.")),
    h("section", { "aria-label": "Findings on the layer" }, h("h3", {}, "Findings"),
      layer.findings.cards.length ? cards(layer.findings) : h("p", { class: "quiet" }, "No findings on this layer.")),
  ]);
  showUnits(units, layer);
}

function showUnits(parent, layer) {
  if (!layer.units.length) {
    parent.replaceChildren(h("h3", {}, "Units"), h("p", { class: "quiet" }, "The units of this layer are not measured: it has no activation function."));
    return;
  }
  const shown = layer.units.find((one) => one.quantity === chosenUnits) || layer.units[0];
  const select = h("select", {
    "aria-label": "What to show of each unit", "data-focus": "units",
    change: (event) => { chosenUnits = event.target.value; showUnits(parent, layer); },
  }, layer.units.map((one) => h("option", { value: one.quantity, selected: one === shown }, one.title)));
  parent.replaceChildren(h("div", { class: "bar-top" }, h("h3", {}, "Units"), layer.units.length > 1 ? select : h("span", { class: "quiet" }, shown.title)));
  drawUnits(parent, shown);
}

function spark(series, layer) {
  const numbers = series.values.filter(isNumber);
  const low = Math.min(...numbers), high = Math.max(...numbers);
  const bend = series.isLog ? Math.log10 : (v) => v;
  const first = series.steps[0], last = Math.max(series.steps.at(-1), first + 1, layer.step);
  const x = (step) => ((step - first) / (last - first)) * (SPARK.width - 4) + 2;
  const y = (v) => SPARK.height - 4 - (high > low ? (bend(v) - bend(low)) / (bend(high) - bend(low)) : 0.5) * (SPARK.height - 8);
  let d = "", isDown = false;
  series.steps.forEach((step, i) => {
    const value = series.values[i];
    if (!isNumber(value)) { isDown = false; return; }
    d += `${isDown ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = true;
  });
  const drawing = svg("svg", { viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, role: "img", "aria-label": `${series.title}: ${short(series.values.at(-1))} at step ${whole(series.steps.at(-1))}` },
    svg("line", { class: "chosen", x1: x(layer.step), x2: x(layer.step), y1: 0, y2: SPARK.height }),
    svg("path", { class: "spark", d }));
  if (numbers.length === 1) drawing.append(svg("circle", { class: "dot", cx: x(series.steps[series.values.findIndex(isNumber)]), cy: y(numbers[0]), r: 2.5 }));
  const range = numbers.length ? (low < high ? `${short(low)} to ${short(high)}${series.isLog ? ", logarithmic" : ""}` : "constant") : "not finite";
  const part = series.target === layer.layer ? null : h("code", {}, series.target.replace(`${layer.layer}/`, ""));
  return h("figure", {}, h("figcaption", {}, h("span", {}, series.title, part ? " · " : "", part), h("b", {}, short(series.values.at(-1))), h("span", { class: "quiet" }, range)), drawing);
}

// One run from top to bottom: verdict, timeline, curves, heat map.

import { address } from "./address.js";
import { linkButton } from "./copy.js";
import { drawVerdict } from "./findings.js";
import { h, replace } from "./dom.js";
import { isNumber, whole } from "./format.js";
import { frame, marking } from "./frame.js";
import { drawHeatMap } from "./heat_map.js";
import { drawChart } from "./lines.js";
import { sign } from "./runs.js";
import { drawTimeline } from "./timeline.js";

const WORDS = { finished: "finished", running: "running", "cut off": "incomplete" };

// The parts are rows of a grid that two runs share, so that they line up for comparison.
export function drawRun(parent, run, map, context) {
  const { state, choose, window, titles } = context;
  const box = frame(Math.max(300, parent.clientWidth), window, marking(run, state.axis));
  const zoom = (range) => choose({ window: range });
  const course = h("section", { class: "course", "aria-label": "Training curves" },
    h("div", { class: "bar-top" }, h("h2", {}, "Training curves"), zoomed(state, zoom), run === context.runs[0] ? switches(run, context) : null));
  const charts = titles.map((title) => h("section", { class: "chart", "aria-label": title }));
  const layers = h("section", { class: "layers", "aria-label": "Layers" });
  const findings = h("section", { class: "findings", "aria-label": "Findings" });
  replace(parent, [head(run, context), findings, course, ...charts, layers]);
  parent.style.gridRowEnd = `span ${parent.children.length}`;
  drawVerdict(findings, run);
  drawTimeline(course, run, box, (key) => reveal(parent, key));
  if (!run.charts.length) course.append(h("p", { class: "quiet" }, "No loss was measured."));
  for (const chart of run.charts) drawChart(charts[titles.indexOf(chart.title)], chart, run, box, { zoom, display: state });
  drawHeatMap(layers, run, map, box, context);
}

function head(run, { runs }) {
  return h("header", { class: "head" },
    h("div", { class: "state quiet" }, h("span", {}, `${WORDS[run.state]} · step ${whole(run.step)}`), h("span", { class: "updated" }), run === runs[0] ? linkButton(address) : null),
    h("h1", { title: run.name }, run.name),
    h("p", { class: "verdict" }, sign(run), h("strong", {}, run.verdict.headline), h("span", { class: "quiet" }, run.counts)),
    h("p", { class: "summary" }, run.summary.map((line) => h("span", {}, line.replace("->", "→")))),
    run.problem ? h("p", { class: "problem", role: "note" }, run.problem) : null);
}

// How all curves are drawn.
export function switches(run, { state, choose }) {
  const select = (label, key, options) => h("label", { class: "picker" }, h("span", { class: "quiet" }, label),
    h("select", { "data-focus": `switch-${key}`, "data-switch": key, change: (event) => choose({ [key]: event.target.value }) },
      options.map(([value, words]) => h("option", { value, selected: state[key] === value }, words))));
  return h("div", { class: "switches" },
    run.clock.length ? select("Axis", "axis", [["step", "step"], ["relative", "time since the start"], ["wall", "time of day"]]) : null,
    select("Scale", "scale", [["auto", "automatic"], ["log", "logarithmic"], ["linear", "linear"]]),
    h("label", { class: "picker" }, h("span", { class: "quiet" }, "Smoothing"),
      h("input", { type: "range", min: "0", max: "0.95", step: "0.05", value: String(state.smoothing), "data-focus": "switch-smoothing",
        change: (event) => choose({ smoothing: Number(event.target.value) }) })));
}

function zoomed(state, zoom) {
  if (!state.window) return h("p", { class: "quiet" }, "Drag over a curve to zoom in.");
  const [first, last] = state.window;
  return h("p", { class: "quiet" }, `steps ${whole(first)} to ${whole(last)} `,
    h("button", { type: "button", "data-focus": "whole-run", click: () => zoom(null) }, "Show the whole run"));
}

function reveal(parent, key) {
  const card = [...parent.querySelectorAll(".card")].find((node) => node.getAttribute("data-key") === key);
  if (!card) return;
  for (let fold = card.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  card.scrollIntoView({ block: "center" });
  card.focus({ preventScroll: true });
}

// Gives two runs common colours and axes; returns the titles of all charts.
export function shareScales(runs, maps) {
  const known = maps.filter((map) => map && map.rows.length);
  if (known.length > 1) {
    const low = Math.min(...known.map((map) => map.low));
    const high = Math.max(...known.map((map) => map.high));
    const isLog = known.some((map) => map.isLog) && low > 0;
    for (const map of known) Object.assign(map, { low, high, isLog });
  }
  const titles = [...new Set(runs.flatMap((run) => run.charts.map((chart) => chart.title)))];
  for (const title of titles) {
    const charts = runs.map((run) => run.charts.find((chart) => chart.title === title)).filter(Boolean);
    const values = charts.flatMap(extent).filter(isNumber);
    const range = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
    for (const chart of charts) chart.range = range;
  }
  return titles;
}

function extent(chart) {
  const ends = (values) => values.length ? [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))] : [];
  return [chart.start, ...chart.lines.flatMap((line) => {
    const around = line.values.flatMap((value, i) => {
      const margin = line.margins && line.margins[i];
      // A margin as large as the value would extend a logarithmic axis indefinitely.
      if (!isNumber(value) || !isNumber(margin)) return [value];
      return [value + margin, value > 0 ? Math.max(value - margin, value / 2) : value - margin];
    });
    return ends(around.filter(isNumber));
  })];
}

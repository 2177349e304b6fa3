// Up to eight runs over each other: one curve per run in each chart, over steps or over time.

import { address } from "./address.js";
import { linkButton } from "./copy.js";
import { h, replace } from "./dom.js";
import { saveButtons, titled } from "./export.js";
import { cutInTheMiddle, isNumber, short, ticks, whole } from "./format.js";
import { duration, secondsAt, timeOfDay } from "./frame.js";
import { axes, isLogarithmic, smoothed, spread } from "./lines.js";
import { color } from "./palette.js";
import { switches } from "./run_view.js";
import { sign } from "./runs.js";
import uPlot from "./vendor/uPlot.esm.js";

// Taller than the charts of one run: up to eight curves must be distinguished.
const LEFT = 96, RIGHT = 16, HEIGHT = 240, NAME_LETTERS = 40;
// Each run differs in dash as well as in colour.
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [14, 4], [2, 6], [8, 3, 2, 3, 2, 3]];

export function drawOverlay(parent, context) {
  const { runs, titles, state, choose } = context;
  const side = h("label", { class: "picker" }, h("span", { class: "quiet" }, "Curves of"),
    h("select", { "data-focus": "switch-side", "data-switch": "side", change: (event) => choose({ side: event.target.value }) },
      [["validation", "validation"], ["train", "training"]].map(([value, words]) => h("option", { value, selected: state.side === value }, words))));
  const charts = titles.map((title) => h("section", { class: "chart", "aria-label": title }));
  // With a clock only if all have one, so that no curve is missing.
  const clock = runs.every((run) => run.clock.length) ? runs[0].clock : [];
  const bar = switches({ clock }, context);
  bar.prepend(side);
  replace(parent, [h("article", { class: "view overlay" },
    h("header", { class: "head" },
      h("div", { class: "state quiet" }, h("span", {}, "Drawn over each other"), linkButton(address)),
      h("h1", {}, `${runs.length} runs`),
      h("ul", { class: "overlaid" }, runs.map((run, index) => h("li", {}, swatch(index), sign(run),
        h("span", { class: "name", title: run.name }, cutInTheMiddle(run.name, NAME_LETTERS)), h("span", { class: "quiet" }, run.verdict.headline))))),
    h("section", { class: "course", "aria-label": "Training curves" }, h("div", { class: "bar-top" }, h("h2", {}, "Training curves"), bar)),
    ...charts)]);
  const axis = clock.length ? state.axis : "step";
  const drawn = charts.map((chart, index) => [chart, titles[index], linesOf(runs, titles[index], state.side)]);
  const ends = drawn.flatMap(([, , lines]) => lines.flatMap((line) => [line.steps[0], line.steps.at(-1)].map((step) => across(line.run, step, axis))));
  const range = ends.length ? [Math.min(...ends), Math.max(...ends)] : [0, 1];
  for (const [chart, title, lines] of drawn) drawChart(chart, title, lines, range, axis, state);
}

// The curve of each run: that of the chosen data, or of the other if a run has none.
function linesOf(runs, title, side) {
  const order = side === "validation" ? ["validation", "train", "batch"] : ["train", "batch", "validation"];
  return runs.flatMap((run, index) => {
    const chart = run.charts.find((one) => one.title === title);
    const line = chart && order.map((kind) => chart.lines.find((one) => one.kind === kind)).find(Boolean);
    return line ? [{ ...line, run, index }] : [];
  });
}

function across(run, step, axis) {
  if (axis === "step") return step;
  const seconds = secondsAt(run.clock, step);
  return axis === "relative" ? seconds - run.clock[0][1] : seconds;
}

function drawChart(parent, title, lines, range, axis, display) {
  const width = Math.max(300, parent.clientWidth);
  const values = lines.flatMap((line) => line.values.filter(isNumber));
  const extent = values.length ? [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))] : [0, 1];
  const isLog = isLogarithmic(extent, display.scale);
  const words = { step: whole, relative: duration, wall: timeOfDay }[axis];
  const keys = lines.map(() => h("output", {}));
  const at = h("span", { class: "at" });
  const host = h("div", { class: "plot", role: "img", "aria-label": `${title}: ${lines.map((line, i) => `${line.run.name}, ${line.kind}, ends at ${last(line)}`).join("; ")}` });
  const positions = lines.map((line) => line.steps.map((step) => across(line.run, step, axis)));
  const xs = [...new Set(positions.flat())].sort((a, b) => a - b);
  const row = new Map(xs.map((x, i) => [x, i]));
  const columns = lines.map((line, index) => {
    const column = new Array(xs.length);
    smoothed(line, display.smoothing).values.forEach((value, i) => { column[row.get(positions[index][i])] = isNumber(value) ? value : null; });
    return column;
  });
  const read = (index) => {
    at.textContent = index === null ? "" : `${axis === "step" ? "step " : ""}${words(xs[index])}`;
    lines.forEach((line, i) => {
      const known = index === null ? line.steps.length - 1 : positions[i].findLastIndex((x) => x <= xs[index]);
      keys[i].textContent = known < 0 ? "" : short(line.values[known]);
    });
  };
  parent.append(h("div", { class: "figure" },
    h("div", { class: "caption" }, h("h3", {}, title), isLog ? h("span", {}, "logarithmic") : null,
      lines.map((line, i) => h("span", { class: "key", title: `${line.run.name}, ${line.kind}` }, swatch(line.index), keys[i])), at,
      saveButtons(title, { picture: () => titled(title, plot.ctx.canvas), rows: () => table(lines) }, `overlay-${title}`)),
    host));
  read(null);
  const plot = new uPlot({
    width, height: HEIGHT, padding: [6, RIGHT, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "babysit", setSeries: false }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
    scales: { x: { time: false, range: range[0] < range[1] ? range : [range[0], range[0] + 1] }, y: { distr: isLog ? 3 : 1, range: spread(extent, isLog) } },
    axes: axes(LEFT, isLog, { splits: (_, __, low, high) => ticks(low, high, Math.max(3, Math.floor(width / 160))), values: (_, marks) => marks.map(words) }),
    series: [{}, ...lines.map((line) => ({ stroke: color(`run${line.index}`), width: 2, dash: DASHES[line.index], spanGaps: false, points: { show: line.steps.length < 2, size: 6 } }))],
    hooks: { setCursor: [(plot) => read(plot.cursor.idx === undefined ? null : plot.cursor.idx)] },
  }, [xs, ...columns], host);
}

function last(line) {
  return short(line.values.at(-1));
}

// The points that are drawn, not smoothed: a row per run and step.
function table(lines) {
  return [
    ["run", "data", "step", "seconds since 1970", "value"],
    ...lines.flatMap((line) => line.steps.map((step, i) => [line.run.name, line.kind, step, line.run.clock.length ? secondsAt(line.run.clock, step) : null, line.values[i]])),
  ];
}

function swatch(index) {
  const width = 26, unit = devicePixelRatio;
  const drawn = h("canvas", { class: "swatch", width: width * unit, height: 10 * unit, "aria-hidden": "true" });
  const draw = drawn.getContext("2d");
  draw.strokeStyle = color(`run${index}`);
  draw.lineWidth = 2 * unit;
  draw.setLineDash(DASHES[index].map((part) => part * unit));
  draw.beginPath();
  draw.moveTo(0, 5 * unit);
  draw.lineTo(width * unit, 5 * unit);
  draw.stroke();
  return drawn;
}

// Curves over steps, drawn with uPlot; the caption shows the values under the pointer.

import { h } from "./dom.js";
import { decades, isNumber, label, short, ticks, whole } from "./format.js";
import { saveButtons, titled } from "./export.js";
import { secondsAt, stepMarks } from "./frame.js";
import { color } from "./palette.js";
import uPlot from "./vendor/uPlot.esm.js";

const HEIGHT = 156;
const LOG_FROM = 30; // range (as a factor) from which an axis is logarithmic
const STYLES = {
  batch: { width: 1.25, dash: [] },
  train: { width: 2, dash: [] },
  validation: { width: 2, dash: [7, 4] },
};

export function drawChart(parent, chart, run, box, { zoom, display }) {
  const isLog = isLogarithmic(chart.range, display.scale);
  const keys = chart.lines.map((line) => h("output", {}));
  const at = h("span", { class: "at" });
  const host = h("div", { class: "plot", role: "img", "aria-label": spoken(chart) });
  parent.append(h("div", { class: "figure" },
    h("div", { class: "caption" }, h("h3", {}, chart.title), isLog ? h("span", {}, "logarithmic") : null,
      chart.lines.map((line, i) => h("span", { class: `key ${line.kind}` }, h("i"), `${line.kind} `, keys[i])), at,
      saveButtons(chart.title, { picture: () => titled(chart.title, plot.ctx.canvas), rows: () => table(chart.lines, steps, run) }, `${run.id}-${chart.title}`)),
    host));
  const steps = [...new Set(chart.lines.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const read = (index) => {
    at.textContent = index === null ? "" : `step ${whole(steps[index])}`;
    chart.lines.forEach((line, i) => { keys[i].textContent = reading(line, index === null ? null : steps[index]); });
  };
  read(null);
  const drawn = { ...chart, lines: chart.lines.map((line) => smoothed(line, display.smoothing)) };
  const plot = new uPlot(options(drawn, run, box, isLog, read, zoom), columns(drawn.lines, steps), host);
}

export function isLogarithmic([low, high], scale) {
  return low > 0 && (scale === "log" || (scale === "auto" && high / low > LOG_FROM));
}

// Exponential moving average without the bias towards its first value, as in TensorBoard.
export function smoothed(line, weight) {
  if (!weight) return line;
  let mean = 0, total = 0;
  const values = line.values.map((value) => {
    if (!isNumber(value)) return value;
    mean = weight * mean + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return mean / total;
  });
  return { ...line, values, margins: null };
}

// The points that are drawn, not smoothed: a row per step.
function table(lines, steps, run) {
  const at = lines.map((line) => new Map(line.steps.map((step, i) => [step, line.values[i]])));
  const seconds = (step) => (run.clock.length ? [secondsAt(run.clock, step)] : []);
  return [
    ["step", ...(run.clock.length ? ["seconds since 1970"] : []), ...lines.map((line) => line.kind)],
    ...steps.map((step) => [step, ...seconds(step), ...at.map((values) => values.get(step))]),
  ];
}

function spoken(chart) {
  return `${chart.title}: ${chart.lines.map((line) => `${line.kind} ends at ${reading(line, null)}`).join(", ")}`;
}

// The value at or before a step; the latest value if no step is given.
function reading(line, step) {
  const index = step === null ? line.steps.length - 1 : line.steps.findLastIndex((one) => one <= step);
  if (index < 0) return "";
  const margin = line.margins && line.margins[index];
  return short(line.values[index]) + (isNumber(margin) ? ` ± ${short(margin)}` : "");
}

// uPlot expects one column of steps: undefined if a line has no point, null if it is not finite.
function columns(lines, steps) {
  const row = new Map(steps.map((step, i) => [step, i]));
  const column = (line, value) => {
    const found = new Array(steps.length);
    line.steps.forEach((step, i) => { found[row.get(step)] = value(i); });
    return found;
  };
  const edge = (line, sign) => column(line, (i) => {
    const margin = line.margins && line.margins[i];
    return isNumber(line.values[i]) && isNumber(margin) ? line.values[i] + sign * margin : null;
  });
  return [
    steps,
    ...lines.map((line) => column(line, (i) => (isNumber(line.values[i]) ? line.values[i] : null))),
    ...lines.filter((line) => line.margins).flatMap((line) => [edge(line, 1), edge(line, -1)]),
  ];
}

// The axes of a chart, horizontal and vertical; `across` says where and how the former is marked.
export function axes(left, isLog, across) {
  const stroke = color("mute"), grid = { stroke: color("grid"), width: 1 };
  const font = '11.5px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
  return [
    { stroke, font, grid: { show: false }, ticks: { show: false }, size: 26, ...across },
    { stroke, font, grid, ticks: { show: false }, size: left, gap: 8, filter: (_, marks) => marks, splits: (_, __, low, high) => marks(low, high, isLog), values: (_, found) => found.map((v) => label(v, isLog ? v : found[1] - found[0] || v)) },
  ];
}

function options(chart, run, box, isLog, read, zoom) {
  const banded = chart.lines.filter((line) => line.margins);
  const first = chart.lines.length + 1;
  return {
    width: box.width,
    height: HEIGHT,
    padding: [6, box.right, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "babysit", setSeries: false }, drag: { x: true, y: false, setScale: false }, y: false, points: { size: 6 } },
    scales: { x: { time: false, range: [box.first, box.last] }, y: { distr: isLog ? 3 : 1, range: spread(chart.range, isLog) } },
    axes: axes(box.left, isLog, { splits: () => stepMarks(box), values: (_, marks) => marks.map(box.mark) }),
    series: [
      {},
      ...chart.lines.map((line) => ({
        stroke: color(line.kind), ...STYLES[line.kind], spanGaps: false, points: { show: line.steps.length < 2, size: 6 },
      })),
      ...banded.flatMap(() => [{ stroke: "transparent", width: 0, points: { show: false } }, { stroke: "transparent", width: 0, points: { show: false } }]),
    ],
    bands: banded.map((line, i) => ({ series: [first + 2 * i, first + 2 * i + 1], fill: `${color(line.kind)}2e` })),
    hooks: {
      drawAxes: [(plot) => mark(plot, chart, run)],
      draw: [(plot) => lost(plot, chart)],
      setCursor: [(plot) => read(plot.cursor.idx === undefined ? null : plot.cursor.idx)],
      setSelect: [(plot) => select(plot, box, zoom)],
    },
  };
}

function marks(low, high, isLog) {
  return isLog ? decades(low, high) : ticks(low, high, 4);
}

export function spread([low, high], isLog) {
  if (isLog) return [low / 1.3, high * 1.3];
  const padding = (high - low) * 0.06 || Math.abs(high) / 10 || 1;
  return [low - padding, high + padding];
}

function select(plot, box, zoom) {
  if (plot.select.width < 6) return;
  const from = Math.max(box.first, Math.floor(plot.posToVal(plot.select.left, "x")));
  const to = Math.min(box.last, Math.ceil(plot.posToVal(plot.select.left + plot.select.width, "x")));
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  if (to - from >= 2) zoom([from, to]);
}

// Marks the starts of epochs and the loss before training.
function mark(plot, chart, run) {
  const { left, top, width, height } = plot.bbox;
  const draw = plot.ctx;
  draw.save();
  draw.lineWidth = devicePixelRatio;
  draw.strokeStyle = color("edge");
  draw.setLineDash([devicePixelRatio, 4 * devicePixelRatio]);
  for (const epoch of run.epochs) {
    const x = plot.valToPos(epoch, "x", true);
    if (x > left && x < left + width) line(draw, x, top, x, top + height);
  }
  if (isNumber(chart.start)) {
    const y = plot.valToPos(chart.start, "y", true);
    draw.strokeStyle = color("mute");
    draw.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    line(draw, left, y, left + width, y);
    text(draw, "before training", left + width, y - 4 * devicePixelRatio, "right", color("mute"));
  }
  draw.restore();
}

function lost(plot, chart) {
  const steps = chart.lines.flatMap((one) => one.steps.filter((_, i) => typeof one.values[i] === "string"));
  if (!steps.length) return;
  const first = Math.min(...steps), x = plot.valToPos(first, "x", true), unit = devicePixelRatio;
  const { left, top, width } = plot.bbox;
  if (x < left || x > left + width) return;
  const y = top + 9 * unit, isLate = x > left + width / 2;
  const draw = plot.ctx;
  draw.save();
  draw.strokeStyle = color("error-fill");
  draw.lineWidth = 2 * unit;
  draw.setLineDash([]);
  line(draw, x - 5 * unit, y - 5 * unit, x + 5 * unit, y + 5 * unit);
  line(draw, x - 5 * unit, y + 5 * unit, x + 5 * unit, y - 5 * unit);
  text(draw, `not finite from step ${whole(first)}`, x + (isLate ? -11 : 11) * unit, y + 4 * unit, isLate ? "right" : "left", color("ink"));
  draw.restore();
}

function line(draw, x1, y1, x2, y2) {
  draw.beginPath();
  draw.moveTo(x1, y1);
  draw.lineTo(x2, y2);
  draw.stroke();
}

function text(draw, words, x, y, align, ink) {
  draw.font = `${11 * devicePixelRatio}px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif`;
  draw.textAlign = align;
  draw.fillStyle = ink;
  draw.fillText(words, x, y);
}

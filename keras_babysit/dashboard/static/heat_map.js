// A heat map of one quantity, layers x steps. Pointer and arrow keys read cells, a click opens a layer.

import { h, svg } from "./dom.js";
import { fitted, isNumber, short, whole } from "./format.js";
import { saveButtons, titled } from "./export.js";
import { stepAxis } from "./frame.js";
import { SIGNS, color, fraction, ramp, shades } from "./palette.js";

const HEIGHT = 640;
const ROW = { least: 3.2, most: 22 };
const KEYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

let held = null; // run, series and column of the cursor, kept across reloads

export function drawHeatMap(parent, run, map, box, context) {
  const isDrawn = map !== null && map.rows.length > 0;
  const row = isDrawn ? Math.min(ROW.most, Math.max(ROW.least, HEIGHT / map.rows.length)) : 0;
  let cells = null;
  parent.append(h("div", { class: "bar-top" }, h("h2", {}, "Layers"), picker(run, context), isDrawn ? legend(map) : null,
    isDrawn ? saveButtons(map.title, { picture: () => picture(map, cells, box, row), rows: () => table(map) }, `${run.id}-heat`) : null));
  if (!isDrawn) {
    parent.append(h("p", { class: "quiet" }, run.quantities.length ? "This run did not measure this quantity." : "No layer has been measured yet."));
    return;
  }
  const height = Math.ceil(map.rows.length * row);
  cells = h("canvas", {
    class: "cells", tabindex: "0", role: "application", "data-focus": `heat-${run.id}`,
    "aria-label": `${map.title}: ${map.rows.length} rows in the order of the network. Arrow keys read values, Enter opens the layer.`,
    style: `left:${box.left}px;width:${box.span}px;height:${height}px`,
  });
  const over = svg("svg", { class: "over", width: box.width, height: height + 26, "aria-hidden": "true" });
  const reading = h("output", { class: "reading" });
  parent.append(h("div", { class: "heat", style: `height:${height + 26}px` }, cells, over), reading);
  paint(cells, map, box, row, height);
  over.append(...labels(map, box, row), ...stepAxis(box, height));
  follow(cells, over, reading, run, map, box, row, context);
}

function picture(map, cells, box, row) {
  const every = Math.ceil(13 / row);
  const names = map.rows.map((one, r) => [fitted(one.name, box.left - 24), r * row + row / 2]).filter((_, r) => r % every === 0);
  return titled(map.title, cells, { left: box.left, labels: names });
}

// A row per layer; a column ends at the step that heads it.
function table(map) {
  return [["layer or weight", ...map.ends], ...map.rows.map((one, r) => [one.name, ...map.cells[r]])];
}

function picker(run, { quantity, choose }) {
  const options = run.quantities.map((one) => h("option", { value: one.name, selected: one.name === quantity }, one.title));
  return h("label", { class: "picker" }, h("span", { class: "quiet" }, "Show"),
    h("select", { "data-focus": `quantity-${run.id}`, change: (event) => choose({ quantity: event.target.value }) }, options));
}

function legend(map) {
  const bar = h("canvas", { width: 128, height: 1, class: "ramp", "aria-hidden": "true" });
  const draw = bar.getContext("2d");
  shades().forEach((shade, x) => { draw.fillStyle = shade; draw.fillRect(x, 0, 1, 1); });
  const isLost = map.cells.some((row) => row.some((value) => typeof value === "string"));
  return h("div", { class: "legend" }, short(map.low), bar, short(map.high), map.isLog ? h("span", {}, "logarithmic") : null,
    isLost ? h("span", { class: "key" }, h("i", { class: "bad" }), "not finite") : null);
}

// Draws one pixel per cell and scales it, which is fast for any number of cells.
function paint(canvas, map, box, row, height) {
  const unit = devicePixelRatio, columns = map.ends.length, rows = map.rows.length;
  canvas.width = Math.round(box.span * unit);
  canvas.height = Math.round(height * unit);
  const draw = canvas.getContext("2d");
  const left = (box.x(map.first) - box.left) * unit, wide = ((box.x(map.ends[columns - 1]) - box.left) * unit - left) / columns;
  const tall = row * unit;
  draw.imageSmoothingEnabled = false;
  draw.drawImage(pixels(map, columns, rows), left, 0, wide * columns, tall * rows);
  draw.fillStyle = hatched(draw);
  map.cells.forEach((values, r) => values.forEach((value, c) => {
    if (typeof value === "string") draw.fillRect(left + c * wide, r * tall, wide, tall);
  }));
  if (row <= 7) return;
  draw.fillStyle = color("page");
  for (let r = 1; r < rows; r++) draw.fillRect(0, Math.round(r * tall) - unit, canvas.width, unit);
}

function pixels(map, columns, rows) {
  const tile = h("canvas", { width: columns, height: rows });
  const draw = tile.getContext("2d");
  const image = draw.createImageData(columns, rows), colors = ramp();
  map.cells.flat().forEach((value, index) => {
    if (isNumber(value)) image.data.set([...colors[Math.round(fraction(map, value) * (colors.length - 1))], 255], 4 * index);
  });
  draw.putImageData(image, 0, 0);
  return tile;
}

function hatched(draw) {
  const unit = devicePixelRatio;
  const tile = h("canvas", { width: 6 * unit, height: 6 * unit });
  const ink = tile.getContext("2d");
  ink.scale(unit, unit);
  ink.fillStyle = color("page");
  ink.fillRect(0, 0, 6, 6);
  ink.strokeStyle = color("error-fill");
  ink.lineWidth = 2;
  ink.stroke(new Path2D("M-1 7 7-1M-1 1 1-1M5 7 7 5"));
  return draw.createPattern(tile, "repeat");
}

function labels(map, box, row) {
  const every = Math.ceil(13 / row);
  return map.rows.flatMap((one, r) => {
    const y = r * row + row / 2;
    const mark = one.mark ? [svg("path", { class: `sign ${one.mark}`, d: SIGNS[one.mark], transform: `translate(${box.left - 9} ${y}) scale(${Math.min(0.8, row / 12)})` })] : [];
    if (r % every) return mark;
    return [svg("text", { class: "name", x: box.left - 20, y: y + 4, "text-anchor": "end" }, fitted(one.name, box.left - 24), svg("title", {}, one.name)), ...mark];
  });
}

function follow(canvas, over, reading, run, map, box, row, { state, choose }) {
  const cursor = svg("rect", { class: "cursor", visibility: "hidden" });
  const columns = map.ends.length;
  const start = (c) => (c ? map.ends[c - 1] : map.first);
  const isHeld = held !== null && held.run === run.id;
  const { opensOn } = run;
  const worst = opensOn && opensOn.quantity === map.quantity ? map.rows.findIndex((one) => one.id === opensOn.series) : -1;
  let r = isHeld ? Math.max(0, map.rows.findIndex((one) => one.id === held.series)) : worst;
  let c = isHeld ? Math.min(columns - 1, held.column) : columns - 1;
  over.append(...chosen(map, box, row, run, state), cursor);
  const rest = map.omitted > 0 ? `${whole(map.omitted)} more rows are not shown. ` : "";
  if (!isHeld && worst >= 0) show();
  else reading.textContent = `${rest}Point at a cell to read its value. Click it, or press Enter, to open its layer.`;

  function show() {
    held = { run: run.id, series: map.rows[r].id, column: c };
    const x = box.x(start(c)), width = Math.max(2, box.x(map.ends[c]) - x);
    for (const [key, value] of Object.entries({ x, y: r * row, width, height: row, visibility: "visible" })) cursor.setAttribute(key, value);
    reading.textContent = `${map.rows[r].name} · ${steps(start(c), map.ends[c])} · ${short(map.cells[r][c])}`;
  }
  const open = () => r >= 0 && choose({ cell: { run: run.id, series: map.rows[r].id, step: map.ends[c] } });
  const aim = (event) => {
    const bounds = canvas.getBoundingClientRect();
    const step = map.first + ((event.clientX - bounds.left) / bounds.width) * (box.last - box.first);
    r = Math.min(map.rows.length - 1, Math.max(0, Math.floor((event.clientY - bounds.top) / row)));
    c = Math.max(0, map.ends.findIndex((end) => end >= step));
    show();
  };
  canvas.addEventListener("pointermove", aim);
  canvas.addEventListener("click", (event) => { aim(event); open(); });
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter") open();
    const move = KEYS[event.key];
    if (!move) return;
    event.preventDefault();
    r = Math.min(map.rows.length - 1, Math.max(0, r + move[0]));
    c = Math.min(columns - 1, Math.max(0, c + move[1]));
    show();
  });
}

function steps(from, to) {
  return to - from <= 1 ? `step ${whole(to)}` : `steps ${whole(from + 1)} to ${whole(to)}`;
}

// The row of the open layer, and the step at which it is shown.
function chosen(map, box, row, run, { cell }) {
  const index = cell && cell.run === run.id ? map.rows.findIndex((one) => one.id === cell.series) : -1;
  if (index < 0) return [];
  const x = box.x(cell.step);
  const line = x >= box.left && x <= box.left + box.span ? [svg("line", { class: "chosen", x1: x, x2: x, y1: 0, y2: map.rows.length * row })] : [];
  return [svg("rect", { class: "chosen", x: box.left, width: box.span, y: index * row, height: row }), ...line];
}

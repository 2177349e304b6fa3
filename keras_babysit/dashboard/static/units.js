// One square per unit of a layer; units at exactly zero are crossed out.

import { h } from "./dom.js";
import { isNumber, short, whole } from "./format.js";
import { color, fraction, shades } from "./palette.js";

const WIDTH = 336;

export function drawUnits(parent, units) {
  const columns = across(units.values.length);
  const side = WIDTH / columns, rows = Math.ceil(units.values.length / columns);
  const height = Math.ceil(rows * side), unit = devicePixelRatio;
  const numbers = units.values.filter(isNumber);
  const highest = Math.max(1e-9, ...numbers);
  const scale = { low: Math.min(0, ...numbers), high: highest <= 1 ? 1 : highest, isLog: false };
  const summary = `${whole(units.zeros)} of ${whole(units.count)} units are at 0`;
  const canvas = h("canvas", { class: "grid", role: "img", tabindex: "0", "data-focus": "unit-grid", "aria-label": `${units.title} of each unit at step ${whole(units.step)}: ${summary}`, style: `width:${WIDTH}px;height:${height}px` });
  const reading = h("output", { class: "reading" });
  const rest = units.every > 1 ? ` Showing every ${units.every}th unit.` : "";
  const say = () => { reading.textContent = `Step ${whole(units.step)}: ${summary}.${rest}`; };
  canvas.width = WIDTH * unit;
  canvas.height = height * unit;
  parent.append(canvas, reading);
  paint(canvas.getContext("2d"), units.values, columns, side * unit, scale);
  say();
  const read = (index) => {
    if (index < units.values.length) reading.textContent = `Unit ${whole(index * units.every)} · ${units.title.toLowerCase()} ${short(units.values[index])}`;
  };
  let at = -1;
  canvas.addEventListener("pointermove", (event) => {
    const bounds = canvas.getBoundingClientRect();
    at = Math.floor((event.clientY - bounds.top) / side) * columns + Math.floor((event.clientX - bounds.left) / side);
    read(at);
  });
  canvas.addEventListener("pointerleave", say);
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (!move) return;
    event.preventDefault();
    at = Math.min(units.values.length - 1, Math.max(0, at + move));
    read(at);
  });
}

// The number of columns for squares as large as possible in a square area.
function across(count) {
  for (const columns of [16, 24, 32, 48]) if (count <= columns * columns) return columns;
  return 64;
}

function paint(draw, values, columns, side, scale) {
  const ramp = shades(), gap = side > 6 ? devicePixelRatio : 0;
  draw.strokeStyle = color("ink");
  draw.lineWidth = Math.max(1, devicePixelRatio);
  values.forEach((value, index) => {
    const x = (index % columns) * side, y = Math.floor(index / columns) * side;
    const isLost = !isNumber(value);
    draw.fillStyle = isLost ? color("error-fill") : ramp[Math.round(fraction(scale, value) * (ramp.length - 1))];
    draw.fillRect(x, y, side - gap, side - gap);
    if (value !== 0) return;
    const inset = side * 0.3;
    draw.beginPath();
    draw.moveTo(x + inset, y + inset);
    draw.lineTo(x + side - gap - inset, y + side - gap - inset);
    draw.moveTo(x + side - gap - inset, y + inset);
    draw.lineTo(x + inset, y + side - gap - inset);
    draw.stroke();
  });
}

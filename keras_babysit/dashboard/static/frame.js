// Maps steps to screen coordinates; timeline, curves and heat map of a run share it.

import { ticks, whole } from "./format.js";
import { svg } from "./dom.js";

export function frame(width, window) {
  const left = width < 560 ? 112 : 156;
  const right = 16;
  const span = Math.max(60, width - left - right);
  const [first, last] = window;
  return { left, right, width, span, first, last, x: (step) => left + ((step - first) / (last - first)) * span };
}

export function stepMarks(box) {
  return ticks(box.first, box.last, Math.max(3, Math.floor(box.span / 100))).filter((t) => t % 1 === 0);
}

export function stepAxis(box, y) {
  const marks = stepMarks(box);
  return [
    svg("line", { class: "axis", x1: box.left, x2: box.left + box.span, y1: y, y2: y }),
    ...marks.map((t) => svg("text", { x: box.x(t), y: y + 16, "text-anchor": "middle" }, whole(t))),
    svg("text", { x: box.left - 10, y: y + 16, "text-anchor": "end" }, "step"),
  ];
}

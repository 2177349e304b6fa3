// Maps steps to screen coordinates; timeline, curves and heat map of a run share it.

import { ticks, whole } from "./format.js";
import { svg } from "./dom.js";

export function frame(width, window, marking) {
  const left = width < 560 ? 112 : 156;
  const right = 16;
  const span = Math.max(60, width - left - right);
  const [first, last] = window;
  return { left, right, width, span, first, last, ...marking, x: (step) => left + ((step - first) / (last - first)) * span };
}

export function stepMarks(box) {
  return ticks(box.first, box.last, Math.max(3, Math.floor(box.span / 100))).filter((t) => t % 1 === 0);
}

export function stepAxis(box, y) {
  const marks = stepMarks(box);
  return [
    svg("line", { class: "axis", x1: box.left, x2: box.left + box.span, y1: y, y2: y }),
    ...marks.map((t) => svg("text", { x: box.x(t), y: y + 16, "text-anchor": "middle" }, box.mark(t))),
    svg("text", { x: box.left - 10, y: y + 16, "text-anchor": "end" }, box.unit),
  ];
}

// How the axis is marked: with steps, with the time since the start, or with the time of day.
export function marking(run, axis) {
  if (axis === "step" || !run.clock.length) return { unit: "step", mark: whole };
  const start = run.clock[0][1];
  if (axis === "relative") return { unit: "time", mark: (step) => duration(secondsAt(run.clock, step) - start) };
  return { unit: "clock", mark: (step) => timeOfDay(secondsAt(run.clock, step)) };
}

// The time of a step, interpolated between the steps whose times are known.
export function secondsAt(clock, step) {
  const after = clock.findIndex(([known]) => known >= step);
  if (after < 0) return clock.at(-1)[1];
  if (after === 0) return clock[0][1];
  const [[from, early], [to, late]] = [clock[after - 1], clock[after]];
  return early + ((step - from) / (to - from)) * (late - early);
}

export function timeOfDay(seconds) {
  return new Date(1000 * seconds).toLocaleTimeString("en-GB");
}

export function duration(seconds) {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

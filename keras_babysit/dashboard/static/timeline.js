// When findings opened, worsened and were resolved; one line per rule.

import { h, svg } from "./dom.js";
import { shortened, whole } from "./format.js";
import { SIGNS } from "./palette.js";

const ROW = 24;
const WORSE = "M-4 2 0-3 4 2M-4 6 0 1 4 6";
const DONE = "M-4 0-1 3.5 5-4";

export function drawTimeline(parent, run, box, reveal) {
  const titles = [...new Set(run.bars.map((bar) => bar.title))];
  if (!titles.length) return;
  const height = titles.length * ROW + 6;
  const drawing = svg("svg", { class: "timeline", width: box.width, height, role: "group", "aria-label": `Timeline of ${run.bars.length} findings` });
  titles.forEach((title, index) => {
    const y = middle(index);
    drawing.append(
      svg("line", { class: "grid", x1: box.left, x2: box.left + box.span, y1: y, y2: y }),
      svg("text", { class: "title", x: box.left - 10, y: y + 4, "text-anchor": "end" }, shortened(title, box.left - 14), svg("title", {}, title)));
  });
  // Drawn from mild to severe, so that the most severe are on top.
  for (const bar of [...run.bars].reverse()) drawing.append(drawn(bar, middle(titles.indexOf(bar.title)), box, reveal) || "");
  parent.append(h("div", { class: "figure" }, legend(run.bars), drawing));
}

const middle = (index) => index * ROW + ROW / 2 + 2;

function drawn(bar, y, box, reveal) {
  const end = bar.to === null ? box.last : bar.to;
  if (end < box.first || bar.from > box.last) return null;
  const clamp = (step) => box.x(Math.min(box.last, Math.max(box.first, step)));
  const from = clamp(bar.from), to = clamp(end);
  const until = bar.to === null ? "still open" : `resolved at step ${whole(bar.to)}`;
  const worse = bar.worsened.length ? `, worsened at step ${bar.worsened.map(whole).join(", ")}` : "";
  const words = `${bar.severity} ${bar.title} in ${bar.where}: opened at step ${whole(bar.from)}${worse}, ${until}`;
  const show = () => reveal(bar.card);
  const group = svg("g", {
    class: `bar ${bar.severity}`, tabindex: "0", role: "button", "aria-label": words, "data-focus": `bar-${bar.key}`, click: show,
    keydown: (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); show(); }
    },
  });
  group.append(svg("title", {}, words), svg("rect", { x: from, y: y - 8, width: Math.max(4, to - from), height: 16, rx: 4 }));
  if (bar.from >= box.first) group.append(svg("path", { class: "sign", d: SIGNS[bar.severity], transform: `translate(${from} ${y})` }));
  for (const step of bar.worsened) {
    if (step >= box.first && step <= box.last) group.append(svg("path", { class: "stroke", d: WORSE, transform: `translate(${box.x(step)} ${y - 1.5})` }));
  }
  if (bar.to !== null && bar.to <= box.last) group.append(svg("path", { class: "stroke", d: DONE, transform: `translate(${Math.max(to - 9, from + 12)} ${y})` }));
  return group;
}

function legend(bars) {
  const severities = ["error", "warning", "note"].filter((level) => bars.some((bar) => bar.severity === level));
  const entries = severities.map((level) => [`mark ${level}`, "sign", SIGNS[level], level]);
  if (bars.some((bar) => bar.worsened.length)) entries.push(["mark", "stroke", WORSE, "worsened"]);
  if (bars.some((bar) => bar.to !== null)) entries.push(["mark", "stroke", DONE, "resolved"]);
  return h("div", { class: "caption" }, h("h3", {}, "Findings"),
    entries.map(([group, kind, d, word]) => h("span", { class: "key" },
      svg("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true", class: group }, svg("path", { class: kind, d })), word)));
}

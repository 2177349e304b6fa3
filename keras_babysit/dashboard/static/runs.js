// The list of runs: one to show, and optionally others to compare with it.

import { h, replace, svg } from "./dom.js";
import { cutInTheMiddle, whole } from "./format.js";
import { SIGNS } from "./palette.js";

export const whatIsARun = "A run is a folder inside the log folder, or a JSON lines file in it.";

const WORDS = { finished: "finished", running: "running", "cut off": "incomplete" };
export const MAX_RUNS = 8; // as many as colours and dashes can tell apart

const FILTER_FROM = 8;
const NAME_LETTERS = 24;

let pattern = "";

export function drawRuns(parent, listing, state, choose) {
  if (!listing) return;
  const filter = h("input", {
    type: "search", placeholder: "Filter", "aria-label": "Filter runs", "data-focus": "filter", value: pattern,
    input: (event) => {
      pattern = event.target.value;
      drawRuns(parent, listing, state, choose);
    },
  });
  const shown = listing.runs.filter((run) => run.name.toLowerCase().includes(pattern.toLowerCase()));
  replace(parent, [
    h("div", { class: "bar-top" }, h("h2", {}, "Runs"), listing.runs.length > 1 ? h("button", { type: "button", class: "table", "data-focus": "table", "aria-pressed": String(state.isTable), click: () => choose({ isTable: !state.isTable }) }, "Table") : null),
    listing.runs.length > FILTER_FROM || pattern ? filter : null,
    h("ul", {}, shown.map((run) => row(run, listing.runs.length, state, choose))),
    listing.isCut ? h("p", { class: "quiet" }, `Only the latest ${listing.runs.length} runs are listed.`) : null,
    listing.runs.length > 1 ? h("p", { class: "quiet" }, `Select a second run to compare both side by side, or up to ${MAX_RUNS} to draw their curves over each other.`) : null,
  ].filter(Boolean));
}

function row(run, count, state, choose) {
  const isChosen = run.id === state.run;
  const isOther = state.others.includes(run.id);
  const rest = state.others.filter((one) => one !== run.id);
  const pick = h("button", {
    type: "button", class: "run", "data-focus": `run-${run.id}`, "aria-pressed": String(isChosen), title: run.name,
    click: () => choose({ run: run.id, others: rest }),
  }, sign(run), h("span", { class: "name" }, cutInTheMiddle(run.name, NAME_LETTERS)), h("span", { class: "quiet" }, words(run)));
  const tick = h("input", {
    type: "checkbox", "data-focus": `compare-${run.id}`, "aria-label": `Compare with ${run.name}`,
    title: "Compare", disabled: isChosen || (!isOther && rest.length >= MAX_RUNS - 1), change: (event) => choose({ others: event.target.checked ? [...rest, run.id] : rest }),
  });
  tick.checked = isChosen || isOther;
  return h("li", { class: isChosen || isOther ? "chosen" : "" }, pick, count > 1 ? tick : null);
}

function words(run) {
  return run.state ? `${WORDS[run.state]} · step ${whole(run.step)}` : "not read yet";
}

export function sign(run) {
  const shape = svg("svg", { class: `sign ${run.worst || (run.state ? "well" : "unknown")}`, viewBox: "-8 -8 16 16", "aria-hidden": "true" });
  shape.append(svg("path", { d: run.worst ? SIGNS[run.worst] : "M-5 0-1.5 4 5-4", class: run.worst ? "" : "tick" }));
  return shape;
}

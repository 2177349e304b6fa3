// All runs as a table that sorts by any column.

import { h, replace } from "./dom.js";
import { cutInTheMiddle, isNumber, short, whole } from "./format.js";
import { sign } from "./runs.js";

const SEVERITIES = ["well", "note", "warning", "error"];
const STATES = { finished: "finished", running: "running", "cut off": "incomplete" };
const NAME_LETTERS = 44;

const sorting = { key: "date", isDescending: true };

export function drawTable(parent, listing, choose) {
  const scores = [...new Set(listing.runs.flatMap((run) => Object.keys(run.scores || {})))];
  const columns = [
    { key: "name", title: "run", value: (run) => run.name, draw: (run) => open(run, choose) },
    { key: "worst", title: "worst finding", value: (run) => severity(run), draw: (run) => [sign(run), " ", run.headline || "not read yet"] },
    ...scores.map((name) => ({ key: name, title: name, value: (run) => (run.scores || {})[name], draw: (run) => number((run.scores || {})[name]) })),
    { key: "step", title: "step", value: (run) => run.step, draw: (run) => (run.state ? whole(run.step) : "") },
    { key: "state", title: "state", value: (run) => run.state, draw: (run) => STATES[run.state] || "" },
    { key: "date", title: "date", value: (run) => run.date, draw: (run) => run.date || "" },
  ];
  const by = columns.find((column) => column.key === sorting.key) || columns[0];
  const rows = [...listing.runs].sort((a, b) => compared(by.value(a), by.value(b)));
  const sort = (column) => {
    Object.assign(sorting, { key: column.key, isDescending: sorting.key === column.key ? !sorting.isDescending : false });
    drawTable(parent, listing, choose);
  };
  replace(parent, [
    h("section", { class: "all-runs", "aria-label": "All runs" }, h("h1", {}, "All runs"),
      h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of all runs" }, h("table", {},
        h("thead", {}, h("tr", {}, columns.map((column) => heading(column, sort)))),
        h("tbody", {}, rows.map((run) => h("tr", {}, columns.map((column, index) => h(index ? "td" : "th", index ? {} : { scope: "row" }, column.draw(run))))))))),
  ]);
}

function heading(column, sort) {
  const isSorted = column.key === sorting.key;
  const order = sorting.isDescending ? "descending" : "ascending";
  return h("th", { scope: "col", "aria-sort": isSorted ? order : "none" },
    h("button", { type: "button", "data-focus": `sort-${column.key}`, click: () => sort(column) }, `${column.title}${isSorted ? (sorting.isDescending ? " ↓" : " ↑") : ""}`));
}

function open(run, choose) {
  return h("button", { type: "button", class: "open", title: run.name, "data-focus": `open-${run.id}`, click: () => choose({ run: run.id, others: [], isTable: false }) }, cutInTheMiddle(run.name, NAME_LETTERS));
}

function severity(run) {
  return run.state ? SEVERITIES.indexOf(run.worst || "well") : null;
}

// What is not known stays at the end in either order.
function compared(a, b) {
  const isKnown = (value) => value !== null && value !== undefined && value !== "" && value !== "nan";
  if (!isKnown(a) || !isKnown(b)) return Number(isKnown(b)) - Number(isKnown(a));
  const order = isNumber(a) && isNumber(b) ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return sorting.isDescending ? -order : order;
}

function number(value) {
  return value === undefined || value === null ? "" : short(value);
}

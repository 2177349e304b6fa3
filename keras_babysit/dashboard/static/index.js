// The page of the tab: loads the runs, stores what the user has chosen, and redraws on changes.

import { onAddress, readAddress, writeAddress } from "./address.js";
import { fetchJson } from "./api.js";
import { MAX_RUNS, whatIsARun, drawRuns } from "./runs.js";
import { h, replace } from "./dom.js";
import { followTheme, onReload } from "./host.js";
import { drawLayer } from "./layer.js";
import { drawOverlay } from "./overlay.js";
import { drawRun, shareScales } from "./run_view.js";
import { drawTable } from "./runs_table.js";
// The other modules are listed too, so that the browser loads all of them in parallel.
import "./findings.js";
import "./address.js";
import "./export.js";
import "./copy.js";
import "./format.js";
import "./frame.js";
import "./heat_map.js";
import "./lines.js";
import "./palette.js";
import "./timeline.js";
import "./units.js";
import "./vendor/uPlot.esm.js";

const REFRESH_SECONDS = 5; // of a running run
const SHEETS = ["./vendor/uPlot.min.css", "./styles.css"];

const state = { run: null, others: [], quantity: null, window: null, cell: null, isTable: false, axis: "step", scale: "auto", smoothing: 0, side: "validation" };
const parts = {};
let turn = 0; // responses of an earlier turn are outdated and ignored

export async function render() {
  document.documentElement.lang = "en";
  document.title = "Babysit";
  const styled = Promise.all(SHEETS.map(addSheet));
  const listed = fetchJson("runs");
  parts.runs = h("aside", { class: "runs", "aria-label": "Runs" });
  parts.main = h("main", { class: "views", id: "views" });
  parts.layer = h("aside", { class: "layer", "aria-label": "Layer", hidden: true });
  parts.status = h("p", { class: "status", role: "status" });
  document.body.replaceChildren(parts.status, h("div", { class: "page" }, parts.runs, parts.main, parts.layer));
  followTheme(() => draw(true));
  onReload(() => refresh());
  onAddress(() => { restore(); listRuns(); load(); });
  addEventListener("resize", debounced(() => { draw(true); if (parts.data) sayWhen(); }));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.cell) choose({ cell: null });
  });
  await styled;
  await refresh(listed);
  keepUpToDate();
  // The states of the other runs are read after the first run is shown.
  parts.listing = await fetchJson("runs", { read: 1 }).catch(() => parts.listing);
  listRuns();
}

function addSheet(path) {
  return new Promise((done) => {
    document.head.append(h("link", { rel: "stylesheet", href: new URL(path, import.meta.url).href, load: done, error: done }));
  });
}

function debounced(action) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, 120);
  };
}

// A running run is read again every few seconds, while somebody can see it.
function keepUpToDate() {
  setTimeout(async () => {
    const isRunning = parts.data && parts.data.runs.some((run) => run.state === "running");
    if (isRunning && !document.hidden) await refresh();
    keepUpToDate();
  }, 1000 * REFRESH_SECONDS);
}

// Takes over what the address says; names of runs become ids.
function restore() {
  const found = readAddress();
  const id = (name) => (parts.listing.runs.find((run) => run.name === name) || { id: null }).id;
  const run = id(found.run), others = run ? found.others.map(id).filter((one) => one && one !== run) : [];
  Object.assign(state, { run: run || state.run, others: [...new Set(others)].slice(0, MAX_RUNS - 1), quantity: found.quantity, window: found.window });
  state.cell = found.cell && { run: found.cell.isOther ? others[0] : run, series: found.cell.series, step: found.cell.step };
}

function remember() {
  const name = (id) => (parts.listing.runs.find((run) => run.id === id) || { name: null }).name;
  const { quantity, window, cell } = state;
  writeAddress({ run: name(state.run), others: state.others.map(name), quantity, window, cell: cell && { ...cell, isOther: cell.run !== state.run } });
}

async function refresh(listed = fetchJson("runs", { read: 1 })) {
  try {
    parts.listing = await listed;
    parts.status.textContent = "";
  } catch (error) {
    parts.status.textContent = error.message;
    return;
  }
  if (!state.run) restore();
  const known = new Set(parts.listing.runs.map((run) => run.id));
  if (!known.has(state.run)) state.run = parts.listing.runs.length ? parts.listing.runs[0].id : null;
  state.others = state.others.filter((one) => known.has(one));
  listRuns();
  await load();
}

function choose(change) {
  if ("run" in change) state.isTable = false;
  const isOtherRun = ("run" in change && change.run !== state.run) || "others" in change;
  if (isOtherRun) Object.assign(state, { window: null, cell: null });
  Object.assign(state, change);
  remember();
  listRuns();
  load();
}

function listRuns() {
  drawRuns(parts.runs, parts.listing, state, choose);
}

async function load() {
  const mine = ++turn;
  if (!state.run) {
    drawEmpty();
    return;
  }
  if (state.isTable) {
    parts.layer.hidden = true;
    document.body.classList.remove("has-layer", "is-pair");
    drawTable(parts.main, parts.listing, choose);
    parts.drawn = null;
    return;
  }
  const ids = [state.run, ...state.others];
  try {
    // The heat map of a single run is requested at once; for two runs, their lengths must be known first.
    const [runs, early] = await Promise.all([
      Promise.all(ids.map((run) => fetchJson("run", { run, ...range() }))),
      ids.length === 1 ? heatMap(ids[0], range()) : null,
    ]);
    const window = state.window || [0, Math.max(...runs.map((run) => run.last))];
    if (runs.length > 2) {
      if (mine === turn) show({ runs, maps: [], layer: null, quantity: null, window });
      return;
    }
    const quantity = chosen(runs);
    const isEarly = early && (early.quantity === quantity || quantity === null);
    const maps = isEarly ? [early] : await Promise.all(runs.map((run) => {
      const isThere = run.quantities.some((one) => one.name === quantity);
      return isThere ? heatMap(run.id, { from: window[0], to: window[1] }) : null;
    }));
    const layer = state.cell && ids.includes(state.cell.run)
      ? await fetchJson("layer", { run: state.cell.run, series: state.cell.series, step: state.cell.step })
      : null;
    if (mine !== turn) return;
    show({ runs, maps, layer, quantity, window });
  } catch (error) {
    if (mine === turn) parts.status.textContent = error.message;
  }
}

function show(data) {
  parts.data = data;
  parts.status.textContent = "";
  draw(false);
  sayWhen();
}

// Says when a running run was read, on the page that is there already.
function sayWhen() {
  const time = new Date().toLocaleTimeString("en-GB");
  parts.main.querySelectorAll(".updated").forEach((node, index) => {
    const isRunning = parts.data.runs[index].state === "running";
    node.textContent = isRunning ? `updated ${time}, every ${REFRESH_SECONDS} s` : "";
  });
}

function range() {
  return state.window ? { from: state.window[0], to: state.window[1] } : {};
}

// Without a quantity, the server takes that of the worst finding.
function heatMap(run, asked) {
  return fetchJson("heat", { run, quantity: state.quantity || "", ...asked });
}

function chosen(runs) {
  const names = runs.flatMap((run) => run.quantities.map((one) => one.name));
  if (names.includes(state.quantity)) return state.quantity;
  const worst = runs.map((run) => run.worst && run.worst.quantity).find((name) => names.includes(name));
  return worst || names[0] || null;
}

function draw(isForced) {
  const data = parts.data;
  if (!data || !state.run || state.isTable) return;
  const text = JSON.stringify([data, state, innerWidth]);
  if (!isForced && text === parts.drawn) return;
  parts.drawn = text;
  parts.layer.hidden = !data.layer;
  document.body.classList.toggle("has-layer", Boolean(data.layer));
  document.body.classList.toggle("is-pair", data.runs.length === 2);
  if (data.layer) drawLayer(parts.layer, data.layer, () => choose({ cell: null }));
  const titles = shareScales(data.runs, data.maps);
  const context = { ...data, titles, state, choose };
  const top = scrollY; // emptying the page resets the scroll position
  if (data.runs.length > 2) drawOverlay(parts.main, context);
  else drawSideBySide(context);
  scrollTo({ top, behavior: "instant" });
}

function drawSideBySide(context) {
  replace(parts.main, context.runs.map((run) => h("article", { class: "view", "data-run": run.id })));
  context.runs.forEach((run, index) => drawRun(parts.main.children[index], run, context.maps[index], context));
}

function drawEmpty() {
  const listing = parts.listing;
  parts.layer.hidden = true;
  document.body.classList.remove("has-layer", "is-pair");
  replace(parts.main, [
    h("section", { class: "empty" },
      h("h1", {}, "No keras-babysit runs found"),
      h("p", {}, "Searched in ", h("code", {}, listing.folders.join(", ") || "no folder"), ". Runs appear here as soon as a training writes them:"),
      h("pre", {}, h("code", {}, listing.howTo)),
      h("p", { class: "quiet" }, whatIsARun)),
  ]);
}

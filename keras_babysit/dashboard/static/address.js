// What the user chose, kept in the address of the page, so that a link or a reload restores it.

const PREFIX = "p.babysit."; // TensorBoard's convention for the parameters of a plugin

export function readAddress() {
  const found = new URLSearchParams();
  for (const [key, value] of parameters()) if (key.startsWith(PREFIX)) found.append(key.slice(PREFIX.length), value);
  const window = /^(\d+)-(\d+)$/.exec(found.get("window") || "");
  const cell = /^(other:)?(\d+)@(\d+)$/.exec(found.get("layer") || "");
  return {
    run: found.get("run"),
    others: found.getAll("other"),
    quantity: found.get("quantity"),
    window: window ? [Number(window[1]), Number(window[2])] : null,
    cell: cell ? { isOther: Boolean(cell[1]), series: Number(cell[2]), step: Number(cell[3]) } : null,
  };
}

// Replaces the address without a new entry in the history of the browser.
export function writeAddress({ run, others, quantity, window, cell }) {
  const kept = parameters().filter(([key]) => !key.startsWith(PREFIX));
  const ours = {
    run, other: others, quantity,
    window: window && `${window[0]}-${window[1]}`,
    layer: cell && `${cell.isOther ? "other:" : ""}${cell.series}@${cell.step}`,
  };
  for (const [key, values] of Object.entries(ours)) {
    for (const value of [values].flat()) if (value) kept.push([PREFIX + key, value]);
  }
  const hash = ["babysit", ...kept.map(([key, value]) => `${key}=${encodeURIComponent(value)}`)].join("&");
  const page = host();
  if (page.location.hash !== `#${hash}`) page.history.replaceState(page.history.state, "", `#${hash}`);
}

export function address() {
  return host().location.href;
}

// Calls `action` when somebody changes the address by hand.
export function onAddress(action) {
  host().addEventListener("hashchange", action);
}

function parameters() {
  const parts = host().location.hash.replace(/^#/, "").split("&").filter((part) => part.includes("="));
  return parts.map((part) => [part.slice(0, part.indexOf("=")), decoded(part.slice(part.indexOf("=") + 1))]);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// TensorBoard's page, or our own where the tab is opened by itself.
function host() {
  try {
    return parent.location.href && parent;
  } catch {
    return window; // a frame of another origin
  }
}

// Buttons that save what a chart shows: as a picture, and as numbers.

import { h } from "./dom.js";
import { color } from "./palette.js";

export function saveButtons(title, { picture, rows }, key) {
  const name = title.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "") || "chart";
  const button = (words, action, kind) => h("button", { type: "button", class: "save", "data-focus": `${kind}-${key}`, "aria-label": `Save ${title} as ${words}`, click: action }, words);
  return h("span", { class: "saves" },
    button("PNG", () => picture().toBlob((blob) => save(blob, `${name}.png`)), "png"),
    button("CSV", () => save(new Blob([csv(rows())], { type: "text/csv" }), `${name}.csv`), "csv"));
}

function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A cell that starts like a formula is marked as text, because names of a run are not ours.
function csv(rows) {
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) && !/^-?inf$/.test(value) ? `'${value}` : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

// Draws a canvas below a title, on the ground of the page.
export function titled(title, canvas, { left = 0, labels = [] } = {}) {
  const unit = devicePixelRatio, top = 26 * unit;
  const drawn = h("canvas", { width: canvas.width + left * unit, height: canvas.height + top });
  const draw = drawn.getContext("2d");
  draw.fillStyle = color("page");
  draw.fillRect(0, 0, drawn.width, drawn.height);
  draw.fillStyle = color("ink");
  draw.font = `600 ${13 * unit}px system-ui, sans-serif`;
  draw.fillText(title, 8 * unit, 18 * unit);
  draw.drawImage(canvas, left * unit, top);
  draw.font = `${11 * unit}px ui-monospace, monospace`;
  draw.textAlign = "right";
  for (const [text, y] of labels) draw.fillText(text, (left - 8) * unit, top + y * unit + 4 * unit);
  return drawn;
}

// Buttons that copy code or the address. Without access to the clipboard, code is selected instead.

import { h } from "./dom.js";

// What a button says for a moment, also if the view is drawn again meanwhile.
const said = new Map();

export function copyButton(block, key) {
  return button("copy", `copy-${key}`, "Copy", "Press Ctrl+C", { "aria-label": "Copy the code" }, () => {
    const range = document.createRange();
    range.selectNodeContents(block);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return block.textContent;
  });
}

export function linkButton(address) {
  return button("link", "copy-link", "Copy link", "Copy the address bar", {}, address);
}

function button(kind, focus, words, otherwise, more, text) {
  const click = async () => {
    const answer = await toClipboard(text()) ? "Copied" : otherwise;
    said.set(focus, answer);
    show(focus, answer);
    setTimeout(() => { said.delete(focus); show(focus, words); }, 1500);
  };
  return h("button", { type: "button", class: kind, "data-focus": focus, ...more, click }, said.get(focus) ?? words);
}

function show(focus, words) {
  for (const one of document.querySelectorAll(`[data-focus="${focus}"]`)) one.textContent = words;
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return Boolean(String(getSelection())) && document.execCommand("copy"); // over plain HTTP from another machine
  }
}

// Buttons that copy code or the address. Without access to the clipboard, code is selected instead.

import { h } from "./dom.js";

export function copyButton(block, key) {
  const button = h("button", { type: "button", class: "copy", "data-focus": `copy-${key}`, "aria-label": "Copy the code", click: copy }, "Copy");

  async function copy() {
    const range = document.createRange();
    range.selectNodeContents(block);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    const isCopied = await toClipboard(block.textContent);
    button.textContent = isCopied ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }
  return button;
}

export function linkButton(address) {
  const button = h("button", { type: "button", class: "link", "data-focus": "copy-link", click: copy }, "Copy link");

  async function copy() {
    const isCopied = await toClipboard(address());
    button.textContent = isCopied ? "Copied" : "Copy the address bar";
    setTimeout(() => { button.textContent = "Copy link"; }, 1500);
  }
  return button;
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return Boolean(String(getSelection())) && document.execCommand("copy"); // over plain HTTP from another machine
  }
}

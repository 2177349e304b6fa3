// A button that copies code. Without access to the clipboard, the code is selected instead.

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

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return document.execCommand("copy"); // over plain HTTP from another machine
  }
}

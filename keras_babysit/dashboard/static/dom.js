// Creates elements. Data of a run is inserted as text or attributes, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Replaces the children of a node, and keeps the focus and the open details.
export function replace(parent, children) {
  const active = document.activeElement;
  const focused = parent.contains(active) ? active.getAttribute("data-focus") : null;
  const unfolded = [...parent.querySelectorAll("details[open][data-focus]")].map((node) => node.getAttribute("data-focus"));
  parent.replaceChildren(...children);
  // The children are filled after this call, so restore the focus afterwards.
  queueMicrotask(() => {
    for (const node of parent.querySelectorAll("[data-focus]")) {
      const key = node.getAttribute("data-focus");
      if (unfolded.includes(key)) node.open = true;
      if (key === focused) node.focus({ preventScroll: true });
    }
  });
}

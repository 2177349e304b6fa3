// The findings, most severe first, with their numbers and with remedies to copy.

import { copyButton } from "./copy.js";
import { h } from "./dom.js";
import { whole } from "./format.js";

const OPEN_TARGETS = 5;

export function drawFindings(parent, findings, isWell) {
  parent.append(h("h2", {}, "Findings"));
  if (!findings.cards.length) parent.append(h("p", { class: "quiet" }, isWell ? "No rule found a problem." : "No findings so far."));
  parent.append(...cards(findings));
}

export function cards(findings) {
  const drawn = findings.cards.map(card);
  if (findings.omitted) drawn.push(h("p", { class: "quiet" }, `and ${whole(findings.omitted)} more, not shown here`));
  return drawn;
}

function card(one) {
  const when = `step ${whole(one.step)}, epoch ${whole(one.epoch + 1)} · ${one.to === null ? "still open" : `resolved at step ${whole(one.to)}`}`;
  return h("article", { class: `card ${one.severity} ${one.to === null ? "open" : "resolved"}`, tabindex: "-1", "data-key": one.key },
    h("h3", {}, h("span", { class: "badge" }, one.severity), ` ${one.rule} `, h("span", {}, "in "), h("code", {}, one.where)),
    h("p", { class: "when" }, when),
    one.targets.length === 1 ? h("p", {}, one.targets[0].message) : targets(one),
    one.evidence.length ? h("dl", {}, one.evidence.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, value)))) : null,
    one.remedies.length ? h("ol", {}, one.remedies.map((remedy, index) => h("li", {}, h("p", {}, remedy.text), code(remedy.code, `${one.key}-${index}`)))) : null,
    h("details", { "data-focus": `about-${one.key}` }, h("summary", {}, "Reference, and how to silence this rule"),
      one.reference ? h("p", { class: "reference" }, one.reference) : null, one.silence ? code(one.silence, `${one.key}-silence`) : null));
}

function targets(one) {
  const row = (target) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, target.name)), h("td", {}, target.message));
  const shown = one.targets.slice(0, OPEN_TARGETS), rest = one.targets.slice(OPEN_TARGETS);
  const more = one.more ? h("p", { class: "quiet" }, `and ${whole(one.more)} more`) : null;
  return [
    h("table", {}, shown.map(row)),
    rest.length ? h("details", { "data-focus": `targets-${one.key}` }, h("summary", {}, `${whole(rest.length + one.more)} more layers`), h("table", {}, rest.map(row)), more) : null,
  ];
}

function code(text, key) {
  if (!text) return null;
  const block = h("code", {}, text);
  return h("div", { class: "code" }, h("pre", { tabindex: "0" }, block), copyButton(block, key));
}

// The verdict: what to do first, one card per root cause, and what was not checked.

import { copyButton } from "./copy.js";
import { h } from "./dom.js";
import { whole } from "./format.js";

const OPEN_TARGETS = 5;
const OPEN_CARDS = 3; // further causes, notes and what is resolved are folded

export function drawVerdict(parent, run) {
  const { verdict } = run;
  if (verdict.doFirst) {
    parent.append(h("section", { class: "first", "aria-label": "Do this first" },
      h("h2", {}, "Do this first"), h("p", {}, verdict.doFirst.text), code(verdict.doFirst.code, "first")));
  }
  const problems = verdict.cards.filter((one) => one.isProblem).slice(0, OPEN_CARDS);
  const rest = verdict.cards.filter((one) => !problems.includes(one));
  parent.append(...problems.map(card));
  if (rest.length) parent.append(fold("more-cards", restTitle(rest, verdict.omitted), ...rest.map(card), omitted(verdict)));
  if (verdict.notChecked.length) {
    parent.append(fold("not-checked", `Not checked (${whole(verdict.notChecked.length)})`, h("ul", {}, verdict.notChecked.map((line) => h("li", {}, line)))));
  }
  if (!verdict.cards.length) parent.append(h("p", { class: "quiet" }, run.isWell ? "No rule found a problem." : "No findings so far."));
}

export function cards(findings) {
  return [...findings.cards.map(card), omitted(findings)].filter(Boolean);
}

function restTitle(rest, more) {
  const count = (test, one, many) => {
    const found = rest.filter(test).length;
    return found ? `${whole(found)} ${found === 1 ? one : many}` : null;
  };
  const parts = [
    count((one) => one.isProblem, "further problem", "further problems"),
    count((one) => one.isOpen && !one.isProblem, "note", "notes"),
    count((one) => !one.isOpen, "resolved", "resolved"),
    more ? `${whole(more)} not listed` : null,
  ];
  return parts.filter(Boolean).join(", ");
}

function omitted(findings) {
  return findings.omitted ? h("p", { class: "quiet" }, `and ${whole(findings.omitted)} more, not shown here`) : null;
}

function card(one) {
  return h("article", { class: `card ${one.severity} ${one.isOpen ? "open" : "resolved"}`, tabindex: "-1", "data-key": one.key },
    h("h3", {}, h("span", { class: "badge" }, one.severity), ` ${one.title} `, one.where ? h("span", {}, "in ", h("code", {}, one.where), " ") : null,
      h("span", { class: "when" }, one.when), h("code", { class: "rule" }, one.rule)),
    h("p", {}, one.message),
    one.evidence.length ? h("dl", {}, one.evidence.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, value)))) : null,
    one.lines.map((line) => h("p", { class: "also" }, line)),
    h("div", { class: "folds" },
      one.targets.length ? fold(`targets-${one.key}`, `${whole(one.targets.length + one.more)} layers or weights`, targets(one)) : null,
      one.symptoms.length ? fold(`symptoms-${one.key}`, "What the symptoms say", one.symptoms.map((symptom, index) => said(symptom, `${one.key}-${index}`))) : null,
      one.remedies.length ? fold(`remedies-${one.key}`, remediesTitle(one), remedies(one.remedies, one.key)) : null,
      one.reference || one.silence || one.explain ? fold(`about-${one.key}`, "Source, and how to silence this rule",
        one.reference ? h("p", { class: "reference" }, one.reference) : null, one.silence ? code(one.silence, `${one.key}-silence`) : null, more(one)) : null));
}

function more(one) {
  if (one.page) return h("p", {}, h("a", { href: one.page, target: "_blank", rel: "noopener" }, "What it means, and how it is measured"));
  return one.explain ? h("p", { class: "reference" }, "More: ", h("code", {}, one.explain)) : null;
}

function remediesTitle(one) {
  const count = one.remedies.length;
  return `${whole(count)} ${one.isProblem ? "further " : ""}${count === 1 ? "remedy" : "remedies"}`;
}

function said(symptom, key) {
  return h("div", { class: "symptom" },
    h("p", {}, h("b", {}, symptom.title), " ", h("span", { class: "when" }, symptom.when), `: ${symptom.message}`),
    symptom.remedies.length ? fold(`symptom-${key}`, "If it stays after the cause is fixed", remedies(symptom.remedies, `symptom-${key}`)) : null);
}

function remedies(found, key) {
  return h("ol", {}, found.map((remedy, index) => h("li", {}, h("p", {}, remedy.text), code(remedy.code, `${key}-${index}`))));
}

function targets(one) {
  const row = (target) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, target.name)), h("td", {}, target.message));
  const shown = one.targets.slice(0, OPEN_TARGETS), rest = one.targets.slice(OPEN_TARGETS);
  const more = one.more ? h("p", { class: "quiet" }, `and ${whole(one.more)} more`) : null;
  return [
    h("table", {}, shown.map(row)),
    rest.length ? fold(`more-targets-${one.key}`, `${whole(rest.length + one.more)} more`, h("table", {}, rest.map(row)), more) : null,
  ];
}

function fold(key, title, ...content) {
  return h("details", { "data-focus": key }, h("summary", {}, title), ...content.flat());
}

function code(text, key) {
  if (!text) return null;
  const block = h("code", {}, text);
  return h("div", { class: "code" }, h("pre", { tabindex: "0" }, block), copyButton(block, key));
}

// Colours, read from the style sheet, which defines the light and the dark theme.

export const STOPS = 9;
const SHADES = 128;

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Shades of increasing contrast to the page, so that their order does not depend on hue.
export function shades() {
  return ramp().map((mixed) => `rgb(${mixed.join(",")})`);
}

// The shades as red, green and blue.
export function ramp() {
  const stops = Array.from({ length: STOPS }, (_, stop) => parsed(color(`h${stop}`)));
  return Array.from({ length: SHADES }, (_, shade) => {
    const at = (shade / (SHADES - 1)) * (STOPS - 1);
    const from = Math.min(STOPS - 2, Math.floor(at));
    return stops[from].map((part, i) => Math.round(part + (stops[from + 1][i] - part) * (at - from)));
  });
}

function parsed(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

// The position of a value on a scale, in [0, 1].
export function fraction(scale, value) {
  if (scale.isLog && value <= 0) return 0;
  const bend = scale.isLog ? Math.log10 : (v) => v;
  const at = (bend(value) - bend(scale.low)) / (bend(scale.high) - bend(scale.low));
  return Math.min(1, Math.max(0, at));
}

// Severities differ in shape as well as in colour.
export const SIGNS = {
  error: "M0-6 6 0 0 6-6 0z",
  warning: "M0-6 6 5-6 5z",
  note: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
};

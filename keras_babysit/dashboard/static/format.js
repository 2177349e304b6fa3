// Numbers and names as people read them.

export const isNumber = (value) => typeof value === "number";

export const whole = (step) => Math.round(step).toLocaleString("en");

export function short(value) {
  if (value === null || value === undefined) return "not measured";
  if (typeof value === "string") return value;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replace(/\.0e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}

// A name that is too long loses its front: the end of a path tells layers apart.
export function fitted(name, room) {
  const letters = Math.max(4, Math.floor(room / 6.7));
  return name.length <= letters ? name : `…${name.slice(1 - letters)}`;
}

export function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= rough);
  const found = [];
  for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-9; t += step) found.push(Number(t.toPrecision(12)));
  return found;
}

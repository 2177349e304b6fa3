// Formats numbers and names.

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

// A long name is shortened at the front, because paths differ at the end.
export function fitted(name, width) {
  const letters = Math.max(4, Math.floor(width / 6.7));
  return name.length <= letters ? name : `…${name.slice(1 - letters)}`;
}

// Words are shortened at the end.
export function shortened(words, width) {
  const letters = Math.max(4, Math.floor(width / 6.2));
  return words.length <= letters ? words : `${words.slice(0, letters - 1)}…`;
}

// A name is cut in the middle: runs often differ at the start and at the end.
export function cutInTheMiddle(name, letters) {
  if (name.length <= letters) return name;
  const tail = Math.floor((letters - 1) / 2);
  return `${name.slice(0, letters - 1 - tail)}…${name.slice(name.length - tail)}`;
}

export function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= rough);
  const found = [];
  for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-9; t += step) found.push(Number(t.toPrecision(12)));
  return found;
}

// The powers of ten between low and high, and their multiples by 2 and 5 if there are few.
export function decades(low, high) {
  const first = Math.floor(Math.log10(low)), last = Math.floor(Math.log10(high));
  const by = Math.ceil((last - first + 1) / 6);
  const factors = last - first < 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = first; power <= last; power += by) for (const k of factors) found.push(Number(`${k}e${power}`));
  return found.filter((mark) => mark >= low && mark <= high);
}

// The label of an axis mark, with enough digits to distinguish it from the next one.
export function label(value, step) {
  const size = Math.max(Math.abs(value), step);
  if (size >= 1e5 || size < 1e-3) return short(value);
  const digits = Math.min(8, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return String(Number(value.toFixed(digits)));
}

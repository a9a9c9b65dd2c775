// @ts-check
// Numbers in fields: as people write them, and as a field shows them.

/**
 * A number as people write it, or null.
 * @param {string} words
 */
export function reading(words) {
  const number = taken(words);
  return words.trim() !== "" && Number.isFinite(number) && !isLost(words) ? number : null;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Whether a comma stands where it could part thousands as well as decimals. @param {string} text */
function isGrouped(text) {
  return /^[+−-]?[1-9]\d{0,2},\d{3}$/.test(text);
}

/** Whether a number that is not 0 would be: one below the smallest. @param {string} words */
function isLost(words) {
  const [above] = words.toLowerCase().split(/[e/]/);
  return taken(words) === 0 && /[1-9]/.test(above);
}

/** The number that words are taken for: NaN where they are none. @param {string} words */
function taken(words) {
  const text = words.trim().replace(/[−–]/g, "-");
  if (isGrouped(text)) return NaN;
  const [above, below = "1", ...more] = text.replace(/^(-?\d+),(\d+)$/, "$1.$2").split("/").map((part) => part.trim());
  if (more.length || ![above, below].every((part) => DECIMAL.test(part))) return NaN;
  return Number(above) / Number(below);
}

/** Why words are not taken for a number, without a full stop. @param {string} words */
export function refusal(words) {
  const text = words.trim();
  if (!text) return "A number is missing";
  if (/^[+−-]?(nan|inf|infinity|∞)$/i.test(text)) return `With “${text}” nothing can be computed`;
  if (isGrouped(text)) return `“${text}” may be meant as ${text.replaceAll(",", "")} or as ${text.replace(",", ".")}`;
  if (text.includes("/") && !Number.isFinite(taken(text))) return `“${text}” divides by 0, or is no fraction`;
  if (isLost(text)) return `“${text}” is too small: numbers begin at about 4.9e-324`;
  return Math.abs(taken(text)) === Infinity ? `“${text}” is too large: numbers end at about 1.8e308` : `“${text}” is no number`;
}

/** A number in a field that is not written in: six digits. @param {any} value */
export function short(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);
}

// @ts-check
// A CSV of one's own: its rows, its columns, and what the columns hold. Read as the server reads it.

/** How numbers are written, for the server too. */
const NUMBER = /^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)$/i;
const FEW = 10; // whole numbers that may be labels …
const OFTEN = 5; // … where each is seen so often on average

/**
 * The rows of a CSV: fields between commas, semicolons or tabs, whichever the first line has most.
 * @param {string} text
 * @returns {string[][]}
 */
export function rowsOf(text) {
  const [first] = text.split(/\r?\n/, 1);
  const count = (/** @type {string} */ mark) => first.split(mark).length;
  const mark = [",", ";", "\t"].reduce((best, one) => (count(one) > count(best) ? one : best));
  /** @type {string[][]} */
  const rows = [];
  let row = /** @type {string[]} */ ([]);
  let field = "";
  let quoted = false;
  const endOfField = () => { row.push(field.trim()); field = ""; };
  const endOfRow = () => {
    endOfField();
    if (row.some((one) => one !== "")) rows.push(row);
    row = [];
  };
  for (let at = text.startsWith("\ufeff") ? 1 : 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[at + 1] === '"') { field += '"'; at += 1; } else quoted = false;
    } else if (letter === '"' && field.trim() === "") { quoted = true; field = ""; }
    else if (letter === mark) endOfField();
    else if (letter === "\n") endOfRow();
    else if (letter !== "\r") field += letter;
  }
  if (field || row.length) endOfRow();
  return rows;
}

export class Column {
  #rows;
  #at;
  /** @type {Set<string>|null} */
  #labels = null;

  /** @param {string} name @param {string[][]} rows @param {number} at */
  constructor(name, rows, at) {
    this.name = name;
    this.#rows = rows;
    this.#at = at;
  }

  /** What is in it, each once. */
  get labels() {
    this.#labels ??= new Set(this.#rows.map((row) => row[this.#at] ?? ""));
    return this.#labels;
  }

  /** Whether it holds words: more of what is in it is no number than is one. */
  get words() {
    const filled = [...this.labels].filter((label) => label !== "");
    const numbers = filled.filter((label) => NUMBER.test(label)).length;
    return numbers * 2 < filled.length || !filled.length;
  }

  /** Whether it holds numbers alone. */
  get numbers() {
    return [...this.labels].every((label) => NUMBER.test(label));
  }

  /** How many classes it tells apart, where a network is to be made for it; 0 for numbers to be met. */
  get classes() {
    // Few whole numbers, each seen often, are labels; so 0 and 1 are two classes.
    const few = this.labels.size <= FEW && this.labels.size * OFTEN <= this.#rows.length;
    const whole = [...this.labels].every((label) => /^\d+$/.test(label));
    return !this.numbers || (few && whole) ? this.labels.size : 0;
  }

  /** What it begins with, for whoever has no names to go by. */
  get begins() {
    const cells = this.#rows.slice(0, 3).map((row) => row[this.#at] ?? "");
    return cells.map((cell) => (cell.length > 12 ? `${cell.slice(0, 11)}…` : cell || "–")).join(", ");
  }
}

/**
 * @param {string} name  of the file
 * @param {string} text
 */
export function csvOf(name, text) {
  const [first = [], ...rest] = rowsOf(text);
  const headless = first.every((cell) => NUMBER.test(cell));
  const rows = headless ? [first, ...rest] : rest;
  const names = headless ? first.map((_, at) => `c${at + 1}`) : first;
  return { name, text, rows: rows.length, columns: names.map((one, at) => new Column(one, rows, at)) };
}

// @ts-check
// A CSV of one's own: its rows, its columns, and what the columns hold. Read as the server reads it.

/** How numbers are written, for the server too. */
const NUMBER = /^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)$/i;
const COMMA = /^[+-]?\d*,\d+(e[+-]?\d+)?$/i;
const SPACED = /^[+-]?\d{1,3}([ \u00a0\u202f]\d{3})+([.,]\d+)?$/;
const GROUPED = /^[+-]?[1-9]\d{0,2},\d{3}$/;

/** What stands where a number is not known, in small letters. */
const MISSING = new Set(["", "?", "-", "na", "n/a", "nan", "null", "none"]);
const LOOKED_AT = 5; // lines by which it is told what parts the fields
const FEW = 10; // whole numbers that may be labels …
const OFTEN = 5; // … where each is seen so often on average
const WHOLE = /^(0|-?[1-9]\d{0,14})$/; // as the server writes a label

/** What parts the fields: as often in each line; of these not the comma, which may be decimal. @param {string} text */
function markOf(text) {
  const lines = text.split(/\r?\n/, LOOKED_AT).filter((line) => line.trim()).map((line) => line.replace(/"[^"]*"/g, ""));
  const counts = (/** @type {string} */ mark) => lines.map((line) => line.split(mark).length - 1);
  const even = [";", "\t", ","].find((mark) => {
    const [first, ...others] = counts(mark);
    return first && others.every((count) => count === first);
  });
  return even ?? [",", ";", "\t"].reduce((best, one) => (counts(one)[0] > counts(best)[0] ? one : best));
}

/**
 * The rows of a CSV: fields between commas, semicolons or tabs.
 * @param {string} text
 * @returns {string[][]}
 */
export function rowsOf(text) {
  const mark = markOf(text);
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

/**
 * Cells such as 1,5 as 1.5, and 12 000 as 12000: where all numbers of a column are so, and not all
 * commas could part thousands.
 * @param {string[]} cells
 */
function pointed(cells) {
  const bare = cells.map((cell) => (SPACED.test(cell) ? cell.replace(/\s/g, "") : cell));
  const commas = bare.filter((cell) => cell.includes(","));
  const written = bare.map((cell) => cell.replace(",", "."));
  const numbers = commas.every((cell) => COMMA.test(cell)) && written.every((cell) => NUMBER.test(cell) || MISSING.has(cell.toLowerCase()));
  const doubtful = numbers && commas.length > 0 && commas.every((cell) => GROUPED.test(cell));
  return { cells: numbers && !doubtful ? written : cells, doubtful: doubtful ? commas[0] : "" };
}

export class Column {
  #rows;
  #at;
  /** @type {ReturnType<typeof pointed>|null} */
  #written = null;
  /** @type {number[]|null} */
  #lacking = null;
  /** @type {Set<string>|null} */
  #labels = null;

  /** @param {string} name @param {string[][]} rows @param {number} at */
  constructor(name, rows, at) {
    this.name = name;
    this.#rows = rows;
    this.#at = at;
    this.asKinds = false; // whether its numbers are taken for kinds, as words are: the reader chooses
  }

  get #all() {
    this.#written ??= pointed(this.#rows.map((row) => row[this.#at] ?? ""));
    return this.#written.cells;
  }

  /** A number of it, where each comma could part thousands as well as decimals; "" where not. */
  get doubtful() {
    return this.#all.length && this.#written ? this.#written.doubtful : "";
  }

  /** The rows that lack a value, from 0. */
  get lacking() {
    if (this.#lacking) return this.#lacking;
    const cells = this.#all.map((cell) => cell.toLowerCase());
    const others = cells.filter((cell) => !MISSING.has(cell));
    const known = others.length && others.every((cell) => NUMBER.test(cell)) ? MISSING : new Set([""]);
    this.#lacking = cells.flatMap((cell, at) => (known.has(cell) ? [at] : []));
    return this.#lacking;
  }

  /** What is in it, each once, in the order in which a network is told it. */
  get labels() {
    if (this.#labels) return this.#labels;
    const gone = new Set(this.lacking);
    const found = [...new Set(this.#all.filter((_, at) => !gone.has(at)))];
    const numbers = found.filter((label) => NUMBER.test(label)).sort((one, other) => Number(one) - Number(other));
    this.#labels = new Set([...numbers, ...found.filter((label) => !NUMBER.test(label)).sort()]);
    return this.#labels;
  }

  /** Whether it holds words: more of what is in it is no number than is one. */
  get words() {
    const numbers = [...this.labels].filter((label) => NUMBER.test(label)).length;
    return numbers * 2 < this.labels.size || !this.labels.size;
  }

  /** Whether it holds numbers alone. */
  get numbers() {
    return [...this.labels].every((label) => NUMBER.test(label));
  }

  /** Whether its numbers may stand for kinds: they are few and whole, and said more than once. */
  get mayBeKinds() {
    const { size } = this.labels;
    return size > 2 && size <= FEW && size * 2 <= this.#all.length && [...this.labels].every((label) => WHOLE.test(label));
  }

  /** Whether it gives an input a number for each thing that it says. */
  get oneHot() {
    return this.words || this.asKinds;
  }

  /** How many numbers it gives an input. */
  get width() {
    return this.oneHot ? this.labels.size : 1;
  }

  /** How many classes it tells apart, where a network is to be made for it; 0 for numbers to be met. */
  get classes() {
    // Few whole numbers, each seen often, are labels; so 0 and 1 are two classes.
    const few = this.labels.size <= FEW && this.labels.size * OFTEN <= this.#all.length;
    const whole = [...this.labels].every((label) => /^\d+$/.test(label));
    return !this.numbers || (few && whole) ? this.labels.size : 0;
  }

  /** Whether there is something to learn of it: it is not all the same, nor words most of which are said once. */
  get learnable() {
    const { size } = this.labels;
    return size > 1 && !(this.words && size > FEW && size * 2 > this.#all.length);
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
  // An empty first cell is that of a table's own row names; another may lack a value.
  const headless = Boolean(first[0]) && first.every((cell) => cell === "" || NUMBER.test(cell.replace(",", ".")));
  const rows = headless ? [first, ...rest] : rest;
  const names = headless ? first.map((_, at) => `c${at + 1}`) : first;
  const uneven = rows.findIndex((row) => row.length !== names.length);
  const twice = names.find((one, at) => names.indexOf(one) !== at);
  return {
    name, text, rows: rows.length, columns: names.map((one, at) => new Column(one, rows, at)),
    wrong: names.length < 2 ? "has fewer than two columns" : rows.length < 2 ? "has fewer than two rows"
      : twice !== undefined ? `has two columns named “${twice}”`
        : uneven >= 0 ? `has ${rows[uneven].length} cells in row ${uneven + 1}, but ${names.length} columns` : "",
  };
}

/** The text of a file; null where it is in none of the encodings that say what they are. @param {ArrayBuffer} bytes */
export function textOf(bytes) {
  const [one, two] = new Uint8Array(bytes);
  const wide = one === 0xff && two === 0xfe ? "utf-16le" : one === 0xfe && two === 0xff ? "utf-16be" : null;
  try {
    return new TextDecoder(wide ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

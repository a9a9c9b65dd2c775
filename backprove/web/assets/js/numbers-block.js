// @ts-check
// Rows and columns of numbers as other programs copy them, and where they go.

import { component } from "./components.js";
import { reading, refusal } from "./written.js";

/**
 * @typedef {string[][]} Table  the words of its cells
 * @typedef {{says: string}} Unfit  why nothing can be filled, in a sentence
 * @typedef {{name: string, shape: number[], place: number[]}} From  the cell from which on it goes
 */

const WRAPPED = /^(?:np\.|numpy\.|torch\.)?(?:array|matrix|tensor)\(\s*([\s\S]*?)\s*(?:,\s*\w+\s*=[^\]]*)?\)$/;
const LITERAL = /^[[(][\s\S]*[\])];?$/;

/**
 * What a text fills from a cell on: out of a spreadsheet (tabs; or semicolons, commas, spaces), or
 * written for NumPy or Matlab. All of it or nothing. Null where the text is no block, but words for
 * the one cell.
 * @param {string} text
 * @param {From} from
 * @returns {{cells: [number[], number][]}|Unfit|null}
 */
export function blockOf(text, from) {
  const bare = text.replaceAll("\r\n", "\n").replace(/^\n+|\n+$/g, "");
  const literal = WRAPPED.exec(bare.trim())?.[1] ?? bare.trim();
  const isLiteral = LITERAL.test(literal);
  const tables = isLiteral ? tablesOfLiteral(literal) : tablesOfCells(bare);
  if (!tables || tables.every((table) => !table.flat().some(isNumber))) return null;
  const [first, ...others] = best(tables).map((table) => filled(table, from));
  /** @type {any[]} */
  const fitting = [first, ...others].filter((found) => !("says" in found));
  const ways = new Set(fitting.map(({ cells }) => String(cells)));
  return ways.size < 2 ? fitting[0] ?? first : { says: `${quoted(bare)} may have commas in its numbers `
    + `or between them: put a tab or a semicolon between numbers. ${UNCHANGED}` };
}

const UNCHANGED = "Nothing was changed.";

/**
 * `[[1, 2], [3, 4]]`, `[1 2; 3 4]`, and what NumPy prints: a comma is no decimal comma here.
 * @param {string} literal
 * @returns {Table[]|null}
 */
function tablesOfLiteral(literal) {
  const inner = literal.replace(/;$/, "").slice(1, -1).trim();
  if (!/[[(]/.test(inner)) return [inner.split(/[;\n]/).filter((row) => row.trim()).map(cellsOfRow)];
  const rows = inner.match(/[[(][^[\]()]*[\])]|[^[\]()\s,;]+|[[(\])]/g) ?? [];
  return [rows.map((row) => cellsOfRow(row.replace(/^[[(]([^]*)[\])]$/, "$1")))];
}

/** @param {string} row */
function cellsOfRow(row) {
  return row.trim().replace(/,$/, "").split(/\s*,\s*|\s+/);
}

/**
 * The ways to read lines of cells; null where they are one cell.
 * @param {string} text
 * @returns {Table[]|null}
 */
function tablesOfCells(text) {
  const lines = text.split("\n");
  const parted = (/** @type {string|RegExp} */ by, rows = lines) =>
    rows.map((row) => row.trim().split(by).map((cell) => cell.trim()));
  if (text.includes("\t")) return [lines.map((line) => line.split("\t").map((cell) => cell.trim()))];
  if (text.includes(";")) {
    const cells = parted(";");
    return [cells.flat().every(isNumber) ? cells : parted(/\s*,\s+|\s+/, text.split(/[;\n]/).filter((row) => row.trim()))];
  }
  const words = parted(/\s+/);
  const isOne = words.length === 1 && (words[0].length === 1 || /^\s*[+−-]?\d{1,3}( \d{3})+\s*$/.test(text));
  if (!text.includes(",")) return isOne ? null : [words];
  const commas = parted(",");
  return isOne && commas[0].length < 3 ? null : [words, commas, parted(/,\s+/)];
}

/** Those of the tables that are whole; where none is, the one with the most numbers. @param {Table[]} tables */
function best(tables) {
  const grouped = tables.find((table) => table.flat().some((cell) => / may be meant /.test(refusal(cell))));
  if (grouped) return [grouped];
  const whole = tables.filter((table) => table.flat().every(isNumber) && isEven(table));
  const count = (/** @type {Table} */ table) => table.flat().filter(isNumber).length;
  return whole.length ? whole : [tables.reduce((one, other) => (count(other) > count(one) ? other : one))];
}

/** @param {string} words */
function isNumber(words) {
  return reading(words) !== null;
}

/** @param {Table} table */
function isEven(table) {
  return table.every((row) => row.length === table[0].length);
}

/**
 * @param {Table} table
 * @param {From} from
 * @returns {{cells: [number[], number][]}|Unfit}
 */
function filled(table, { name, shape, place }) {
  for (const [row, cells] of table.entries())
    for (const [column, words] of cells.entries())
      if (!isNumber(words)) return { says: `${refusal(words)} (row ${row + 1}, column ${column + 1} of what was pasted). ${UNCHANGED}` };
  if (!isEven(table)) {
    const lengths = [...new Set(table.map((row) => row.length))].join(" and ");
    return { says: `The rows of what was pasted have different lengths: ${lengths}. ${UNCHANGED}` };
  }
  const turned = shape.length === 1 && table.length === 1 ? table[0].map((words) => [words]) : table;
  const [height, width] = [turned.length, turned[0].length];
  const [tall, wide] = roomOf(shape, place);
  if (height > tall || width > wide) {
    const count = height > 1 && width > 1 ? `${height} × ${width}` : height * width;
    const room = tall > 1 && wide > 1 ? `${tall} × ${wide}` : shape.length === 2 ? `${tall} × ${wide}` : tall * wide;
    const into = shape.length ? `${name} from ${component(name, place)} on` : name;
    return { says: `${count} numbers do not fit into ${into}: there is room for ${room}. ${UNCHANGED}` };
  }
  return { cells: turned.flatMap((row, down) => row.map((words, right) => /** @type {[number[], number]} */ ([
    moved(place, down, right), /** @type {number} */ (reading(words))]))) };
}

/** How many rows and columns there are from a place on. @param {number[]} shape @param {number[]} place */
function roomOf(shape, place) {
  const left = shape.map((size, axis) => size - place[axis] + 1);
  return shape.length < 2 ? [left[0] ?? 1, 1] : left.slice(-2);
}

/** @param {number[]} place @param {number} down @param {number} right */
function moved(place, down, right) {
  if (place.length < 2) return place.map((index) => index + down);
  return [...place.slice(0, -2), (place.at(-2) ?? 1) + down, (place.at(-1) ?? 1) + right];
}

/** @param {string} text */
function quoted(text) {
  const line = text.replace(/\s+/g, " ");
  return `“${line.length > 30 ? `${line.slice(0, 30)}…` : line}”`;
}

// @ts-check
/**
 * The headings of the columns: "hidden", and how many neurons there are.
 *
 * Where they would meet, neighbours that say the same say it once, over the middle of them all;
 * what still meets goes down to a second row, and what has no room there is left out.
 */
import { h } from "./elements.js";

/** Pixels that stay free between two headings. */
const GAP = 7;
const ROWS = 2;
/** Pixels that a heading may stand beside the middle of its column. */
const ASIDE = 8;

/**
 * @typedef {object} Heading
 * @property {string} title @property {number} x  its middle
 * @property {number} width @property {number} row  from the top
 */

/**
 * @param {{title: string, x: number}[]} columns  from left to right, in pixels
 * @param {(title: string) => number} widthOf
 * @returns {Heading[]}
 */
export function arranged(columns, widthOf) {
  const all = columns.filter(({ title }) => title).map(({ title, x }) => ({ title, x, width: widthOf(title), row: 0 }));
  return inRows(all, 1) ?? inRows(merged(columns, widthOf), ROWS, true) ?? [];
}

/** The same in so many rows; null where they have no room, unless some may be left out. */
function inRows(headings, rows, someOnly = false) {
  const ends = Array.from({ length: rows }, () => -Infinity);
  const found = [];
  for (const heading of headings) {
    const left = heading.x - heading.width / 2;
    const row = ends.findIndex((end) => end - left <= (someOnly ? ASIDE : 0));
    if (row < 0 && !someOnly) return null;
    if (row < 0) continue;
    const x = heading.x + Math.max(0, ends[row] - left);
    ends[row] = x + heading.width / 2 + GAP;
    found.push({ ...heading, x, row });
  }
  return found;
}

/** Neighbours that say the same as one. */
function merged(columns, widthOf) {
  const runs = [];
  for (const { title, x } of columns) {
    const last = runs.at(-1);
    if (last?.title === title) last.right = x;
    else runs.push({ title, left: x, right: x });
  }
  return runs.filter(({ title }) => title)
    .map(({ title, left, right }) => ({ title, x: (left + right) / 2, width: widthOf(title), row: 0 }));
}

const pen = document.createElement("canvas").getContext("2d");

/** The headings above the drawing: they keep to the top and to their size. */
export class Headings {
  element = h("div", { class: "drawing-heads", "aria-hidden": "true" });
  #key = "";
  #font = "";

  /** @param {import("./layout.js").Column[]} columns @param {import("./camera.js").Camera} camera */
  show(columns, camera) {
    const seen = columns.map(({ x, title, count }) => ({ x: camera.toScreen({ x, y: 0 }).x, title, count }));
    const titles = arranged(seen, (title) => this.#widthOf(title));
    const below = Math.max(0, ...titles.map(({ row }) => row)) + 1;
    const said = new Set(titles.map(({ title }) => title));
    const counts = inRows(seen.filter(({ title, count }) => said.has(title) && count > 1).map(({ x, count }) => {
      const words = count.toLocaleString("en");
      return { title: words, x, width: 7 * words.length, row: 0 };
    }), 1, true) ?? [];
    const all = [...titles, ...counts.map((one) => ({ ...one, row: below, isCount: true }))];
    const key = JSON.stringify(all.map(({ title, row }) => [title, row]));
    if (key !== this.#key) {
      this.#key = key;
      this.element.replaceChildren(...all.map(({ title, row, isCount }) => h(isCount ? "i" : "b", { "data-row": row }, title)));
    }
    all.forEach(({ x }, at) => {
      this.element.children[at].style.transform = `translate(${x.toFixed(1)}px, 0) translateX(-50%)`;
    });
  }

  #widthOf(title) {
    if (!pen) return 8 * title.length;
    if (!this.#font) {
      const probe = h("b", {});
      this.element.append(probe);
      const { fontWeight, fontSize, fontFamily } = getComputedStyle(probe);
      probe.remove();
      this.#font = `${fontWeight} ${fontSize} ${fontFamily}`;
    }
    pen.font = this.#font;
    return pen.measureText(title).width * 1.05; // spaced a little
  }
}

// @ts-check
/** Blue – grey – orange: what a signed number looks like, in either theme. */

/**
 * @typedef {object} Theme
 * @property {string} paper @property {string} ink @property {string} soft @property {string} line
 * @property {string} node @property {string} nodeLine @property {string} accent @property {string} lit
 * @property {number[]} negative @property {number[]} zero @property {number[]} positive
 */

/** The colours of paper, for files: as the light theme of base.css. @type {Theme} */
export const PAPER = {
  paper: "#ffffff", ink: "#1f2024", soft: "#5b5c64", line: "#dfdacd", node: "#ffffff",
  nodeLine: "#4a4c55", accent: "#0b5cad", lit: "#ffe28a",
  negative: [0, 114, 178], zero: [165, 165, 165], positive: [213, 94, 0],
};

/** The colours that the page has at the moment. @param {Element} element @returns {Theme} */
export function themeOf(element) {
  const style = getComputedStyle(element);
  const read = (name, otherwise) => style.getPropertyValue(`--${name}`).trim() || otherwise;
  const signed = (name, otherwise) => rgb(read(name, "")) ?? otherwise;
  return {
    paper: read("paper", PAPER.paper), ink: read("ink", PAPER.ink), soft: read("soft", PAPER.soft),
    line: read("line", PAPER.line), node: read("node", PAPER.node),
    nodeLine: read("node-line", PAPER.nodeLine), accent: read("accent", PAPER.accent),
    lit: read("lit", PAPER.lit),
    negative: signed("negative", PAPER.negative), zero: signed("zero", PAPER.zero),
    positive: signed("positive", PAPER.positive),
  };
}

/** "rgb(213, 94, 0)", as a style that is computed has it, as three numbers; null for anything else. */
export function rgb(text) {
  const match = /^rgb\((\d+)[,\s]+(\d+)[,\s]+(\d+)\)$/.exec(text);
  return match ? match.slice(1).map(Number) : null;
}

/** Steps on either side of zero: enough that no two neighbours can be told apart. */
export const LEVELS = 16;

/**
 * From -LEVELS (the largest, negative) over 0 to LEVELS. The square root keeps small ones visible.
 * @param {number} value @param {number} largest
 */
export function levelOf(value, largest) {
  if (!(largest > 0) || Number.isNaN(value)) return 0;
  const share = Math.min(1, Math.abs(value) / largest);
  return Math.sign(value) * Math.round(Math.sqrt(share) * LEVELS);
}

/** The colour of a level, as CSS. @param {Theme} theme @param {number} level */
export function colourOf(theme, level) {
  const end = level < 0 ? theme.negative : theme.positive;
  const share = Math.min(1, 0.12 + Math.abs(level) / LEVELS);
  const mixed = level === 0 ? theme.zero : theme.zero.map((zero, at) => zero + (end[at] - zero) * share);
  return `rgb(${mixed.map(Math.round).join(" ")})`;
}

/** As CSS for files, which older viewers must read too. */
export function hex(theme, level) {
  const channels = colourOf(theme, level).match(/\d+/g) ?? [];
  return `#${channels.map((channel) => Number(channel).toString(16).padStart(2, "0")).join("")}`;
}

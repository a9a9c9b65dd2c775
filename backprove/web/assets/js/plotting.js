// @ts-check
// The curve of the loss: training and validation, epoch by epoch, with a table for who sees none.

import uPlot from "../vendor/uplot/uplot.esm.js";
import { h, number, stylesheet } from "./elements.js";
import { short } from "./values.js";

const MOST = 3000; // points that are kept; beyond, every second one goes
const ROWS = 12; // of the table
const HEIGHT = 200;

/** @typedef {[number, number|null, number|null]} Point  epoch, training, validation */

export class LossPlot {
  /** @type {Point[]} what epochs ended with */
  #epochs = [];
  /** @type {Point[]} where the epoch under way stands */
  #steps = [];
  #logarithmic = false;
  #plot;
  #host = h("div", { class: "loss-plot", role: "img", "aria-label": "The loss: nothing has been learned yet" });
  #read = h("p", { class: "plot-read", "aria-hidden": "true" });
  #body = h("tbody");
  #table = h("details", { class: "plot-table" },
    h("summary", {}, "As a table"),
    h("div", { class: "scrolls" }, h("table", { class: "table" },
      h("caption", { class: "visually-hidden" }, "The loss after some of the epochs"),
      h("thead", {}, h("tr", {}, ...["Epoch", "Training", "Validation"].map((words) =>
        h("th", { scope: "col", class: "number" }, words)))),
      this.#body)));

  constructor() {
    stylesheet("uplot", "vendor/uplot");
    const log = h("input", { type: "checkbox" });
    log.addEventListener("change", () => this.#scale(log.checked));
    const key = (/** @type {string} */ name, /** @type {string} */ words) =>
      h("span", { class: "plot-key" }, h("i", { class: `plot-line ${name}`, "aria-hidden": "true" }), words);
    this.element = h("section", { class: "loss-figure" },
      h("div", { class: "figure-head" }, h("h3", {}, "Loss"), h("label", { class: "field" }, log, "log scale"),
        h("p", { class: "figure-key" }, key("training", "training"), key("validation", "validation"))),
      this.#host, this.#read, this.#table);
    this.#plot = this.#made();
    new ResizeObserver(() => this.#fit()).observe(this.#host);
    const repaint = () => this.#plot.redraw(false, true);
    document.addEventListener("theme", repaint);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    this.#table.addEventListener("toggle", () => this.#write());
  }

  clear() {
    this.#epochs = [];
    this.#steps = [];
    this.show();
  }

  /**
   * @param {Point[]} losses  epochs that have ended
   * @param {Point|null} [now]  where it stands within an epoch
   */
  add(losses, now = null) {
    if (losses.length) {
      this.#epochs.push(...losses);
      const last = losses[losses.length - 1][0];
      this.#steps = this.#steps.filter(([epoch]) => epoch > last);
      while (this.#epochs.length > MOST) this.#epochs = this.#epochs.filter((_, at) => at % 2 === 0);
    }
    if (now && now[0] > (this.#epochs.at(-1)?.[0] ?? -1)) {
      if (this.#steps.at(-1)?.[0] !== now[0]) this.#steps.push(now);
      if (this.#steps.length > MOST) this.#steps = this.#steps.filter((_, at) => at % 2 === 0);
    }
  }

  /** Draws what was added, where it is seen. */
  show() {
    if (!this.#host.offsetParent) return;
    const points = [...this.#epochs, ...this.#steps];
    const column = (/** @type {1|2} */ at) => points.map((point) => this.#drawable(point[at]));
    this.#plot.setData([points.map(([epoch]) => epoch), column(1), column(2)]);
    const first = points[0];
    const last = points.at(-1);
    this.#host.setAttribute("aria-label", !last || !first ? "The loss: nothing has been learned yet"
      : `The loss falls or rises from ${number(first[1], 3)} to ${number(last[1], 3)} in ${number(Math.ceil(last[0]), 6)} epochs`
        .replace("falls or rises", (last[1] ?? 0) <= (first[1] ?? 0) ? "falls" : "rises"));
    this.#write();
  }

  /** @param {number|null} value */
  #drawable(value) {
    if (value === null || !Number.isFinite(value)) return null;
    return this.#logarithmic && value <= 0 ? null : value;
  }

  #write() {
    if (!this.#table.open) return;
    const all = this.#epochs;
    const every = Math.max(1, Math.ceil(all.length / ROWS));
    const some = all.filter((_, at) => (all.length - 1 - at) % every === 0);
    this.#body.replaceChildren(...some.map(([epoch, training, validation]) => h("tr", {},
      h("th", { scope: "row", class: "number" }, epoch.toLocaleString("en")),
      h("td", { class: "number" }, number(training, 4)), h("td", { class: "number" }, number(validation, 4)))));
  }

  /** @param {boolean} logarithmic */
  #scale(logarithmic) {
    this.#logarithmic = logarithmic;
    this.#plot.destroy();
    this.#plot = this.#made();
    this.show();
  }

  #made() {
    const colour = (/** @type {string} */ name) => () => getComputedStyle(this.#host).getPropertyValue(`--${name}`).trim() || "#777";
    const font = "12px system-ui, sans-serif";
    const axis = {
      stroke: colour("soft"), font, grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1, size: 4 },
    };
    const alone = { show: (/** @type {any} */ plot) => plot.data[0].length === 1, size: 6 }; // One epoch is no line.
    const values = (/** @type {any} */ _, /** @type {(number|null)[]} */ splits) =>
      splits.map((value) => (value === null ? "" : short(value)));
    return new uPlot({
      width: Math.max(200, this.#host.clientWidth), height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: (_, low, high) => (low === null || high === null ? [0, 1] : [low, high]) },
        y: this.#logarithmic ? { distr: 3 } : { range: (_, low, high) => bounds(low, high) },
      },
      series: [
        {},
        { stroke: colour("negative"), width: 2, spanGaps: true, points: alone },
        { stroke: colour("positive"), width: 2, dash: [7, 4], spanGaps: true, points: alone },
      ],
      axes: [
        { ...axis, size: 30, values },
        { ...axis, size: 56, values },
      ],
      hooks: { setCursor: [(/** @type {any} */ plot) => this.#tell(plot)] },
    }, [[], [], []], this.#host);
  }

  /** What the curve is at the pointer. @param {any} plot */
  #tell(plot) {
    const at = plot.cursor.idx;
    const [epochs, training, validation] = plot.data;
    if (at === null || at === undefined || epochs[at] === undefined) {
      this.#read.textContent = "";
      return;
    }
    const rest = validation[at] === null ? "" : `, validation ${number(validation[at], 4)}`;
    this.#read.textContent = `Epoch ${number(epochs[at], 5)}: training ${number(training[at], 4)}${rest}`;
  }

  #fit() {
    const width = this.#host.clientWidth;
    if (!width) return;
    if (width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
    this.show();
  }
}

/** From zero to a little above the largest. @param {number|null} low @param {number|null} high @returns {[number, number]} */
function bounds(low, high) {
  if (low === null || high === null) return [0, 1];
  return [Math.min(0, low), high > 0 ? high * 1.05 : 1];
}

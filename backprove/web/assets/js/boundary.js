// @ts-check
// What the network says over the plane of its two inputs, with the samples on it.

import { themeOf } from "./colours.js";
import { h, number } from "./elements.js";

/** Okabe and Ito's colours, for three classes and more; blue and orange first. */
const HUES = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [240, 228, 66], [120, 120, 120]];
const SIDE = 320; // of the picture, in its own pixels, before the screen's

export class BoundaryPlot {
  #canvas = h("canvas", { role: "img", "aria-label": "The network’s answers over the plane of its inputs" });
  #read = h("p", { class: "plot-read", "aria-hidden": "true" });
  #legend = h("p", { class: "figure-key" });
  #low = h("span");
  #high = h("span");
  #name = h("span", { class: "axis-name" });
  #side = h("div", { class: "axis axis-y", "aria-hidden": "true" });
  #grid = /** @type {HTMLCanvasElement} */ (document.createElement("canvas"));
  /** @type {any} */
  #ready = null;
  /** @type {any} */
  #boundary = null;
  /** @type {Float32Array|Uint8Array} */
  #values = new Float32Array(0);
  #range = [0, 1];

  constructor() {
    this.element = h("section", { class: "boundary-figure", hidden: true },
      h("div", { class: "figure-head" }, h("h3", {}, "Decision boundary"), this.#legend),
      h("div", { class: "boundary-frame" },
        this.#side, this.#canvas, h("div", { class: "axis axis-x", "aria-hidden": "true" }, this.#low, this.#name, this.#high)),
      this.#read);
    const repaint = () => this.paint();
    document.addEventListener("theme", repaint);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    new ResizeObserver(repaint).observe(this.#canvas);
    this.#canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.#tell(event));
    this.#canvas.addEventListener("pointerleave", () => { this.#read.textContent = ""; });
  }

  /** The data of a run; null where they have other than two inputs. @param {any} ready */
  begin(ready) {
    this.#ready = ready?.points ? ready : null;
    this.#boundary = null;
    this.element.hidden = this.#ready === null;
    if (!this.#ready) return;
    this.element.querySelector("h3").textContent = ready.classes ? "Decision boundary" : "Prediction";
    this.#range = ready.classes ? [0, Math.max(1, ready.classes.length - 1)] : extent(ready.points);
    this.#writeLegend();
  }

  /** @param {any} boundary */
  show(boundary) {
    if (!this.#ready || !boundary) return;
    const bytes = Uint8Array.from(atob(boundary.values), (letter) => letter.charCodeAt(0));
    this.#values = boundary.of === "uint8" ? bytes : new Float32Array(bytes.buffer);
    const first = this.#boundary === null;
    this.#boundary = boundary;
    if (first) this.#writeAxes();
    this.paint();
  }

  paint() {
    if (!this.#ready || !this.#boundary || !this.#canvas.offsetParent) return;
    const ratio = window.devicePixelRatio || 1;
    const side = Math.round((this.#canvas.clientWidth || SIDE) * ratio);
    if (this.#canvas.width !== side) [this.#canvas.width, this.#canvas.height] = [side, side];
    const canvas = this.#canvas.getContext("2d");
    const theme = themeOf(this.#canvas);
    this.#paintGrid(theme);
    canvas.imageSmoothingEnabled = this.#boundary.of !== "uint8";
    canvas.save();
    canvas.scale(1, -1); // The lowest row comes first.
    canvas.drawImage(this.#grid, 0, -side, side, side);
    canvas.restore();
    this.#paintPoints(canvas, side, theme);
  }

  /** @param {import("./colours.js").Theme} theme */
  #paintGrid(theme) {
    const [width, height] = this.#boundary.size;
    [this.#grid.width, this.#grid.height] = [width, height];
    const picture = new ImageData(width, height);
    const paper = triple(theme.paper);
    this.#values.forEach((value, at) => {
      const [colour, share] = this.#tint(value, theme);
      for (const channel of [0, 1, 2]) {
        picture.data[4 * at + channel] = paper[channel] + (colour[channel] - paper[channel]) * share;
      }
      picture.data[4 * at + 3] = 255;
    });
    this.#grid.getContext("2d")?.putImageData(picture, 0, 0);
  }

  /** The colour of a value, and how much of it lies on the paper. @returns {[number[], number]} */
  #tint(/** @type {number} */ value, /** @type {import("./colours.js").Theme} */ theme) {
    if (this.#boundary.of === "uint8") return [HUES[value % HUES.length], 0.45];
    const share = this.#share(value) * 2 - 1;
    return [share < 0 ? theme.negative : theme.positive, 0.08 + 0.62 * Math.abs(share)];
  }

  /** Where a value lies between the lowest, 0, and the highest, 1. @param {number} value */
  #share(value) {
    const [low, high] = this.#range;
    return Number.isFinite(value) ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0.5;
  }

  /** Shapes tell the classes too, so that no one needs the colours. */
  #paintPoints(canvas, side, /** @type {import("./colours.js").Theme} */ theme) {
    const { points, classes } = this.#ready;
    const [left, right] = this.#boundary.x;
    const [low, high] = this.#boundary.y;
    const radius = Math.max(2.6, (points.length > 500 ? 0.0075 : 0.01) * side);
    canvas.lineWidth = Math.max(1, radius * 0.3);
    canvas.strokeStyle = theme.paper;
    for (const [x1, x2, told] of points) {
      const x = ((x1 - left) / (right - left)) * side;
      const y = side - ((x2 - low) / (high - low)) * side;
      canvas.fillStyle = this.#colour(told, theme);
      shape(canvas, x, y, radius, classes ? told : 0);
      canvas.fill();
      canvas.stroke();
    }
  }

  /** @param {number} told @param {import("./colours.js").Theme} theme */
  #colour(told, theme) {
    if (this.#ready.classes?.length > 2) return css(HUES[told % HUES.length]);
    const share = this.#share(told) * 2 - 1;
    const end = share < 0 ? theme.negative : theme.positive;
    const size = this.#ready.classes ? 1 : Math.abs(share);
    return css(theme.zero.map((zero, at) => zero + (end[at] - zero) * size));
  }

  #writeAxes() {
    const { x, y } = this.#boundary;
    const [first = "x1", second = first] = this.#ready.inputs;
    this.#low.textContent = number(x[0], 2);
    this.#name.textContent = first;
    this.#high.textContent = number(x[1], 2);
    this.#side.replaceChildren(h("span", {}, number(y[1], 2)), h("span", { class: "axis-name" }, second), h("span", {}, number(y[0], 2)));
    this.#canvas.setAttribute("aria-label",
      `The network’s answers over the plane of ${first} and ${second}, and ${this.#ready.points.length} samples on it. The table of classes and the loss tell the same in numbers.`);
  }

  #writeLegend() {
    const { classes, targets } = this.#ready;
    if (!classes) {
      this.#legend.replaceChildren(`${targets[0] ?? "value"}: ${number(this.#range[0], 2)} `, h("span", { class: "ramp", "aria-hidden": "true" }), ` ${number(this.#range[1], 2)}`);
      return;
    }
    this.#legend.replaceChildren(...classes.slice(0, HUES.length).map((/** @type {string} */ label, /** @type {number} */ at) => {
      const mark = h("canvas", { width: 26, height: 26, class: "class-mark", "aria-hidden": "true" });
      const canvas = mark.getContext("2d");
      canvas.fillStyle = this.#colour(at, themeOf(document.documentElement));
      shape(canvas, 13, 13, 9, at);
      canvas.fill();
      return h("span", { class: "class-key" }, mark, label);
    }));
  }

  /** What the network says at the pointer. @param {PointerEvent} event */
  #tell(event) {
    if (!this.#boundary) return;
    const box = this.#canvas.getBoundingClientRect();
    const { x, y, size: [width, height] } = this.#boundary;
    const across = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    const up = Math.max(0, Math.min(1, 1 - (event.clientY - box.top) / box.height));
    const value = this.#values[Math.round(up * (height - 1)) * width + Math.round(across * (width - 1))];
    const [first = "x1", second = first] = this.#ready.inputs;
    const { classes } = this.#ready;
    const said = this.#boundary.of === "uint8" ? `class ${classes?.[value] ?? value}`
      : classes ? `${number(value, 3)}, class ${classes[value > 0.5 ? 1 : 0]}` : number(value, 4);
    this.#read.textContent = `${first} ${number(x[0] + across * (x[1] - x[0]), 3)}, ${second} ${number(y[0] + up * (y[1] - y[0]), 3)}: ${said}`;
  }
}

/** Corners, the angle of the first in half turns, and the size beside a disc of the same weight. */
const SHAPES = [null, [4, 0.25, 1.2], [3, -0.5, 1.5], [4, 0, 1.45]];

/** A disc, a square, a triangle, a diamond, and again. */
function shape(canvas, x, y, radius, kind) {
  const [corners, turn, size] = SHAPES[kind % SHAPES.length] ?? [0, 0, 1];
  canvas.beginPath();
  if (!corners) canvas.arc(x, y, radius, 0, 2 * Math.PI);
  for (let at = 0; at < corners; at += 1) {
    const angle = ((2 * at) / corners + turn) * Math.PI;
    canvas.lineTo(x + size * radius * Math.cos(angle), y + size * radius * Math.sin(angle));
  }
  canvas.closePath();
}

/** @param {number[][]} points @returns {[number, number]} */
function extent(points) {
  const told = points.map(([, , value]) => value);
  const [low, high] = [Math.min(...told), Math.max(...told)];
  return high > low ? [low, high] : [low - 1, high + 1];
}

/** @param {number[]} colour */
function css(colour) {
  return `rgb(${colour.map(Math.round).join(" ")})`;
}

/** "#fffdf8" as three numbers. @param {string} text */
function triple(text) {
  const digits = /^#([0-9a-f]{6})$/i.exec(text)?.[1] ?? "ffffff";
  return [0, 2, 4].map((from) => parseInt(digits.slice(from, from + 2), 16));
}

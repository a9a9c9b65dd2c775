// @ts-check
/**
 * The edges on their canvas.
 *
 * Edges of one width and colour are one path, built when numbers change, so that moving the
 * camera strokes some thirty paths and no more.
 */
import { drawAsides } from "./asides.js";
import { drawBand, writeCount } from "./bands.js";
import { LEVELS, colourOf } from "./colours.js";
import { trace } from "./curves.js";
import { PLAIN } from "./edges.js";

/**
 * @typedef {import("./edges.js").Edge} Edge
 *
 * @typedef {object} Look   what stands out
 * @property {ReadonlySet<Edge>} lit @property {ReadonlySet<Edge>} near
 * @property {ReadonlySet<Edge>} selected
 * @property {import("./asides.js").Line[]} asides
 * @property {number} dim  how opaque the rest stays
 */

export class Painting {
  /** @type {Map<number, Path2D>} by level */
  #paths = new Map();
  /** Edges without a number. */
  #bare = { path: new Path2D(), count: 0 };

  /** @param {import("./edges.js").Edges} edges */
  constructor(edges) {
    this.edges = edges;
  }

  /** Takes the numbers of the edges anew. */
  update() {
    const paths = new Map();
    this.#bare = { path: new Path2D(), count: 0 };
    for (const edge of this.edges.drawn) {
      if (Number.isNaN(this.edges.values[edge.at])) {
        trace(this.#bare.path, edge.curve);
        this.#bare.count += 1;
        continue;
      }
      const level = this.edges.levelAt(edge);
      if (!paths.has(level)) paths.set(level, new Path2D());
      trace(paths.get(level), edge.curve);
    }
    // Small ones first, so that large ones lie on top.
    this.#paths = new Map([...paths].sort(([one], [other]) => Math.abs(one) - Math.abs(other)));
  }

  /**
   * Draws onto a canvas whose unit is a pixel of the page.
   * @param {CanvasRenderingContext2D} canvas
   * @param {import("./camera.js").Camera} camera
   * @param {import("./colours.js").Theme} theme
   * @param {Look} look
   */
  draw(canvas, camera, theme, { lit, near, selected, asides, dim }) {
    canvas.save();
    canvas.translate(camera.x, camera.y);
    canvas.scale(camera.scale, camera.scale);
    canvas.lineCap = "butt";
    const thinnest = 0.6 / camera.scale;
    for (const band of this.edges.bands) drawBand(canvas, band, theme, dim);
    this.#drawBare(canvas, theme, thinnest, dim);
    for (const [level, path] of this.#paths) {
      canvas.globalAlpha = this.#alphaOf(level) * dim;
      canvas.strokeStyle = colourOf(theme, level);
      canvas.lineWidth = Math.max(thinnest, this.edges.widthOf(level));
      canvas.stroke(path);
    }
    for (const edge of near) this.#drawOne(canvas, edge, theme, thinnest, null);
    for (const edge of selected) this.#drawOne(canvas, edge, theme, thinnest, theme.ink);
    for (const edge of lit) this.#drawOne(canvas, edge, theme, thinnest, theme.lit);
    drawAsides(canvas, asides, theme, 1 / camera.scale);
    canvas.restore();
    for (const band of this.edges.bands) writeCount(canvas, band, camera, theme);
  }

  /** Edges without a number: all alike. */
  #drawBare(canvas, theme, thinnest, dim) {
    const { path, count } = this.#bare;
    canvas.globalAlpha = Math.max(0.14, Math.min(0.85, 34 / count)) * dim;
    canvas.strokeStyle = `rgb(${theme.zero.join(" ")})`;
    canvas.lineWidth = Math.max(thinnest, PLAIN);
    if (count) canvas.stroke(path);
  }

  #plainWidth(edge) {
    return Number.isNaN(this.edges.values[edge.at]) ? PLAIN : this.edges.widthOf(this.edges.levelAt(edge));
  }

  /** Many edges are laid over each other: the small ones step back. */
  #alphaOf(level) {
    const crowd = Math.min(1, Math.max(0, (this.edges.drawn.length - 40) / 600));
    const size = Math.abs(level) / LEVELS;
    return (1 - crowd) * (0.75 + 0.25 * size) + crowd * (0.12 + 0.78 * size ** 1.5);
  }

  #drawOne(canvas, edge, theme, thinnest, halo) {
    const path = new Path2D();
    trace(path, edge.curve);
    const level = this.edges.levelAt(edge);
    const width = Math.max(thinnest * 1.6, this.#plainWidth(edge));
    canvas.globalAlpha = 1;
    if (halo) {
      canvas.strokeStyle = halo;
      canvas.lineWidth = width + 7 * Math.max(1, thinnest);
      canvas.stroke(path);
      if (halo === theme.ink) { // the one selected: an outline
        canvas.strokeStyle = theme.paper;
        canvas.lineWidth = width + 4 * Math.max(1, thinnest);
        canvas.stroke(path);
      }
    }
    canvas.strokeStyle = level === 0 && halo ? theme.soft : colourOf(theme, level);
    canvas.lineWidth = width;
    canvas.stroke(path);
  }
}

// @ts-check
/** The drawing as a file: an SVG of its own with text labels, and a PNG made of it. */
import { countOf, countPlace } from "./bands.js";
import { PAPER, LEVELS, colourOf, hex, levelOf } from "./colours.js";
import { Edges, PLAIN } from "./edges.js";
import { arranged } from "./headings.js";
import { LABELLED, numbersOf, obstacles, placed } from "./labels.js";
import { byDagre, computed, keptDagre, wantsDagre } from "./layout.js";
import { lastOf, sizeOf } from "./neurons.js";
import { store as page } from "./state.js";
import { runs, symbol } from "./symbols.js";
import { asNumber, firstAt, place, short, sources } from "./values.js";

const ROOM = { width: 900, height: 480 };
const MARGIN = { side: 40, top: 64, bottom: 64 };
const SERIF = "'STIX Two Text', 'STIX Two Math', 'Times New Roman', Times, serif";
const SANS = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";
/** How the number of an edge is written. */
const SMALL = { size: 10.5, fill: PAPER.soft, font: SANS };
const LEGENDS = { weight: "weight", gradient: "gradient", factor: "weight × what comes back" };

/**
 * The drawing of the store's network as the text of an SVG; null where there is no network.
 * @param {any} [store]
 * @returns {Promise<string|null>}
 */
export async function toSVG(store = page) {
  const state = store.get();
  const diagram = state.network?.diagram;
  if (!diagram) return null;
  const placement = (wantsDagre(diagram) && (keptDagre(diagram, ROOM) ?? await byDagre(diagram, ROOM))) || computed(diagram, ROOM);
  const edges = new Edges(diagram, placement);
  const from = sources(state);
  edges.update(state.view.show, from);
  return new Sheet(state, placement, edges, from).text();
}

/**
 * The same as a PNG, `scale` pixels to one of the SVG's; null where there is no network.
 * @param {any} [store] @param {number} [scale]
 * @returns {Promise<Blob|null>}
 */
export async function toPNG(store = page, scale = 2) {
  const svg = await toSVG(store);
  if (svg === null) return null;
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** One drawing being written. */
class Sheet {
  constructor(state, placement, edges, from) {
    Object.assign(this, { state, placement, edges, from });
    this.symbols = new Map((state.network.quantities ?? []).map((one) => [one.name, one.symbol]));
    for (const group of state.network.diagram.groups) {
      if (group.symbol) this.symbols.set(group.name, group.symbol);
    }
  }

  text() {
    const width = Math.ceil(this.placement.width + 2 * MARGIN.side);
    const height = Math.ceil(this.placement.height + MARGIN.top + MARGIN.bottom);
    const title = this.state.network.title || "A neural network";
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">`,
      `<title>${escaped(title)}</title>`,
      `<rect width="${width}" height="${height}" fill="${PAPER.paper}"/>`,
      `<g transform="translate(${MARGIN.side} ${MARGIN.top})">`,
      ...this.#heads(), ...this.#bands(), ...this.#curves(), ...this.#labels(), ...this.#neurons(),
      "</g>",
      ...this.#legend(width, height),
      "</svg>", "",
    ].join("\n");
  }

  #heads() {
    const heads = this.placement.columns.map(({ x, title, count }) => (
      { x, title: title && count > 1 ? `${title} · ${count.toLocaleString("en")}` : title }));
    return arranged(heads, (title) => 6.8 * title.length).map(({ x, title, row }) => written(
      x, -34 - 16 * row, title, { size: 12.5, fill: PAPER.soft, font: SANS }));
  }

  #bands() {
    return this.edges.bands.flatMap((band) => {
      const { from, to, whole } = band;
      const middle = (from.x + to.x) / 2;
      const path = `M${n(from.x)} ${n(from.top)}C${n(middle)} ${n(from.top)} ${n(middle)} ${n(to.top)} ${n(to.x)} ${n(to.top)}`
        + `V${n(to.bottom)}C${n(middle)} ${n(to.bottom)} ${n(middle)} ${n(from.bottom)} ${n(from.x)} ${n(from.bottom)}Z`;
      const { x, y } = countPlace(band);
      return [
        `<path d="${path}" fill="#a5a5a5" fill-opacity="${whole ? 0.2 : 0.07}"/>`,
        written(x, whole ? y : y + 16, countOf(band), { size: 12, fill: PAPER.soft, font: SANS }),
      ];
    });
  }

  #curves() {
    const sorted = [...this.edges.drawn].sort(
      (one, other) => Math.abs(this.edges.levelAt(one)) - Math.abs(this.edges.levelAt(other)));
    const crowd = sorted.length > 200;
    return sorted.map((edge) => {
      const level = this.edges.levelAt(edge);
      const width = Number.isNaN(this.edges.values[edge.at]) ? PLAIN : this.edges.widthOf(level);
      const opacity = crowd ? ` stroke-opacity="${n(0.15 + 0.8 * (Math.abs(level) / LEVELS) ** 1.5)}"` : "";
      return `<path d="${curveText(edge.curve)}" fill="none" stroke="${hex(PAPER, level)}" stroke-width="${n(width)}"${opacity}>`
        + `${edge.component === null ? "" : `<title>${escaped(this.#edgeTitle(edge))}</title>`}</path>`;
    });
  }

  #edgeTitle({ component, where }) {
    const value = firstAt(this.from.values, where);
    return value === null ? component : `${component} = ${short(value)}`;
  }

  /** Along each edge where there are few, as in the page: a weight's symbol and its number. */
  #labels() {
    const { drawn, values, numbered, bands } = this.edges;
    if (!numbered || drawn.length > LABELLED) return [];
    const labels = new Map(drawn.filter(({ at }) => !Number.isNaN(values[at])).map((edge) => [edge, this.#label(edge)]));
    const wanted = [...labels].map(([edge, { forms }]) => ({ edge, forms }));
    return placed(wanted, obstacles(this.placement, bands, 1), drawn, 1).map(({ edge, form, x, y, turn }) => {
      const { parts, signWidth, texts, forms } = labels.get(edge);
      const { w, h } = forms[form];
      const inner = form === 0 && parts.length
        ? set(-w + 2 + signWidth / 2, 3.5, 11, parts) + written(w - 2, 3.5, `= ${texts[0]}`, { ...SMALL, anchor: "end" })
        : written(0, 3.5, texts[texts.length - forms.length + form], SMALL);
      return `<g transform="translate(${n(x)} ${n(y)}) rotate(${n((turn * 180) / Math.PI)})">`
        + `<rect x="${n(-w)}" y="${n(-h)}" width="${n(2 * w)}" height="${n(2 * h)}" rx="3" fill="${PAPER.paper}"/>${inner}</g>`;
    });
  }

  /** What is written beside an edge, and about how much room it takes. */
  #label(edge) {
    const texts = numbersOf(this.edges.values[edge.at]);
    const alone = texts.map((text) => ({ w: text.length * 3.1 + 2, h: 6.5 }));
    const named = this.state.view.show === "weight" && edge.where !== null;
    const parts = named ? runs(symbol(this.symbols.get(edge.where.name), edge.component)) : [];
    const signWidth = widthOf(parts, 11);
    const whole = { w: alone[0].w + (signWidth + 11) / 2, h: 6.5 };
    return { texts, parts, signWidth, forms: named ? [whole, ...alone] : alone };
  }

  #neurons() {
    const largest = new Map();
    const valueOf = (neuron) => (neuron.block ? null : firstAt(this.from.values, place(lastOf(neuron))));
    for (const neuron of this.placement.neurons) {
      const size = Math.abs(asNumber(valueOf(neuron)));
      if (Number.isFinite(size)) largest.set(neuron.group.name, Math.max(largest.get(neuron.group.name) ?? 1, size));
    }
    return this.placement.neurons.flatMap((neuron) => {
      const value = valueOf(neuron);
      return [
        `<g>`,
        shape(neuron, neuron.group.kind === "loss" ? PAPER.node : tinted(levelOf(asNumber(value), largest.get(neuron.group.name) ?? 1))),
        this.#bias(neuron),
        this.#symbol(neuron),
        neuron.group.beside?.length && !neuron.block
          ? written(neuron.x, neuron.y - neuron.h - 8, `+ ${neuron.group.beside.join(", ")}`, { size: 11, fill: PAPER.soft, font: SANS, halo: true }) : "",
        value === null ? "" : written(neuron.x, neuron.y + neuron.h + Math.max(8, neuron.w * 0.55), short(value), {
          size: Math.max(6, Math.min(12, neuron.w * 0.5)), fill: PAPER.soft, font: SANS, halo: true }),
        "</g>",
      ].filter(Boolean);
    });
  }

  #bias(neuron) {
    const component = neuron.group.neurons[neuron.index]?.bias ?? null;
    if (component === null || neuron.block) return "";
    const value = firstAt(this.from.values, place(component));
    return `<circle cx="${n(neuron.x - neuron.w * 0.8)}" cy="${n(neuron.y + neuron.h * 0.8)}" r="${n(Math.max(2.5, neuron.w * 0.2))}"`
      + ` fill="${hex(PAPER, levelOf(asNumber(value), 1))}" stroke="${PAPER.node}" stroke-width="1.5">`
      + `<title>${escaped(value === null ? component : `${component} = ${short(value)}`)}</title></circle>`;
  }

  #symbol(neuron) {
    const { id, group, block, w } = neuron;
    const math = neuron.symbol ? symbol(neuron.symbol, "") : symbol(this.symbols.get(group.name), block ? group.name : id);
    const parts = runs(math);
    const size = Math.min(w * 0.8, block ? 24 : (2 * w * 0.86) / widthOf(parts, 1));
    if (size < 4) return "";
    const y = neuron.y + size * 0.3 - (block ? 12 : 0);
    const label = set(neuron.x, y, size, parts);
    if (!block) return label;
    return label + written(neuron.x, neuron.y + 22, sizeOf(group), { size: 12, fill: PAPER.soft, font: SANS });
  }

  #legend(width, height) {
    const { largest, numbered } = this.edges;
    if (!numbered || !(largest > 0)) return [];
    const y = height - 26;
    const x = width / 2;
    const steps = Array.from({ length: 2 * LEVELS + 1 }, (_, at) => {
      const level = at - LEVELS;
      const tall = 1.5 + (10.5 * Math.abs(level)) / LEVELS;
      return `<rect x="${n(x - 82.5 + at * 5)}" y="${n(y - tall / 2)}" width="5.2" height="${n(tall)}" fill="${hex(PAPER, level)}"/>`;
    });
    return [
      "<g>", ...steps,
      written(x - 88, y + 4, short(-largest), { size: 11.5, fill: PAPER.soft, font: SANS, anchor: "end" }),
      written(x + 88, y + 4, short(largest), { size: 11.5, fill: PAPER.soft, font: SANS, anchor: "start" }),
      written(x, y + 19, LEGENDS[this.state.view.show] ?? "", { size: 11.5, fill: PAPER.soft, font: SANS }),
      "</g>",
    ];
  }
}

/** Coordinates to a tenth of a pixel. */
function n(value) {
  return String(Math.round(value * 10) / 10);
}

function curveText(curve) {
  let text = `M${n(curve[0])} ${n(curve[1])}`;
  for (let at = 2; at < curve.length; at += 6) text += `C${curve.slice(at, at + 6).map(n).join(" ")}`;
  return text;
}

function written(x, y, text, { size, fill, font, anchor = "middle", halo = false }) {
  const around = halo ? ` paint-order="stroke" stroke="${PAPER.paper}" stroke-width="3.5" stroke-linejoin="round"` : "";
  return `<text x="${n(x)}" y="${n(y)}" font-family="${font}" font-size="${n(size)}" text-anchor="${anchor}" fill="${fill}"${around}>${escaped(text)}</text>`;
}

/** About how wide a symbol is. */
function widthOf(parts, size) {
  return size * parts.reduce((sum, { text, rise }) => sum + text.length * (rise ? 0.36 : 0.55), 0);
}

/** A symbol with its indices below and above the line; where it has both, one over the other. */
function set(x, y, size, parts) {
  let above = 0;
  let below = 0;
  const spans = parts.map(({ text, italic, rise }) => {
    const level = rise === 0 ? 0 : rise < 0 ? 0.26 : -0.38;
    const dy = level * size - above;
    above = level * size;
    const back = rise > 0 && below ? ` dx="${n(-below)}"` : "";
    below = rise < 0 ? below + text.length * size * 0.34 : 0;
    const style = italic ? ' font-style="italic"' : "";
    return `<tspan dy="${n(dy)}"${back}${style} font-size="${n(rise ? size * 0.66 : size)}">${escaped(text)}</tspan>`;
  });
  return `<text x="${n(x)}" y="${n(y)}" font-family="${SERIF}" text-anchor="middle" fill="${PAPER.ink}">${spans.join("")}</text>`;
}

function shape({ x, y, w, h, block, small, group }, fill) {
  const line = `fill="${fill}" stroke="${PAPER.nodeLine}" stroke-width="${small ? 1 : 1.4}"`;
  if (block || small || group.kind === "input") {
    const round = block ? 14 : w * 0.36;
    const dash = small ? ' stroke-dasharray="3 2.5"' : "";
    return `<rect x="${n(x - w)}" y="${n(y - h)}" width="${n(2 * w)}" height="${n(2 * h)}" rx="${n(round)}" ${line}${dash}/>`;
  }
  const ring = group.kind === "loss" ? `<circle cx="${n(x)}" cy="${n(y)}" r="${n(w + 3.5)}" fill="none" stroke="${PAPER.nodeLine}" stroke-width="1.2"/>` : "";
  return `${ring}<circle cx="${n(x)}" cy="${n(y)}" r="${n(w)}" ${line}/>`;
}

/** A neuron's fill: its level's colour, thinned with white so that the symbol stays readable. */
function tinted(level) {
  const share = (Math.abs(level) / LEVELS) * 0.38;
  const channels = colourOf(PAPER, level).match(/\d+/g) ?? [];
  const mixed = channels.map((channel) => Math.round(255 + (Number(channel) - 255) * share));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

function escaped(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

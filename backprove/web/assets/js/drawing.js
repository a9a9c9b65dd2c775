// @ts-check
/**
 * The drawing of the network: neurons as buttons, edges on a canvas under them, a legend.
 *
 * It reads network.diagram, numbers, training, selection, highlight and view.show of the store,
 * and sets selection and highlight. Nothing is computed here but places on the screen and the
 * products that the page's numbers show (weight × input, weight × what comes back).
 */
import { Asides } from "./asides.js";
import { Camera, roomOf } from "./camera.js";
import { themeOf } from "./colours.js";
import { Choice } from "./drawing-choice.js";
import { Hint } from "./drawing-hint.js";
import { KEYS, Keys } from "./drawing-keys.js";
import { Pointer } from "./drawing-pointer.js";
import { EdgeLabels } from "./edge-labels.js";
import { Edges } from "./edges.js";
import { h, stylesheet } from "./elements.js";
import { goTo } from "./going.js";
import { Headings } from "./headings.js";
import { byDagre, computed, keptDagre, wantsDagre } from "./layout.js";
import { Legend } from "./legend.js";
import { lights } from "./lights.js";
import { Neurons } from "./neurons.js";
import { Painting } from "./painting.js";
import { sources } from "./values.js";

/** Milliseconds after which something is said about a network that is not there yet. */
const PATIENCE = 500;

/** @param {HTMLElement} element @param {any} store */
export function mount(element, store) {
  stylesheet("drawing");
  return new Drawing(element, store);
}

export class Drawing {
  camera = new Camera();
  /** Names of the folded groups that are open. */
  opened = new Set();
  placement = null;
  edges = null;
  asides = null;
  painting = null;
  labels = new EdgeLabels();
  headings = new Headings();
  hint = new Hint();
  #waiting = { numbers: true, frame: 0 };
  #look = { lit: new Set(), near: new Set(), selected: new Set(), asides: [], dim: 1 };

  constructor(element, store) {
    this.store = store;
    this.#build(element);
    this.neurons = new Neurons(this.layer);
    this.choice = new Choice(this);
    this.pointer = new Pointer(this, this.choice);
    this.keys = new Keys(this, this.choice);
    this.#listen();
    this.#size();
    this.place();
    setTimeout(() => this.#tellEmpty(), PATIENCE);
  }

  // ------------------------------------------------------------------------ elements

  #build(element) {
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.layer = h("div", { class: "drawing-layer" });
    this.tipElement = h("div", { class: "drawing-tip", "aria-hidden": "true", hidden: true });
    this.empty = h("p", { class: "drawing-empty soft", role: "status" });
    this.stage = h("div", { class: "drawing-stage", tabindex: 0, role: "group", "aria-roledescription": "drawing" },
      this.canvas, this.headings.element, this.labels.element, this.layer, this.empty, this.tipElement);
    this.live = h("p", { class: "visually-hidden", "aria-live": "polite" });
    const zoom = h("div", { class: "drawing-zoom", role: "group", "aria-label": "Zoom" },
      button("−", "Zoom out", () => this.zoomBy(1 / 1.3)),
      button("fit", "Fit the drawing", () => this.fit()),
      button("+", "Zoom in", () => this.zoomBy(1.3)));
    this.legend = new Legend((show) => this.store.set({ view: { show } }, "drawing"));
    this.root = h("div", { class: "drawing" },
      h("div", { class: "drawing-frame" }, this.stage, this.hint.element, zoom),
      h("div", { class: "drawing-foot" },
        this.legend.shows, goTo(this.store, (component) => this.choice.select(component)), this.legend.element),
      this.live);
    element.replaceChildren(this.root);
  }

  #listen() {
    const { store } = this;
    store.on("network", () => this.place());
    store.on("error", () => this.#tellEmpty());
    store.on(["numbers", "numbersError", "training"], () => this.ask(true));
    store.on("view", (state, change) => {
      if (!change?.before || change.before.view.show !== state.view.show) this.ask(true);
    });
    store.on(["highlight", "selection"], () => this.#relight());
    new ResizeObserver(() => this.#resized()).observe(this.stage);
    new MutationObserver(() => this.ask(true)).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.ask(true));
    document.fonts.addEventListener("loadingdone", () => { // symbols may have another width in their own font
      this.labels.clear();
      this.ask(false);
    });
  }

  /** What stands where no network is yet: one that is answered at once needs no words. */
  #tellEmpty() {
    if (this.diagram) return;
    const { error } = this.store.get();
    this.empty.textContent = error ? "The network appears here as soon as its text can be read." : "Reading the network…";
  }

  /** Tells who does not see it. @param {string} words */
  say(words) {
    this.live.textContent = words;
  }

  // ------------------------------------------------------------------------ placing

  get diagram() {
    return this.store.get().network?.diagram ?? null;
  }

  symbolOf = (name) => {
    const { network } = this.store.get();
    const group = network?.diagram?.groups.find((one) => one.name === name);
    return group?.symbol ?? network?.quantities?.find((one) => one.name === name)?.symbol ?? null;
  };

  #size() {
    const { clientWidth, clientHeight } = this.stage;
    this.view = { width: clientWidth, height: clientHeight };
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.ratio = ratio;
  }

  #resized() {
    const before = this.view;
    this.#size();
    if (!this.diagram) return;
    const other = before.width !== this.view.width || before.height !== this.view.height;
    if (other && this.camera.fitted) this.place();
    else this.ask(false);
  }

  /** Computes places at once; asks dagre where it does better, and takes its answer if it comes. */
  place() {
    const { diagram } = this;
    this.empty.hidden = diagram !== null;
    this.root.classList.toggle("is-empty", diagram === null);
    if (!diagram || !this.view.width) return;
    const room = roomOf(this.view);
    const names = new Set(diagram.groups.map(({ name }) => name));
    this.opened = new Set([...this.opened].filter((name) => names.has(name)));
    const kept = wantsDagre(diagram) ? keptDagre(diagram, room) : null;
    this.#take(kept ?? computed(diagram, room, this.opened));
    if (kept || !wantsDagre(diagram)) return;
    byDagre(diagram, room).then((placement) => {
      if (placement && this.diagram === diagram) this.#take(placement);
    });
  }

  /** Shows a placing. The camera stays where the neurons are the same and it had been moved. */
  #take(placement) {
    const { diagram } = this;
    const ids = placement.neurons.map(({ id, open }) => `${id}${open}`).join(" ");
    const same = ids === this.ids;
    const focused = this.layer.contains(document.activeElement) ? this.neurons.current : null;
    const current = this.neurons.current;
    this.ids = ids;
    this.placement = placement;
    this.edges = new Edges(diagram, placement);
    this.asides = new Asides(diagram, this.edges);
    this.painting = new Painting(this.edges);
    this.labels.clear();
    this.neurons.build(placement, this.symbolOf);
    this.root.classList.toggle("crowded", placement.neurons.length > 60);
    if (current && placement.byId.has(current)) this.neurons.rove(current);
    if (focused) this.neurons.all.get(focused)?.element.focus({ preventScroll: true });
    if (!same || this.camera.fitted) this.camera.fit(placement, this.view);
    this.#fitSymbols();
    this.stage.setAttribute("aria-label", `${sentence(diagram)} ${KEYS}`);
    this.ask(true);
    this.#relight();
  }

  /** Long symbols are written smaller, so that they keep within their circle. */
  #fitSymbols() {
    const widest = new Map();
    for (const { neuron, element } of this.neurons.all.values()) {
      if (neuron.block) continue;
      const wide = element.querySelector(".neuron-symbol").offsetWidth / (2 * neuron.w * 0.86);
      widest.set(neuron.group.name, Math.max(widest.get(neuron.group.name) ?? 0, wide));
    }
    for (const { neuron, element } of this.neurons.all.values()) {
      const wide = widest.get(neuron.group.name) ?? 0;
      if (!neuron.block && wide > 1) element.style.setProperty("--shrink", String(1 / wide));
    }
  }

  // ------------------------------------------------------------------------ painting

  /** Asks for a picture at the next frame. @param {boolean} numbers  whether numbers changed */
  ask(numbers) {
    this.#waiting.numbers ||= numbers;
    this.#waiting.frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#waiting.frame = 0;
    if (!this.edges || !this.view.width) return;
    const state = this.store.get();
    if (this.#waiting.numbers) {
      this.#waiting.numbers = false;
      this.theme = themeOf(this.root);
      const from = sources(state);
      this.edges.update(state.view.show, from);
      this.painting.update();
      this.neurons.update(from, this.theme);
      this.legend.write(state.view.show, this.edges, this.theme);
    }
    this.#moveLayer();
    const canvas = this.canvas.getContext("2d");
    canvas.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    canvas.clearRect(0, 0, this.view.width, this.view.height);
    this.painting.draw(canvas, this.camera, this.theme, this.#look);
    this.labels.show(this.edges, this.camera, this.#look, { show: state.view.show, symbolOf: this.symbolOf });
  }

  #moveLayer() {
    const { x, y, scale } = this.camera;
    this.layer.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.neurons.zoomed(scale);
    this.layer.style.setProperty("--hair", `${1 / scale}px`);
    this.headings.show(this.placement.columns, this.camera);
  }

  /** What is lit, and by how much the rest steps back. */
  #relight() {
    if (!this.edges) return;
    const state = this.store.get();
    this.#look = { ...lights(state, this.edges, this.neurons), asides: this.asides.shown(state) };
    this.root.classList.toggle("pointing", this.#look.dim < 0.4);
    this.ask(false);
  }

  // ------------------------------------------------------------------------ camera

  zoomBy(factor, at = { x: this.view.width / 2, y: this.view.height / 2 }) {
    if (!this.placement) return;
    this.camera.zoom(factor, at);
    this.camera.hold(this.placement, this.view);
    this.ask(false);
  }

  fit() {
    if (!this.placement) return;
    this.camera.fit(this.placement, this.view);
    this.ask(false);
  }

  pan(dx, dy) {
    if (!this.placement) return;
    this.camera.move(dx, dy);
    this.camera.hold(this.placement, this.view);
    this.ask(false);
  }
}

function button(text, label, act) {
  return h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
}

/** The whole drawing in a sentence: "3 inputs, 3 hidden neurons, 1 output and the loss J; 16 edges." */
export function sentence(diagram) {
  const count = (kind) => diagram.groups.filter((one) => one.kind === kind).reduce((sum, { size }) => sum + (size ?? 0), 0);
  const many = (number, one) => (number ? [`${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`] : []);
  const loss = diagram.groups.find(({ kind }) => kind === "loss");
  const parts = [
    ...many(count("input"), "input"), ...many(count("hidden"), "hidden neuron"), ...many(count("quantity"), "other quantity").map((text) => text.replace("quantitys", "quantities")),
    ...many(count("sum"), "output sum"), ...many(count("output"), "output"), ...(loss ? [`the loss ${loss.name}`] : []),
  ];
  const edges = diagram.families.reduce((sum, family) => sum + (family.count ?? 0), 0);
  const last = parts.pop();
  const listed = parts.length ? `${parts.join(", ")} and ${last}` : last;
  return `A network of ${listed}, joined by ${edges.toLocaleString("en")} edges.`;
}

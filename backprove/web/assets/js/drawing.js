// @ts-check
/**
 * The drawing of the network: neurons as buttons, edges on a canvas under them, a legend.
 *
 * It reads network.diagram, numbers, training, selection, highlight and view.show of the store,
 * and sets selection and highlight. Nothing is computed here but places on the screen and the
 * products that the page's numbers show (weight × input, weight × what comes back).
 */
import { Camera, roomOf } from "./camera.js";
import { LEVELS, colourOf, themeOf } from "./colours.js";
import { short, sources } from "./values.js";
import { Edges } from "./edges.js";
import { h, stylesheet } from "./elements.js";
import { goTo } from "./going.js";
import { byDagre, computed, keptDagre, wantsDagre } from "./layout.js";
import { lights } from "./lights.js";
import { Neurons, lastOf } from "./neurons.js";
import { Painting } from "./painting.js";
import { Tip, biasCard, edgeCard, inWords, neuronCard } from "./tips.js";

export { toPNG, toSVG } from "./svg.js";

const SHOWN = [
  { show: "weight", title: "Weights", legend: "weight" },
  { show: "gradient", title: "Gradients", legend: "gradient" },
  { show: "factor", title: "Passed back", legend: "weight × what comes back" },
];
const KEYS = "Arrow keys go from neuron to neuron, Enter selects, e steps through its edges, b selects its bias, Escape leaves, g goes to a component by its name. Plus, minus and 0 zoom.";
const ARROWS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };

/** @param {HTMLElement} element @param {any} store */
export function mount(element, store) {
  stylesheet("drawing");
  return new Drawing(element, store);
}

class Drawing {
  camera = new Camera();
  opened = new Set();
  placement = null;
  edges = null;
  painting = null;
  /** The edge that the pointer or the key `e` is on. */
  edge = null;
  /** Edges of the current neuron that `e` steps through. */
  steps = null;
  #waiting = { numbers: true, frame: 0 };
  #look = { lit: new Set(), near: new Set(), selected: new Set(), dim: 1 };
  #pointers = new Map();
  #drag = null;

  constructor(element, store) {
    this.store = store;
    this.#build(element);
    this.neurons = new Neurons(this.layer);
    this.tip = new Tip(this.tipElement);
    this.#listen();
    this.#size();
    this.#place();
  }

  // ------------------------------------------------------------------------ elements

  #build(element) {
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.layer = h("div", { class: "drawing-layer" });
    this.heads = h("div", { class: "drawing-heads", "aria-hidden": "true" });
    this.tipElement = h("div", { class: "drawing-tip", "aria-hidden": "true", hidden: true });
    this.empty = h("p", { class: "drawing-empty soft" }, "The network appears here as soon as its text can be read.");
    this.stage = h("div", { class: "drawing-stage", tabindex: 0, role: "group", "aria-roledescription": "drawing" },
      this.canvas, this.heads, this.layer, this.empty, this.tipElement);
    this.live = h("p", { class: "visually-hidden", "aria-live": "polite" });
    this.legend = h("div", { class: "legend" });
    const zoom = h("div", { class: "drawing-zoom", role: "group", "aria-label": "Zoom" },
      this.#button("−", "Zoom out", () => this.#zoomBy(1 / 1.3)),
      this.#button("fit", "Fit the drawing", () => this.#fit()),
      this.#button("+", "Zoom in", () => this.#zoomBy(1.3)));
    this.shows = SHOWN.map(({ show, title }) => h("button", {
      type: "button", "data-show": show, onclick: () => this.store.set({ view: { show } }, "drawing"),
    }, title));
    this.root = h("div", { class: "drawing" },
      h("div", { class: "drawing-frame" }, this.stage, zoom),
      h("div", { class: "drawing-foot" },
        h("div", { class: "drawing-shows", role: "group", "aria-label": "What the edges show" }, ...this.shows),
        goTo(this.store, (component) => this.#select(component)), this.legend),
      this.live);
    element.replaceChildren(this.root);
  }

  #button(text, label, act) {
    return h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
  }

  #listen() {
    const { store, stage } = this;
    store.on("network", () => this.#place());
    store.on(["numbers", "values", "training"], () => this.#ask(true));
    store.on("view", (state, change) => {
      if (!change?.before || change.before.view.show !== state.view.show) this.#ask(true);
    });
    store.on(["highlight", "selection"], () => this.#relight());
    new ResizeObserver(() => this.#resized()).observe(stage);
    new MutationObserver(() => this.#ask(true)).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#ask(true));
    // The drawing answers for itself: what points at symbols elsewhere must not undo it.
    for (const kind of ["pointerover", "focusin", "focusout"]) {
      stage.addEventListener(kind, (event) => { event.stopPropagation(); this[`_${kind}`]?.(event); });
    }
    stage.addEventListener("pointerleave", () => this.#pointAtNothing());
    stage.addEventListener("pointermove", (event) => this.#moved(event));
    stage.addEventListener("pointerdown", (event) => this.#pressed(event));
    stage.addEventListener("pointerup", (event) => this.#released(event));
    stage.addEventListener("pointercancel", (event) => this.#released(event));
    stage.addEventListener("click", (event) => this.#clicked(event));
    stage.addEventListener("wheel", (event) => this.#wheeled(event), { passive: false });
    stage.addEventListener("keydown", (event) => this.#typed(event));
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
    if (other && this.camera.fitted) this.#place();
    else this.#ask(false);
  }

  /** Computes places at once; asks dagre where it does better, and takes its answer if it comes. */
  #place() {
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
    this.painting = new Painting(this.edges);
    this.neurons.build(placement, this.symbolOf);
    this.root.classList.toggle("crowded", placement.neurons.length > 60);
    if (current && placement.byId.has(current)) this.neurons.rove(current);
    if (focused) this.neurons.all.get(focused)?.element.focus({ preventScroll: true });
    if (!same || this.camera.fitted) this.camera.fit(placement, this.view);
    this.#fitSymbols();
    this.stage.setAttribute("aria-label", `${sentence(diagram)} ${KEYS}`);
    this.#ask(true);
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
  #ask(numbers) {
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
      this.#writeLegend(state.view.show);
    }
    this.#moveLayer();
    const canvas = this.canvas.getContext("2d");
    canvas.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    canvas.clearRect(0, 0, this.view.width, this.view.height);
    this.painting.draw(canvas, this.camera, this.theme, this.#look);
  }

  #moveLayer() {
    const { x, y, scale } = this.camera;
    this.layer.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.neurons.zoomed(scale);
    this.layer.style.setProperty("--hair", `${1 / scale}px`);
    this.#moveHeads();
  }

  #moveHeads() {
    const { columns } = this.placement;
    if (this.heads.children.length !== columns.length || this.headsOf !== this.placement) {
      this.headsOf = this.placement;
      this.heads.replaceChildren(...columns.map(({ title, count }) => h("span", {},
        h("b", {}, title), count > 1 ? h("i", {}, count.toLocaleString("en")) : null)));
    }
    columns.forEach(({ x }, at) => {
      this.heads.children[at].style.transform = `translate(${this.camera.toScreen({ x, y: 0 }).x}px, 0) translateX(-50%)`;
    });
  }

  #writeLegend(show) {
    for (const button of this.shows) {
      button.setAttribute("aria-pressed", String(button.dataset.show === show));
    }
    const { largest, numbered, drawn, all } = this.edges;
    const { legend } = SHOWN.find((one) => one.show === show) ?? SHOWN[0];
    const key = [show, numbered, short(largest), drawn.length, all.length, this.theme.positive].join();
    if (this.legendKey === key) return;
    this.legendKey = key;
    if (!numbered || largest === 0) {
      const weighted = all.some(({ component }) => component !== null);
      const words = weighted ? `No numbers yet: every ${legend} looks alike.` : "";
      this.legend.replaceChildren(h("span", { class: "soft" }, numbered ? `Every ${legend} is 0.` : words));
      return;
    }
    const bar = h("span", { class: "legend-bar", "aria-hidden": "true" });
    bar.append(...Array.from({ length: 2 * LEVELS + 1 }, (_, at) => {
      const step = h("i");
      step.style.background = colourOf(this.theme, at - LEVELS);
      return step;
    }));
    this.legend.replaceChildren(h("span", { class: "soft" }, legend),
      h("span", { class: "legend-number negative" }, short(-largest)), bar,
      h("span", { class: "legend-number positive" }, short(largest)));
    this.legend.setAttribute("role", "img");
    this.legend.setAttribute("aria-label", `Colour and width by ${legend}: blue ${short(-largest)}, grey 0, orange ${short(largest)}`);
  }

  /** What is lit, and by how much the rest steps back. */
  #relight() {
    if (!this.edges) return;
    this.#look = lights(this.store.get(), this.edges, this.neurons);
    this.root.classList.toggle("pointing", this.#look.dim < 0.4);
    this.#ask(false);
  }

  // ------------------------------------------------------------------------ camera

  #zoomBy(factor, at = { x: this.view.width / 2, y: this.view.height / 2 }) {
    if (!this.placement) return;
    this.camera.zoom(factor, at);
    this.camera.hold(this.placement, this.view);
    this.#ask(false);
  }

  #fit() {
    if (!this.placement) return;
    this.camera.fit(this.placement, this.view);
    this.#ask(false);
  }

  #pan(dx, dy) {
    if (!this.placement) return;
    this.camera.move(dx, dy);
    this.camera.hold(this.placement, this.view);
    this.#ask(false);
  }

  // ------------------------------------------------------------------------ pointing

  #pointOf(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** @param {string[]} components */
  #highlight(components) {
    const now = this.store.get().highlight;
    if (now.size === components.length && components.every((one) => now.has(one))) return;
    if (!components.length && now !== this.mine) return; // another part's is not ours to take away
    this.mine = new Set(components);
    this.store.set({ highlight: this.mine }, "drawing");
  }

  #pointAtNothing() {
    this.edge = null;
    this.tip.hide();
    this.stage.classList.remove("on-edge");
    this.#highlight([]);
  }

  _pointerover({ target, pointerType }) {
    if (pointerType === "touch") return;
    this.#reach(target, true);
  }

  _focusin({ target }) {
    const id = target.dataset?.id;
    if (id) this.neurons.rove(id);
    this.steps = null;
    if (target.matches?.(":focus-visible")) this.#reach(target, false);
  }

  _focusout() {
    this.steps = null;
    this.#pointAtNothing();
  }

  /** The pointer or the keyboard is on a neuron, a bias or a cell of a strip. */
  #reach(target, pointer) {
    const button = target.closest?.("[data-id], [data-bias], [data-cell]");
    if (!button || !this.placement) {
      if (pointer && target !== this.canvas && target !== this.stage) this.#pointAtNothing();
      return;
    }
    this.edge = null;
    const { id, bias, cell } = button.dataset;
    const from = sources(this.store.get());
    if (bias) return this.#tell(biasCard(bias, from), button, [bias]);
    if (cell) {
      const { components, group } = this.neurons.inStrips.get(cell);
      return this.#tell(neuronCard({ id: cell, components, group }, from), button, components);
    }
    const { neuron } = this.neurons.all.get(id);
    if (!pointer && this.camera.reveal(neuron, this.view)) this.#ask(false);
    if (neuron.block) return this.#pointAtNothing();
    this.#tell(neuronCard(neuron, from), button, neuron.group.kind === "loss" ? [id] : neuron.components);
  }

  #tell(card, button, components) {
    this.#highlight(components);
    const box = button.getBoundingClientRect();
    const stage = this.stage.getBoundingClientRect();
    const point = { x: box.right - stage.left - 4, y: (box.top + box.bottom) / 2 - stage.top };
    this.tip.show(card, point, this.view, this.symbolOf, box.height / 2 + 6);
  }

  #edgeAt(point, reach) {
    return this.edges?.hit(this.camera.toWorld(point), reach / this.camera.scale) ?? null;
  }

  #onBackground({ target }) {
    return target === this.canvas || target === this.stage;
  }

  #hover(event) {
    const point = this.#pointOf(event);
    const edge = this.#onBackground(event) ? this.#edgeAt(point, 7) : null;
    this.stage.classList.toggle("on-edge", edge !== null);
    if (edge === null) {
      if (this.#onBackground(event)) this.#pointAtNothing();
      return;
    }
    this.#showEdge(edge, point);
  }

  #showEdge(edge, point) {
    this.edge = edge;
    this.#highlight(edge.component === null ? [edge.from.id, edge.to.id] : [edge.component]);
    this.tip.show(edgeCard(edge, sources(this.store.get())), point, this.view, this.symbolOf);
  }

  // ------------------------------------------------------------------------ dragging

  #pressed(event) {
    if (!this.#onBackground(event) || event.button !== 0) return;
    this.#pointers.set(event.pointerId, this.#pointOf(event));
    this.#drag = { from: this.#pointOf(event), moved: false };
  }

  #moved(event) {
    if (!this.#pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch" && event.buttons === 0) this.#hover(event);
      return;
    }
    const before = this.#pointers.get(event.pointerId);
    const now = this.#pointOf(event);
    if (!this.#drag.moved && Math.hypot(now.x - this.#drag.from.x, now.y - this.#drag.from.y) < 4) return;
    if (!this.#drag.moved) {
      this.#drag.moved = true;
      this.stage.setPointerCapture(event.pointerId);
      this.stage.classList.add("dragging");
      this.#pointAtNothing();
    }
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, now);
    if (!other) return this.#pan(now.x - before.x, now.y - before.y);
    const spread = (point) => Math.max(20, Math.hypot(point.x - other.x, point.y - other.y));
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    this.#zoomBy(spread(now) / spread(before), middle);
    this.#pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  #released(event) {
    this.#pointers.delete(event.pointerId);
    if (!this.#pointers.size) this.stage.classList.remove("dragging");
  }

  #wheeled(event) {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    this.#zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.004)), this.#pointOf(event));
  }

  // ------------------------------------------------------------------------ choosing

  #clicked(event) {
    const { id, bias, cell } = event.target.closest?.("[data-id], [data-bias], [data-cell]")?.dataset ?? {};
    if (bias) return this.#select(bias);
    if (cell) return this.#choose({ id: cell, ...this.neurons.inStrips.get(cell) });
    if (id) return this.#chooseNeuron(id);
    if (this.#drag?.moved || !this.#onBackground(event)) return;
    const point = this.#pointOf(event);
    // Where edges cross, the one that was shown is the one that is meant.
    const edge = event.pointerType === "touch" ? this.#edgeAt(point, 16) : this.edge ?? this.#edgeAt(point, 7);
    if (!edge) return this.#pointAtNothing();
    this.#showEdge(edge, point);
    this.#selectEdge(edge);
  }

  #selectEdge(edge) {
    if (edge.component === null) this.#say(`${inWords(edgeCard(edge, sources(this.store.get())))}. There is no weight on it.`);
    else this.#select(edge.component);
  }

  #chooseNeuron(id) {
    const { neuron } = this.neurons.all.get(id);
    if (neuron.block) this.#toggle(neuron);
    else this.#choose(neuron);
  }

  /** Selects the activation; chosen again, the quantities that it is made of, one after another. */
  #choose(neuron) {
    const first = lastOf(neuron);
    const list = neuron.group.kind === "loss" ? [first] : [...neuron.components].reverse();
    const at = list.indexOf(this.store.get().selection);
    this.#select(list[(at + 1) % list.length] ?? first);
  }

  #select(component) {
    this.store.set({ selection: component }, "drawing");
    this.#say(`${component} selected`);
  }

  /** Opens or closes a folded group. */
  #toggle({ id, group, open }) {
    if (group.size === null) return;
    if (open) this.opened.delete(id);
    else this.opened.add(id);
    this.#place();
    const { element } = this.neurons.all.get(id) ?? {};
    const cell = element?.closest(".block.open")?.querySelector("[data-cell]");
    this.#focus(open ? element : cell ?? element);
    this.#say(open ? `${id} closed` : `${id} open: ${this.neurons.inStrips.size} neurons to choose from`);
  }

  // ------------------------------------------------------------------------ keyboard

  #say(words) {
    this.live.textContent = words;
  }

  #typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.placement) return;
    const { id, cell, of } = event.target.dataset;
    const done = cell ? this.#typedInStrip(event) : id || of ? this.#typedAtNeuron(event, id ?? of) : this.#typedAtStage(event);
    if (done || this.#typedZoom(event.key) || this.#typedName(event.key)) event.preventDefault();
  }

  #typedName(key) {
    return (key === "g" || key === "G") && this.#focus(this.root.querySelector(".going input"));
  }

  #typedZoom(key) {
    if (key === "+" || key === "=") this.#zoomBy(1.3);
    else if (key === "-") this.#zoomBy(1 / 1.3);
    else if (key === "0") this.#fit();
    else return false;
    return true;
  }

  #typedAtStage({ key }) {
    if (key in ARROWS) this.#pan(...ARROWS[key]);
    else if (key === "Enter") this.neurons.all.get(this.neurons.current)?.element.focus();
    else return false;
    return true;
  }

  #typedAtNeuron(event, id) {
    const { key } = event;
    const first = key === "ArrowDown" && this.neurons.all.get(id)?.element.closest(".block.open")?.querySelector("[data-cell]");
    if (first) return this.#focus(first);
    if (key in ARROWS || key === "Home" || key === "End") {
      const next = this.neurons.neighbour(id, key);
      return next === null || this.#focus(this.neurons.all.get(next)?.element);
    }
    if (key === "e" || key === "E") return this.#stepEdges(id, key === "E" ? -1 : 1);
    if (key === "b") return this.#chooseBias(id);
    if (key === "Enter" && this.steps) {
      this.#selectEdge(this.steps.list[this.steps.at]);
      return true;
    }
    if (key === "Escape") return this.#leave();
    return false;
  }

  #focus(element) {
    element?.focus({ preventScroll: !element.dataset.cell }); // a strip scrolls, the drawing does not
    return true;
  }

  #chooseBias(id) {
    const bias = this.neurons.all.get(id)?.bias;
    if (bias) this.#select(bias.component);
    else this.#say(`${id} has no bias`);
    return true;
  }

  /** First those that come in, then those that leave, from top to bottom. */
  #stepEdges(id, way) {
    const all = this.edges.ofNeuron.get(id) ?? [];
    if (!all.length) {
      this.#say(`${id} has no edges that are drawn one by one`);
      return true;
    }
    const list = this.steps?.list ?? [...all.filter(({ to }) => to.id === id), ...all.filter(({ from }) => from.id === id)];
    const at = this.steps ? (this.steps.at + way + list.length) % list.length : way > 0 ? 0 : list.length - 1;
    const edge = list[at];
    this.#showEdge(edge, this.camera.toScreen(this.edges.middle(edge)));
    this.steps = { list, at };
    this.#say(`Edge ${at + 1} of ${list.length}: ${inWords(edgeCard(edge, sources(this.store.get())))}`);
    return true;
  }

  /** From an edge to its neuron, from a neuron to the drawing. */
  #leave() {
    if (this.steps) {
      this.steps = null;
      this.#pointAtNothing();
      this.#say("Back at the neuron");
    } else {
      this.stage.focus({ preventScroll: true });
    }
    return true;
  }

  #typedInStrip({ key, target }) {
    const cells = [...target.parentElement.querySelectorAll("[data-cell]")];
    const perRow = Math.max(1, cells.filter((one) => one.offsetTop === cells[0].offsetTop).length);
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow, Home: -cells.length, End: cells.length };
    if (key in steps) {
      const next = Math.max(0, Math.min(cells.length - 1, cells.indexOf(target) + steps[key]));
      cells[next].focus();
      return true;
    }
    if (key !== "Escape") return false;
    this.#toggle(this.neurons.all.get(target.closest(".block").querySelector("[data-id]").dataset.id).neuron);
    return true;
  }
}

/** The whole drawing in a sentence: "3 inputs, 3 hidden neurons, 1 output and the loss J; 16 edges." */
export function sentence(diagram) {
  const count = (kind) => diagram.groups.filter((one) => one.kind === kind).reduce((sum, { size }) => sum + (size ?? 0), 0);
  const many = (number, one) => (number ? [`${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`] : []);
  const loss = diagram.groups.find(({ kind }) => kind === "loss");
  const parts = [
    ...many(count("input"), "input"), ...many(count("hidden"), "hidden neuron"), ...many(count("quantity"), "other quantity").map((text) => text.replace("quantitys", "quantities")),
    ...many(count("output"), "output"), ...(loss ? [`the loss ${loss.name}`] : []),
  ];
  const edges = diagram.families.reduce((sum, family) => sum + (family.count ?? 0), 0);
  const last = parts.pop();
  const listed = parts.length ? `${parts.join(", ")} and ${last}` : last;
  return `A network of ${listed}, joined by ${edges.toLocaleString("en")} edges.`;
}

// @ts-check
// The fields of the learning panel: which data, and how it learns.

import { OWN, misfit } from "./datasets.js";
import { debounced, h } from "./elements.js";
import { OwnData } from "./own-data.js";

const SCHEDULES = {
  constant: "constant rate", cosine: "falls as a cosine", exponential: "falls by a factor", one_cycle: "rises, then falls",
  step: "falls in steps", warmup: "rises at first",
};
const CLIPS = { "": "never", value: "each number", norm: "all together" };

/**
 * A number's field with its words.
 * @param {string} words @param {Record<string, any>} attributes
 */
function numeric(words, attributes) {
  const field = h("input", { type: "number", required: true, ...attributes });
  return { field, label: h("label", { class: "field" }, h("span", {}, words), field) };
}

/** @param {string} words @param {Record<string, any>} [attributes] */
function choice(words, attributes = {}) {
  const field = h("select", attributes);
  return { field, label: h("label", { class: "field" }, h("span", {}, words), field) };
}

export class LearningForm {
  #store;
  #told;
  #chosenByHand = false;
  #offered = "";
  #optimizers = "";

  /**
   * @param {import("./state.js").Store} store
   * @param {{another: () => void, rate: (eta: number) => void}} told
   */
  constructor(store, told) {
    this.#store = store;
    this.#told = told;
    const another = debounced(() => told.another(), 250);
    const onchange = () => another();

    this.set = choice("Data");
    this.set.label.classList.add("grows");
    this.set.field.addEventListener("change", () => {
      this.#chosenByHand = true;
      told.another();
      if (this.set.field.value === OWN && !this.own.there) this.own.choose.focus();
    });
    this.noise = numeric("Noise", { min: 0, max: 1, step: 0.01, value: 0.05, onchange });
    this.rows = numeric("Rows", { min: 10, max: 5000, step: 1, value: 400, onchange });
    this.own = new OwnData({ file: (file) => this.#take(file), another: () => told.another() });
    this.data = h("section", { class: "learning-data", "aria-label": "What it learns from", "data-drop": "csv" },
      h("div", { class: "fields" }, this.set.label, this.noise.label, this.rows.label), this.own.element);
    this.#listenForFiles(this.data);

    this.optimizer = choice("Optimizer");
    this.optimizer.field.addEventListener("change", () => {
      this.#showOptimizer();
      told.another();
    });
    this.rateField = numeric("Learning rate", { min: 0, max: 1e9, step: "any", value: 0.003 });
    this.rateField.field.addEventListener("change", () => { if (this.eta !== null) told.rate(this.eta); });
    this.batch = numeric("Batch", { min: 1, max: 10000, step: 1, value: 32, onchange, title: "Samples in a step" });
    this.schedule = choice("Schedule");
    this.schedule.field.addEventListener("change", () => {
      this.epochs.label.hidden = this.schedule.field.value === "constant";
      told.another();
    });
    this.epochs = numeric("over epochs", { min: 1, max: 1e6, step: 1, value: 100, onchange });
    this.epochs.label.hidden = true;
    this.clip = choice("Clip gradients", { title: "No number of a gradient, or no gradient of all weights together, is larger than that" });
    this.clip.field.append(...Object.entries(CLIPS).map(([value, title]) => h("option", { value }, title)));
    this.clip.field.addEventListener("change", () => {
      this.#showClip();
      told.another();
    });
    this.limit = numeric("at", { min: 1e-6, max: 1e9, step: "any", value: 1, onchange });
    this.decay = numeric("Weight decay", { min: 0, max: 1e9, step: "any", required: false, placeholder: "usual", onchange, title: "So many times a weight is added to its gradient; not of biases. Empty: as the optimizer has it, which is mostly not at all" });
    this.#showClip();
    this.validation = numeric("Kept for validation", { min: 0, max: 0.9, step: 0.05, value: 0.2, onchange, title: "The part of the samples that it does not learn from" });
    this.seed = numeric("Seed", { min: 0, max: 2 ** 32 - 1, step: 1, title: "What data, first weights and the order of samples are drawn from" });
    this.seed.field.addEventListener("change", () => {
      const { field } = this.seed;
      if (field.checkValidity()) store.set({ seed: field.valueAsNumber }, "seed");
      else field.value = String(store.get().seed);
    });
    const showSeed = () => { this.seed.field.value = String(store.get().seed); };
    store.on("seed", showSeed);
    showSeed();
    this.about = h("p", { class: "soft small about-optimizer" });
    this.settings = h("section", { class: "learning-settings", "aria-label": "How it learns" },
      h("div", { class: "fields" }, this.optimizer.label, this.rateField.label),
      h("details", {}, h("summary", {}, "More settings"),
        h("div", { class: "fields" }, this.batch.label, this.validation.label, this.seed.label, this.schedule.label, this.epochs.label,
          h("span", { class: "row" }, this.clip.label, this.limit.label), this.decay.label),
        this.about));
  }

  // -- offering --------------------------------------------------------------------------------

  /** Fills the lists; data that fit the network stand first. */
  offer() {
    const { choices, network } = this.#store.get();
    if (!choices) return;
    this.#offerOptimizers(choices);
    const option = (/** @type {any} */ one) => h("option", { value: one.name }, one.title.split(":")[0]);
    const fits = choices.datasets.filter((/** @type {any} */ one) => network && !misfit(network, one));
    const others = choices.datasets.filter((/** @type {any} */ one) => !fits.includes(one));
    const key = fits.map((/** @type {any} */ one) => one.name).join() + choices.datasets.length;
    if (key !== this.#offered) {
      this.#offered = key;
      const before = this.set.field.value;
      const group = (/** @type {string} */ label, /** @type {any[]} */ list) =>
        (list.length ? [h("optgroup", { label }, ...list.map(option))] : []);
      this.set.field.replaceChildren(...group("Fit this network", fits), ...group(fits.length ? "Need another network" : "Each needs another network", others),
        h("optgroup", { label: "Of your own" }, h("option", { value: OWN }, "A CSV of your own")));
      const keeps = this.#chosenByHand || fits.some((/** @type {any} */ one) => one.name === before);
      this.set.field.value = keeps && before ? before : fits[0]?.name ?? "spirals";
      if (!this.set.field.value) this.set.field.selectedIndex = 0;
    }
    const chosen = this.set.field.value;
    const drawn = this.#named(chosen)?.inputs === 2;
    this.noise.label.hidden = this.rows.label.hidden = !drawn;
    this.own.element.hidden = chosen !== OWN;
    this.own.fit(network);
  }

  #offerOptimizers(/** @type {any} */ choices) {
    const key = choices.optimizers.map((/** @type {any} */ one) => one.name).join();
    if (key === this.#optimizers) return;
    this.#optimizers = key;
    this.optimizer.field.replaceChildren(...choices.optimizers.map((/** @type {any} */ { name, title }) =>
      h("option", { value: name }, title.split(":")[0])));
    this.schedule.field.replaceChildren(...["constant", ...choices.schedules.filter((/** @type {string} */ name) => name !== "constant")]
      .map((name) => h("option", { value: name }, SCHEDULES[/** @type {keyof typeof SCHEDULES} */ (name)] ?? name)));
    this.optimizer.field.value = "adam";
    this.#showOptimizer();
  }

  get #chosenOptimizer() {
    return this.#store.get().choices?.optimizers.find((/** @type {any} */ one) => one.name === this.optimizer.field.value);
  }

  #showOptimizer() {
    if (!this.#chosenOptimizer) return;
    this.about.textContent = `${this.#chosenOptimizer.title}.`;
    this.setRate(this.usualRate);
  }

  /** The chosen optimizer's. Networks of a page are small, and bear more than large ones do. */
  get usualRate() {
    const { eta = 0.01 } = this.#chosenOptimizer ?? {};
    return eta <= 0.003 ? 0.01 : eta;
  }

  // -- the data --------------------------------------------------------------------------------

  #named(/** @type {string} */ name) {
    return this.#store.get().choices?.datasets.find((/** @type {any} */ one) => one.name === name) ?? null;
  }

  /** What the chosen data need; null where there are none. @returns {import("./datasets.js").Data|null} */
  chosen() {
    const { value } = this.set.field;
    if (value === OWN) return this.own.data;
    return this.#named(value);
  }

  /** What must be given before anything can be learned; "" where nothing. */
  missing() {
    if (this.set.field.value !== OWN || this.own.there) return "";
    return "Choose a CSV, or drop one here: a line of names, then a row a sample. It goes to this machine’s own server alone.";
  }

  #listenForFiles(/** @type {HTMLElement} */ element) {
    const holds = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
    const show = (/** @type {boolean} */ now) => element.classList.toggle("drop-here", now);
    element.addEventListener("dragover", (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      show(true);
    });
    element.addEventListener("dragleave", () => show(false));
    element.addEventListener("drop", (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      show(false);
      const file = event.dataTransfer?.files[0];
      if (file) this.#take(file);
    });
  }

  /** @param {File} file */
  async #take(file) {
    this.#chosenByHand = true;
    this.set.field.value = OWN;
    await this.own.take(file);
    this.#told.another();
  }

  // -- reading ---------------------------------------------------------------------------------

  /** @returns {number|null} */
  get eta() {
    const { field } = this.rateField;
    return field.checkValidity() && field.valueAsNumber > 0 ? field.valueAsNumber : null;
  }

  /** @param {number} eta */
  setRate(eta) {
    this.rateField.field.value = String(eta);
  }

  /** Whether gradients are clipped. */
  get clips() {
    return this.clip.field.value !== "";
  }

  /** All gradients together are no longer than that. @param {number} limit */
  setClip(limit) {
    this.clip.field.value = "norm";
    this.limit.field.value = String(limit);
    this.clip.field.closest("details").open = true;
    this.#showClip();
  }

  #showClip() {
    this.limit.label.hidden = !this.clips;
  }

  /** What the run learns with, where the reader is not writing it. @param {number} eta */
  showRate(eta) {
    const { field } = this.rateField;
    if (document.activeElement !== field && field.valueAsNumber !== eta) field.value = String(eta);
  }

  /** What a run is begun with; null, and the field that is wrong is shown, where one is. */
  read() {
    const data = this.chosen();
    if (!data) return null;
    const drawn = data.name && data.inputs === 2;
    const fields = [this.rateField, this.batch, this.validation, this.epochs, this.limit, this.decay, ...(drawn ? [this.noise, this.rows] : [])];
    const wrong = fields.find(({ field, label }) => !label.hidden && !field.checkValidity());
    if (wrong || this.eta === null) {
      const { field } = wrong ?? this.rateField;
      const inside = field.closest("details");
      if (inside) inside.open = true;
      if (!field.checkValidity()) field.reportValidity();
      else field.focus();
      return null;
    }
    const schedule = this.schedule.field.value;
    return {
      data: !data.name ? this.own.asked
        : drawn ? { name: data.name, noise: this.noise.field.valueAsNumber, rows: this.rows.field.valueAsNumber }
          : { name: data.name },
      optimizer: this.optimizer.field.value,
      eta: this.eta,
      batch: this.batch.field.valueAsNumber,
      validation: this.validation.field.valueAsNumber,
      ...(this.clips ? { [`clip_${this.clip.field.value}`]: this.limit.field.valueAsNumber } : {}),
      ...(this.decay.field.value === "" ? {} : { decay: this.decay.field.valueAsNumber }),
      ...(schedule === "constant" ? {} : { schedule, epochs: this.epochs.field.valueAsNumber }),
    };
  }
}

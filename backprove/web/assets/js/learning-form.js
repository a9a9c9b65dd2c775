// @ts-check
// The fields of the learning panel: which data, and how it learns.

import { OWN, misfit } from "./datasets.js";
import { debounced, h } from "./elements.js";
import { NumberField } from "./number-field.js";
import { OwnData } from "./own-data.js";

const SCHEDULES = {
  constant: "constant rate", cosine: "falls as a cosine", exponential: "falls by a factor", one_cycle: "rises, then falls",
  step: "falls in steps", warmup: "rises at first",
};
const CLIPS = { "": "never", value: "each number", norm: "all together" };

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
    /** Lets what was typed count now. */
    this.settle = another.now;
    const onchange = () => {
      this.#tellRefused();
      another();
    };

    this.set = choice("Data");
    this.set.label.classList.add("grows");
    this.set.field.addEventListener("change", () => {
      this.#chosenByHand = true;
      told.another();
      if (this.set.field.value === OWN && !this.own.there) this.own.choose.focus();
    });
    this.noise = new NumberField("Noise", { least: 0, most: 1, step: 0.01, value: 0.05, onchange });
    this.rows = new NumberField("Rows", { least: 10, most: 5000, whole: true, step: 10, value: 400, onchange });
    this.own = new OwnData({ file: (file) => this.#take(file), another: () => told.another() });
    this.data = h("section", { class: "learning-data", "aria-label": "What it learns from", "data-drop": "csv" },
      h("div", { class: "fields" }, this.set.label, this.noise.label, this.rows.label), this.own.element);
    this.#listenForFiles(this.data);

    this.optimizer = choice("Optimizer");
    this.optimizer.field.addEventListener("change", () => {
      this.#showOptimizer();
      told.another();
    });
    this.rateField = new NumberField("Learning rate", {
      above: 0, most: 1e9, value: 0.003,
      onchange: () => {
        this.#tellRefused();
        if (this.eta !== null) told.rate(this.eta);
      },
    });
    this.batch = new NumberField("Batch", { least: 1, most: 10000, whole: true, step: 1, value: 32, onchange, title: "Samples in a step" });
    this.schedule = choice("Schedule");
    this.schedule.field.addEventListener("change", () => {
      this.epochs.label.hidden = this.schedule.field.value === "constant";
      told.another();
    });
    this.epochs = new NumberField("over epochs", { least: 1, most: 1e6, whole: true, step: 1, value: 100, onchange });
    this.epochs.label.hidden = true;
    this.clip = choice("Clip gradients", { title: "No number of a gradient, or no gradient of all weights together, is larger than that" });
    this.clip.field.append(...Object.entries(CLIPS).map(([value, title]) => h("option", { value }, title)));
    this.clip.field.addEventListener("change", () => {
      this.#showClip();
      told.another();
    });
    this.limit = new NumberField("at", { least: 1e-6, most: 1e9, value: 1, onchange });
    this.decay = new NumberField("Weight decay", { least: 0, most: 1e9, optional: true, placeholder: "usual", onchange, title: "So many times a weight is added to its gradient; not of biases. Empty: as the optimizer has it, which is mostly not at all" });
    this.#showClip();
    this.validation = new NumberField("Kept for validation", { least: 0, most: 0.9, step: 0.05, value: 0.2, onchange, title: "The part of the samples that it does not learn from" });
    this.seed = new NumberField("Seed", {
      least: 0, most: 2 ** 32 - 1, whole: true, step: 1, title: "What data, first weights and the order of samples are drawn from",
      onchange: () => {
        this.#tellRefused();
        if (this.seed.value !== null) store.set({ seed: this.seed.value }, "seed");
      },
    });
    const showSeed = () => {
      this.seed.value = store.get().seed;
      this.#tellRefused();
    };
    this.about = h("p", { class: "soft small about-optimizer" });
    this.refused = h("p", { class: "error small refused", role: "alert", hidden: true });
    this.settings = h("section", { class: "learning-settings", "aria-label": "How it learns" },
      h("div", { class: "fields" }, this.optimizer.label, this.rateField.label),
      h("details", {}, h("summary", {}, "More settings"),
        h("div", { class: "fields" }, this.batch.label, this.validation.label, this.seed.label, this.schedule.label, this.epochs.label,
          h("span", { class: "row" }, this.clip.label, this.limit.label), this.decay.label),
        this.about),
      this.refused);
    store.on("seed", showSeed);
    showSeed();
  }

  // -- numbers that are refused ----------------------------------------------------------------

  /** The fields that count now. */
  get #numbers() {
    const all = [this.noise, this.rows, this.rateField, this.batch, this.validation, this.seed, this.epochs, this.limit, this.decay];
    return all.filter(({ label }) => !label.hidden);
  }

  /** Says why numbers are refused, or no longer. */
  #tellRefused() {
    const words = this.#numbers.map(({ refused }) => refused).filter(Boolean).join(" ");
    this.refused.hidden = !words;
    if (this.refused.textContent !== words) this.refused.textContent = words;
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

  /** Whether all numbers are such; the first that is refused is shown, and given the focus where `shown`. @param {boolean} shown */
  check(shown) {
    const wrong = this.#numbers.find(({ refused }) => refused);
    this.#tellRefused();
    if (!wrong) return true;
    const inside = wrong.field.closest("details");
    if (inside) inside.open = true;
    wrong.mark();
    if (shown) wrong.field.focus();
    return false;
  }

  // -- reading ---------------------------------------------------------------------------------

  /** @returns {number|null} */
  get eta() {
    return this.rateField.value;
  }

  /** @param {number} eta */
  setRate(eta) {
    this.rateField.value = eta;
    this.#tellRefused();
  }

  /** Whether gradients are clipped. */
  get clips() {
    return this.clip.field.value !== "";
  }

  /** All gradients together are no longer than that. @param {number} limit */
  setClip(limit) {
    this.clip.field.value = "norm";
    this.limit.value = limit;
    this.clip.field.closest("details").open = true;
    this.#showClip();
  }

  #showClip() {
    this.limit.label.hidden = !this.clips;
  }

  /** What the run learns with, where the reader is not writing it. @param {number} eta */
  showRate(eta) {
    const { field, value } = this.rateField;
    if (document.activeElement !== field && value !== eta) this.setRate(eta);
  }

  /** What a run is begun with; null, and the field that is refused is shown, where one is. @param {boolean} shown */
  read(shown) {
    const data = this.chosen();
    if (!data) return null;
    const drawn = data.name && data.inputs === 2;
    if (!this.check(shown)) return null;
    const schedule = this.schedule.field.value;
    return {
      data: !data.name ? this.own.asked
        : drawn ? { name: data.name, noise: this.noise.value, rows: this.rows.value }
          : { name: data.name },
      optimizer: this.optimizer.field.value,
      eta: this.eta,
      batch: this.batch.value,
      validation: this.validation.value,
      ...(this.clips ? { [`clip_${this.clip.field.value}`]: this.limit.value } : {}),
      ...(this.decay.value === null ? {} : { decay: this.decay.value }),
      ...(schedule === "constant" ? {} : { schedule, epochs: this.epochs.value }),
    };
  }
}

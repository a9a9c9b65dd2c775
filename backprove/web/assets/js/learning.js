// @ts-check
// Learning: data, how it learns, and what happens while it does.
//
// The weights of a run that plays go to the drawing by `training` of the store, frame by frame.
// When it rests they become the page's values, so that numbers, derivations and the link have
// them; starting over gives back those from before.

import { ask } from "./api.js";
import { BoundaryPlot } from "./boundary.js";
import { Confusion } from "./confusion.js";
import { fitting, misfit } from "./datasets.js";
import { debounced, h, number, prose, sentence, stylesheet } from "./elements.js";
import { filling } from "./filling.js";
import { LearningForm } from "./learning-form.js";
import { LossPlot } from "./plotting.js";
import { open, surviving } from "./refresh.js";
import { Run } from "./running.js";
import { given } from "./state.js";
import { short } from "./values.js";

const SAY_EVERY = 5000; // milliseconds between two announcements of a run that plays
const PLOT_EVERY = 90; // milliseconds between two pictures of the curve
const KEEP_EVERY = 1000; // milliseconds after which another panel's numbers follow a run that plays
const SLOW = 5; // steps a second, up to which all numbers follow each step
const TRAINED = new Set(["weight", "bias"]);
const SENT = new Set(["weight", "bias", "constant"]);

/** @param {HTMLElement} element @param {import("./state.js").Store} store */
export function mount(element, store) {
  stylesheet("learning");
  new Learning(element, store);
}

class Learning {
  /** @type {Run|null} */
  #run = null;
  /** What the run said of its data. @type {any} */
  #ready = null;
  /** Values before anything was learned; null where nothing was. @type {any} */
  #before = null;
  /** Weights that learning put into the page's values, by name. @type {Record<string, any>} */
  #learned = {};
  /** The newest attempt to begin; an older one that is still asking gives up. */
  #attempt = 0;
  #beginning = false;
  #plotted = 0;
  #kept = 0;
  #said = { at: 0, epoch: 0 };
  /** Validation loss and accuracy hold until the next. @type {any} */
  #last = {};

  constructor(element, store) {
    this.element = element;
    this.store = store;
    this.form = new LearningForm(store, {
      another: () => this.#another(),
      rate: (eta) => this.#rate(eta),
    });
    this.plot = new LossPlot();
    this.boundary = new BoundaryPlot();
    this.confusion = new Confusion();
    this.#build();
    this.prepare = debounced(() => this.#prepare(), 200);
    store.on(["network", "seed", "values"], (state, change) => this.#outside(state, change));
    store.on("numbers", () => this.#settled());
    store.on(["choices", "network"], () => this.#offer());
    store.on("panel", ({ panel }) => { if (panel === "learning") this.#seen(); });
    this.#offer();
    this.#show();
    this.prepare();
  }

  // -------------------------------------------------------------------------- elements

  #build() {
    const button = (words, does, title, kind = null) =>
      h("button", { type: "button", class: kind, onclick: does, title }, words);
    this.playButton = button("Play", () => this.#toggle(), "Learn until paused", "primary play");
    this.stepButton = button("One step", () => this.#ask("step"), "One mini-batch: its gradient, and one update of every weight");
    this.epochButton = button("One epoch", () => this.#ask("epoch"), "Every sample once");
    this.overButton = button("Start over", () => this.#startOver(), "Back to the weights from before learning");
    this.pace = h("select", { "aria-label": "Speed" }, ...[[0, "Full speed"], [20, "20 steps a second"], [5, "5 steps a second"], [1, "1 step a second"]]
      .map(([value, words]) => h("option", { value }, words)));
    this.pace.addEventListener("change", () => this.#run?.walk(Number(this.pace.value)));
    this.why = h("div", { class: "misfit", hidden: true });
    this.box = h("div", { class: "ending", role: "alert", hidden: true });
    this.state = h("p", { class: "run-state soft small" });
    this.live = h("p", { class: "visually-hidden", "aria-live": "polite" });
    this.notes = h("details", { class: "run-notes", hidden: true });
    this.readouts = Object.fromEntries([["epoch", "Epoch"], ["step", "Step"], ["loss", "Loss"], ["validation", "Validation"], ["accuracy", "Accuracy"]]
      .map(([name, words]) => [name, { words, value: h("dd", {}, "–") }]));
    const list = h("dl", { class: "readouts" }, ...Object.entries(this.readouts).map(([name, { words, value }]) =>
      h("div", { class: name }, h("dt", {}, words), value)));
    this.element.replaceChildren(h("div", { class: "learning" },
      h("h2", { class: "visually-hidden" }, "Learning"),
      this.form.data, this.why, this.form.settings,
      h("div", { class: "transport", role: "group", "aria-label": "The run" },
        this.playButton, this.stepButton, this.epochButton, this.overButton, this.pace),
      this.box, this.state, list,
      h("div", { class: "figures" }, this.plot.element, this.boundary.element),
      this.confusion.element, this.notes, this.live));
  }

  /** What fits and what does not. */
  #offer() {
    this.form.offer();
    const { network } = this.store.get();
    const data = this.form.chosen();
    const empty = !network && !this.store.get().error; // It is about to come.
    const words = empty ? "" : this.form.missing() || misfit(network, data);
    this.why.hidden = !words;
    if (words) {
      const other = data && !this.form.missing() ? fitting(data) : null;
      const isOpen = !this.form.missing() && network?.open.length;
      this.why.replaceChildren(isOpen ? filling(this.store, words) : h("p", {}, words), other ? h("button", {
        type: "button", title: "Puts this network in place of the text",
        onclick: () => open(this.store, { text: other, seed: this.store.get().seed, panel: "learning" }),
      }, "Take one that fits: ", h("code", {}, other)) : "");
    }
    this.#show();
  }

  get #fits() {
    return this.why.hidden && this.store.get().network !== null;
  }

  /** Buttons and words of the state that it is in. */
  #show() {
    const playing = this.#run?.state === "playing";
    this.playButton.textContent = playing ? "Pause" : "Play";
    this.playButton.title = playing ? "Rest; the weights become the page’s" : "Learn until paused";
    for (const button of [this.playButton, this.stepButton, this.epochButton]) button.disabled = !this.#fits;
    this.overButton.disabled = this.#before === null && !this.#run?.played;
    this.state.textContent = this.#words(playing);
    document.getElementById("network-panel")?.classList.toggle("is-learning", playing && !this.#slow);
  }

  #words(playing) {
    if (this.#beginning) return "Beginning…";
    if (!this.#run) return this.#fits && this.box.hidden ? "Play begins." : "";
    const { ahead, state } = this.#run;
    if (ahead !== null) {
      return ahead === 0 ? "Waiting for a place: this run is the next." : `Waiting for a place: ${ahead} ${ahead === 1 ? "run is" : "runs are"} ahead of this one.`;
    }
    if (state === "starting") return "Reading the data…";
    const rows = `${this.#ready?.rows.toLocaleString("en")} samples, ${this.#ready?.batches.toLocaleString("en")} steps an epoch`;
    const tell = this.#run.frame && this.#run.frame.parameters === null
      ? " The weights are too many to follow in the drawing, or to be kept by the page." : "";
    if (playing) return `Learning: ${rows}.${tell}`;
    return this.#before === null ? `Ready: ${rows}.${tell}` : `Resting. The page’s numbers, derivations and link have these weights.${tell}`;
  }

  get #slow() {
    const pace = Number(this.pace.value);
    return pace > 0 && pace <= SLOW;
  }

  // -------------------------------------------------------------------------- the reader asks

  #toggle() {
    if (this.#run?.state === "playing") this.#run.pause();
    else this.#ask("play");
  }

  /** @param {"play"|"step"|"epoch"} what */
  #ask(what) {
    this.prepare.cancel();
    if (this.#run && this.#run.state !== "over") {
      this.#tell(null);
      this.#run[what]();
      this.#show();
    } else this.#begin(what);
  }

  /** @param {number} eta */
  #rate(eta) {
    this.#run?.rate(eta);
  }

  /** Other data or settings: another run, from the weights as they are. */
  #another() {
    const playing = this.#run?.state === "playing";
    this.#close();
    this.#offer();
    this.#tell(null);
    if (playing && this.#fits) this.#begin("play");
    else this.prepare();
  }

  #startOver() {
    this.#close();
    this.#tell(null);
    this.#restore();
    this.#clear();
    this.#show();
    this.#prepare();
  }

  /** The values from before. */
  #restore() {
    const { network } = this.store.get();
    const values = this.#before === null ? null : surviving(this.#before, network?.quantities ?? [], []);
    this.#before = null;
    this.#learned = {};
    if (values) this.store.set({ values, training: null }, "learning");
  }

  // -------------------------------------------------------------------------- the run

  /** Begins a run that rests, so that its data are seen. */
  #prepare() {
    if (this.#run || !this.#fits || !this.element.offsetParent || !this.box.hidden) return;
    this.#begin(null);
  }

  /** @param {"play"|"step"|"epoch"|null} then */
  async #begin(then) {
    const settings = this.form.read();
    if (!settings) return;
    const attempt = (this.#attempt += 1);
    this.#close(false);
    this.#tell(null);
    this.#beginning = true;
    this.#show();
    const state = this.store.get();
    const { text, seed } = given(state);
    // The weights that the page shows, drawn ones too: it learns from what is seen.
    const all = state.network.quantities.every(({ name, kind }) => !TRAINED.has(kind) || name in state.values);
    const numbers = all ? null : await ask("numbers", given(state), { lane: "learning" }).catch(() => null);
    if (attempt !== this.#attempt) return;
    this.#beginning = false;
    const values = {};
    for (const { name, kind } of state.network.quantities) {
      const value = state.values[name] ?? (TRAINED.has(kind) ? numbers?.given?.[name] : undefined);
      if (SENT.has(kind) && value !== undefined) values[name] = value;
    }
    const run = new Run({ text, values, seed, ...settings }, {
      changed: () => { if (run === this.#run) this.#show(); },
      ready: (ready) => { if (run === this.#run) this.#isReady(ready); },
      frame: (frame) => this.#isFrame(frame, run),
      ended: (why) => this.#hasEnded(why, run),
    });
    this.#run = run;
    run.pace = Number(this.pace.value);
    if (then) run[then]();
    this.#show();
  }

  /** Ends the run; what it learned is kept. @param {boolean} [giveUp]  also what is about to begin */
  #close(giveUp = true) {
    if (giveUp) this.#giveUp();
    const run = this.#run;
    if (!run) return;
    run.close();
    this.#run = null;
    this.#keep(run.frame);
  }

  /** Ends the run without keeping what it learned. */
  #drop() {
    this.#giveUp();
    this.#run?.close();
    this.#run = null;
  }

  /** What is about to begin does not. */
  #giveUp() {
    this.#attempt += 1;
    this.#beginning = false;
  }

  #clear() {
    this.plot.clear();
    this.boundary.begin(null);
    this.confusion.begin(null);
    this.notes.hidden = true;
    this.#ready = null;
    this.#last = {};
    this.#said = { at: 0, epoch: 0 };
    for (const { value } of Object.values(this.readouts)) value.textContent = "–";
  }

  #isReady(ready) {
    this.#clear();
    this.#ready = ready;
    this.boundary.begin(ready);
    this.confusion.begin(ready);
    this.readouts.accuracy.value.parentElement.hidden = ready.kind !== "classes";
    this.readouts.validation.value.parentElement.hidden = ready.validation_rows === 0;
    this.notes.hidden = ready.notes.length === 0;
    this.notes.replaceChildren(h("summary", {}, "What is read from the data"),
      h("ul", {}, ...ready.notes.map((/** @type {string} */ note) => prose(sentence(note), "li"))));
    this.#show();
  }

  #isFrame(frame, run) {
    this.form.showRate(frame.eta);
    this.#draw(frame, run);
    const playing = run.state === "playing";
    if (playing && !this.#slow) {
      const { epoch, step, loss, parameters, gradients } = frame;
      this.store.set({ training: { playing, epoch, step, loss, parameters, gradients } }, "learning");
      const now = performance.now();
      if (this.store.get().panel !== "learning" && now - this.#kept >= KEEP_EVERY) {
        this.#kept = now;
        this.#keep(frame, true);
      }
    } else this.#keep(frame);
    if (run === this.#run) this.#show();
    this.#announce(frame, playing);
  }

  #draw(frame, run) {
    const batches = this.#ready?.batches ?? 1;
    const now = frame.step && typeof frame.loss === "number" ? [frame.step / batches, frame.loss, null] : null;
    this.plot.add(frame.losses.map(([epoch, training, validation]) => [epoch, finite(training), finite(validation)]), now);
    if (run.state !== "playing" || performance.now() - this.#plotted >= PLOT_EVERY) {
      this.#plotted = performance.now();
      this.plot.show();
    }
    this.boundary.show(frame.boundary);
    this.confusion.show(frame.confusion);
    this.#last.validation = frame.losses.at(-1)?.[2] ?? this.#last.validation;
    this.#last.accuracy = frame.accuracy ?? this.#last.accuracy;
    const write = (name, words) => {
      const { value } = this.readouts[name];
      if (value.textContent !== words) value.textContent = words;
    };
    write("epoch", frame.epoch.toLocaleString("en"));
    write("step", frame.step.toLocaleString("en"));
    write("loss", lossWords(frame.loss));
    write("validation", lossWords(this.#last.validation));
    write("accuracy", this.#last.accuracy === undefined ? "–" : percent(this.#last.accuracy));
  }

  /** Makes the weights of a run the page's values. */
  #keep(frame, playing = false) {
    if (!frame?.parameters || !frame.step) return;
    const { values } = this.store.get();
    this.#before ??= values;
    const { epoch, step, loss, parameters, gradients } = frame;
    if (Object.keys(parameters).every((name) => same(values[name], parameters[name]))) return;
    this.#learned = parameters;
    // The drawing keeps the run's weights until the numbers that follow from them are there.
    this.store.set({
      values: { ...values, ...parameters }, training: { playing, epoch, step, loss, parameters, gradients },
    }, "learning");
  }

  /** The numbers have followed: the drawing needs no others. */
  #settled() {
    const { training } = this.store.get();
    if (training && !training.playing) this.store.set({ training: null }, "learning");
  }

  #hasEnded(why, run) {
    if (run === this.#run) this.#run = null;
    this.#keep(run.frame);
    this.#settle();
    this.#tell(this.#ending(why, run));
    this.#show();
  }

  /** Nothing plays any more, whether or not new weights were kept. */
  #settle() {
    const { training } = this.store.get();
    if (training?.playing) this.store.set({ training: null }, "learning");
  }

  /** What is said of a run's end; null where nobody need know. */
  #ending({ kind, words, error, played }, run) {
    if (kind === "error") {
      return { error: true, content: [h("p", {}, sentence(error.message)), error.suggestion && h("p", { class: "soft" }, sentence(error.suggestion))] };
    }
    if (!played && kind !== "nan") return null;
    const goOn = (title = "Go on from here") => h("button", { type: "button", onclick: () => this.#begin("play") }, title);
    if (kind === "lost") {
      return { error: true, content: [
        h("p", {}, "The connection to the server is lost. What was learned until then is kept."), goOn("Go on")] };
    }
    if (kind !== "nan") return { content: [prose(sentence(words)), goOn()] };
    const eta = run.frame?.eta ?? this.form.eta;
    const smaller = Math.min(Number((eta / 10).toPrecision(2)), this.form.usualRate);
    const slower = (from) => () => {
      if (from) this.#restore();
      this.form.setRate(smaller);
      this.#begin("play");
    };
    return { error: true, content: [
      prose(sentence(words)), h("p", { class: "soft" }, "The weights from before that step are kept."),
      h("div", { class: "row" },
        h("button", { type: "button", class: "primary", onclick: slower(true) }, `Start over with a rate of ${number(smaller)}`),
        h("button", { type: "button", onclick: slower(false) }, `Go on with ${number(smaller)}`))] };
  }

  /** @param {{error?: boolean, content: any[]}|null} said */
  #tell(said) {
    this.box.hidden = said === null;
    this.box.className = `ending ${said?.error ? "error" : "note"}`;
    this.box.replaceChildren(...(said?.content.filter(Boolean) ?? []));
  }

  /** At most once an epoch, and not more often than it can be listened to. */
  #announce({ epoch, loss }, playing) {
    const now = performance.now();
    if (!this.#run?.played || (playing && (epoch === this.#said.epoch || now - this.#said.at < SAY_EVERY))) return;
    this.#said = { at: now, epoch };
    const accuracy = this.#last.accuracy === undefined ? "" : `, accuracy ${percent(this.#last.accuracy)}`;
    this.live.textContent = `Epoch ${epoch}: loss ${number(loss, 3)}${accuracy}`;
  }

  // -------------------------------------------------------------------------- what others change

  #outside(state, { changed, why, before }) {
    if (why === "learning") return;
    const other = before.network?.asked?.text !== state.network?.asked?.text;
    if (other || changed.includes("seed")) {
      if (other) this.#drop();
      else this.#close();
      this.#tell(null);
      const holdsLearned = Object.entries(this.#learned).some(([name, value]) => this.store.get().values[name] === value);
      if (!holdsLearned) this.#before = null;
      else if (changed.includes("seed") && !other) this.#restore(); // A seed is chosen to draw anew.
      this.#settle();
      this.#clear();
      this.prepare();
    } else if (changed.includes("values") && this.#edited(state, before)) {
      const playing = this.#run?.state === "playing";
      this.#drop(); // The reader's numbers count.
      this.#settle();
      if (playing) this.#begin("play");
      else this.prepare();
    }
    this.#show();
  }

  #edited(state, before) {
    const names = (state.network?.quantities ?? []).filter(({ kind }) => SENT.has(kind)).map(({ name }) => name);
    return names.some((name) => state.values[name] !== before.values[name]);
  }

  #seen() {
    requestAnimationFrame(() => {
      this.plot.show();
      this.boundary.paint();
    });
    this.prepare();
  }
}

/** @param {number|string|null} value */
function finite(value) {
  return typeof value === "number" ? value : null;
}

/** @param {number|string|null|undefined} loss */
function lossWords(loss) {
  if (loss === null || loss === undefined) return "–";
  return typeof loss === "number" && loss < 1e5 && loss >= 1e-5 ? number(loss, 4) : short(loss);
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

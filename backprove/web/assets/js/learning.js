// @ts-check
// Learning: data, how it learns, and what happens while it does.

import { ask } from "./api.js";
import { fitting, misfit } from "./datasets.js";
import { debounced, h, stylesheet } from "./elements.js";
import { ending } from "./endings.js";
import { Figures } from "./figures.js";
import { filling } from "./filling.js";
import { Learned, SENT } from "./learned.js";
import { LearningForm } from "./learning-form.js";
import { open } from "./refresh.js";
import { Run } from "./running.js";
import { beforeLeaving } from "./sharing.js";
import { given } from "./state.js";

const KEEP_EVERY = 1000; // milliseconds after which another panel's numbers follow a run that plays
const SLOW = 5; // steps a second, up to which all numbers follow each step
const CLIPPED = 1; // the length of clipped gradients, where the reader says none
const BOLD = 1; // a rate with which clipped gradients diverge too
const TRAINED = new Set(["weight", "bias"]);

/** @param {HTMLElement} element @param {import("./state.js").Store} store */
export function mount(element, store) {
  stylesheet("learning");
  new Learning(element, store);
}

class Learning {
  /** @type {Run|null} */
  #run = null;
  /** The newest attempt to begin; an older one that is still asking gives up. */
  #attempt = 0;
  #beginning = false;
  #kept = 0;

  constructor(element, store) {
    this.element = element;
    this.store = store;
    this.form = new LearningForm(store, {
      another: () => this.#another(),
      rate: (eta) => this.#run?.rate(eta),
    });
    this.figures = new Figures();
    this.learned = new Learned(store);
    this.#build();
    this.prepare = debounced(() => this.#prepare(), 200);
    store.on(["network", "seed", "values"], (state, change) => this.#outside(state, change));
    store.on(["choices", "network"], () => this.#offer());
    store.on("panel", ({ panel }) => { if (panel === "learning") this.#seen(); });
    beforeLeaving(() => this.#leave());
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
    this.element.replaceChildren(h("div", { class: "learning" },
      h("h2", { class: "visually-hidden" }, "Learning"),
      this.form.data, this.why, this.form.settings,
      h("div", { class: "transport", role: "group", "aria-label": "The run" },
        this.playButton, this.stepButton, this.epochButton, this.overButton, this.pace),
      this.box, this.state, ...this.figures.elements));
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
      const other = !data || this.form.missing() ? null : data.other === undefined ? fitting(data) : data.other;
      const lacks = words === data?.gaps;
      const isOpen = !this.form.missing() && network?.open.length;
      this.why.replaceChildren(isOpen ? filling(this.store, words) : h("p", {}, words), other ? h("button", {
        type: "button", title: "Puts this network in place of the text",
        onclick: () => open(this.store, { text: other, seed: this.store.get().seed, panel: "learning" }),
      }, "Take one that fits: ", h("code", {}, other)) : "",
      lacks ? h("button", { type: "button", class: "primary", onclick: () => this.form.own.skip() }, "Leave these rows out") : "");
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
    this.overButton.disabled = !this.learned.any && !this.#run?.played;
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
    const { rows } = this.figures;
    const tell = this.figures.weightsLate ? " Its many weights follow once a second." : "";
    if (playing) return `Learning: ${rows}.${tell}`;
    return this.learned.any ? `Resting: ${rows}. The page’s numbers, derivations and link have these weights.` : `Ready: ${rows}.${tell}`;
  }

  get #slow() {
    const pace = Number(this.pace.value);
    return pace > 0 && pace <= SLOW;
  }

  /** @param {{error?: boolean, content: any[]}|null} said */
  #tell(said) {
    this.box.hidden = said === null;
    this.box.className = `ending ${said?.error ? "error" : "note"}`;
    this.box.replaceChildren(...(said?.content.filter(Boolean) ?? []));
  }

  #seen() {
    requestAnimationFrame(() => this.figures.seen());
    this.prepare();
  }

  // -------------------------------------------------------------------------- the reader asks

  #toggle() {
    if (this.#run?.state === "playing") this.#run.pause();
    else this.#ask("play");
  }

  /** @param {"play"|"step"|"epoch"} what */
  #ask(what) {
    if (!this.form.check(true)) return;
    this.form.settle();
    this.prepare.cancel();
    if (this.#run && this.#run.state !== "over") {
      this.#tell(null);
      this.#run[what]();
      this.#show();
    } else this.#begin(what);
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
    this.form.settle();
    this.#close();
    this.#tell(null);
    this.learned.restore();
    this.figures.clear();
    this.#show();
    this.#prepare();
  }

  // -------------------------------------------------------------------------- the run

  /** Begins a run that rests, so that its data are seen. */
  #prepare() {
    if (this.#run || !this.#fits || !this.element.offsetParent || !this.box.hidden) return;
    this.#begin(null);
  }

  /** @param {"play"|"step"|"epoch"|null} then */
  async #begin(then) {
    const settings = this.form.read(then !== null);
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
    this.learned.keep(run.weights);
  }

  /** The page is left: the run ends, and if it plays, its weights go with the rest that is kept. */
  #leave() {
    const { state, weights } = this.#run ?? {};
    if (state !== "playing" || !weights?.step) return void this.#run?.close();
    const before = this.learned.before;
    this.#close();
    this.store.set({ left: { epoch: weights.epoch, before } }, "learning");
    this.#show();
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

  #isReady(ready) {
    this.figures.begin(ready);
    this.#show();
  }

  #isFrame(frame, run) {
    const playing = run.state === "playing";
    this.form.showRate(frame.eta);
    this.figures.show(frame, playing);
    if (playing && !this.#slow) {
      this.learned.show(frame);
      const now = performance.now();
      if (this.store.get().panel !== "learning" && now - this.#kept >= KEEP_EVERY) {
        this.#kept = now;
        this.learned.keep(frame, true);
      }
    } else this.learned.keep(frame);
    if (run === this.#run) this.#show();
    if (this.#run?.played) this.figures.announce(frame, playing);
  }

  #hasEnded(why, run) {
    if (run === this.#run) this.#run = null;
    this.learned.keep(run.weights);
    this.learned.settle();
    const eta = run.frame?.eta ?? this.form.eta;
    const play = (/** @type {number} */ rate) => {
      this.form.setRate(rate);
      this.#begin("play");
    };
    this.#tell(ending(why, {
      rate: Math.min(Number((eta / 10).toPrecision(2)), this.form.usualRate),
      goOn: () => this.#begin("play"),
      slower: play,
      over: (rate) => {
        this.learned.restore();
        play(rate);
      },
      clip: this.form.clips || eta > BOLD ? null : () => {
        this.learned.restore();
        this.form.setClip(CLIPPED);
        this.#begin("play");
      },
    }));
    this.#show();
  }

  // -------------------------------------------------------------------------- what others change

  #outside(state, { changed, why, before }) {
    if (why === "learning") return;
    const other = before.network?.asked?.text !== state.network?.asked?.text;
    if (other || changed.includes("seed")) {
      if (other) this.#drop();
      else this.#close();
      this.#tell(null);
      if (!this.learned.held) this.learned.forget();
      else if (changed.includes("seed") && !other) this.learned.restore(); // A seed is chosen to draw anew.
      this.learned.settle();
      this.figures.clear();
      this.prepare();
    } else if (changed.includes("values") && this.#edited(state, before)) {
      const playing = this.#run?.state === "playing";
      this.#drop(); // The reader's numbers count.
      this.learned.settle();
      if (playing) this.#begin("play");
      else this.prepare();
    }
    this.#show();
  }

  #edited(state, before) {
    const names = (state.network?.quantities ?? []).filter(({ kind }) => SENT.has(kind)).map(({ name }) => name);
    return names.some((name) => state.values[name] !== before.values[name]);
  }
}

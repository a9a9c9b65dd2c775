// @ts-check
// One training run of the page: what is asked of the server, and what it shows, a picture at a time.

import { Training } from "./api.js";

const FRAMES = 30; // a second, at most; the server's own work takes from it
const HIDDEN_FRAMES = 1; // while nobody looks
const MOST_UNDONE = 3; // steps that are asked for and not yet done, when it walks slowly

/**
 * @typedef {object} Hearer  who is told of a run; pictures come at most once a frame of the screen
 * @property {() => void} changed  `state` or `ahead` is another
 * @property {(ready: any) => void} ready
 * @property {(frame: any) => void} frame
 * @property {(why: {kind: "nan"|"done"|"limit"|"error"|"lost", words?: string, slower?: boolean, error?: any, played: boolean}) => void} ended
 */

export class Run {
  /** @type {"starting"|"resting"|"playing"|"over"} */
  state = "starting";
  /** How many wait before it; null where it has a place. @type {number|null} */
  ahead = null;
  /** The last frame. @type {any} */
  frame = null;
  /** The last that told the weights: every one, but where they are many. @type {any} */
  weights = null;
  played = false;
  /** Steps a second; 0 for as many as can be. */
  pace = 0;
  #server;
  #hearer;
  /** @type {any} */
  #pending = null;
  #picture = 0;
  #timer = 0;
  #asked = 0;
  /** The epoch that ends what is played. */
  #until = Infinity;

  /** @param {object} settings @param {Hearer} hearer */
  constructor(settings, hearer) {
    this.#hearer = hearer;
    const hear = (/** @type {Function} */ does) => (/** @type {any} */ message) => {
      if (this.state !== "over") does(message);
    };
    this.#server = new Training({
      queued: hear(({ ahead }) => {
        this.ahead = ahead;
        this.#hearer.changed();
      }),
      ready: hear((message) => {
        this.ahead = null;
        if (this.state !== "playing") this.#become("resting");
        this.#hearer.ready(message);
      }),
      frame: hear((message) => this.#heard(message)),
      stopped: hear(({ reason, words, slower }) => this.#end({ kind: reason, words, slower })),
      error: hear(({ error }) => this.#end({ kind: "error", error })),
      closed: hear(() => this.#end({ kind: "lost" })),
    });
    this.#server.start(settings);
    this.#server.do("speed", { frames: FRAMES });
    document.addEventListener("visibilitychange", this.#seen);
  }

  // -- what the reader asks --------------------------------------------------------------------

  play() {
    this.played = true;
    this.#until = Infinity;
    if (this.pace) {
      this.#asked = this.frame?.step ?? 0;
      this.#tick();
    } else this.#server.do("play");
    this.#become("playing");
  }

  pause() {
    this.#rest();
    this.#server.do("pause");
  }

  step() {
    this.#rest();
    this.played = true;
    this.#server.do("step");
  }

  epoch() {
    this.#rest();
    this.played = true;
    this.#until = (this.frame?.epoch ?? 1) + 1;
    this.#server.do("epoch");
    this.#become("playing");
  }

  /** @param {number} eta */
  rate(eta) {
    this.#server.do("eta", { eta });
  }

  /** Steps a second; 0 for as many as can be. @param {number} pace */
  walk(pace) {
    this.pace = pace;
    if (this.state !== "playing" || this.#until !== Infinity) return;
    this.#rest();
    if (pace) this.#server.do("pause");
    this.play();
  }

  /** Ends the run; nobody is told. */
  close = () => {
    if (this.state === "over") return;
    this.#finish();
    this.#server.close();
  };

  // -- what the server says --------------------------------------------------------------------

  /** @param {any} message */
  #heard(message) {
    message.parameters = unpacked(message.parameters);
    message.gradients = unpacked(message.gradients);
    if (message.parameters) this.weights = message;
    this.ahead = null;
    const older = this.#pending;
    this.#pending = !older ? message : {
      ...message,
      losses: [...older.losses, ...message.losses],
      accuracy: message.accuracy ?? older.accuracy,
      boundary: message.boundary ?? older.boundary,
      confusion: message.confusion ?? older.confusion,
      parameters: message.parameters ?? older.parameters,
      gradients: message.gradients ?? older.gradients,
    };
    this.frame = message;
    if (this.state === "playing" && message.epoch >= this.#until && !message.playing) this.#rest();
    // What rests is shown even where nobody looks: its weights become the page's.
    if (this.state !== "playing") this.#show();
    else this.#picture ||= requestAnimationFrame(() => this.#show());
  }

  #show() {
    cancelAnimationFrame(this.#picture);
    this.#picture = 0;
    const frame = this.#pending;
    this.#pending = null;
    if (frame) this.#hearer.frame(frame);
  }

  #tick() {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#tick(), 1000 / this.pace);
    if (this.#asked - (this.frame?.step ?? 0) >= MOST_UNDONE) return;
    this.#asked += 1;
    this.#server.do("step");
  }

  #rest() {
    clearTimeout(this.#timer);
    this.#until = Infinity;
    if (this.state === "playing") this.#become("resting");
  }

  /** @param {Run["state"]} state */
  #become(state) {
    this.state = state;
    this.#hearer.changed();
  }

  /** @param {any} why */
  #end(why) {
    this.#finish();
    this.#show();
    this.#server.close();
    this.#hearer.ended({ ...why, played: this.played });
  }

  #finish() {
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#seen);
    this.state = "over";
  }

  #seen = () => this.#server.do("speed", { frames: document.hidden ? HIDDEN_FRAMES : FRAMES });
}

/** Numbers by name as nested rows; many come as their bytes. @param {Record<string, any>|null} arrays */
function unpacked(arrays) {
  if (!arrays) return null;
  return Object.fromEntries(Object.entries(arrays).map(([name, value]) =>
    [name, typeof value?.values === "string" ? nested(value) : value]));
}

/** @param {{shape: number[], values: string}} packed  float32, least byte first */
function nested({ shape, values }) {
  const bytes = Uint8Array.from(atob(values), (letter) => letter.charCodeAt(0));
  /** @type {any[]} */
  let rows = Array.from(new Float32Array(bytes.buffer));
  for (const size of shape.slice(1).reverse()) {
    rows = Array.from({ length: rows.length / size }, (_, at) => rows.slice(at * size, (at + 1) * size));
  }
  return shape.length ? rows : rows[0];
}

// @ts-check
/** The server's answers, and training. Nothing here knows what an answer means. */
import { surroundings } from "./surroundings.js";

/** An error in words for a person, with its place in the text where it has one. */
export class Refusal extends Error {
  /** @param {{message: string, suggestion?: string|null, line?: number|null, column?: number|null, excerpt?: string|null}} error
   *  @param {number} status */
  constructor(error, status) {
    super(error.message);
    this.status = status;
    this.suggestion = error.suggestion ?? null;
    this.line = error.line ?? null;
    this.column = error.column ?? null;
    this.excerpt = error.excerpt ?? null;
  }
}

/** @type {Map<string, AbortController>} */
const underway = new Map();

/**
 * Asks the server. A newer request of the same lane ends the older one, whose promise then
 * rejects with an AbortError (`isAborted`); a refusal rejects with a Refusal.
 * @param {string} path  "network", "derivation", …; "choices" is read, all others are posted
 * @param {object} [body]
 * @param {{lane?: string}} [options]  the lane is the path unless named
 * @returns {Promise<any>}
 */
export async function ask(path, body, { lane = path } = {}) {
  underway.get(lane)?.abort();
  const control = new AbortController();
  underway.set(lane, control);
  try {
    const response = await surroundings.request(`api/${path}`, {
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: control.signal,
    });
    const answer = await response.json().catch((problem) => {
      if (isAborted(problem)) throw problem; // A newer request came while the answer was arriving.
      return null;
    });
    if (response.ok && answer !== null) return answer;
    throw new Refusal(answer?.error ?? { message: silence(response.status) }, response.status);
  } catch (problem) {
    if (problem instanceof TypeError) {
      throw new Refusal({
        message: "The server does not answer.",
        suggestion: surroundings.silence,
      }, 0);
    }
    throw problem;
  } finally {
    if (underway.get(lane) === control) underway.delete(lane);
  }
}

/** Ends what is under way in a lane, as a newer request of it would. @param {string} lane */
export function giveUp(lane) {
  underway.get(lane)?.abort();
}

/** Whether a request was ended by a newer one: nothing to tell the reader. */
export function isAborted(problem) {
  return problem instanceof DOMException && problem.name === "AbortError";
}

function silence(status) {
  if (status === 401 || status === 403) {
    return "The server does not know this page. Open the address that `backprove serve` printed.";
  }
  return `The server answered without words (status ${status}).`;
}

/**
 * One training run over a WebSocket; it ends when this is closed.
 *
 *     const run = new Training({ frame: (m) => …, ready: (m) => …, stopped: …, error: …, queued: …, closed: … });
 *     run.start({ text, values, seed, data: { name: "spirals" }, optimizer: "adam", … });
 *     run.do("play"); run.do("eta", { eta: 0.1 }); run.close();
 */
export class Training {
  #socket;
  #waiting = [];

  /** @param {Record<string, (message: any) => void>} listeners  by the message's `is`, and `closed` */
  constructor(listeners) {
    this.#socket = surroundings.connect("api/train");
    this.#socket.addEventListener("open", () => {
      for (const text of this.#waiting.splice(0)) this.#socket.send(text);
    });
    this.#socket.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      listeners[message.is]?.(message);
    });
    this.#socket.addEventListener("close", (event) => {
      listeners.closed?.({ is: "closed", code: event.code, clean: event.wasClean });
    });
  }

  /** @param {object} settings */
  start(settings) {
    this.do("start", settings);
  }

  /** @param {string} what  "play", "pause", "step", "epoch", "eta", "speed", "stop"
   *  @param {object} [more] */
  do(what, more = {}) {
    const text = JSON.stringify({ do: what, ...more });
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#waiting.push(text);
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  close() {
    this.#socket.close();
  }
}

// @ts-check
/**
 * Where the page stands: served by `backprove serve`, or in a notebook, as a frame that carries
 * all of its files. What differs between the two is here, and nowhere else.
 */

/**
 * @typedef {object} Surroundings
 * @property {(path: string, asked: {body?: string, signal: AbortSignal}) => Promise<Response>} request
 *   asks "api/network" and so on; rejects with a TypeError where nothing answers
 * @property {(path: string) => WebSocket} connect  a connection, or what is used like one
 * @property {(name: string) => string} file  the address of one of the page's files: "js/….js"
 * @property {object|null} first    the state to begin with; null: the page finds its own
 * @property {string|null} theme    "light" or "dark"; null: as the system has it
 * @property {boolean} linked       whether the page has an address that a link can lead to
 * @property {string} silence       what to do when nothing answers
 */

const address = (path) => new URL(path, document.baseURI);

/** @type {Surroundings} */
const served = {
  request: (path, { body, signal }) => fetch(address(path), {
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body,
    credentials: "same-origin",
    signal,
  }),
  connect(path) {
    const url = address(path);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return new WebSocket(url);
  },
  file: (name) => new URL(`../${name}`, import.meta.url).href,
  first: null,
  theme: null,
  linked: true,
  silence: "Is `backprove serve` still running?",
};

/** @type {Surroundings} */
export const surroundings = /** @type {any} */ (globalThis).backproveFrame ?? served;

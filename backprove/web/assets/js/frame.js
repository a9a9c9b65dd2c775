// @ts-check
/**
 * The page in a notebook: begins here, and speaks with the notebook's kernel through the widget
 * that made the frame (widget.js), by messages; there is no server.
 *
 * To the widget: hello, state, and for the kernel ask, forget, open, say, close, each with an id.
 * From the widget: welcome, state, theme, and from the kernel answer, said, closed; silent, with
 * the id of what could not be sent to it.
 */

const tell = (message) => parent.postMessage({ backprove: message }, "*");

/** @param {(message: any) => void} hear */
function listen(hear) {
  addEventListener("message", ({ source, data }) => {
    if (source === parent && data?.backprove) hear(data.backprove);
  });
}

let ids = 0;
/** @type {Map<string, (answer: any) => void>} */
const asked = new Map();
/** @type {Map<string, Line>} */
const lines = new Map();

/** Asks the kernel; the answer looks like that of a server. @returns {Promise<Response>} */
function request(path, { body = "", signal }) {
  const id = `q${++ids}`;
  return new Promise((resolve, reject) => {
    const done = () => {
      asked.delete(id);
      signal.removeEventListener("abort", onAbort);
    };
    const onAbort = () => {
      done();
      tell({ is: "forget", id });
      reject(signal.reason);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    asked.set(id, ({ is, status, text }) => {
      done();
      if (is === "silent") reject(new TypeError("there is no kernel"));
      else resolve(new Response(text, { status }));
    });
    tell({ is: "ask", id, path: `/${path}`, body });
  });
}

/** As much of a WebSocket as a training run needs; the kernel is at its other end. */
class Line extends EventTarget {
  readyState = WebSocket.OPEN;
  #id = `l${++ids}`;

  constructor() {
    super();
    lines.set(this.#id, this);
    tell({ is: "open", id: this.#id });
  }

  /** @param {string} text */
  send(text) {
    if (this.readyState === WebSocket.OPEN) tell({ is: "say", id: this.#id, text });
  }

  close() {
    if (this.readyState !== WebSocket.OPEN) return;
    tell({ is: "close", id: this.#id });
    this.ended();
  }

  /** @param {string} data */
  heard(data) {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  ended() {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSED;
    lines.delete(this.#id);
    this.dispatchEvent(new CloseEvent("close", { code: 1000, wasClean: true }));
  }
}

// -- the state, kept the same as in the kernel -------------------------------------------------

const KEPT = ["values", "seed", "selection", "view", "panel"];
const PAUSE = 150; // milliseconds without a change before the kernel is told

/** What the kernel knows of the page: the last good text and how it is looked at. */
function stateOf(state) {
  const kept = Object.fromEntries(KEPT.map((key) => [key, state[key]]));
  return { text: state.network?.asked.text ?? "", ...kept };
}

/** Tells of what the reader changes, and shows what the kernel changes. */
async function keepSame(welcomed) {
  const [{ store }, { open }, { debounced }] = await Promise.all([
    import("./state.js"), import("./refresh.js"), import("./elements.js")]);
  let known = JSON.stringify(welcomed);
  const report = debounced(() => {
    const state = store.get();
    const now = stateOf(state);
    if (!state.network || JSON.stringify(now) === known) return;
    known = JSON.stringify(now);
    tell({ is: "state", state: now });
  }, PAUSE);
  store.on(["network", ...KEPT], report);
  return (state) => {
    known = JSON.stringify(state);
    const { text, seed, ...rest } = state;
    const now = stateOf(store.get());
    if (now.text === text && now.seed === seed) store.set(rest, "notebook");
    else open(store, state);
  };
}

// -- the beginning -----------------------------------------------------------------------------

/** @type {(state: any) => void} */
let show = () => {};

function begin({ state, theme, files }) {
  /** @type {any} */ (globalThis).backproveFrame = {
    request,
    connect: () => new Line(),
    file: (name) => files[name],
    first: state,
    theme,
    linked: false,
    silence: "Is the notebook's kernel still running?",
  };
  import("./app.js")
    .then(() => keepSame(state))
    .then((made) => { show = made; })
    .catch((problem) => {
      console.error(problem);
      document.body.textContent = "The explorer could not be loaded. Run the cell again.";
    });
}

listen((message) => {
  if (message.is === "welcome") begin(message);
  else if (message.is === "state") show(message.state);
  else if (message.is === "theme") {
    /** @type {any} */ (globalThis).backproveFrame.theme = message.theme;
    document.dispatchEvent(new CustomEvent("surroundings"));
  } else if (message.is === "answer") asked.get(message.id)?.(message);
  else if (message.is === "said") lines.get(message.id)?.heard(message.text);
  else if (message.is === "closed") lines.get(message.id)?.ended();
  else if (message.is === "silent") {
    asked.get(message.id)?.(message);
    lines.get(message.id)?.ended();
  }
});
tell({ is: "hello" });

// @ts-check
/**
 * The explorer in a notebook (an anywidget): a frame that holds the page with all its files, and
 * the way from it to the kernel and back. The page itself speaks in js/frame.js.
 *
 * The files come from the kernel by a message, so that a saved notebook does not hold them.
 */

const STATE = ["text", "values", "seed", "selection", "view", "panel"];
const PATIENCE = 8000; // milliseconds, after which the reader is told that the kernel is silent
const BEAT = 10000;

/** @param {{model: any, el: HTMLElement}} given  as anywidget gives them */
function render({ model, el }) {
  const view = `v${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  const frame = document.createElement("iframe");
  const words = document.createElement("p");
  /** @type {Record<string, string>} */
  let urls = {};
  const lines = new Set();
  let setting = false;
  frame.title = "backprove explorer";
  frame.allow = "clipboard-write; fullscreen";
  frame.hidden = true;
  Object.assign(frame.style, { width: "100%", border: "1px solid rgb(128 128 128 / 35%)", borderRadius: "6px", boxSizing: "border-box" });
  el.append(words, frame);

  const state = () => Object.fromEntries(STATE.map((key) => [key, model.get(key)]));
  const post = (message) => frame.contentWindow?.postMessage({ backprove: message }, "*");
  /** Without a kernel, sending fails: the page is told, for it would wait for ever. */
  const ask = async (message) => {
    try {
      await model.send({ ...message, id: `${view} ${message.id ?? ""}`.trim() });
    } catch {
      post({ is: "silent", id: message.id });
    }
  };
  const toKernel = {
    hello: () => post({ is: "welcome", state: state(), theme: themeHere(), files: urls }),
    state({ state: changed }) {
      setting = true;
      for (const key of STATE) model.set(key, changed[key]);
      setting = false;
      model.save_changes();
    },
    ask, forget: ask, say: ask,
    open: (message) => { lines.add(message.id); ask(message); },
    close: (message) => { lines.delete(message.id); ask(message); },
  };

  const onFrame = ({ source, data }) => {
    if (source === frame.contentWindow && data?.backprove) toKernel[data.backprove.is]?.(data.backprove);
  };
  const onKernel = (message) => {
    const [whose, id] = (message.id ?? "").split(" ");
    if (whose !== view) return; // another view of the same explorer
    if (message.is === "page") open(message.page);
    else post({ ...message, id });
    if (message.is === "closed") lines.delete(id);
  };
  const onChange = () => {
    if (!setting) post({ is: "state", state: state() });
  };
  const onHeight = () => { frame.style.height = `${model.get("height")}px`; };

  function open({ html, modules, workers }) {
    clearTimeout(silence);
    words.remove();
    forget();
    for (const [name, source] of Object.entries(modules)) urls[name] = urlOf(source);
    for (const [name, source] of Object.entries(workers)) urls[name] = urlOf(standing(source));
    const nonce = crypto.randomUUID?.() ?? view;
    const imports = Object.fromEntries(Object.keys(modules).map((name) => [`backprove/${name}`, urls[name]]));
    frame.srcdoc = html
      .replaceAll("{nonce}", nonce)
      .replace("{theme}", themeHere() ?? "")
      .replace("{imports}", () => JSON.stringify({ imports }));
    frame.hidden = false;
  }

  /** A worker has no import map: what it imports is named by address. */
  const standing = (source) => source.replaceAll(/"backprove\/([^"]+)"/g, (_, name) => JSON.stringify(urls[name]));
  const forget = () => {
    Object.values(urls).forEach((url) => URL.revokeObjectURL(url));
    urls = {};
  };
  const leave = () => ask({ is: "leave" });

  const silence = setTimeout(() => {
    words.textContent = "The explorer needs a running kernel, and none has answered yet. In a notebook where no cell is running, run this cell again.";
  }, PATIENCE);
  const beat = setInterval(() => { if (lines.size) ask({ is: "here" }); }, BEAT);
  const changes = STATE.map((key) => `change:${key}`);
  const theme = watchTheme((found) => post({ is: "theme", theme: found }));

  words.textContent = "The explorer opens …";
  onHeight();
  addEventListener("message", onFrame);
  addEventListener("pagehide", leave);
  model.on("msg:custom", onKernel);
  model.on("change:height", onHeight);
  changes.forEach((change) => model.on(change, onChange));
  ask({ is: "page" });

  return () => {
    clearTimeout(silence);
    clearInterval(beat);
    theme();
    removeEventListener("message", onFrame);
    removeEventListener("pagehide", leave);
    model.off("msg:custom", onKernel);
    model.off("change:height", onHeight);
    changes.forEach((change) => model.off(change, onChange));
    leave();
    forget();
  };
}

function urlOf(source) {
  return URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
}

/** The notebook's own theme, as JupyterLab, VS Code and marimo mark it; null where it has none. */
function themeHere() {
  const { body, documentElement: root } = document;
  const lab = body.dataset.jpThemeLight;
  if (lab) return lab === "true" ? "light" : "dark";
  const code = body.dataset.vscodeThemeKind;
  if (code) return code.includes("light") ? "light" : "dark";
  for (const theme of ["dark", "light"]) {
    if ([root, body].some((element) => element.classList.contains(theme) || element.dataset.theme === theme)) return theme;
  }
  return null;
}

/** @param {(theme: string|null) => void} changed @returns {() => void} */
function watchTheme(changed) {
  let known = themeHere();
  const observer = new MutationObserver(() => {
    const now = themeHere();
    if (now !== known) changed(known = now);
  });
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true, attributeFilter: ["class", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"] });
  }
  return () => observer.disconnect();
}

export default { render };

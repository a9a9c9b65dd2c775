// @ts-check
/** Puts the page together. Each part is loaded by itself: one that fails leaves a sentence. */
import { mountAhead } from "./ahead.js";
import { ask, isAborted } from "./api.js";
import { mountChoices, openExamples } from "./choices.js";
import { mount as mountEditor } from "./editor.js";
import { debounced, h, icon, sentence, sorry } from "./elements.js";
import { mountKeyboard, showKeys } from "./keyboard.js";
import { mountUndo } from "./numbers-undo.js";
import { follow } from "./pointing.js";
import { keepUpToDate, open } from "./refresh.js";
import { chooseAndOpen, fromFragment, keepOnLeaving, kept, mountDropping, saveText, share } from "./sharing.js";
import { PANELS, store } from "./state.js";
import { surroundings } from "./surroundings.js";
import { mountTabs } from "./tabs.js";
import { mountTheme } from "./theme.js";

const WORDS = {
  drawing: "The drawing", derivation: "The derivation", numbers: "The numbers",
  backward: "The backward pass", paths: "The paths", learning: "Learning", check: "The check",
};

/** What the first view does without: loaded when the page is at rest, or is asked for it. */
const LATER = {
  tour: () => import("./tour.js"),
  exporting: () => import("./exporting.js"),
  svg: () => import("./svg.js"),
};

const place = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Imports a part and mounts it, once; says so in its place where that fails. */
async function load(part) {
  const element = place(part === "drawing" ? "drawing" : `panel-${part}`);
  if (element.dataset.loaded) return;
  element.dataset.loaded = "yes";
  try {
    const { mount } = await import(`./${part}.js`);
    await mount(element, store);
  } catch (problem) {
    console.error(`${part}.js:`, problem);
    element.replaceChildren(sorry(`${WORDS[part]} could not be loaded.`, "Reload the page to try again."));
  }
}

/** The drawing and the panel in view first; the others when the page is at rest, or on showing. */
function loadParts() {
  const first = [load("drawing"), load(store.get().panel)];
  store.on("panel", ({ panel }) => load(panel));
  const rest = () => {
    PANELS.forEach(load);
    for (const module of Object.values(LATER)) module().catch(() => {}); // said when it is asked for
  };
  Promise.allSettled(first).then(() => (window.requestIdleCallback ?? setTimeout)(rest));
}

/** Does something with a module once it is there. */
function later(module, does) {
  module().then(does, () => store.set({ status: `The server does not answer. ${surroundings.silence}` }, "later"));
}

function mountActions() {
  const action = (element, words, name, does, quiet = true) => element.append(
    h("button", { type: "button", class: quiet ? "plain" : null, onclick: does, title: words },
      icon(name), h("span", { class: "words" }, words)));
  const actions = place("actions");
  action(actions, "Tour", "tour", () => later(LATER.tour, ({ startTour }) => startTour(store)));
  action(actions, "Share", "share", () => share(store));
  action(actions, "Export", "export", () => later(LATER.exporting, ({ openExport }) => openExport(store)));
  action(actions, "Keys", "keys", showKeys);
  mountTheme(actions, store);
  const text = place("text-actions");
  action(text, "Choose", "grid", () => openExamples(store));
  action(text, "Open", "open", () => chooseAndOpen(store));
  action(text, "Save", "save", () => saveText(store));
}

/** The line at the foot says what happened, and falls silent. */
function mountStatus() {
  const line = place("status");
  const silence = debounced(() => store.set({ status: "" }, "status"), 6000);
  store.on("status", ({ status }) => {
    line.textContent = status;
    if (status) silence();
  });
}

/** What the page is opened with: this tab before a reload, a link, the file served, an example. */
async function start() {
  const choices = ask("choices").then((found) => {
    store.set({ choices: found }, "start");
    return found;
  });
  try {
    const linked = await fromFragment(location.hash);
    if (surroundings.first) await open(store, surroundings.first);
    else if (linked) await begin(location.hash, linked);
    else await beginFirst();
  } catch (problem) {
    if (isAborted(problem)) return;
    store.set({ status: sentence(problem.message) }, "start");
    beginFirst()
      .catch(() => choices.then(({ start: served }) => begin("", { text: served?.text ?? "" })))
      .catch(() => {}); // nothing answers, which is said already
  }
}

/** Shows the state, or the one that this tab had when it was last opened with the same. */
async function begin(key, wanted) {
  const before = kept(key);
  const read = before?.good ? await openBoth(before) : await open(store, before ?? wanted);
  keepOnLeaving(store, key);
  if (before?.status) store.set({ status: before.status }, "start");
  if (read === false && !store.get().error?.line) {
    store.set({ status: store.get().error?.message ?? "" }, "start");
  }
}

/** The network of the last good text, and in the editor the text with its mistake. */
async function openBoth({ good, ...before }) {
  if (!(await open(store, { ...before, text: good }))) return open(store, before);
  store.set({ text: before.text }, "start"); // which is read, and its mistake shown
  return true;
}

/** The file that is served, else an example in its own notation; the server has the answer ready. */
async function beginFirst() {
  const { text, notation, quantity, network } = await ask("first");
  await begin(text, { text, view: { notation }, selection: quantity, network });
}

/** Another link in the address bar opens in the same tab. */
function followLinks() {
  addEventListener("hashchange", async () => {
    try {
      const linked = await fromFragment(location.hash);
      if (linked) await open(store, linked);
    } catch (problem) {
      store.set({ status: sentence(problem.message) }, "start");
    }
  });
}

mountAhead(store); // first, so that a question is on its way before anything is drawn
mountTabs(place("side"), store);
mountChoices(place("choices"), store);
mountActions();
mountEditor(place("editor"), store);
mountStatus();
mountKeyboard(store);
mountDropping(store);
follow(document.body, store);
mountUndo(store);
keepUpToDate(store);
store.on("network", ({ network }) => {
  place("network-about").textContent = network?.title ?? "";
  place("network-about").title = network?.title ?? "";
  document.title = network ? `${network.title} – backprove` : "backprove explorer";
});
followLinks();
start();
loadParts();

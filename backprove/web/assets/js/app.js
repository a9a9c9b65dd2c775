// @ts-check
/** Puts the page together. Each part is loaded by itself: one that fails leaves a sentence. */
import { ask, isAborted, Refusal } from "./api.js";
import { sorry } from "./elements.js";
import { follow } from "./pointing.js";
import { PANELS, store } from "./state.js";
import { keepUpToDate } from "./refresh.js";
import { mountTabs } from "./tabs.js";

const PARTS = [
  { file: "drawing", place: "drawing", what: "The drawing" },
  { file: "derivation", place: "panel-derivation", what: "The derivation" },
  { file: "numbers", place: "panel-numbers", what: "The numbers" },
  { file: "backward", place: "panel-backward", what: "The backward pass" },
  { file: "paths", place: "panel-paths", what: "The paths" },
  { file: "learning", place: "panel-learning", what: "Learning" },
  { file: "check", place: "panel-check", what: "The check" },
];

/** Imports a part and mounts it; says so in its place where that fails. */
async function load({ file, place, what }) {
  const element = document.getElementById(place);
  if (!element) return;
  try {
    const part = await import(`./${file}.js`);
    await part.mount(element, store);
  } catch (problem) {
    console.error(`${file}.js:`, problem);
    element.replaceChildren(sorry(`${what} could not be loaded.`, "Reload the page to try again."));
  }
}

async function begin() {
  mountTabs(document.getElementById("side"), store);
  follow(document.body, store);
  store.on("status", ({ status }) => { document.getElementById("status").textContent = status; });
  keepUpToDate(store);
  await Promise.allSettled([
    ...PARTS.map(load),
    ask("choices").then((choices) => store.set({ choices }, "start")).catch((problem) => {
      if (!isAborted(problem)) store.set({ status: problem.message });
    }),
  ]);
}

begin();

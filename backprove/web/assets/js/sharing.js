// @ts-check
/**
 * A link that holds the whole state in its fragment, which a browser sends to nobody.
 *
 * The state is JSON, deflated, in base64url: `#s=…`. A link comes from anywhere, so each field
 * is checked before it is used; a state too long for a link becomes a file of the same JSON.
 */
import { chooseFile, copy, download, openDialog } from "./dialogs.js";
import { h, sentence } from "./elements.js";
import { open } from "./refresh.js";
import { FIRST_VIEW, PANELS } from "./state.js";
import { surroundings } from "./surroundings.js";

export const LONGEST_LINK = 8192; // characters of a fragment that mail and chat programs keep
const MOST_TEXT = 100_000;
const MOST_NUMBERS = 200_000;
const MOST_BYTES = 8_000_000; // of an opened file, and of what a link inflates to
const MARK = "backprove explorer";

// -- the state as data -----------------------------------------------------------------------

/** What is shared; numbers as they are written, so that none is changed by a link. */
export function snapshot({ text, values, seed, eta, view, selection, panel }) {
  return { is: MARK, version: 1, text, values, seed, eta, view, selection, panel };
}

/**
 * The checked fields of a state from a link or file; throws an Error in words for a person.
 * @param {any} found
 */
export function checked(found) {
  if (!isRecord(found) || found.is !== MARK) throw new Error("This is no state of the explorer.");
  if (found.version !== 1) throw new Error("This state was written by another version of the explorer.");
  const { text, values = {}, seed = 0, eta = null, view = {}, selection = null, panel = PANELS[0] } = found;
  need(typeof text === "string" && text.length <= MOST_TEXT, "text");
  need(isRecord(values) && Object.keys(values).every((name) => name.length <= 200), "values");
  need(Object.values(values).every((value) => isNested(value)), "values");
  need(areFew(values), "values");
  need(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32, "seed");
  need(eta === null || (Number.isFinite(eta) && eta > 0), "learning rate");
  need(isRecord(view), "view");
  need(selection === null || (typeof selection === "string" && selection.length <= 200), "selection");
  need(PANELS.includes(panel), "panel");
  return { text, values, seed, eta, view: checkedView({ ...FIRST_VIEW, ...view }), selection, panel };
}

function checkedView({ style, zoom, notation, numbers, show }) {
  need(["chain", "equation", "dynamic"].includes(style), "style");
  need([null, "scalar", "index", "matrix"].includes(zoom), "zoom");
  need(typeof notation === "string" && /^[\w-]{1,60}$/.test(notation), "notation");
  need(typeof numbers === "boolean", "numbers");
  need(["weight", "gradient", "factor"].includes(show), "show");
  return { style, zoom, notation, numbers, show };
}

function need(holds, what) {
  if (!holds) throw new Error(`The state's ${what} cannot be read.`);
}

function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A number, or lists of numbers at most six deep. */
function isNested(value, depth = 0) {
  if (Array.isArray(value)) return depth < 6 && value.every((one) => isNested(one, depth + 1));
  return typeof value === "number" && Number.isFinite(value);
}

/** Whether values are few enough to be kept and shared. @param {Record<string, any>} values */
function areFew(values) {
  return count(Object.values(values)) <= MOST_NUMBERS;
}

function count(value) {
  return Array.isArray(value) ? value.reduce((sum, one) => sum + count(one), 0) : 1;
}

// -- the state as a fragment -----------------------------------------------------------------

/** @returns {Promise<string>} "#s=…", of any length */
export async function fragment(state) {
  const text = new Blob([JSON.stringify(snapshot(state))]);
  const packed = await bytes(text.stream().pipeThrough(new CompressionStream("deflate-raw")), Infinity);
  let binary = "";
  for (const byte of packed) binary += String.fromCharCode(byte);
  return `#s=${btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

/** The state of a fragment; null where it holds none; throws where it cannot be read. */
export async function fromFragment(hash) {
  if (!hash.startsWith("#s=")) return null;
  const packed = hash.slice(3);
  if (hash.length > LONGEST_LINK) throw new Error("The link is too long.");
  let found;
  try {
    const binary = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
    const data = new Blob([Uint8Array.from(binary, (character) => character.charCodeAt(0))]);
    const plain = await bytes(data.stream().pipeThrough(new DecompressionStream("deflate-raw")), MOST_BYTES);
    found = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plain));
  } catch {
    throw new Error("The link is damaged: perhaps its end was cut off.");
  }
  return checked(found);
}

/** All bytes of a stream; throws beyond `most`. */
async function bytes(stream, most) {
  const parts = [];
  let length = 0;
  const reader = stream.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += part.value.length;
    if (length > most) {
      await reader.cancel();
      throw new Error("too long");
    }
    parts.push(part.value);
  }
  const all = new Uint8Array(length);
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

// -- sharing ---------------------------------------------------------------------------------

/** Shows the link to copy, or saves a file where it would be too long or lead nowhere. */
export async function share(store) {
  if (!surroundings.linked) {
    saveState(store);
    openDialog("Share", [
      h("p", {}, "A notebook has no link to this state, so it was saved as a file, explorer.json."),
      h("p", { class: "soft" }, "Open it with “Open” beside the text, here or in the page of ", h("code", {}, "backprove serve"), ".")]);
    return;
  }
  const state = store.get();
  const hash = await fragment(state);
  const save = h("button", { type: "button", onclick: () => saveState(store) }, "Save as a file");
  if (hash.length > LONGEST_LINK) {
    saveState(store);
    openDialog("Share", [
      h("p", {}, "This state is too long for a link, so it was saved as a file, explorer.json."),
      h("p", { class: "soft" }, "Open it again with “Open” beside the text, or drop it on the page."), save]);
    return;
  }
  const url = location.origin + location.pathname + hash;
  const field = h("input", { readonly: true, value: url, "aria-label": "Link" });
  const said = h("p", { class: "soft small", role: "status" });
  const copyIt = h("button", { type: "button", class: "primary" }, "Copy");
  copyIt.addEventListener("click", async () => {
    field.select();
    said.textContent = (await copy(url)) ? "The link is copied." : "Copy it with the keyboard: it is selected.";
  });
  openDialog("Share", [
    h("p", {}, "The link holds the text, the values, the view and what is selected. ",
      "Nothing is uploaded: all of it stands in the part after #, which a browser sends to nobody."),
    h("p", { class: "soft" }, "It opens where this page is open, on this machine. For someone else, save a file; ",
      "they open it in their own explorer."),
    h("div", { class: "link-box" }, field, copyIt), said, h("div", { class: "row" }, save)]);
  field.select();
}

function saveState(store) {
  const text = JSON.stringify(snapshot(store.get()), null, 1);
  download("explorer.json", new Blob([text], { type: "application/json" }));
  store.set({ status: "Saved as explorer.json" }, "sharing");
}

/** Saves the text as it stands in the editor. */
export function saveText(store) {
  download("network.bp", new Blob([store.get().text], { type: "text/plain" }));
  store.set({ status: "Saved as network.bp" }, "sharing");
}

// -- opening ---------------------------------------------------------------------------------

export function chooseAndOpen(store) {
  chooseFile(".bp,.json,.txt,text/plain,application/json", (file) => openFile(file, store));
}

/** Opens a .bp text or a saved state. */
async function openFile(file, store) {
  try {
    if (file.size > MOST_BYTES) throw new Error("The file is too large to be a network.");
    const text = await file.text();
    const wanted = file.name.endsWith(".json") ? checked(parsed(text)) : { text };
    need(wanted.text.length <= MOST_TEXT, "text");
    const read = await open(store, wanted);
    store.set({ status: read ? `${file.name} is open` : `${file.name} is open; its text has a mistake` }, "sharing");
  } catch (problem) {
    store.set({ status: sentence(problem.message) }, "sharing");
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("The file is not JSON.");
  }
}

/** Files dropped on the page are opened. */
export function mountDropping(store) {
  let depth = 0;
  const holdsFile = (event) => event.dataTransfer?.types.includes("Files")
    && !(event.target instanceof Element && event.target.closest("[data-drop]")); // a part's own place
  const show = (now) => document.body.classList.toggle("dropping", now);
  document.addEventListener("dragenter", (event) => { if (holdsFile(event)) show(++depth > 0); });
  document.addEventListener("dragleave", (event) => { if (holdsFile(event)) show((depth = Math.max(0, depth - 1)) > 0); });
  document.addEventListener("dragover", (event) => { if (holdsFile(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    show((depth = 0) > 0);
    if (!holdsFile(event)) return;
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) openFile(file, store);
  });
}

// -- this tab's own state, across a reload ---------------------------------------------------

const KEPT = "backprove-state";

/** @type {(() => void)[]} */
const lastActs = [];

/** Has something done when the page is left, before its state is kept. @param {() => void} act */
export function beforeLeaving(act) {
  lastActs.push(act);
}

// Listeners on the window are called in the order of their registration, capturing or not; and
// whoever has something to do is loaded later than whoever keeps the state, or earlier.
addEventListener("pagehide", () => lastActs.forEach((act) => act()));

/**
 * Keeps the state for a reload of this tab; `start` says what the page was opened with. `good` is
 * the text of the network that is shown, where the one in the editor has a mistake.
 */
export function keepOnLeaving(store, start) {
  addEventListener("pagehide", () => {
    const { network, text, values, left } = store.get();
    const good = network && network.asked.text !== text ? network.asked.text : null;
    const state = snapshot(store.get());
    if (!left) return void keep({ start, good, state });
    const { epoch, before } = left;
    if (areFew(values) && keep({ start, good, state, left: { epoch, all: true } })) return;
    keep({ start, good, state: { ...state, values: before }, left: { epoch, all: false } });
  });
  addEventListener("pageshow", () => store.set({ left: null }, "sharing")); // the same page, come back to
}

/** Whether there was room; full or forbidden, a reload begins anew. @param {object} state */
function keep(state) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(state));
    return true;
  } catch {
    return false;
  }
}

/** What is said of a run that the page was left in. @param {any} left */
function leftWords(left) {
  if (!Number.isInteger(left?.epoch)) return "";
  const weights = left.all === true ? "its weights are kept" : "its weights are too many to be kept";
  return `The run ended as the page was left, at epoch ${left.epoch.toLocaleString("en")}; ${weights}.`;
}

/** The state before a reload, if the page was opened with the same then; `good` as it was kept, `status` to be said. */
export function kept(start) {
  try {
    const { start: same, good = null, left = null, state } = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
    need(good === null || (typeof good === "string" && good.length <= MOST_TEXT), "text");
    return same === start ? { ...checked(state), good, status: leftWords(left) } : null;
  } catch {
    return null;
  }
}

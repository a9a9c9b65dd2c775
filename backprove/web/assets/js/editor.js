// @ts-check
/**
 * The network's text: a textarea with line numbers, its mistake marked where it is.
 *
 * The textarea is a plain one, so that undo, find and assistive technology work as everywhere;
 * numbers and marks lie beside and under it. Tab leaves it.
 */
import { debounced, h, sentence } from "./elements.js";

const PAUSE = 250; // ms without a key before the text is read

export function mount(element, store) {
  const numbers = h("div", { class: "editor-numbers", "aria-hidden": "true" });
  const band = h("div", { class: "editor-band", hidden: true });
  const caret = h("div", { class: "editor-caret", hidden: true });
  const area = h("textarea", {
    id: "bp-text", spellcheck: "false", wrap: "off", autocapitalize: "off", autocomplete: "off",
    "aria-label": "The network's text, in the .bp language", "aria-describedby": "bp-error",
  });
  const error = h("div", { id: "bp-error", class: "editor-error" });
  element.replaceChildren(
    h("div", { class: "editor-sheet" }, numbers, h("div", { class: "editor-text" }, band, caret, area)),
    error);

  const read = debounced(() => store.set({ text: area.value }, "editor"), PAUSE);
  area.addEventListener("input", () => {
    drawNumbers();
    read();
  });
  area.addEventListener("change", () => { // The focus leaves: read at once.
    read.cancel();
    store.set({ text: area.value }, "editor");
  });
  area.addEventListener("scroll", place);

  let drawn = 0;
  function drawNumbers() {
    const lines = area.value.split("\n").length;
    if (lines !== drawn) numbers.textContent = Array.from({ length: lines }, (_, at) => at + 1).join("\n");
    drawn = lines;
    place();
  }

  function lineHeight() {
    return parseFloat(getComputedStyle(area).lineHeight);
  }

  /** Numbers and marks follow the text as it scrolls. */
  function place() {
    numbers.style.transform = `translateY(${-area.scrollTop}px)`;
    band.style.transform = `translateY(${-area.scrollTop}px)`;
    caret.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
  }

  function showText({ text }, { why }) {
    if (why === "editor" || area.value === text) return;
    read.cancel();
    if (area.value === "") area.value = text;
    else replaceWithUndo(area, text);
    area.scrollTop = 0;
    read.cancel(); // replaceWithUndo counts as typing
    drawNumbers();
    showError(store.get());
  }

  function showError({ error: found, network }) {
    area.setAttribute("aria-invalid", String(found !== null));
    band.hidden = caret.hidden = !found?.line;
    const notes = network?.notes ?? [];
    error.replaceChildren(...(found ? [] : notes.map((note) => h("p", { class: "soft small" }, code(sentence(note))))));
    if (!found) return;
    if (found.line) {
      band.style.setProperty("--line-at", String(found.line - 1));
      caret.style.setProperty("--line-at", String(found.line - 1));
      caret.style.setProperty("--column-at", String((found.column ?? 1) - 1));
      if (document.activeElement !== area) area.scrollTop = Math.max(0, found.line - 3) * lineHeight();
    }
    error.append(h("div", { class: "error" },
      h("p", { class: "editor-message" },
        found.line && h("button", { type: "button", class: "plain editor-goto", onclick: () => goTo(area, found) },
          `Line ${found.line}`),
        code(sentence(found.message))),
      found.suggestion && h("p", {}, code(sentence(found.suggestion))),
      network && found.line && h("p", { class: "small soft" }, "The network shown is that of the last text without a mistake.")));
  }

  store.on("text", showText);
  store.on(["error", "network"], showError);
  showText(store.get(), { why: "" });
  showError(store.get());
}

/** Replaces all text so that the reader's undo brings the old one back. */
function replaceWithUndo(area, text) {
  const focused = document.activeElement;
  // A touch screen would show its keyboard, and under a dialog nothing can have the focus.
  if (matchMedia("(pointer: fine)").matches) area.focus({ preventScroll: true });
  area.select();
  // Deprecated, and still the one way to put a change into a field's own history.
  const done = document.activeElement === area && document.execCommand("insertText", false, text);
  if (!done) area.value = text;
  area.setSelectionRange(0, 0);
  if (focused instanceof HTMLElement && focused !== area) focused.focus({ preventScroll: true });
}

/** A message's `code` as code. */
function code(message) {
  const parts = message.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));
  const all = document.createDocumentFragment();
  all.append(...parts);
  return all;
}

function goTo(area, { line, column }) {
  const lines = area.value.split("\n").slice(0, line - 1);
  const at = lines.reduce((sum, one) => sum + one.length + 1, 0) + (column ?? 1) - 1;
  area.focus();
  area.setSelectionRange(at, at);
}

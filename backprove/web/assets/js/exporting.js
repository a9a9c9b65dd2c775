// @ts-check
/** Export: the derivation, the drawing and the code, each seen before it is copied or saved. */
import { ask, isAborted } from "./api.js";
import { copy, download, openDialog } from "./dialogs.js";
import { h, sorry } from "./elements.js";
import { called } from "./formula.js";
import { given } from "./state.js";

/**
 * @typedef {object} Kind  one thing that can be exported
 * @property {string} key @property {string} title
 * @property {() => Promise<{name: string, mime: string, content: string|Blob}>} make
 */

export function openExport(store) {
  const groups = kinds(store);
  const preview = h("div", { class: "export-preview" });
  const fields = groups.map(([legend, list]) => list.length > 0 && h("fieldset", {},
    h("legend", {}, ...legend),
    ...list.map((kind) => h("label", {},
      h("input", { type: "radio", name: "export", value: kind.key, onchange: () => show(kind, preview, store) }),
      kind.title))));
  const dialog = openDialog("Export", [h("div", { class: "export" },
    h("div", { class: "kinds" }, ...fields), preview)], { wide: true });
  const first = dialog.querySelector("input");
  if (first) {
    first.checked = true;
    show(groups.flatMap(([, list]) => list)[0], preview, store);
  }
}

/** @returns {[(string|Node)[], Kind[]][]} */
function kinds(store) {
  const state = store.get();
  const { style, zoom, numbers } = state.view;
  const asked = { ...given(state), quantity: state.selection, style, zoom, numbers };
  const derivation = (state.selection ? state.choices?.formats ?? [] : []).map(({ name, title }) => ({
    key: `format-${name}`, title, make: () => ask("export", { ...asked, format: name }),
  }));
  const code = (state.choices?.targets ?? []).map(({ name, title }) => ({
    key: `code-${name}`, title, make: () => ask("code", { ...given(state), target: name }),
  }));
  const drawing = [
    { key: "svg", title: "SVG", make: () => picture("toSVG", "network.svg", "image/svg+xml") },
    { key: "png", title: "PNG", make: () => picture("toPNG", "network.png", "image/png") },
  ];
  const asking = state.selection ? ["Derivation of ", called(state.selection, state.network)] : ["Derivation"];
  return [[asking, derivation], [["Drawing"], drawing], [["Code"], code]];
}

async function picture(maker, name, mime) {
  const drawing = await import("./svg.js");
  return { name, mime, content: await drawing[maker]() };
}

/** @param {Kind} kind */
async function show(kind, preview, store) {
  preview.dataset.key = kind.key;
  preview.replaceChildren(h("p", { class: "soft" }, "One moment …"));
  try {
    const file = await kind.make();
    if (preview.dataset.key === kind.key) preview.replaceChildren(...shown(file, store));
  } catch (problem) {
    if (isAborted(problem) || preview.dataset.key !== kind.key) return;
    preview.replaceChildren(sorry(problem.message, problem.suggestion));
  }
}

function shown({ name, mime, content }, store) {
  const blob = content instanceof Blob ? content : new Blob([content], { type: mime });
  const said = h("span", { class: "soft small", role: "status" });
  const save = h("button", { type: "button", class: "primary", onclick: () => {
    download(name, blob);
    store.set({ status: `Saved as ${name}` }, "exporting");
  } }, `Download ${name}`);
  const copyIt = typeof content === "string" && h("button", { type: "button", onclick: async () => {
    said.textContent = (await copy(content)) ? "Copied." : "The browser does not allow copying here.";
  } }, "Copy");
  return [mime.startsWith("image/") ? image(blob, name) : text(content, name),
    h("div", { class: "row" }, save, copyIt, said)];
}

function image(blob, name) {
  const url = URL.createObjectURL(blob);
  const picture = h("img", { src: url, alt: `Preview of ${name}` });
  picture.addEventListener("load", () => URL.revokeObjectURL(url));
  return h("div", { class: "picture" }, picture);
}

const SHOWN = 60_000; // characters; a longer file is saved whole and shown in part

function text(content, name) {
  const part = content.length > SHOWN ? `${content.slice(0, SHOWN)}\n… (the file is longer)` : content;
  return h("pre", { tabindex: "0", role: "region", "aria-label": `Preview of ${name}` }, part);
}

// @ts-check
/** How formulas are written (the selects in the header), and which network to look at. */
import { openDialog } from "./dialogs.js";
import { h } from "./elements.js";
import { open } from "./refresh.js";

const STYLES = { chain: "Chain of factors", equation: "One equation", dynamic: "Dynamic programming" };
const ZOOMS = { scalar: "Single numbers", index: "Indices", matrix: "Matrices" };
const ACTIVATIONS = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "linear"];
const LOSSES = {
  squared_error: "squared error, with ½", sse: "squared error", cross_entropy: "softmax and cross-entropy",
  binary_cross_entropy: "sigmoid and cross-entropy",
};

export function mountChoices(element, store) {
  const notation = select("Notation", [["as-written", "As written"]], (value) => ({ notation: value }), store);
  const style = select("Style", Object.entries(STYLES), (value) => ({ style: value }), store);
  const zoom = select("Zoom", [["", "Automatic"], ...Object.entries(ZOOMS)], (value) => ({ zoom: value || null }), store);
  element.append(notation.label, style.label, zoom.label);

  store.on("choices", ({ choices, view }) => {
    if (!choices) return;
    fill(notation.field, choices.notations.map(({ name, title }) => [name, title]));
    fill(style.field, choices.styles.map((name) => [name, STYLES[name] ?? name]));
    fill(zoom.field, [["", "Automatic"], ...choices.zooms.map((name) => [name, ZOOMS[name] ?? name])]);
    show({ view });
  });
  const show = ({ view }) => {
    notation.field.value = view.notation;
    style.field.value = view.style;
    zoom.field.value = view.zoom ?? "";
    for (const { field } of [notation, style, zoom]) field.title = field.selectedOptions[0]?.text ?? "";
  };
  store.on("view", show);
  show(store.get());
}

function select(words, options, change, store) {
  const field = h("select", { onchange: () => store.set({ view: change(field.value) }, "choices") });
  fill(field, options);
  return { field, label: h("label", { class: "field" }, h("span", {}, words), field) };
}

function fill(field, options) {
  field.replaceChildren(...options.map(([value, words]) => h("option", { value }, words)));
}

/** A gallery of examples, and builders for networks of one's own sizes. */
export function openExamples(store) {
  const examples = store.get().choices?.examples ?? [];
  const take = (text) => {
    dialog.close();
    open(store, { text });
  };
  const cards = examples.map(({ title, about, text }) => h("li", {},
    h("button", { type: "button", onclick: () => take(text) }, h("b", {}, title), h("span", {}, more(about)))));
  const dialog = openDialog("Choose a network", [
    h("h3", {}, "Build one"), builder(take),
    h("h3", {}, "Examples"), h("ul", { class: "gallery" }, ...cards),
  ]);
}

/** What an example says of itself after its first line, which is its title. */
function more(about) {
  return about.split("\n").slice(1).join(" ");
}

function builder(take) {
  const sizes = h("input", { value: "2-3-1", size: "12", required: true, pattern: "\\d+(x\\d+)?(-\\d+(x\\d+)?)+", title: "Nodes of each layer, the input first: 2-16-16-1" });
  const activation = h("select");
  fill(activation, ACTIVATIONS.map((name) => [name, name.replace("_", " ")]));
  const loss = h("select");
  fill(loss, Object.entries(LOSSES));
  const biases = h("input", { type: "checkbox", checked: true });
  const form = h("form", { class: "builder" },
    h("label", { class: "field" }, "Layers", sizes),
    h("label", { class: "field" }, "Activation", activation),
    h("label", { class: "field" }, "Loss", loss),
    h("label", { class: "field check" }, biases, "biases"),
    h("button", { class: "primary" }, "Build"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take(`mlp:${sizes.value},${activation.value},${loss.value}${biases.checked ? "" : ",nobias"}`);
  });
  return form;
}

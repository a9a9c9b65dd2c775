// @ts-check
/** What is lit in the drawing: what is pointed at, what is selected, and how far the rest dims. */
import { pointed } from "./pointing.js";

/** Edges and neurons by the components and names that light them, made once a placing. */
const found = new WeakMap();

/**
 * Toggles the classes of the neurons and answers how the edges look.
 * @param {any} state @param {import("./edges.js").Edges} edges
 * @param {import("./neurons.js").Neurons} neurons
 */
export function lights({ highlight, selection }, edges, neurons) {
  if (!found.has(edges)) found.set(edges, lookup(edges, neurons));
  const by = found.get(edges);
  const lit = gathered(highlight, by);
  const chosen = gathered(selection === null ? [] : [selection], by);
  joinEnds(lit, highlight, edges);
  const near = nearEdges(lit, edges);
  const ends = new Set([...lit.edges, ...near].flatMap(({ from, to }) => [from.id, to.id]));
  const selectedEnds = new Set([...chosen.edges].flatMap(({ from, to }) => [from.id, to.id]));
  const anything = lit.edges.size + lit.neurons.size + lit.biases.size > 0;
  for (const [id, { element, bias }] of neurons.all) {
    toggle(element, { lit: lit.neurons.has(id), near: ends.has(id) || selectedEnds.has(id), selected: chosen.neurons.has(id) });
    if (bias) toggle(bias.element, { lit: lit.biases.has(bias.component), selected: chosen.biases.has(bias.component) });
  }
  for (const [id, { element, components }] of neurons.inStrips) {
    const any = (set) => set.has(id) || components.some((one) => set.has(one));
    toggle(element, { lit: any(highlight), selected: components.includes(selection) });
  }
  return {
    lit: lit.edges, near, selected: chosen.edges,
    dim: anything ? 0.2 : chosen.edges.size ? 0.7 : 1,
  };
}

function toggle(element, classes) {
  for (const [name, on] of Object.entries(classes)) element.classList.toggle(`is-${name}`, Boolean(on));
}

function lookup(edges, neurons) {
  const by = { edges: new Map(), neurons: new Map(), biases: new Map() };
  const add = (map, component, what) => {
    const { name } = pointed(component);
    for (const key of new Set([component, `${name}:`])) {
      if (!map.has(key)) map.set(key, []);
      map.get(key).push(what);
    }
  };
  for (const edge of edges.all) if (edge.component !== null) add(by.edges, edge.component, edge);
  for (const [id, { neuron, bias }] of neurons.all) {
    for (const component of new Set([id, ...neuron.components])) add(by.neurons, component, id);
    if (bias) add(by.biases, bias.component, bias.component);
  }
  return by;
}

/** Everything that some components, names or adjoints stand for. */
function gathered(components, by) {
  const all = { edges: new Set(), neurons: new Set(), biases: new Set() };
  for (const q of components) {
    const { name, indices } = pointed(q);
    // A name alone stands for all of its components; a component of a scalar for the scalar.
    const keys = indices === null ? [`${name}:`] : [`${name}${indices}`, ...(by.neurons.has(name) || by.edges.has(name) || by.biases.has(name) ? [name] : [])];
    for (const kind of ["edges", "neurons", "biases"]) {
      for (const key of keys) for (const what of by[kind].get(key) ?? []) all[kind].add(what);
    }
  }
  return all;
}

/** Edges without a weight light with a path, when both of their ends do. */
function joinEnds(lit, highlight, edges) {
  if (highlight.size < 2) return;
  for (const id of lit.neurons) {
    for (const edge of edges.ofNeuron.get(id) ?? []) {
      if (edge.component === null && lit.neurons.has(edge.from.id) && lit.neurons.has(edge.to.id)) lit.edges.add(edge);
    }
  }
}

/** A neuron pointed at shows its own edges. */
function nearEdges(lit, edges) {
  if (lit.edges.size || lit.neurons.size !== 1) return new Set();
  const [id] = lit.neurons;
  return new Set(edges.ofNeuron.get(id) ?? []);
}

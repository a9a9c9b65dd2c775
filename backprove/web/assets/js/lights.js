// @ts-check
/** What is lit in the drawing: what is pointed at, what is selected, and how far the rest dims. */
import { Way, pointed } from "./pointing.js";

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
  if (highlight instanceof Way) {
    onlyTaken(lit, highlight.steps, by);
    alongSteps(lit, highlight.steps, by, edges);
  } else if (highlight.size > 1) joinEnds(lit, highlight, edges);
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

/** Of a weight that stands on several edges, only those that the way takes stay lit. */
function onlyTaken(lit, steps, by) {
  const first = (q) => gathered([q], by).neurons.values().next().value;
  const over = new Map();
  for (const { from, to, component } of steps) {
    if (component) over.set(component, [...(over.get(component) ?? []), { start: first(from), end: first(to) }]);
  }
  for (const edge of lit.edges) {
    const goes = ({ start, end }) => end === edge.to.id && (start === undefined || start === edge.from.id);
    if (over.has(edge.component) && !over.get(edge.component).some(goes)) lit.edges.delete(edge);
  }
}

/** Each step of a way lights one edge: its own, or where it names none the one that goes its way. */
function alongSteps(lit, steps, by, edges) {
  for (const { from, to, component } of steps) {
    const [start] = gathered([from], by).neurons;
    const [end] = gathered([to], by).neurons;
    if (component || start === undefined || end === undefined || start === end) continue;
    const between = (edges.ofNeuron.get(start) ?? []).filter((edge) => edge.from.id === start && edge.to.id === end);
    const direct = between.find((edge) => edge.component === null);
    const weighted = between.find((edge) => edge.component !== null);
    // what goes to the weighted input has a weight, what goes past it to the activation has none
    const chosen = isInner(to, end, between) ? weighted ?? direct : direct ?? weighted;
    if (chosen) lit.edges.add(chosen);
  }
}

/** Whether it is a neuron's weighted input, not its activation. */
function isInner(component, id, between) {
  const components = between[0]?.to.components ?? [];
  return component !== id && components.indexOf(component) < components.length - 1;
}

/**
 * An edge without a weight lights when both of its ends do, unless what is pointed at goes from
 * the one to the other by a weight.
 */
function joinEnds(lit, highlight, edges) {
  const byWeight = new Set([...lit.edges].map(({ from, to }) => `${from.id}>${to.id}`));
  for (const id of lit.neurons) {
    for (const edge of edges.ofNeuron.get(id) ?? []) {
      const { from, to } = edge;
      if (edge.component !== null || !lit.neurons.has(from.id) || !lit.neurons.has(to.id)) continue;
      const isBy = byWeight.has(`${from.id}>${to.id}`);
      if (!isBy) lit.edges.add(edge);
    }
  }
}

/** A neuron pointed at shows its own edges. */
function nearEdges(lit, edges) {
  if (lit.edges.size || lit.neurons.size !== 1) return new Set();
  const [id] = lit.neurons;
  return new Set(edges.ofNeuron.get(id) ?? []);
}

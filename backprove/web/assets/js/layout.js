// @ts-check
/**
 * Where the neurons of a diagram stand: a column a level, the neurons of a column evenly spaced.
 *
 * Dense layers are placed by computation: on 60-60-60 a layout library takes minutes. Irregular
 * graphs of up to 150 edges are asked of dagre, in a worker, while the computed placing is shown.
 */

import { surroundings } from "./surroundings.js";

/**
 * @typedef {object} Neuron
 * @property {string} id
 * @property {any} group            the diagram's group
 * @property {number} index         0-based, within its group
 * @property {string[]} components  from the weighted input to the activation
 * @property {boolean} block        a folded group: stands for all of its neurons
 * @property {boolean} open         a block that shows its neurons in a strip
 * @property {boolean} small        a target or constant
 * @property {number} x @property {number} y   the centre
 * @property {number} w @property {number} h   half the width and half the height
 *
 * @typedef {object} Column
 * @property {number} x @property {string} title @property {number} count
 *
 * @typedef {object} Placement
 * @property {Neuron[]} neurons
 * @property {Map<string, Neuron>} byId
 * @property {Column[]} columns    headings; none where dagre placed
 * @property {number} width @property {number} height
 * @property {number} radius       of an ordinary neuron
 * @property {number} bow          how far an edge leaves level, as a share of its way
 * @property {Map<number, {x: number, y: number}[]>|null} bends  dagre's points by edge
 */

/** Beyond this dagre takes long, and the picture is no clearer for it. */
export const IRREGULAR_EDGES = 150;
/** Neurons of a folded group that its strip shows; the rest are counted. */
export const STRIP = 200;
/** Edges up to which each is read by itself: they are almost straight, and have labels. */
export const FEW = 40;

const BOW = 0.5;
const SLIGHT = 0.05;
const CLOSED = { w: 43, h: 74 };
const OPENED = { w: 96, h: 150 };

/**
 * The computed placing, in the proportions of the room that there is.
 * @param {any} diagram
 * @param {{width: number, height: number}} room  in pixels
 * @param {ReadonlySet<string>} opened  names of the folded groups that are open
 * @returns {Placement}
 */
export function computed(diagram, room, opened = new Set()) {
  const stacks = stacksOf(diagram);
  const tallest = Math.max(1, ...stacks.map((stack) => unitsOf(stack, opened)));
  const row = clamp(room.height / tallest, 32, 118);
  const height = Math.max(row * tallest, ...stacks.map((stack) => fixedHeight(stack, opened)));
  const width = room.width * Math.max(1, height / room.height);
  const pitch = width / Math.max(1, stacks.length);
  const share = within(pitch, diagram.edges.length <= FEW);
  const radius = Math.max(8, Math.min(row * 0.35, share, 28));
  const measures = { row, radius, share, opened, tallest };
  const halves = stacks.map((stack) => Math.max(...stack.groups.map((group) => halfOf(stack, group, measures).w)));
  const widest = 230 * Math.max(1, height / room.height);
  const xs = columnCentres(stacks, halves, width, { least: 2.2 * radius, widest });
  const neurons = stacks.flatMap((stack, at) => stacked(stack, xs[at], height, measures));
  const right = xs.length ? xs[xs.length - 1] + halves[halves.length - 1] : 0;
  return {
    neurons,
    byId: new Map(neurons.map((neuron) => [neuron.id, neuron])),
    columns: stacks.map((stack, at) => ({
      x: xs[at], title: titleOf(stack), count: stack.groups.reduce((sum, group) => sum + group.size, 0),
    })),
    width: right,
    height,
    radius,
    bow: diagram.edges.length > FEW ? BOW : SLIGHT,
    bends: null,
  };
}

/** Columns of groups from left to right; what only the loss reads stands beside it. */
function stacksOf(diagram) {
  const loss = diagram.groups.find(({ kind }) => kind === "loss");
  const beside = (group) => isSmall(group) && loss !== undefined && group.column === loss.column;
  const stacks = new Map();
  for (const group of diagram.groups) {
    const column = beside(group) ? group.column + 0.5 : group.column;
    if (!stacks.has(column)) stacks.set(column, { column, groups: [], beside: beside(group), weighted: false });
    const stack = stacks.get(column);
    stack.groups.push(group);
    stack.weighted ||= diagram.families.some(({ to, weight }) => to === group.name && weight !== null);
  }
  return [...stacks.values()].sort((one, other) => one.column - other.column);
}

function isSmall({ kind }) {
  return kind === "target" || kind === "constant";
}

/** The rows that a stack takes, with a little air between its groups. */
function unitsOf({ groups, beside }, opened) {
  const rows = groups.map((group) => {
    if (group.folded) return opened.has(group.name) ? 5 : 3;
    return group.size * (beside ? 0.8 : 1);
  });
  return rows.reduce((sum, one) => sum + one, 0) + 0.4 * (groups.length - 1) * (beside ? 0 : 1);
}

/** Pixels that blocks need whatever the row is. */
function fixedHeight({ groups }, opened) {
  const blocks = groups.filter(({ folded }) => folded);
  return blocks.reduce((sum, { name }) => sum + 2 * (opened.has(name) ? OPENED : CLOSED).h + 24, 0);
}

function halfOf(stack, group, measures) {
  if (group.folded) return measures.opened.has(group.name) ? OPENED : CLOSED;
  const roomy = Math.min(paceOf(stack, measures) * 0.35, measures.share, measures.radius * 1.9, 28);
  const size = Math.max(measures.radius * (stack.beside ? 0.7 : 1), roomy) * (isSmall(group) ? 0.74 : 1);
  return { w: size, h: size };
}

/** A neuron's radius by its column's share of the width: where edges have labels it leaves room
 * to them, as long as it is large enough for its own. */
function within(pitch, labelled) {
  return labelled ? Math.min(pitch * 0.23, Math.max(14, pitch * 0.2)) : pitch * 0.29;
}

/** From one neuron of a stack to the next: short stacks beside tall ones are spread a little. */
function paceOf(stack, { row, opened, tallest }) {
  const spread = clamp((0.8 * tallest) / unitsOf(stack, opened), 1, row < 60 ? 2.4 : 1);
  return row * spread * (stack.beside ? 0.8 : 1);
}

/** Equal gaps where there are weights to write; what has none to its left stands closer. */
function columnCentres(stacks, halves, width, { least, widest }) {
  const gaps = stacks.slice(1).map(({ weighted }) => (weighted ? 1 : 0.55));
  const taken = halves.reduce((sum, half) => sum + 2 * half, 0);
  const shares = gaps.reduce((sum, gap) => sum + gap, 0) || 1;
  const gap = clamp((width - taken) / shares, least, widest);
  const xs = [];
  let left = 0;
  stacks.forEach((_, at) => {
    xs.push(left + halves[at]);
    left += 2 * halves[at] + gap * (gaps[at] ?? 0);
  });
  return xs;
}

/** The neurons of one stack, centred in the height. @returns {Neuron[]} */
function stacked(stack, x, height, measures) {
  const { row, opened } = measures;
  const pace = paceOf(stack, measures);
  const between = stack.beside ? 0 : 0.4 * row;
  const heights = stack.groups.map((group) => (
    group.folded ? 2 * halfOf(stack, group, measures).h + 24 : group.size * pace));
  const total = heights.reduce((sum, one) => sum + one, 0) + between * (heights.length - 1);
  let top = (height - total) / 2;
  return stack.groups.flatMap((group, at) => {
    const from = top;
    top += heights[at] + between;
    const half = halfOf(stack, group, measures);
    if (group.folded) {
      return [blockOf(group, opened.has(group.name), { x, y: from + heights[at] / 2, ...half })];
    }
    return group.neurons.map((neuron, index) => neuronOf(group, neuron, index, {
      x, y: from + (index + 0.5) * pace, ...half,
    }));
  });
}

function neuronOf(group, { id, components, symbol }, index, where) {
  return { id, group, index, components, symbol, block: false, open: false, small: isSmall(group), ...where };
}

function blockOf(group, open, where) {
  return {
    id: group.name, group, index: 0, components: group.members, block: true, open,
    small: isSmall(group), ...where,
  };
}

const TITLES = {
  input: "input", hidden: "hidden", sum: "output sum", output: "output", loss: "loss", target: "target",
  quantity: "", constant: "constant",
};

function titleOf({ groups }) {
  const kinds = new Set(groups.map(({ kind }) => kind));
  for (const kind of ["loss", "output", "sum", "hidden", "input", "quantity", "target", "constant"]) {
    if (kinds.has(kind)) return TITLES[kind];
  }
  return "";
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

// ---------------------------------------------------------------------------------- by dagre

/** Whether dagre is worth asking. */
export function wantsDagre(diagram) {
  return diagram.irregular && diagram.edges.length <= IRREGULAR_EDGES
    && !diagram.groups.some(({ folded }) => folded);
}

let worker = null;
/** dagre's last answer, for the same graph in another room. */
let kept = { key: "", data: null };

function keyOf({ edges, groups }) {
  return JSON.stringify([groups.map(({ name, size }) => [name, size]), edges.map(({ from, to }) => [from, to])]);
}

/** The placing by dagre where it has answered for this graph before. @returns {Placement|null} */
export function keptDagre(diagram, room) {
  return kept.key === keyOf(diagram) ? stretched(kept.data, sized(diagram), room) : null;
}

/** @returns {Neuron[]} without a place yet */
function sized(diagram) {
  return diagram.groups.flatMap((group) => group.neurons.map((neuron, index) => {
    const half = isSmall(group) ? 17 : 24;
    return neuronOf(group, neuron, index, { x: 0, y: 0, w: half, h: half });
  }));
}

/**
 * The placing by dagre; null where it fails or is overtaken by a newer question.
 * @param {any} diagram @param {{width: number, height: number}} room
 * @returns {Promise<Placement|null>}
 */
export function byDagre(diagram, room) {
  worker?.terminate();
  const mine = new Worker(surroundings.file("js/dagre-worker.js"), { type: "module" });
  worker = mine;
  const neurons = sized(diagram);
  mine.postMessage({
    nodes: neurons.map(({ id, w, h }) => ({ id, width: 2 * w, height: 2 * h + 22 })),
    edges: diagram.edges.map(({ from, to }) => ({ from, to })),
    options: { nodesep: 26, edgesep: 18, ranksep: 74 },
  });
  return new Promise((resolve) => {
    const finish = (placement) => {
      mine.terminate();
      if (worker === mine) worker = null;
      resolve(placement);
    };
    mine.onerror = () => finish(null);
    mine.onmessage = ({ data }) => {
      if (data.problem) return finish(null);
      kept = { key: keyOf(diagram), data };
      finish(stretched(data, neurons, room));
    };
  });
}

/** dagre's answer, stretched towards the proportions of the room; neurons stay round. */
function stretched({ nodes, edges }, neurons, room) {
  const points = [...nodes, ...edges.flat()];
  const low = { x: Math.min(...points.map(({ x }) => x)), y: Math.min(...nodes.map(({ y }) => y), ...points.map(({ y }) => y)) };
  const high = { x: Math.max(...points.map(({ x }) => x)), y: Math.max(...points.map(({ y }) => y)) };
  const width = Math.max(1, high.x - low.x);
  const height = Math.max(1, high.y - low.y);
  const wanted = room.width / room.height / (width / height);
  const wide = clamp(wanted, 0.75, 1.9);
  const tall = clamp(1 / wanted, 1, 1.5);
  // dagre has no up and down: that way is down in which more neurons follow their order.
  const level = nodes.slice(1).filter(({ x }, at) => Math.abs(x - nodes[at].x) < 1).length;
  const falling = nodes.slice(1).filter(({ x, y }, at) => Math.abs(x - nodes[at].x) < 1 && y < nodes[at].y).length;
  const turned = falling * 2 > level;
  const move = ({ x, y }) => ({
    x: (x - low.x) * wide + 26, y: (turned ? high.y - y : y - low.y) * tall + 26,
  });
  nodes.forEach((node, at) => Object.assign(neurons[at], move(node)));
  return {
    neurons,
    byId: new Map(neurons.map((neuron) => [neuron.id, neuron])),
    columns: [],
    width: width * wide + 52,
    height: height * tall + 52,
    radius: 24,
    bow: BOW,
    bends: new Map(edges.map((bends, at) => [at, bends.slice(1, -1).map(move)])),
  };
}

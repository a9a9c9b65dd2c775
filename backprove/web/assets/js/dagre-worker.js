// @ts-check
/**
 * Places an irregular graph by dagre, beside the page, so that the page never waits for it.
 *
 * In: {nodes: [{id, width, height}], edges: [{from, to}], options}.
 * Out: {nodes: [{id, x, y}], edges: [[{x, y}…]…], width, height} or {problem}.
 */
import { Graph, layout } from "../vendor/dagre/dagre.esm.js";

self.onmessage = ({ data }) => {
  try {
    self.postMessage(place(data));
  } catch (problem) {
    self.postMessage({ problem: String(problem) });
  }
};

function place({ nodes, edges, options }) {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", ...options });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of nodes) graph.setNode(id, { width, height });
  edges.forEach(({ from, to }, at) => graph.setEdge(from, to, {}, String(at)));
  layout(graph);
  return {
    nodes: nodes.map(({ id }) => ({ id, x: graph.node(id).x, y: graph.node(id).y })),
    edges: edges.map(({ from, to }, at) => graph.edge(from, to, String(at)).points),
    width: graph.graph().width,
    height: graph.graph().height,
  };
}

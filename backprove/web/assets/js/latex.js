// @ts-check
// MathML that the server wrote, as the LaTeX that it reads: letter by letter, no mathematics.

/** @type {Record<string, string>} */
const SIGNS = {
  "∂": "\\partial ", "−": "-", "·": " \\cdot ", "∑": "\\sum", "∗": "*", "′": "'", "\u2061": "", "\u2062": " ",
  α: "\\alpha ", β: "\\beta ", γ: "\\gamma ", δ: "\\delta ", ε: "\\epsilon ", η: "\\eta ", θ: "\\theta ",
  λ: "\\lambda ", μ: "\\mu ", π: "\\pi ", ρ: "\\rho ", σ: "\\sigma ", τ: "\\tau ", φ: "\\phi ", ψ: "\\psi ", ω: "\\omega ",
  Δ: "\\Delta ", Σ: "\\Sigma ", "⊙": " \\odot ", "‖": "\\|",
};

/** @type {Record<string, string[]>} what stands before, between and after the parts */
const SCRIPTS = {
  mfrac: ["\\frac{", "}{", "}"],
  msub: ["", "_{", "}"],
  munder: ["", "_{", "}"],
  msup: ["", "^{", "}"],
  msubsup: ["", "_{", "}^{", "}"],
  munderover: ["", "_{", "}^{", "}"],
  msqrt: ["\\sqrt{", "}"],
};

/**
 * @param {Element|string} formula an element, or one `<math>` as text
 * @returns {string}
 */
export function latex(formula) {
  if (typeof formula !== "string") return written(formula).replace(/ +/g, " ").replace(/ ([_^}])/g, "$1").trim();
  const template = document.createElement("template");
  template.innerHTML = formula;
  const element = template.content.firstElementChild;
  return element ? latex(element) : "";
}

/** @param {Element} element @returns {string} */
function written(element) {
  const name = element.localName;
  const children = [...element.children];
  if (name in SCRIPTS) {
    const [start, ...between] = SCRIPTS[name];
    if (name === "msqrt") return start + children.map(written).join("") + between[0];
    return start + children.map((child, place) => written(child) + between[place]).join("");
  }
  if (children.length) return children.map(written).join("");
  if (name === "mspace") return " ";
  const text = (element.textContent ?? "").trim();
  if (name === "mi" && /^[a-zA-Z]{2,}$/.test(text)) return `\\operatorname{${text}}`;
  if (name === "mtext") return `\\text{${text}}`;
  return [...text].map((sign) => SIGNS[sign] ?? sign).join("");
}

// @ts-check
/** Light, dark, or as the system has it. */
import { h, icon } from "./elements.js";
import { surroundings } from "./surroundings.js";

const THEMES = ["system", "light", "dark"];
const NAMES = { system: "as the system", light: "light", dark: "dark" };

export function mountTheme(element, store) {
  const button = h("button", { type: "button", class: "plain" });
  const show = (theme) => {
    const shown = theme === "system" ? surroundings.theme : theme;
    if (shown) document.documentElement.dataset.theme = shown;
    else delete document.documentElement.dataset.theme;
    button.replaceChildren(icon(theme));
    button.title = `Theme: ${NAMES[theme]}`;
    button.setAttribute("aria-label", button.title);
  };
  let theme = chosen();
  show(theme);
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try {
      localStorage.setItem("backprove-theme", theme);
    } catch { /* Forbidden: it holds until the page is left. */ }
    show(theme);
    // Canvases read the colours anew when they hear of this.
    document.dispatchEvent(new CustomEvent("theme"));
    store.set({ status: `Theme: ${NAMES[theme]}` }, "theme");
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.dispatchEvent(new CustomEvent("theme"));
  });
  document.addEventListener("surroundings", () => {
    show(theme);
    document.dispatchEvent(new CustomEvent("theme"));
  });
  element.append(button);
}

function chosen() {
  try {
    const theme = localStorage.getItem("backprove-theme");
    return theme !== null && THEMES.includes(theme) ? theme : "system";
  } catch {
    return "system";
  }
}

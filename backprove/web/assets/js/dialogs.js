// @ts-check
/** Dialogs, after the browser's own `dialog`: Escape closes, the focus returns to where it was. */
import { h, icon } from "./elements.js";

/**
 * Opens a modal dialog, which is removed when it closes.
 * @param {string} title
 * @param {Node[]} content
 * @param {{wide?: boolean}} [options]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, { wide = false } = {}) {
  const heading = h("h2", { id: "dialog-title", tabindex: "-1" }, title);
  const close = h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => dialog.close() },
    icon("close"));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", class: wide ? "wide" : null },
    h("div", { class: "dialog-head" }, heading, close),
    h("div", { class: "dialog-body" }, ...content));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  heading.focus();
  return dialog;
}

/** Gives the reader a file. @param {string} name @param {Blob} blob */
export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Copies text; says whether it worked. @returns {Promise<boolean>} */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // Not allowed, or the page is not served from this machine.
  }
}

/** Lets the reader choose a file of theirs. @param {string} accept @param {(file: File) => void} then */
export function chooseFile(accept, then) {
  const input = h("input", { type: "file", accept });
  input.addEventListener("change", () => { if (input.files?.[0]) then(input.files[0]); });
  input.click();
}

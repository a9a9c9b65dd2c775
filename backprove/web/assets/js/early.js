// What must not wait for the modules. A classic script, so that it comes before the first paint.
try {
  const theme = localStorage.getItem("backprove-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* Storage may be forbidden: then the system's theme holds. */ }

// What app.js asks first; a link brings its own network.
for (const name of location.hash.startsWith("#s=") ? ["choices"] : ["first", "choices"]) {
  const link = document.createElement("link");
  Object.assign(link, { rel: "preload", as: "fetch", crossOrigin: "anonymous", href: `api/${name}` });
  document.head.append(link);
}

// The theme that was chosen, set before the first paint. A classic script, so that it blocks.
try {
  const theme = localStorage.getItem("backprove-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* Storage may be forbidden: then the system's theme holds. */ }

// Chooses the theme before the first paint: the page's own scripts run after it. `preferences.ts` writes what this reads.
(() => {
  let theme = "system";
  try {
    theme = JSON.parse(localStorage.getItem("sirocco.preferences") ?? "{}").theme ?? theme;
  } catch {
    // The browser refuses storage to this page.
  }
  const isDark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
})();

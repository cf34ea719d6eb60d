// Times and colours as they are shown, and the theme.

export function clock(seconds, isExact = true) {
  const whole = Math.floor(seconds + 1e-6);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = (parts[0] ? parts : parts.slice(1)).map((n, i) => (i ? String(n).padStart(2, "0") : n)).join(":");
  if (isExact) return text + (seconds - whole + 1e-6).toFixed(2).slice(1);
  const rest = seconds - whole;
  return rest > 0.005 ? text + rest.toFixed(2).slice(1).replace(/0$/, "") : text;
}

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const system = matchMedia("(prefers-color-scheme: dark)");

export function startTheme(onChange) {
  const apply = () => {
    document.documentElement.dataset.theme = localStorage.getItem("kws-theme") ?? (system.matches ? "dark" : "light");
    onChange();
  };
  system.addEventListener("change", apply);
  apply();
  return () => {
    const isDark = document.documentElement.dataset.theme === "dark";
    localStorage.setItem("kws-theme", isDark ? "light" : "dark");
    apply();
  };
}

// The comparison: what is shown, the slider, keys, light and dark. Everything is in the page already; nothing is loaded.
"use strict";
{
  const root = document.documentElement;
  const slide = document.getElementById("slide");
  const theme = document.getElementById("theme");
  const remembered = (name) => { try { return localStorage.getItem(`adbatch:diff:${name}`); } catch { return null; } };
  const remember = (name, value) => { try { localStorage.setItem(`adbatch:diff:${name}`, value); } catch { /* a browser may keep nothing */ } };

  const setTheme = (name) => {
    root.dataset.theme = name;
    theme.textContent = name === "dark" ? "Light" : "Dark";
    remember("theme", name);
  };
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const kept = remembered("theme");
  if (kept === "dark" || kept === "light") setTheme(kept);
  else theme.textContent = isDark() ? "Light" : "Dark";
  theme.addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));

  const setSliding = (on) => {
    slide.setAttribute("aria-pressed", String(on));
    for (const slider of document.querySelectorAll(".slider")) {
      slider.hidden = !on;
      slider.parentElement.classList.toggle("slides", on);
    }
    remember("slide", on ? "1" : "");
  };
  slide.addEventListener("click", () => setSliding(slide.getAttribute("aria-pressed") !== "true"));
  for (const slider of document.querySelectorAll(".slider")) {
    slider.addEventListener("input", () => slider.parentElement.style.setProperty("--at", `${slider.value}%`));
  }
  setSliding(remembered("slide") === "1");

  for (const button of document.querySelectorAll("button[data-how]")) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      for (const change of document.querySelectorAll(`.change[data-how="${button.dataset.how}"]`)) change.hidden = !on;
    });
  }

  const step = (by) => {
    const shown = [...document.querySelectorAll(".change:not([hidden])")];
    const here = shown.findIndex((change) => change.contains(document.activeElement));
    const next = shown[here < 0 ? 0 : Math.min(Math.max(here + by, 0), shown.length - 1)];
    if (!next) return;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "start" });
  };
  const move = (by) => {
    const slider = document.activeElement.closest?.(".change")?.querySelector(".slider:not([hidden])");
    if (!slider || slider === document.activeElement) return false;
    slider.value = String(Number(slider.value) + by);
    slider.dispatchEvent(new Event("input"));
    return true;
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "s") slide.click();
    else if (event.key === "t") theme.click();
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      if (move(event.key === "ArrowLeft" ? -5 : 5)) event.preventDefault();
    }
  });
}

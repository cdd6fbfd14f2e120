// The beginning: read the index, draw, and keep the few things around the gallery up to date.
"use strict";
{
  const { byId, store, arrange } = adbatch;
  const SIZES = [90, 120, 160, 220, 300];

  adbatch.tell = (words) => { byId("told").textContent = words; };

  adbatch.look = {
    size(by) {
      const at = Math.min(Math.max((adbatch.remembered("size") ?? 2) + by, 0), SIZES.length - 1);
      adbatch.remember("size", at);
      document.documentElement.style.setProperty("--card", `${SIZES[at]}px`);
      if (by) adbatch.grid.refresh();
    },
    theme(next) {
      const dark = next ?? !adbatch.look.isDark();
      document.documentElement.dataset.theme = dark ? "dark" : "light";
      byId("theme").textContent = dark ? "Light" : "Dark";
      if (next === undefined) adbatch.remember("theme", dark ? "dark" : "light");
    },
    isDark() {
      const chosen = document.documentElement.dataset.theme;
      return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    },
  };

  adbatch.sum = () => {
    const { counts, count, about } = store.index;
    const each = Object.entries(counts).map(([status, many]) => `${many.toLocaleString("en")} ${status}`).join(", ");
    const errors = store.index.steps.reduce((sum, step) => sum + new Set([...step.flags, ...arrange.errors(step)]).size, 0);
    byId("wrong").textContent = errors ? ` · ${errors.toLocaleString("en")}` : "";
    const cost = Object.entries(about.providers || {}).flatMap(([, lane]) => Object.entries(lane.cost || {}));
    const sums = new Map();
    for (const [currency, { accrued }] of cost) sums.set(currency, (sums.get(currency) || 0) + Number(accrued));
    const spent = [...sums].filter(([, sum]) => sum).map(([currency, sum]) => `${+sum.toFixed(4)} ${currency} in the last run`);
    byId("sum").textContent = [adbatch.running, `${adbatch.counted(count, "variant")}: ${each || "none"}`, ...spent].filter(Boolean).join(" · ");
  };

  const count = () => {
    const all = adbatch.decisions.all();
    const approved = all.filter((one) => one.decision === "approved").length;
    const unsaved = adbatch.decisions.unsaved();
    const kept = adbatch.decisions.kept ? "kept in this browser" : "this browser keeps nothing: save before you close it";
    const more = adbatch.live ? (unsaved ? `, ${unsaved} not seen beside the job yet` : ", saved beside the job") : unsaved ? `, ${unsaved} not saved yet (${kept})` : "";
    byId("decided").textContent = all.length ? `${approved} approved, ${all.length - approved} rejected${more}` : "Nothing is approved or rejected yet";
    byId("save").hidden = Boolean(adbatch.live);
    byId("save").disabled = !all.length && !unsaved;
  };

  adbatch.start = (again) => {
    adbatch.decisions.open(store.index);
    const old = again ? arrange.state : null;
    if (old) arrange.open(store.index);
    if (old) adbatch.filters.apply();
    else adbatch.filters.open();
    adbatch.sum();
    count();
  };

  const chosen = adbatch.remembered("theme");
  if (chosen) adbatch.look.theme(chosen === "dark");
  else byId("theme").textContent = adbatch.look.isDark() ? "Light" : "Dark";
  adbatch.look.size(0);
  byId("theme").addEventListener("click", () => adbatch.look.theme());
  byId("smaller").addEventListener("click", () => adbatch.look.size(-1));
  byId("larger").addEventListener("click", () => adbatch.look.size(1));
  byId("keys").addEventListener("click", () => byId("help").showModal());
  byId("save").addEventListener("click", () => adbatch.decisions.download());
  byId("author").value = adbatch.remembered("author") || "";
  byId("author").addEventListener("input", () => adbatch.remember("author", byId("author").value));
  document.addEventListener("decided", (event) => {
    if (adbatch.live) adbatch.hand(event.detail);
    adbatch.grid.refresh();
    adbatch.box.refresh();
    count();
  });
  store.open().then(() => adbatch.start(false)).catch((error) => adbatch.tell(`${error.message}: open this page where its folder is complete`));
}

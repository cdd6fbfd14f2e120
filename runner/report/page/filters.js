// What is shown: rows and columns, words, filters. Kept in the address, so that a view can be linked and survives a reload.
"use strict";
{
  const { el, store, arrange, byId } = adbatch;
  const STATUSES = ["done", "skipped", "blocked", "waiting", "queued", "failed", "refused", "uncertain"];
  const DECIDED = [["", "all"], ["approved", "approved"], ["rejected", "rejected"], ["void", "void"], ["none", "undecided"]];
  const LISTS = ["statuses", "steps", "providers"];
  const FLAGS = ["errors", "flagged", "kept"];
  const DIGEST = /^[0-9a-f]{8,64}$/;
  let search = 0;
  let typing = 0;

  const toAddress = () => {
    const { state } = arrange;
    const words = new URLSearchParams();
    words.set("rows", state.rows);
    words.set("columns", state.columns);
    for (const name of LISTS) if (state[name].size) words.set(name, [...state[name]].join(","));
    for (const name of FLAGS) if (state[name]) words.set(name, "1");
    for (const name of ["least", "most"]) if (state[name] !== null) words.set(name, String(state[name]));
    if (state.decision) words.set("decision", state.decision);
    if (state.words.length) words.set("q", state.words.join(" "));
    try { history.replaceState(null, "", `#${words}`); } catch { /* a browser that does not let files do that */ }
  };

  const fromAddress = () => {
    const words = new URLSearchParams(location.hash.slice(1));
    const state = arrange.fresh();
    state.rows = words.get("rows") || state.rows;
    state.columns = words.get("columns") || state.columns;
    for (const name of LISTS) state[name] = new Set((words.get(name) || "").split(",").filter(Boolean));
    for (const name of FLAGS) state[name] = words.get(name) === "1";
    for (const name of ["least", "most"]) state[name] = words.has(name) && Number.isFinite(Number(words.get(name))) ? Number(words.get(name)) : null;
    state.decision = words.get("decision") || "";
    state.words = split(words.get("q") || "");
    return state;
  };

  const split = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  // Everything of a step that can be searched for.
  const wordsOf = (variant, name, chunk, title) => {
    const step = variant.steps[name];
    const request = chunk.requests[step.request] || {};
    const told = (step.parts || []).flatMap((part) => [part.text || "", part.path || ""]);
    const digests = arrange.state.words.some((word) => DIGEST.test(word)) ? [step.request, ...(step.parts || []).map((part) => part.digest)] : [];
    return [title, variant.key, name, step.use, step.status, step.why || "", request.prompt || "", ...told, ...digests].join("\n").toLowerCase();
  };

  // Read all chunks, one after another, and mark what is looked for. The gallery is drawn as it is found.
  const scan = async (mine) => {
    const { index } = store;
    const { state } = arrange;
    const steps = index.steps.length;
    const found = new Uint8Array(index.count * steps);
    for (let number = 0; number < index.chunks; number += 1) {
      const chunk = await store.chunk(number);
      if (mine !== search) return;
      chunk.variants.forEach((variant, within) => {
        const v = number * index.chunk + within;
        const title = index.rows[index.row[v]][1];
        index.steps.forEach(({ name }, s) => {
          if (variant.steps[name] && fits(variant, name, chunk, title, state)) found[v * steps + s] = 1;
        });
      });
      if (number % 25 === 24 && number + 1 < index.chunks) {
        draw(found, ` (looked at ${Math.round(((number + 1) / index.chunks) * 100)} %)`);
      }
    }
    draw(found, "");
  };

  const fits = (variant, name, chunk, title, state) => {
    const text = state.words.length ? wordsOf(variant, name, chunk, title) : "";
    if (!state.words.every((word) => text.includes(word))) return false;
    return !state.decision || decided(variant, name) === state.decision;
  };

  const decided = (variant, name) => {
    const parts = variant.steps[name].parts || [];
    const one = parts.map((part) => adbatch.decisions.of(variant.key, name, part.digest)).find(Boolean);
    if (one) return one.decision;
    if (!parts.length) return "";
    return adbatch.decisions.isVoid(variant.key, name, parts.map((part) => part.digest)) ? "void" : "none";
  };

  const draw = (found, more) => {
    arrange.run(found);
    const { rows, columns, hidden } = arrange;
    const beyond = [hidden.columns ? `${hidden.columns.toLocaleString("en")} more columns are not drawn; filter to see them` : "", hidden.rows ? `${hidden.rows.toLocaleString("en")} more rows are not drawn; filter to see them` : ""];
    adbatch.tell([`${adbatch.counted(arrange.shown, "result")} in ${adbatch.counted(rows.length, "row")} × ${adbatch.counted(columns.length, "column")}${more}`, ...beyond].filter(Boolean).join("; "));
    adbatch.grid.show();
  };

  const count = () => {
    const { state } = arrange;
    return LISTS.reduce((sum, name) => sum + state[name].size, 0) + [state.flagged, state.kept, state.decision, state.least !== null, state.most !== null].filter(Boolean).length;
  };

  const filters = {
    // Show what the state asks for.
    apply() {
      search += 1;
      toAddress();
      byId("errors").setAttribute("aria-pressed", String(arrange.state.errors));
      byId("active").textContent = count() ? ` · ${count()}` : "";
      if (arrange.state.words.length || arrange.state.decision) {
        arrange.rows = [];
        scan(search).catch((error) => adbatch.tell(`${error.message}: the folder of this page is not complete`));
      } else draw(null, "");
    },
    toggle() {
      const panel = byId("filters");
      panel.hidden = !panel.hidden;
      byId("filter").setAttribute("aria-expanded", String(!panel.hidden));
      if (!panel.hidden) panel.querySelector("input, select").focus();
      adbatch.grid.later();
    },
    errors() {
      arrange.state.errors = !arrange.state.errors;
      filters.apply();
    },
    clear() {
      clearTimeout(typing);
      const { rows, columns } = arrange.state;
      arrange.state = { ...arrange.fresh(), rows, columns };
      byId("search").value = "";
      panel();
      filters.apply();
    },
  };

  const boxes = (name, legend, values) => el("fieldset", {}, el("legend", {}, legend), values.map(([value, words, many]) => {
    const input = el("input", { type: "checkbox", value, checked: arrange.state[name].has(value) });
    input.addEventListener("change", () => {
      arrange.state[name][input.checked ? "add" : "delete"](value);
      filters.apply();
    });
    return el("label", {}, input, words, many === undefined ? "" : el("span", { class: "quiet" }, ` ${many.toLocaleString("en")}`));
  }));

  const flag = (name, words, many) => {
    const input = el("input", { type: "checkbox", checked: arrange.state[name] });
    input.addEventListener("change", () => { arrange.state[name] = input.checked; filters.apply(); });
    return el("label", {}, input, words, el("span", { class: "quiet" }, ` ${many.toLocaleString("en")}`));
  };

  const amount = (name, words) => {
    const input = el("input", { type: "number", step: "any", min: "0", inputmode: "decimal", value: arrange.state[name] === null ? "" : String(arrange.state[name]) });
    input.addEventListener("input", () => {
      arrange.state[name] = input.value === "" ? null : Number(input.value);
      filters.apply();
    });
    return el("label", {}, words, input);
  };

  const countOf = (status) => store.index.steps.reduce((sum, step) => sum + step.status.split(status[0]).length - 1, 0);

  const panel = () => {
    const { steps, currency } = store.index;
    const providers = [...new Set(steps.map((step) => step.provider).filter(Boolean))];
    const flags = steps.reduce((sum, step) => sum + step.flags.length, 0);
    const kept = steps.reduce((sum, step) => sum + step.flags.filter((v) => step.status[v] === "d").length, 0);
    const choose = el("select", {}, DECIDED.map(([value, words]) => el("option", { value }, words)));
    choose.value = arrange.state.decision;
    choose.addEventListener("change", () => { arrange.state.decision = choose.value; filters.apply(); });
    byId("filters").replaceChildren(
      boxes("statuses", "Status", STATUSES.map((status) => [status, `${adbatch.signOf(status)} ${status}`, countOf(status)]).filter(([status, , many]) => many || arrange.state.statuses.has(status))),
      boxes("steps", "Step", steps.map((step) => [step.name, step.name, step.status.replace(/[-s]/g, "").length])),
      boxes("providers", "Provider", providers.map((name) => [name, name])),
      el("fieldset", {}, el("legend", {}, "Checks and decisions"), flag("flagged", "⚑ check failed", flags), flag("kept", "⚑ kept all the same", kept), el("label", {}, "decided ", choose)),
      el("fieldset", {}, el("legend", {}, `Cost of the variant${currency ? `, ${currency}` : ""}`), amount("least", "at least "), amount("most", "at most ")),
      el("button", { type: "button", click: filters.clear }, "Clear all"));
  };

  const options = (id, name) => {
    const select = byId(id);
    select.replaceChildren(...arrange.dimensions.map((one) => el("option", { value: one.id }, one.name)));
    select.value = arrange.state[name];
    select.onchange = () => { arrange.state[name] = select.value; filters.apply(); };
  };

  filters.open = () => {
    arrange.state = fromAddress();
    arrange.open(store.index);
    options("rows", "rows");
    options("columns", "columns");
    byId("search").value = arrange.state.words.join(" ");
    panel();
    filters.apply();
  };

  byId("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => { arrange.state.words = split(byId("search").value); filters.apply(); }, 200);
  });
  byId("errors").addEventListener("click", filters.errors);
  byId("filter").addEventListener("click", filters.toggle);
  adbatch.filters = filters;
}

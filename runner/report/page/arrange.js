// Rows × columns of the reader's choosing, worked out from the index alone: which steps of which variants pass the filters, and which
// row and column each belongs to.
"use strict";
{
  const MOST_COLUMNS = 40;
  const MOST_ROWS = 60000;
  const ERRORS = new Set(["failed", "refused", "uncertain"]);
  const store = adbatch.store;

  // The dimensions of the job: each has an id, a name, how many groups it has, a group's label, and where a step of a variant belongs.
  const dimensions = (index) => {
    const found = [{
      id: "row", name: "row", count: index.rows.length, group: (v) => index.row[v],
      label: (g) => index.rows[g][1] || index.rows[g][0], more: (g) => (index.rows[g][1] ? index.rows[g][0] : ""),
    }];
    index.axes.forEach((axis, a) => found.push({
      id: `axis:${axis.name}`, name: axis.name, count: axis.values.length + 1,
      group: (v) => (index.cells[a][v] < 0 ? axis.values.length : index.cells[a][v]),
      label: (g) => (g === axis.values.length ? "–" : axis.values[g]), more: () => "", wide: (g) => axis.wide.includes(g),
    }));
    const repeats = index.numbers.reduce((most, number) => Math.max(most, number), 1);
    if (repeats > 1) {
      found.push({ id: "repeat", name: "repeat", count: repeats + 1, group: (v) => index.numbers[v], label: (g) => `repeat ${g}`, more: () => "" });
    }
    found.push({
      id: "step", name: "step", count: index.steps.length, group: (v, s) => s,
      label: (g) => index.steps[g].name, more: (g) => index.steps[g].use, wide: (g) => index.steps[g].wide,
    });
    found.push({
      id: "variant", name: "each variant", count: index.count, group: (v) => v,
      label: (g) => index.rows[index.row[g]][1] || index.rows[index.row[g]][0],
      more: (g) => adbatch.cellOf(g).concat(repeats > 1 ? [`repeat ${index.numbers[g]}`] : []).join(" · "),
    });
    found.push({ id: "none", name: "nothing", count: 1, group: () => 0, label: () => "all", more: () => "" });
    return found;
  };

  adbatch.cellOf = (v) => store.index.axes.map((axis, a) => axis.values[store.index.cells[a][v]]).filter((label) => label !== undefined);

  const arrange = {
    state: null,
    dimensions: [],
    rows: [],
    columns: [],
    many: [],
    hidden: { rows: 0, columns: 0 },
    shown: 0,

    open(index) {
      arrange.dimensions = dimensions(index);
      const known = (id) => arrange.dimensions.some((one) => one.id === id);
      arrange.state = arrange.state || arrange.fresh();
      if (!known(arrange.state.rows)) arrange.state.rows = "row";
      if (!known(arrange.state.columns)) arrange.state.columns = "step";
    },
    fresh: () => ({
      rows: "row", columns: "step", statuses: new Set(), steps: new Set(), providers: new Set(),
      errors: false, flagged: false, kept: false, decision: "", least: null, most: null, words: [],
    }),
    dimension: (id) => arrange.dimensions.find((one) => one.id === id),
    // The variants of which this step has failed, was refused or is uncertain.
    errors: (step) => [...step.status.matchAll(/[fru]/g)].map((found) => found.index),
    isError: (v, s) => ERRORS.has(store.status(v, s)) || store.flagged(v, s),

    // What can be told without reading a chunk. A step that was skipped is shown only to who asks for it.
    passes(v, s) {
      const { state } = arrange;
      const { cost, steps } = store.index;
      const status = store.status(v, s);
      if (!status || (status === "skipped" && !state.statuses.has("skipped"))) return false;
      if (state.statuses.size && !state.statuses.has(status)) return false;
      if (state.steps.size && !state.steps.has(steps[s].name)) return false;
      if (state.providers.size && !state.providers.has(steps[s].provider)) return false;
      if (state.errors && !arrange.isError(v, s)) return false;
      if ((state.flagged || state.kept) && !store.flagged(v, s)) return false;
      if (state.kept && status !== "done") return false;
      if ((state.least !== null || state.most !== null) && cost[v] === null) return false; // an unknown price is no zero
      if (state.least !== null && !(cost[v] >= state.least)) return false;
      return !(state.most !== null && !(cost[v] <= state.most));
    },

    // Put everything that passes into its row and column. `found` (or null) holds what a search found, a byte for each step of each.
    run(found) {
      const { index } = store;
      const rowsBy = arrange.dimension(arrange.state.rows);
      const columnsBy = arrange.dimension(arrange.state.columns);
      const steps = index.steps.length;
      const sizes = new Uint32Array(rowsBy.count + 1);
      const filled = new Uint32Array(columnsBy.count);
      const taken = new Uint8Array(index.count * steps);
      arrange.shown = 0;
      for (let v = 0; v < index.count; v += 1) {
        for (let s = 0; s < steps; s += 1) {
          if ((found && !found[v * steps + s]) || !arrange.passes(v, s)) continue;
          taken[v * steps + s] = 1;
          sizes[rowsBy.group(v, s) + 1] += 1;
          filled[columnsBy.group(v, s)] += 1;
          arrange.shown += 1;
        }
      }
      const groups = [];
      for (let g = 0; g < rowsBy.count; g += 1) if (sizes[g + 1]) groups.push(g);
      for (let g = 0; g < rowsBy.count; g += 1) sizes[g + 1] += sizes[g];
      const items = new Uint32Array(arrange.shown);
      const next = sizes.slice();
      for (let item = 0; item < taken.length; item += 1) {
        if (!taken[item]) continue;
        const g = rowsBy.group(Math.floor(item / steps), item % steps);
        items[next[g]] = item;
        next[g] += 1;
      }
      const columns = [];
      for (let g = 0; g < columnsBy.count; g += 1) if (filled[g]) columns.push(g);
      arrange.columns = columns.slice(0, MOST_COLUMNS);
      arrange.many = arrange.columns.map((g) => filled[g]);
      arrange.rows = groups.slice(0, MOST_ROWS).map((g) => ({ group: g, items: items.subarray(sizes[g], sizes[g + 1]) }));
      arrange.hidden = { rows: Math.max(0, groups.length - MOST_ROWS), columns: Math.max(0, columns.length - MOST_COLUMNS) };
    },

    // The cards of a row, column by column: what was asked once is one card, which knows the variants it stands for.
    cards(row) {
      const { index } = store;
      const steps = index.steps.length;
      const columnsBy = arrange.dimension(arrange.state.columns);
      const places = new Map(arrange.columns.map((g, place) => [g, place]));
      const cells = arrange.columns.map(() => new Map());
      for (const item of row.items) {
        const v = Math.floor(item / steps);
        const s = item % steps;
        const place = places.get(columnsBy.group(v, s));
        if (place === undefined) continue;
        const name = store.first(v, s) * steps + s;
        const same = cells[place].get(name);
        if (same) same.push(v);
        else cells[place].set(name, [v]);
      }
      return cells.map((cell) => [...cell].flatMap(([name, same]) => {
        const s = name % steps;
        return Array.from({ length: store.parts(same[0], s) }, (_, part) => ({ v: same[0], s, part, same }));
      }));
    },
  };
  adbatch.arrange = arrange;
}

// The gallery itself: of all rows only those in sight are drawn, each at its measured height.
"use strict";
{
  const { el, store, arrange, byId } = adbatch;
  const BEYOND = 500;
  const GUESS = 230;
  const drawn = new Map();
  let heights = new Float32Array(0);
  let tops = new Float64Array(1);
  let body = null;
  let head = null;
  let waiting = false;
  let current = null;

  const settle = (from = 0) => {
    for (let r = from; r < heights.length; r += 1) tops[r + 1] = tops[r] + heights[r];
    body.style.height = `${tops[heights.length]}px`;
  };

  const rowAt = (y) => {
    let low = 0;
    let high = heights.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  };

  const fixed = () => {
    const { rows, columns } = arrange.state;
    const all = new Set([rows, columns]);
    if (all.has("variant")) store.index.axes.forEach((axis) => all.add(`axis:${axis.name}`));
    if (all.has("variant")) all.add("repeat");
    return all;
  };

  const cellOf = (r, cards, place, told) => {
    const label = arrange.dimension(arrange.state.columns).label(arrange.columns[place]);
    const cell = el("div", { class: `cell${cards.length ? "" : " none"}`, role: "cell", "data-column": label });
    for (const card of cards.slice(0, most())) {
      const made = adbatch.cardOf(card, told, (one) => adbatch.box.open(r, one));
      made.card = card;
      if (current && isSame(current, card)) made.classList.add("current");
      cell.append(made);
    }
    if (cards.length > most()) {
      const more = cards.length - most();
      cell.append(el("button", { type: "button", class: "more", click: () => adbatch.box.open(r, cards[most()]) }, `+ ${more.toLocaleString("en")} more`));
    }
    return cell;
  };

  const fill = (r, element) => {
    const row = arrange.rows[r];
    const by = arrange.dimension(arrange.state.rows);
    const told = fixed();
    const cells = arrange.cards(row);
    const many = adbatch.counted(row.items.length, "result");
    const words = el("div", { class: "words" }, el("strong", { dir: "auto", title: by.label(row.group) }, by.label(row.group)), el("span", { class: "quiet", dir: "auto" }, by.more(row.group)), el("span", { class: "quiet many" }, many));
    const title = el("div", { class: "label", role: "rowheader" }, words);
    element.replaceChildren(title, ...cells.map((cards, place) => cellOf(r, cards, place, told)));
    const missing = new Set(cells.flatMap((cards) => cards.slice(0, most())).map((card) => card.v).filter((v) => !store.variant(v)));
    return missing;
  };

  const draw = () => {
    waiting = false;
    if (!body) return;
    const { scrollTop, clientHeight } = grid.element;
    const above = head.offsetHeight;
    const first = rowAt(Math.max(scrollTop - above - BEYOND, 0));
    const last = heights.length ? rowAt(scrollTop - above + clientHeight + BEYOND) : -1;
    for (const [r, element] of drawn) {
      if (r < first || r > last) {
        element.remove();
        drawn.delete(r);
      }
    }
    const missing = new Map();
    for (let r = first; r <= last; r += 1) {
      if (drawn.has(r)) continue;
      const element = el("div", { class: "row", role: "row", "aria-rowindex": String(r + 2) });
      const lacking = fill(r, element);
      if (lacking.size) missing.set(r, lacking);
      drawn.set(r, element);
      body.append(element);
    }
    measure();
    if (missing.size) bring(missing);
  };

  const measure = () => {
    let changed = Infinity;
    let shift = 0;
    const { scrollTop } = grid.element;
    for (const [r, element] of drawn) {
      const height = element.offsetHeight;
      if (Math.abs(height - heights[r]) > 0.5) {
        if (tops[r] + heights[r] <= scrollTop - head.offsetHeight) shift += height - heights[r];
        heights[r] = height;
        changed = Math.min(changed, r);
      }
    }
    if (changed !== Infinity) settle(changed);
    for (const [r, element] of drawn) element.style.transform = `translateY(${tops[r]}px)`;
    if (shift) grid.element.scrollTop += shift;
    if (changed !== Infinity) grid.later();
  };

  // How many cards of a cell are drawn: the fewer columns, the more.
  const most = () => (arrange.columns.length <= 2 ? 24 : arrange.columns.length <= 4 ? 12 : 6);
  const isSame = (one, other) => one.v === other.v && one.s === other.s && one.part === other.part;
  const find = (r, card) => (drawn.has(r) ? [...drawn.get(r).querySelectorAll(".card")].find((one) => one.card && isSame(one.card, card)) : null);

  const bring = async (missing) => {
    const wanted = [...missing.values()].flatMap((variants) => [...variants]);
    try {
      await store.need(wanted);
    } catch (error) {
      adbatch.tell(`${error.message}: the folder of this page is not complete`);
      return;
    }
    for (const r of missing.keys()) if (drawn.has(r)) fill(r, drawn.get(r));
    measure();
  };

  const nothing = () => el("div", { class: "empty" },
    el("p", {}, store.index.count ? "Nothing here is like that." : "Nothing has been made yet: the run has no results."),
    store.index.count ? el("button", { type: "button", click: () => adbatch.filters.clear() }, "Show everything") : null);

  const grid = {
    element: byId("grid"),

    // Everything anew, after the arrangement has changed.
    show() {
      drawn.clear();
      heights = new Float32Array(arrange.rows.length).fill(GUESS);
      tops = new Float64Array(arrange.rows.length + 1);
      const rowsBy = arrange.dimension(arrange.state.rows);
      const columnsBy = arrange.dimension(arrange.state.columns);
      const titles = arrange.columns.map((g, place) => el("div", { class: "column", role: "columnheader" },
        el("span", {}, el("strong", { dir: "auto" }, columnsBy.label(g)), el("span", { class: "quiet many" }, arrange.many[place].toLocaleString("en"))),
        el("span", { class: "quiet" }, columnsBy.more(g))));
      head = el("div", { class: "row head", role: "row" }, el("div", { class: "label corner", role: "columnheader" }, `${rowsBy.name} × ${columnsBy.name}`), ...titles);
      body = el("div", { class: "body", role: "rowgroup" });
      const table = el("div", { class: "table", role: "table", "aria-label": "Results", "aria-rowcount": String(arrange.rows.length + 1) }, head, body);
      const widths = arrange.columns.map((g) => `calc(var(--card) * ${columnsBy.wide && columnsBy.wide(g) ? "2 + 42px" : "1 + 34px"})`);
      table.style.setProperty("--tracks", widths.map((width) => `minmax(${width}, 1fr)`).join(" "));
      table.style.setProperty("--least", `calc(190px + ${widths.join(" + ")})`);
      grid.element.replaceChildren(arrange.rows.length ? table : nothing());
      table.style.setProperty("--head", `${head.offsetHeight}px`);
      grid.element.scrollTop = 0;
      current = null;
      if (!arrange.rows.length) { body = null; return; }
      settle();
      draw();
    },

    // The rows in sight anew: a decision was made, the window was resized.
    refresh() {
      const focused = grid.element.contains(document.activeElement);
      for (const [r, element] of drawn) fill(r, element);
      if (body) measure();
      if (focused && current) find(current.r, current)?.focus({ preventScroll: true });
    },

    later() {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(draw);
    },

    cards: (r) => arrange.cards(arrange.rows[r]).flat(),
    visible: (r) => arrange.cards(arrange.rows[r]).flatMap((cards) => cards.slice(0, most())),
    get current() { return current; },

    // Make the card the current one and bring it into sight.
    go(r, card, focus = true) {
      current = card;
      current.r = r;
      const { element } = grid;
      const top = tops[r] - 8;
      const bottom = tops[r] + heights[r] + head.offsetHeight;
      if (top < element.scrollTop) element.scrollTop = Math.max(top, 0);
      else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = Math.min(top, bottom - element.clientHeight + 8);
      draw();
      for (const old of element.querySelectorAll(".card.current")) old.classList.remove("current");
      const found = find(r, card);
      if (!found) return;
      found.classList.add("current");
      if (focus) found.focus({ preventScroll: true });
      found.scrollIntoView({ block: "nearest", inline: "nearest" });
    },

    // The card so many further on, from the current one; null at the end.
    next(by, of = grid.visible, from = current) {
      if (!arrange.rows.length) return null;
      if (!from) {
        const first = of(0)[0];
        return first ? { r: 0, card: first } : null;
      }
      const cards = of(from.r);
      const at = cards.findIndex((card) => isSame(card, from)) + by;
      if (at >= 0 && at < cards.length) return { r: from.r, card: cards[at] };
      for (let r = from.r + by; r >= 0 && r < arrange.rows.length; r += by) {
        const others = of(r);
        if (others.length) return { r, card: others[by > 0 ? 0 : others.length - 1] };
      }
      return null;
    },
  };
  grid.element.addEventListener("scroll", grid.later, { passive: true });
  grid.element.addEventListener("focusin", (event) => {
    const found = event.target.closest(".card");
    if (!found || !found.card) return;
    for (const old of grid.element.querySelectorAll(".card.current")) old.classList.remove("current");
    found.classList.add("current");
    current = found.card;
    current.r = [...drawn].find(([, element]) => element.contains(found))[0];
  });
  window.addEventListener("resize", () => { if (body) { measure(); grid.later(); } });
  adbatch.grid = grid;
}

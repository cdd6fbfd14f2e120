// The keyboard, and what can be done to the current card: the one in the lightbox, else the one in focus.
"use strict";
{
  const { store, grid, box, filters, byId } = adbatch;
  const card = () => box.card || grid.current;

  // A card stands for every variant that asked for the same here; they are decided together.
  const targetsOf = async (one) => {
    await store.need(one.same);
    const name = store.index.steps[one.s].name;
    const targets = [];
    for (const v of one.same) {
      const variant = store.variant(v) || (await store.need([v]), store.variant(v));
      const part = ((variant.steps[name] || {}).parts || [])[one.part];
      if (part) targets.push({ key: variant.key, step: name, digest: part.digest });
    }
    return targets;
  };

  const decide = async (verdict, reason) => {
    const one = card();
    if (!one) return;
    const targets = await targetsOf(one);
    if (targets.length) adbatch.decisions.decide(targets, verdict, reason);
  };

  const ask = () => {
    const one = card();
    if (!one || !(adbatch.partOf(one) || {}).part) return;
    byId("reject-what").textContent = adbatch.nameOf(one);
    byId("reason").value = "";
    byId("reject").returnValue = "";
    byId("reject").showModal();
    byId("reason").focus();
  };

  adbatch.act = { approve: () => decide("approved"), reject: ask, undecide: () => decide("") };

  byId("reject").querySelector("form").addEventListener("submit", () => decide("rejected", byId("reason").value.trim()));
  byId("reject-no").addEventListener("click", () => byId("reject").close());
  byId("reason").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      byId("reject").querySelector("form").requestSubmit();
    }
  });

  const move = (by) => {
    if (box.isOpen) { box.step(by); return; }
    const next = grid.next(by);
    if (next) grid.go(next.r, next.card);
  };

  const KEYS = {
    j: () => move(1), k: () => move(-1),
    a: () => adbatch.act.approve(), r: () => adbatch.act.reject(), u: () => adbatch.act.undecide(),
    t: () => adbatch.look.theme(), "+": () => adbatch.look.size(1), "=": () => adbatch.look.size(1), "-": () => adbatch.look.size(-1),
  };
  const OUTSIDE = {
    f: () => filters.toggle(), e: () => filters.errors(), "/": () => byId("search").focus(), "?": () => byId("help").showModal(),
    o: () => { if (grid.current) box.open(grid.current.r, grid.current); },
  };
  const ANYWHERE = { Enter: OUTSIDE.o };
  const INSIDE = { ArrowRight: () => box.step(1), ArrowLeft: () => box.step(-1) };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = event.target.closest("input, textarea, select");
    if (typing) {
      if (event.key === "Escape" && typing.closest(".bar, .filters, .verdicts")) { typing.blur(); grid.element.focus(); }
      return;
    }
    if (byId("reject").open || byId("help").open) return;
    const own = event.target.closest("button, a, summary") ? {} : ANYWHERE;
    const act = KEYS[event.key] || (box.isOpen ? INSIDE : { ...OUTSIDE, ...own })[event.key];
    if (event.key === "Escape" && !box.isOpen && !byId("filters").hidden) filters.toggle();
    if (!act) return;
    event.preventDefault();
    act();
  });
}

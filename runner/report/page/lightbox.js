// One result in full: the whole picture, what was asked for it, what it cost, and where it comes from.
"use strict";
{
  const { el, store, byId, grid } = adbatch;
  const dialog = byId("box");
  let place = null;
  let shownCard = null;

  const section = (name, ...inside) => (inside.flat().some(Boolean) ? el("section", {}, el("h3", {}, name), ...inside) : null);
  const facts = (pairs) => {
    const known = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
    return known.length ? el("dl", { class: "facts" }, known.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { dir: "auto" }, String(value))])) : null;
  };
  const isFlat = (value) => Array.isArray(value) && value.every((one) => typeof one !== "object");
  const plain = (value) => (typeof value === "string" ? value : isFlat(value) ? value.join(", ") : JSON.stringify(value, null, 1));

  const bigOf = (card, shown) => {
    const { part, step } = shown;
    if (!part) return el("p", { class: "nothing" }, adbatch.badge(step.status), el("span", { dir: "auto" }, ` ${step.why || "There is nothing to see."}`));
    if (part.kind === "video" && part.href) return el("video", { src: adbatch.addressOf(part.href), controls: true, preload: "metadata" });
    if (part.kind === "picture" && (part.href || part.thumb)) {
      const size = part.width ? { width: part.width, height: part.height } : {};
      const img = el("img", { src: adbatch.addressOf(part.href || part.thumb), alt: adbatch.nameOf(card), ...size });
      img.addEventListener("click", () => img.parentElement.classList.toggle("actual"));
      img.addEventListener("error", () => {
        const small = part.thumb && adbatch.addressOf(part.thumb);
        if (small && img.getAttribute("src") !== small) {
          img.src = small;
          img.after(el("p", { class: "quiet" }, "Only the small picture came with this page."));
        }
      });
      return img;
    }
    if (part.text !== undefined) return el(part.kind === "json" ? "pre" : "blockquote", { dir: "auto", tabindex: "0" }, part.text);
    return el("p", { class: "nothing" }, part.path || "A file of a kind that is not shown.");
  };

  const checksOf = (step) => (step.checks && step.checks.length
    ? el("table", {}, el("thead", {}, el("tr", {}, ["check", "wanted", "got", ""].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, step.checks.map((check) => el("tr", {}, el("td", {}, plain(check.name ?? "")), el("td", {}, plain(check.wanted ?? "")), el("td", {}, plain(check.got ?? "")), el("td", {}, check.ok === false ? "✕ no" : "✓ yes")))))
    : null);

  const requestOf = (request) => (request && request.params
    ? el("table", {}, el("tbody", {}, Object.entries(request.params).map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", { dir: "auto" }, plain(value))))))
    : null);

  // What the variant's other steps say: an ad is judged by its words and its picture together.
  const copyOf = (card, variant) => facts(store.index.steps.flatMap(({ name }, s) => {
    const said = s === card.s ? [] : ((variant.steps[name] || {}).parts || []).filter((part) => part.kind === "text" && part.text);
    return said.map((part) => [name, part.text.slice(0, 600)]);
  }));

  const detailsOf = (card, shown) => {
    const { variant, step, part } = shown;
    const { index } = store;
    const request = store.request(card.v, step.request);
    const { about } = index;
    const file = part ? part.path : "";
    const price = request && (request.cost && request.cost !== "0" ? `${request.cost}${request.uncertain ? " at most, perhaps not billed" : ""}` : request.billed ? "unknown" : "nothing");
    const commit = about.git ? `${about.git.commit.slice(0, 12)}${about.git.dirty ? ", with changes" : ""}` : "";
    return [
      step.why ? section("Why", el("p", { class: "why", dir: "auto" }, step.why)) : null,
      section("Copy beside it", copyOf(card, variant)),
      request && request.prompt ? section("Prompt", el("p", { class: "prompt", dir: "auto" }, request.prompt)) : null,
      section("Checks", checksOf(step)),
      section("Cost", facts([
        ["price", request ? price : ""], ["each time", request && request.each], ["attempts", request && (request.attempts || 0)], ["try of the step", step.try],
        ["polls", request && request.polls], ["settled by", request && request.settled],
        ["shared by", card.same.length > 1 ? `${card.same.length} variants here, bought once` : ""],
      ])),
      section("Request", facts([["asks", step.use], ["seed", request && request.seed !== undefined ? request.seed : ""], ["again", request && request.again > 1 ? request.again : ""]]), requestOf(request)),
      section("File", part ? facts([
        ["path", file || "not published"], ["kind", part.type], ["size", part.bytes ? adbatch.sized(part.bytes) : ""],
        ["pixels", part.width ? `${part.width} × ${part.height}` : ""], ["sha256", part.digest], ["made from", part.from], ["source type", part.source], ["content credentials", part.seal],
      ]) : null),
      section("Where it comes from", facts([
        ["variant", variant.key], ["seed of the variant", variant.seed], ["request", step.request], ["job", `${about.job.path} (${about.job.mode})`],
        ["job sha256", about.job.sha256], ["feed", about.feed && (about.feed.files || []).join(", ")], ["feed sha256", about.feed && about.feed.sha256],
        ["git commit", commit], ["run", about.run], ["ended", about.ended], ["adbatch", about.versions && about.versions.adbatch],
      ])),
    ];
  };

  const verdictOf = (card, shown) => {
    const name = store.index.steps[card.s].name;
    const decided = shown.part ? adbatch.decisions.of(shown.variant.key, name, shown.part.digest) : null;
    const told = adbatch.verdictOf(card);
    const words = decided ? `${decided.decision}${decided.author ? ` by ${decided.author}` : ""}${decided.reason ? `: ${decided.reason}` : ""}`
      : told === "void" ? "It was approved before, but this is another file." : "";
    const button = (verdict, text, key, act) => el("button", { type: "button", class: `decide ${verdict}`, "aria-pressed": String(told === verdict), title: `${text.slice(2)} (${key})`, click: act }, text);
    return el("div", { class: "deciding" },
      button("approved", "✓ Approve", "a", () => adbatch.act.approve()), button("rejected", "✕ Reject…", "r", () => adbatch.act.reject()),
      decided ? el("button", { type: "button", title: "Undecide (u)", click: () => adbatch.act.undecide() }, "Undecide") : null,
      words ? el("p", { class: `verdict ${told}`, role: "status" }, words) : null);
  };

  // The other steps of the same variant, to step aside to.
  const siblingsOf = (card, shown) => el("nav", { class: "siblings", "aria-label": "Steps of this variant" }, store.index.steps.flatMap((step, s) => {
    const one = shown.variant.steps[step.name];
    if (!one) return [];
    const thumb = (one.parts || []).find((part) => part.thumb);
    const label = `${step.name}, ${one.status}`;
    const picture = thumb ? el("img", { src: adbatch.addressOf(thumb.thumb), alt: "" }) : el("span", { class: "sign", "aria-hidden": "true" }, one.parts && one.parts[0] && one.parts[0].text ? "“…”" : adbatch.signOf(one.status));
    return [el("button", { type: "button", class: s === card.s ? "here" : "", "aria-label": label, title: label, "aria-current": s === card.s ? "true" : null, click: () => show({ v: card.v, s, part: 0, same: [card.v] }) }, picture, el("span", {}, step.name))];
  }));

  const show = async (card) => {
    shownCard = card;
    await store.need([card.v, ...card.same.slice(0, 400)]);
    if (shownCard !== card) return;
    const shown = adbatch.partOf(card);
    const title = el("h2", { dir: "auto" }, adbatch.nameOf(card));
    const head = el("header", {}, title, adbatch.badge(shown.step.status), shown.step.flagged ? el("span", { class: "status flagged" }, "⚑ check failed") : null,
      el("span", { class: "push" }),
      el("button", { type: "button", title: "Previous (k)", "aria-label": "Previous", click: () => box.step(-1) }, "‹"),
      el("button", { type: "button", title: "Next (j)", "aria-label": "Next", click: () => box.step(1) }, "›"),
      el("button", { type: "button", title: "Close (Esc)", "aria-label": "Close", click: () => dialog.close() }, "✕"));
    const stage = el("figure", { class: "stage" }, bigOf(card, shown));
    const aside = el("div", { class: "details", tabindex: "0", "aria-label": "Details" }, verdictOf(card, shown), ...detailsOf(card, shown));
    dialog.replaceChildren(head, stage, aside, siblingsOf(card, shown));
    if (!dialog.open) dialog.showModal();
    dialog.focus();
  };

  const box = {
    get isOpen() { return dialog.open; },
    get card() { return dialog.open ? shownCard : null; },
    open(r, card) {
      place = { ...card, r };
      return show(place);
    },
    step(by) {
      const next = grid.next(by, grid.cards, place);
      if (next) box.open(next.r, next.card);
    },
    refresh() { if (dialog.open && shownCard) show(shownCard); },
  };
  dialog.tabIndex = -1;
  dialog.addEventListener("close", () => {
    shownCard = null;
    if (place) grid.go(place.r, grid.cards(place.r).find((card) => card.v === place.v && card.s === place.s && card.part === place.part) || place);
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  adbatch.box = box;
}

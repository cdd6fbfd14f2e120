// One card: a picture or the text of one step, what it is, and what was decided about it.
"use strict";
{
  const { el, store } = adbatch;
  const SIGNS = { done: "✓", skipped: "–", blocked: "‖", waiting: "…", queued: "◷", failed: "✕", refused: "⊘", uncertain: "?" };
  const DECIDED = { approved: "✓ approved", rejected: "✕ rejected", void: "↻ approval void: it changed" };

  adbatch.badge = (status) => el("span", { class: `status ${status}` }, el("span", { "aria-hidden": "true" }, `${SIGNS[status] || "?"} `), status);
  adbatch.signOf = (status) => SIGNS[status] || "?";

  // What a card is about, in words: for the alternative text, the lightbox's head and screen readers.
  adbatch.nameOf = (card) => {
    const { index } = store;
    const [key, title] = index.rows[index.row[card.v]];
    return [title || key, index.steps[card.s].name, ...adbatch.cellOf(card.v)].join(", ");
  };

  // The step and the part that the card shows; null while its chunk is not at hand.
  adbatch.partOf = (card) => {
    const variant = store.variant(card.v);
    if (!variant) return null;
    const step = variant.steps[store.index.steps[card.s].name] || { status: "waiting" };
    return { variant, step, part: (step.parts || [])[card.part] || null };
  };

  // What is decided about the card: "approved", "rejected", "void" or "". The variants it stands for are decided together.
  adbatch.verdictOf = (card) => {
    const shown = adbatch.partOf(card);
    if (!shown || !shown.part) return "";
    const name = store.index.steps[card.s].name;
    const decided = adbatch.decisions.of(shown.variant.key, name, shown.part.digest);
    if (decided) return decided.decision;
    return adbatch.decisions.isVoid(shown.variant.key, name, shown.step.parts.map((part) => part.digest)) ? "void" : "";
  };

  const altOf = (card, shown) => {
    const prompt = store.request(card.v, shown.step.request)?.prompt || "";
    return `${adbatch.nameOf(card)}${prompt ? `: ${prompt.slice(0, 150)}` : ""}`;
  };

  const pictureOf = (card, shown) => {
    const { part } = shown;
    if (part.kind === "picture" && (part.thumb || part.href)) {
      const size = part.width ? { width: part.width, height: part.height } : {};
      const img = el("img", { src: adbatch.addressOf(part.thumb || part.href), alt: altOf(card, shown), decoding: "async", draggable: "false", ...size });
      img.addEventListener("error", () => img.replaceWith(el("span", { class: "text quiet" }, "The picture is not here any more.")), { once: true });
      return img;
    }
    if (part.kind === "video") return el("span", { class: "film" }, el("span", { "aria-hidden": "true" }, "▶ "), "video");
    if (part.text !== undefined) return el("span", { class: `text${part.kind === "json" ? " json" : ""}`, dir: "auto" }, part.text.slice(0, 400));
    return el("span", { class: "text quiet" }, part.path || "a file");
  };

  const shapeOf = (part) => {
    if (!part || part.kind !== "picture" || !part.width) return part && part.text !== undefined ? "wordy" : "";
    const ratio = part.width / part.height;
    return ratio > 2.2 ? "wide" : ratio < 0.75 ? "tall" : "";
  };

  // `fixed` are the dimensions that row and column say already.
  const captionOf = (card, fixed) => {
    const { index } = store;
    const words = fixed.has("step") ? [] : [index.steps[card.s].name];
    index.axes.forEach((axis, a) => {
      const value = axis.values[index.cells[a][card.v]];
      const shared = card.same.some((v) => index.cells[a][v] !== index.cells[a][card.v]);
      if (!fixed.has(`axis:${axis.name}`) && value !== undefined && !shared) words.push(value);
    });
    const repeats = card.same.some((v) => index.numbers[v] !== index.numbers[card.v]);
    if (!fixed.has("repeat") && index.numbers[card.v] > 1 && !repeats) words.push(`#${index.numbers[card.v]}`);
    return words.join(" · ");
  };

  adbatch.cardOf = (card, fixed, open) => {
    const shown = adbatch.partOf(card);
    if (!shown) return el("button", { type: "button", class: "card empty-card", "aria-label": `${adbatch.nameOf(card)}, loading` }, "…");
    const { step, part } = shown;
    const { index } = store;
    const verdict = adbatch.verdictOf(card);
    const made = el("button", { type: "button", class: `card ${shapeOf(part)} ${verdict}`, click: () => open(card), "aria-haspopup": "dialog" });
    if (part) made.append(pictureOf(card, shown));
    else made.append(el("span", { class: "text quiet" }, step.why ? step.why.slice(0, 200) : ""));
    const foot = el("span", { class: "foot" }, el("span", { class: "caption" }, captionOf(card, fixed)));
    if (step.status !== "done") foot.append(adbatch.badge(step.status));
    if (step.flagged) foot.append(el("span", { class: "status flagged" }, "⚑ check"));
    if (card.same.length > 1) foot.append(el("span", { class: "many", title: `one result for ${card.same.length} variants` }, `×${card.same.length}`));
    made.append(foot);
    const reason = part ? adbatch.decisions.of(shown.variant.key, index.steps[card.s].name, part.digest)?.reason : "";
    if (verdict) made.append(el("span", { class: `verdict ${verdict}`, dir: "auto" }, DECIDED[verdict], reason ? `: ${reason.slice(0, 120)}` : ""));
    made.setAttribute("aria-label", [adbatch.nameOf(card), step.status, part && part.text !== undefined ? part.text.slice(0, 200) : "", verdict].filter(Boolean).join(", "));
    return made;
  };
}

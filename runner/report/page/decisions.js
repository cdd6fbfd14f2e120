// What was decided: as the file beside the job says, and since then here. Keyed by variant, step and digest, so that another picture
// has no decision. Kept in the browser until it is saved as decisions.yaml.
"use strict";
{
  const said = new Map();
  const changed = new Map();
  const others = [];
  const about = (key, step, digest) => JSON.stringify([key, step, digest]);
  const bySteps = new Map();
  let place = "";

  const note = (key, step, digest) => {
    const name = JSON.stringify([key, step]);
    if (!bySteps.has(name)) bySteps.set(name, new Set());
    bySteps.get(name).add(digest);
  };

  // A text in double quotes as YAML reads it: JSON, with everything that cannot be seen escaped.
  const UNSEEN = /[\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufdd0-\ufdef\ufeff\ufff0-\ufffc\ufffe\uffff]/gu;
  const quoted = (text) => JSON.stringify(text.replace(/\p{Cs}/gu, "\ufffd"))
    .replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

  const isSaved = (name, one) => JSON.stringify(one) === JSON.stringify(said.get(name) || null);

  const decisions = {
    open(index) {
      const { job } = index.about;
      place = `decisions:${job.path}:${job.name}:${job.mode}`;
      said.clear(); changed.clear(); bySteps.clear(); others.length = 0;
      for (const one of index.decisions) {
        if (one.job !== job.name) { others.push(one); continue; }
        said.set(about(one.key, one.step, one.sha256), one);
        note(one.key, one.step, one.sha256);
      }
      // What the file says by now is kept no longer: somebody may change it there, and then the file is right.
      const kept = adbatch.remembered(place) || [];
      for (const [name, one] of kept) {
        if (isSaved(name, one)) continue;
        changed.set(name, one);
        note(...JSON.parse(name));
      }
      if (changed.size < kept.length) adbatch.remember(place, [...changed]);
    },

    // {decision, reason, author}, or null.
    of(key, step, digest) {
      const name = about(key, step, digest);
      return changed.has(name) ? changed.get(name) : said.get(name) || null;
    },

    // Whether something was approved here that is not what is shown now.
    isVoid(key, step, digests) {
      const decided = bySteps.get(JSON.stringify([key, step]));
      if (!decided || digests.some((digest) => decided.has(digest))) return false;
      return [...decided].some((digest) => decisions.of(key, step, digest)?.decision === "approved");
    },

    // `verdict` is approved, rejected, or "" to take it back.
    decide(targets, verdict, reason = "") {
      const author = adbatch.byId("author").value.trim();
      for (const { key, step, digest } of targets) {
        const one = verdict ? { job: adbatch.store.index.about.job.name, key, step, sha256: digest, decision: verdict, reason, author } : null;
        changed.set(about(key, step, digest), one);
        note(key, step, digest);
      }
      decisions.kept = adbatch.remember(place, [...changed]);
      document.dispatchEvent(new CustomEvent("decided", { detail: { targets, verdict, reason, author } }));
    },

    kept: true,
    all: () => [...new Map([...said, ...changed]).values()].filter((one) => one),
    unsaved: () => [...changed].filter(([name, one]) => !isSaved(name, one)).length,

    // The whole file, with what it says about other jobs.
    yaml() {
      const fields = ["job", "key", "step", "sha256", "decision", "reason", "author"];
      const sortable = (one) => [one.job, one.key, one.step, one.sha256].join("\n");
      const all = [...others, ...decisions.all()].sort((a, b) => (sortable(a) < sortable(b) ? -1 : 1));
      const lines = all.map((one) => `  - {${fields.filter((name) => one[name]).map((name) => `${name}: ${quoted(one[name])}`).join(", ")}}`);
      const head = "# What was decided about results, by variant and file: another file voids it. `adbatch report` writes this.\nversion: 1\n";
      return `${head}decisions:${lines.length ? `\n${lines.join("\n")}` : " []"}\n`;
    },

    download() {
      const address = URL.createObjectURL(new Blob([decisions.yaml()], { type: "application/yaml" }));
      const link = adbatch.el("a", { href: address, download: "decisions.yaml" });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
    },
  };
  adbatch.decisions = decisions;
}

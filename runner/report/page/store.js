// The data: an index that is read once, and chunks that are read when they are looked at. A few chunks are kept, so the page's memory
// does not grow with the gallery.
"use strict";
{
  const KEPT = 40;
  const LETTERS = { d: "done", s: "skipped", b: "blocked", w: "waiting", q: "queued", f: "failed", r: "refused", u: "uncertain" };
  const chunks = new Map();
  const awaited = new Map();
  let edition = "";

  // Every data file hands over one text of JSON.
  adbatch.take = (name, text) => {
    const wanted = awaited.get(name);
    if (wanted) wanted.resolve(JSON.parse(text));
  };

  const read = (name) => {
    const island = adbatch.byId(`data-${name}`);
    if (island) return Promise.resolve(JSON.parse(island.textContent));
    if (awaited.has(name)) return awaited.get(name).promise;
    const wanted = {};
    wanted.promise = new Promise((resolve, reject) => { wanted.resolve = resolve; wanted.reject = reject; });
    awaited.set(name, wanted);
    const script = document.createElement("script");
    script.src = `data/${name}.js${edition}`;
    const done = () => { script.remove(); awaited.delete(name); };
    script.addEventListener("load", () => { wanted.reject(new Error(`data/${name}.js holds nothing`)); done(); });
    script.addEventListener("error", () => { wanted.reject(new Error(`data/${name}.js cannot be read`)); done(); });
    document.head.append(script);
    return wanted.promise;
  };

  const keep = (number, chunk) => {
    chunks.delete(number);
    chunks.set(number, chunk);
    if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value);
  };

  const store = {
    index: null,

    async open(version) {
      if (version) edition = `?${encodeURIComponent(version)}`;
      const index = await read("index");
      chunks.clear();
      for (const step of index.steps) step.flagged = new Set(step.flags);
      store.index = index;
    },

    // The status of a step of a variant, "" where the variant does not have the step.
    status: (v, s) => LETTERS[store.index.steps[s].status[v]] || "",
    flagged: (v, s) => store.index.steps[s].flagged.has(v),
    parts: (v, s) => store.index.steps[s].parts[v] || 1,
    // The first variant that asked for the same.
    first: (v, s) => (store.index.steps[s].back.length ? v - store.index.steps[s].back[v] : v),

    // The variant if it is at hand, else null.
    variant(v) {
      const chunk = chunks.get(Math.floor(v / store.index.chunk));
      return chunk ? chunk.variants[v % store.index.chunk] : null;
    },
    request(v, id) {
      const chunk = chunks.get(Math.floor(v / store.index.chunk));
      return (chunk && id && chunk.requests[id]) || null;
    },

    // Bring the chunks of these variants.
    need(variants) {
      const numbers = new Set([...variants].map((v) => Math.floor(v / store.index.chunk)));
      return Promise.all([...numbers].map((number) => store.chunk(number)));
    },
    async chunk(number) {
      const chunk = chunks.get(number) || (await read(`chunk-${number}`));
      keep(number, chunk);
      return chunk;
    },
  };
  adbatch.store = store;
}

// Only where `adbatch report --serve` serves the page: look for news while a run goes on, and hand decisions over as they are made.
"use strict";
{
  const { byId, store } = adbatch;
  const EVERY = 2000;
  const live = document.documentElement.dataset.live !== undefined;
  let edition = document.documentElement.dataset.live || "";

  const look = async () => {
    try {
      const news = await (await fetch("api/news", { cache: "no-store" })).json();
      adbatch.running = news.running || "";
      if (news.edition && news.edition !== edition) {
        edition = news.edition;
        await store.open(edition);
        adbatch.start(true);
      }
      adbatch.sum();
    } catch {
      adbatch.running = "the server is gone; the page shows what it had";
      adbatch.sum();
    }
    setTimeout(look, EVERY);
  };

  adbatch.live = live;
  adbatch.hand = async ({ targets, verdict, reason, author }) => {
    const body = { decisions: targets.map(({ key, step, digest }) => ({ key, step, sha256: digest, decision: verdict, reason, author })) };
    try {
      const answer = await fetch("api/decisions", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(await answer.text());
      byId("decided").dataset.saved = "saved";
    } catch (error) {
      adbatch.tell(`The decision is kept in this browser only: ${error.message}`);
    }
  };
  if (live) setTimeout(look, EVERY);
}

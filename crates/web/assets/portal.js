// News of the first screen: the page works without this, it only has to be loaded again then.
const now = document.querySelector("[data-live]");
if (now) {
  const fetchPart = async () => {
    // Somebody who fills a form in, or has opened something, is not disturbed.
    if (now.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, summary")) return;
    const answer = await fetch(now.dataset.part, { credentials: "same-origin", redirect: "manual" });
    if (!answer.ok) return;
    const open = [...now.querySelectorAll("details")].map((one) => one.open);
    now.innerHTML = await answer.text();
    now.querySelectorAll("details").forEach((one, at) => { one.open = open[at] ?? one.open; });
  };
  const news = new EventSource(now.dataset.live);
  news.addEventListener("news", () => fetchPart().catch(() => {}));
  addEventListener("pagehide", () => news.close());
}

// In the editor, Tab writes a tab; Escape then Tab leaves it, so that nobody is caught.
const text = document.querySelector("textarea#text");
if (text) {
  let leaving = false;
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { leaving = true; return; }
    if (event.key === "Tab" && !leaving && !event.shiftKey && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      text.setRangeText("\t", text.selectionStart, text.selectionEnd, "end");
    }
    leaving = false;
  });
  let written = false;
  text.addEventListener("input", () => { written = true; });
  text.form.addEventListener("submit", () => { written = false; });
  addEventListener("beforeunload", (event) => { if (written) event.preventDefault(); });
}

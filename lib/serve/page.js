// Keeps the page up to date. Without it the page says the same, and is loaded
// again now and then.
"use strict";

const refreshEveryMs = 10_000;
const typingPauseMs = 250;
/** Lines of the log that stay on the page. */
const linesKept = 500;

const lines = document.getElementById("log-lines");
const live = document.getElementById("log-live");
const field = document.getElementById("q");
const filter = document.getElementById("filter");

/** What is asked last is shown, even if its answer comes first. */
let asked = 0;

/** Loads the page again and takes from it what has changed. */
async function refresh() {
  const number = ++asked;
  const response = await fetch(location.href).catch(() => undefined);
  if (!response?.ok || number !== asked) return;
  const fresh = new DOMParser().parseFromString(
    await response.text(),
    "text/html",
  );
  if (number !== asked) return;
  document.title = fresh.title;
  for (const part of fresh.querySelectorAll("[data-live]")) take(part);
}

/** Puts one part in place of the one that is there, unless somebody works in it. */
function take(part) {
  const old = document.getElementById(part.id);
  if (old === null) return;
  for (const details of part.querySelectorAll("details")) {
    const before = old.querySelector(`[data-key="${details.dataset.key}"]`);
    details.open = before?.open ?? false;
  }
  if (old.outerHTML === part.outerHTML) return;
  const focused = document.activeElement;
  if (focused !== document.body && old.contains(focused)) return;
  const scrolled = [...old.querySelectorAll(".scroll")].map((each) => [
    each.scrollLeft,
    each.scrollTop,
  ]);
  old.replaceWith(document.importNode(part, true));
  const now = document.getElementById(part.id).querySelectorAll(".scroll");
  for (const [index, each] of now.entries()) {
    each.scrollTo(...scrolled[index] ?? [0, 0]);
  }
}

/** Asks for the newest files again while somebody types. */
function filterFiles() {
  const address = new URL(location.href);
  if (field.value === "") address.searchParams.delete("q");
  else address.searchParams.set("q", field.value);
  history.replaceState(null, "", address);
  refresh();
}

function showLine({ at, iso, level, module, text }) {
  const wasAtEnd =
    lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  const item = document.createElement("li");
  item.className = level;
  const time = document.createElement("time");
  time.dateTime = iso;
  time.textContent = at;
  item.append(
    time,
    " ",
    element("i", level),
    " ",
    element("b", module),
    " ",
    element("span", text),
  );
  lines.append(item);
  while (lines.childElementCount > linesKept) lines.firstElementChild.remove();
  if (wasAtEnd) lines.scrollTop = lines.scrollHeight;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/** The stream begins with the last lines, each time that it is opened. */
function followLog() {
  const stream = new EventSource("log");
  stream.addEventListener("open", () => {
    lines.replaceChildren();
    live.hidden = false;
  });
  stream.addEventListener("error", () => live.hidden = true);
  stream.addEventListener(
    "message",
    ({ data }) => showLine(JSON.parse(data)),
  );
}

let typing;
field?.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filterFiles, typingPauseMs);
});
filter?.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  filterFiles();
});

// What only a replica has is not on every page, nor is the log.
if (lines !== null) {
  lines.scrollTop = lines.scrollHeight;
  if (lines.dataset.follow !== undefined) followLog();
}
setInterval(() => {
  if (document.visibilityState === "visible") refresh();
}, refreshEveryMs);

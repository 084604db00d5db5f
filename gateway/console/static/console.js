// Keeps the live part of a page up to date, and what it says of time. Pages do
// all that they are for without it.

const every = 2000; // milliseconds

const patience = 10000;

let timer;
let looking = false;

async function look() {
  clearTimeout(timer);
  const live = document.getElementById("live");
  if (looking || document.hidden || !live) return; // it goes on when somebody looks
  looking = true;
  try {
    const url = new URL(location.href);
    url.searchParams.set("live", live.dataset.version);
    const answer = await fetch(url, { redirect: "error", cache: "no-store", signal: AbortSignal.timeout(patience) });
    if (answer.status === 401) {
      location.assign(location.href.replace(/#.*/, "")); // to sign in again
      return;
    }
    if (answer.status === 200) replace(await answer.text());
    stale(!answer.ok);
  } catch {
    stale(true);
  } finally {
    looking = false;
  }
  timer = setTimeout(look, every);
}

function stale(is) {
  document.getElementById("stale").hidden = !is;
}

function replace(html) {
  const live = document.getElementById("live");
  const next = new DOMParser().parseFromString(html, "text/html").getElementById("live");
  if (!next) return;
  const focused = live.contains(document.activeElement) ? document.activeElement : null;
  keep(live, next);
  live.replaceWith(document.adoptNode(next));
  const result = live.querySelector("form") && next.querySelector("#decision.result"); // in the place of the form
  if (focused) (document.getElementById(focused.id) ?? result ?? document.getElementById("main")).focus();
  result?.scrollIntoView({ block: "nearest" });
  title(next);
  document.getElementById("news").textContent = next.dataset.news ?? "";
}

// keep sees that what somebody has written is not lost: it stays in the form, or
// where that is gone, to be read.
function keep(live, next) {
  const written = live.querySelector("textarea")?.value || live.querySelector("#unsent:not([hidden]) blockquote")?.textContent;
  if (!written) return;
  const form = next.querySelector("textarea");
  if (form) {
    form.value = written;
    return;
  }
  const unsent = next.querySelector("#unsent");
  unsent.hidden = false;
  unsent.querySelector("blockquote").textContent = written;
}

function title(live) {
  if (live?.dataset.title) document.title = `${live.dataset.title} · Rungate`;
}

// span rounds down, in the units that the server uses.
function span(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / (24 * 3600))} days`;
}

function tick() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const seconds = Math.floor((Date.now() - Date.parse(time.dateTime)) / 1000);
    const words = seconds >= 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
    if (time.textContent !== words) time.textContent = words;
    const deadline = time.closest(".deadline");
    if (deadline) deadline.classList.toggle("soon", seconds > -300);
  }
}

document.addEventListener("visibilitychange", look);
title(document.getElementById("live"));
tick();
setInterval(tick, 1000);
look();

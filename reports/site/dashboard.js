"use strict";
const age = ms => { const min = Math.round(ms / 6e4); return min < 120 ? `${min} min` : min < 2880 ? `${Math.round(min / 60)} h` : `${Math.round(min / 1440)} days`; };
const look = first => {
  let turned = false;
  for (const tile of document.querySelectorAll("[data-until]")) {
    const old = Date.now() > Date.parse(tile.dataset.until);
    turned ||= old !== tile.classList.contains("stale");
    tile.classList.toggle("stale", old);
    tile.querySelector(".age").textContent = old ? `STALE, ${age(Date.now() - Date.parse(tile.dataset.at))} old: ` : "";
    const badge = tile.querySelector("h1 .badge");
    if (old && badge) { badge.textContent = "STALE: not known now"; badge.className = "badge HOLD"; }
  }
  if (turned && !first) location.reload(); // a newer page may lie there
};
look(true);
setInterval(look, 20000);

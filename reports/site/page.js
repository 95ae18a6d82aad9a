"use strict";
const open = () => { const to = document.getElementById(location.hash.slice(1)); to?.closest("details")?.setAttribute("open", ""); to?.scrollIntoView(); };
addEventListener("hashchange", open); if (location.hash) open();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(one => { one.open = true; }));
for (const form of document.querySelectorAll(".ask")) {
  const list = document.getElementById(form.dataset.list), all = [...list.children], said = form.querySelector("[role=status]");
  const orders = { most: one => -Math.abs(one.dataset.d), lost: one => +one.dataset.d, gained: one => -one.dataset.d, order: () => 0 };
  const show = () => {
    const { text, intent, change, by } = Object.fromEntries(new FormData(form)), wanted = text.toLowerCase();
    const sign = { lost: -1, gained: 1 }[change];
    const found = all.filter(one => (!intent || one.dataset.i === intent) && (!sign || sign * one.dataset.d > 0)
      && one.textContent.toLowerCase().includes(wanted));
    const key = orders[by];
    if (by === "text") found.sort((a, b) => a.textContent.localeCompare(b.textContent)); else found.sort((a, b) => key(a) - key(b));
    list.replaceChildren(...found);
    said.textContent = `${found.length} of ${all.length}`;
  };
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", event => event.preventDefault());
  show();
}

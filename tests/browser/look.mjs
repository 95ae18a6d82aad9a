// What does a page look like in a real browser, at each width, in the dark and on paper? One line of JSON on stdout.
// node look.mjs CHROMIUM PAGE [PICTURES] [TEXTS]: with PICTURES, a folder, each view is left there as a picture. With
// TEXTS, JSON of those that the first screen must show whole, it is a page of Allure's, and its tabs are read.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [executablePath, page, pictures, texts] = process.argv.slice(2);
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const VIEWS = [[1280, 800], [400, 800], [320, 800], [1280, 800, "dark"], [400, 800, "dark"]];
const found = { asked: [], errors: [], views: {} };

async function open(width, height, colorScheme = "light") {
  const tab = await browser.newPage({ viewport: { width, height }, colorScheme });
  tab.on("request", one => { if (!/^(file|data):/.test(one.url()) || (one.url().startsWith("file:") && one.url() !== `file://${page}`)) found.asked.push(one.url()); });
  tab.on("console", one => { if (one.type() === "error") found.errors.push(one.text()); });
  tab.on("pageerror", error => found.errors.push(String(error)));
  await tab.goto(`file://${page}`);
  return tab;
}

if (texts) {
  await lookAtAllure(JSON.parse(texts));
  await browser.close();
  console.log(JSON.stringify(found));
  process.exit();
}

// Which texts are not to be read whole? Every line of one must lie on the screen with nothing over it at either end.
function unseen(wanted) {
  return wanted.filter(text => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
    for (let node; (node = walker.nextNode());) {
      const at = node.data.indexOf(text);
      if (at < 0) continue;
      range.setStart(node, at);
      range.setEnd(node, at + text.length);
      const lines = [...range.getClientRects()];
      const shown = (x, { top, bottom }) => document.elementFromPoint(x, (top + bottom) / 2) === node.parentElement;
      if (lines.length && lines.every(line => shown(line.left + 1, line) && shown(line.right - 1, line))) return false;
    }
    return true;
  });
}

async function lookAtAllure(wanted) {
  const read = (tab, selector) => tab.evaluate(one => document.querySelector(one).innerText, selector);
  const tab = await open(1280, 800);
  await tab.waitForSelector("[data-testid=report-variables]");
  await tab.waitForTimeout(500); // it scrolls once it is there
  if (pictures) await tab.screenshot({ path: `${pictures}/1280.png` });
  found.unseen = await tab.evaluate(unseen, wanted);
  found.said = await read(tab, "#app");
  for (const name of ["Categories", "Quality Gates"]) {
    await tab.getByText(name).first().click();
    await tab.waitForTimeout(200);
    found[name] = await read(tab, "#app");
    if (pictures) await tab.screenshot({ path: `${pictures}/${name}.png` });
  }
  await tab.goto(`file://${page}`);
  await tab.reload();
  await tab.keyboard.press("Shift"); // from now on it may scroll
  await tab.getByText("Promotion decision: ").first().click();
  await tab.getByText("Overview").waitFor();
  found.decision = await read(tab, "#app");
  await tab.goto(`file://${page}#charts`);
  await tab.reload();
  await tab.getByText("Checks of the last runs").waitFor();
  await tab.waitForTimeout(500);
  found.charts = await tab.evaluate(() => [...document.querySelectorAll("svg text")].map(one => one.textContent));
  if (pictures) await tab.screenshot({ path: `${pictures}/charts.png` });
}

for (const [width, height, scheme] of VIEWS) {
  const tab = await open(width, height, scheme), name = [width, scheme].filter(Boolean).join("-");
  if (pictures) await tab.screenshot({ path: `${pictures}/${name}.png`, fullPage: Boolean(process.env.HERO_GATE_WHOLE) });
  const view = await tab.evaluate(() => {
    const said = { slides: document.documentElement.scrollWidth - innerWidth, below: [] };
    for (const one of document.querySelectorAll("h1 .badge, .card dt")) {
      const box = (one.matches("dt") ? one.parentElement : one).getBoundingClientRect();
      if (/owner|to decide/.test(one.textContent)) continue;
      if (box.bottom > innerHeight || !box.height) said.below.push(one.textContent);
    }
    return said;
  });
  await tab.evaluate(() => document.querySelectorAll("details").forEach(one => { one.open = true; }));
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => axe.run());
  view.opened = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  view.violations = violations.map(one => `${one.id}: ${one.nodes.length} x ${one.nodes[0].html.slice(0, 120)} ${one.nodes[0].failureSummary}`);
  found.views[name] = view;
  await tab.close();
}

const tab = await open(1280, 800);
await tab.keyboard.press("Tab");
found.first = await tab.evaluate(() => document.activeElement.textContent);
found.hash = await tab.evaluate(async () => {
  const links = [...document.querySelectorAll("header h2 a")];
  if (!links.length) return true;
  links.at(-1).click();
  await new Promise(done => setTimeout(done, 50));
  return document.querySelector(links.at(-1).hash).closest("details").open;
});
found.asking = await tab.evaluate(() => {
  const form = document.querySelector(".ask"), list = form && document.getElementById(form.dataset.list);
  if (!list?.children.length) return null;
  const ask = (name, value) => { form.elements[name].value = value; form.dispatchEvent(new Event("input")); return [...list.children].map(one => +one.dataset.d); };
  const all = ask("by", "most"), gained = ask("by", "gained"), lost = ask("change", "lost");
  ask("change", "");
  const text = list.children[0].querySelector("summary").childNodes[1].textContent.trim(), one = ask("text", text);
  return { all, gained, lost, one, said: form.querySelector("[role=status]").textContent };
});
const stamped = await tab.evaluate(() => document.querySelector("[data-at]")?.dataset.at);
found.tiles = await Promise.all((stamped ? [0, 30] : []).map(async days => { // when it was written, and a month later
  const later = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await later.clock.setFixedTime(Date.parse(stamped) + days * 864e5);
  await later.goto(`file://${page}`);
  if (pictures && days) await later.screenshot({ path: `${pictures}/stale.png`, fullPage: true });
  await later.evaluate(axe);
  const { violations } = await later.evaluate(() => axe.run());
  const said = await later.evaluate(() => [...document.querySelectorAll("[data-until]")].map(one => ({ key: one.id, stale: one.classList.contains("stale"), age: one.querySelector(".age").textContent, badge: one.querySelector("h1 .badge")?.textContent })));
  await later.close();
  return { said, violations: violations.map(one => one.id) };
}));
await tab.emulateMedia({ media: "print" });
await tab.evaluate(() => document.querySelectorAll("details").forEach(one => { one.open = false; }));
found.closed = await tab.evaluate(() => [...document.querySelectorAll("details > :not(summary)")].filter(one => !one.checkVisibility() && !one.parentElement.matches(".q:nth-child(n+6)")).length);
if (pictures) await tab.pdf({ path: `${pictures}/print.pdf`, format: "A4", margin: { top: "1cm", bottom: "1cm", left: "1cm", right: "1cm" } });
await browser.close();
console.log(JSON.stringify(found));

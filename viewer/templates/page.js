"use strict";

/* Puts the session's words into the page, as text; tells times in the browser's own zone; comes back by itself. */
globalThis.minimq = {
  RETRY_MS: 2000,
  OPEN_MS_MAX: 10000,
  SILENT_MS_MAX: 10000,
  LOOK_MS: 1000,

  clock(ms, seconds = false) {
    const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    if (seconds) time.second = "2-digit";
    const when = new Date(ms);
    const text = when.toLocaleTimeString([], time);
    const today = when.toDateString() === new Date().toDateString();
    return today || !seconds ? text : `${when.toLocaleDateString()} ${text}`;
  },

  percent(value, exact = false) {
    return exact ? `${value.toFixed(1)} %` : `${value} %`;
  },

  rate(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = 0;
    for (; value >= 999.5 && power < units.length - 1; power += 1) value /= 1024;
    return `${value.toFixed(power && value < 99.95 ? 1 : 0)} ${units[power]}/s`;
  },

  text(element, text) {
    if (element.textContent !== text) element.textContent = text;
  },

  /* Fills the elements in one part of the page that carry the name of a field, but for those of parts within it. */
  fill(part, fields) {
    for (const element of part.querySelectorAll("[data-field]")) {
      if (element.closest("[data-metric], [data-card], body") !== part) continue;
      const it = fields[element.dataset.field];
      if (it === undefined) continue;
      minimq.text(element, element.tagName === "TIME" ? (it === null ? "" : minimq.clock(it, true)) : it);
    }
  },

  show(fields) {
    minimq.fill(document.body, fields);
    document.body.dataset.state = fields.state;
    for (const element of document.querySelectorAll("[data-card]")) {
      const card = fields.cards?.[element.dataset.card];
      if (fields.cards) element.hidden = !card;
      if (!card) continue;
      element.dataset.state = card.state;
      minimq.fill(element, card);
      for (const section of element.querySelectorAll("[data-metric]")) {
        const metric = card.metrics[section.dataset.metric];
        section.classList.toggle("quiet-value", metric.quiet);
        section.classList.toggle("is-silent", metric.silent_since !== null);
        minimq.fill(section, metric);
      }
    }
  },

  /* Which of the nodes are shown: a form and links that open the page anew. */
  showPages({ find, page, pages, found }) {
    const form = document.querySelector("form");
    form.hidden = pages === 1 && find === "";
    if (document.activeElement !== form.find) form.find.value = find;
    const nav = document.querySelector("nav");
    nav.hidden = pages === 1;
    minimq.text(nav.querySelector("span"), `page ${page} of ${pages}, ${found} nodes`);
    for (const [rel, target] of [["prev", page - 1], ["next", page + 1]]) {
      const link = nav.querySelector(`a[rel=${rel}]`);
      if (target >= 1 && target <= pages) link.href = `?${new URLSearchParams({ find, page: target })}`;
      else link.removeAttribute("href");
    }
  },

  attach(status) {
    clearTimeout(minimq.opening);
    const hear = () => {
      minimq.heard = Date.now();
      minimq.show(status);
      minimq.showPages(status);
    };
    hear();
    if (status.label === "Refused") return;
    status.change.connect(hear);
    status.document.on_event("connection_lost", () => minimq.comeBack());
    minimq.watch = setInterval(() => Date.now() - minimq.heard > minimq.SILENT_MS_MAX && minimq.comeBack(), minimq.LOOK_MS);
  },

  say(label, message) {
    minimq.show({ state: "away", label, message });
  },

  /* A session does not outlive its connection, nor a sleep: the page opens anew, and the journal fills it. */
  async comeBack() {
    if (minimq.leaving) return;
    minimq.leaving = true;
    clearInterval(minimq.watch);
    minimq.say("No viewer", "The viewer does not answer; trying again.");
    for (;;) {
      try {
        const answer = await fetch(document.getElementById("bokeh").src, { method: "HEAD", cache: "no-store" });
        if (answer.ok) return location.reload();
      } catch {
        /* still away */
      }
      await new Promise((resolve) => setTimeout(resolve, minimq.RETRY_MS));
    }
  },
};

minimq.opening = setTimeout(() => {
  minimq.say("No viewer", "The viewer does not open a connection to this page. Reload it; if that does not help, it is "
    + `not served under the name ${location.host}: start it with minimq view --origin ${location.hostname}`);
}, minimq.OPEN_MS_MAX);

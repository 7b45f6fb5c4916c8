"use strict";

/* Puts the session's words into the page, as text; tells times in the browser's own zone; comes back by itself. */
globalThis.minimq = {
  RETRY_MS: 2000,
  OPEN_MS_MAX: 10000,

  clock(ms, seconds = false) {
    const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    if (seconds) time.second = "2-digit";
    const when = new Date(ms);
    const text = when.toLocaleTimeString([], time);
    const today = when.toDateString() === new Date().toDateString();
    return today || !seconds ? text : `${when.toLocaleDateString()} ${text}`;
  },

  show(fields) {
    for (const element of document.querySelectorAll("[data-field]")) {
      const it = fields[element.dataset.field];
      if (it === undefined) continue;
      const text = element.tagName === "TIME" ? (it === null ? "" : minimq.clock(it, true)) : it;
      if (element.textContent !== text) element.textContent = text;
    }
    document.body.dataset.state = fields.state;
  },

  attach(status) {
    clearTimeout(minimq.opening);
    minimq.show(status);
    status.change.connect(() => minimq.show(status));
    status.document.on_event("connection_lost", () => minimq.comeBack());
  },

  say(label, message) {
    minimq.show({ state: "away", label, message, message_time: null });
  },

  /* A session does not outlive its connection: the page opens anew, and the journal fills it. */
  async comeBack() {
    minimq.say("No viewer", "The viewer does not answer; trying again.");
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, minimq.RETRY_MS));
      try {
        const answer = await fetch(document.getElementById("bokeh").src, { method: "HEAD", cache: "no-store" });
        if (answer.ok) return location.reload();
      } catch {
        /* still away */
      }
    }
  },
};

minimq.opening = setTimeout(() => {
  minimq.say("No viewer", "The viewer does not open a connection to this page. Reload it; if that does not help, start "
    + `the viewer with --allow-websocket-origin=${location.host}`);
}, minimq.OPEN_MS_MAX);

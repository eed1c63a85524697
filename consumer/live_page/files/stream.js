// The stream: the newest answers first, until somebody pauses them.
import { ask } from "./correct.js";
import { byId, known, make, plural, say, seconds, spaced } from "./words.js";

const MOST = 200; // rows that are kept
let paused = false;
let held = [];

export function stream() {
  byId("pause").addEventListener("click", () => {
    paused = !paused;
    byId("pause").setAttribute("aria-pressed", String(paused));
    if (!paused) {
      const waiting = held;
      held = [];
      waiting.forEach(show);
    }
    tell();
  });
  byId("filter").addEventListener("change", () => {
    for (const row of byId("answers").children) row.hidden = !wanted(row);
    empty();
  });
}

export function arrived(told) {
  if (paused) {
    held.push(told);
    while (held.length > 1 && held.reduce((sum, each) => sum + each.answers.length, 0) > MOST) {
      const gone = held.shift();
      held[0].passed_over += gone.passed_over + gone.answers.length;
    }
    tell();
  } else show(told);
}

function tell() {
  const waiting = held.reduce((sum, each) => sum + each.answers.length + each.passed_over, 0);
  say("held", paused ? `paused, ${plural(waiting, "answer")} waiting` : "");
}

function show({ answers, passed_over }) {
  const list = byId("answers");
  const rows = answers.map(row);
  if (passed_over) rows.unshift(make("li", { className: "passed-over soft" }, `${plural(passed_over, "more", "more")} came too fast to show`));
  for (const each of rows) each.hidden = !wanted(each);
  list.prepend(...rows.reverse());
  for (const old of [...list.children].slice(MOST)) if (!old.contains(document.activeElement)) old.remove();
  empty();
}

function empty() {
  const some = [...byId("answers").children].some((each) => !each.hidden);
  byId("none").hidden = some;
  if (!some) say("none", byId("answers").children.length ? "Nothing of that kind has come." : "Nothing has come yet.");
}

function wanted(row) {
  const filter = byId("filter").value;
  return !filter || row.dataset.decision === filter;
}

function row(answer) {
  const dead = answer.decision === "dead-lettered";
  const facts = [
    answer.satisfaction && spaced(answer.satisfaction),
    answer.urgency !== null && `urgency ${answer.urgency.toFixed(3)}${answer.threshold === null ? "" : `, threshold ${answer.threshold.toFixed(3)}`}`,
    answer.reason !== "model" && answer.reason,
    answer.channel,
    answer.language,
    answer.waited_s !== null && `${dead ? "set aside" : "answered"} after ${seconds(answer.waited_s)}`,
  ].filter(Boolean);
  const verdict = make("span", { className: `verdict ${answer.decision}` }, answer.decision);
  const place = `${known(answer.at, (at) => at.slice(11, 19))} · ${answer.event_id}`;
  const made = make(
    "li", { dataset: { decision: answer.decision, event: answer.event_id } },
    make("p", { className: "told" }, verdict, ` ${facts.join(" · ")}`),
    answer.text === null ? null : make("p", { className: "text", dir: "auto" }, answer.text),
    make("p", { className: "place soft" }, place),
  );
  if (!dead) made.append(button(answer, made));
  return made;
}

function button(answer, row) {
  const made = make("button", { type: "button", ariaLabel: `Correct ${answer.event_id}, answered ${answer.decision}` }, "Correct…");
  made.addEventListener("click", () => ask(answer, (decision) => {
    row.querySelector(".corrected")?.remove();
    row.querySelector(".place").append(make("strong", { className: "corrected" }, ` · corrected to ${decision}`));
  }));
  return made;
}

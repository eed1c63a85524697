// Try a text.
import { byId, make, percent, plural, post, say, seconds, spaced } from "./words.js";

let tried = null; // the model of the trial that is shown
let streams = []; // those that answer the stream

export function answering(models) {
  streams = models;
  other();
}

// What the stream answers by another model may be another decision.
function other() {
  const place = byId("tried-other");
  if (place === null) return;
  const is = tried !== null && streams.length > 0 && !(streams.length === 1 && streams[0] === tried);
  place.hidden = !is;
  say("tried-other", is ? `Answered by ${tried}; the stream is answered by ${streams.join(" and ")}: right after a swap, try again in a moment; else give this page the consumers’ model.artifact and start it again.` : "");
}

export function trial() {
  const form = byId("try-form");
  if (form === null) return; // no model is named
  byId("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    byId("try-button").disabled = true;
    status("the model reads it …");
    try {
      show(await post("api/try", { text: byId("text").value.toWellFormed(), words: byId("words").checked }));
    } catch (problem) {
      byId("tried").hidden = true;
      status(problem.message);
    } finally {
      byId("try-button").disabled = false;
    }
  });
}

function show(found) {
  const urgency = `urgency ${found.urgency.toFixed(3)}, threshold ${found.threshold.toFixed(3)}`;
  status(`${found.decision}: ${urgency}`, { seen: false }); // it stands below for those who see it
  byId("tried-decision").className = `verdict ${found.decision}`;
  say("tried-decision", found.decision);
  say("tried-satisfaction", spaced(found.satisfaction));
  say("tried-reason", found.reason === "model" ? "" : `reason: ${found.reason}`);
  byId("scale-fill").style.setProperty("--share", found.urgency);
  byId("scale-mark").style.setProperty("--share", found.threshold);
  say("tried-urgency", `${urgency}: ${found.urgency >= found.threshold ? "at or above it" : "below it"}`);
  byId("probabilities").replaceChildren(...found.probabilities.map(row));
  mattered(found);
  const cut = found.truncated ? " The text is longer than the model reads: what is beyond was not looked at." : "";
  say("tried-cost", `${plural(found.runs, "run")} of the model ${found.model}, ${seconds(found.took_s)}.${cut}`);
  tried = found.model;
  other();
  byId("tried").hidden = false;
}

function status(words, { seen = true } = {}) {
  byId("try-status").classList.toggle("unseen", !seen);
  say("try-status", words);
}

function row({ name, value }) {
  const bar = make("span", { className: "bar", ariaHidden: "true" });
  bar.style.setProperty("--share", value);
  return make(
    "tr", {},
    make("th", { scope: "row" }, spaced(name)),
    make("td", { className: "bar-of" }, bar),
    make("td", {}, percent(value)),
  );
}

function mattered(found) {
  byId("mattered").hidden = found.runs === 1;
  const most = Math.max(...found.text.map((each) => Math.abs(each.weight)), 1e-9);
  byId("tried-text").replaceChildren(...found.text.map((each) => piece(each, most)));
  const words = found.words.map((each) => make("li", {}, make("bdi", {}, each.text), ` ${effect(each.weight)}`));
  byId("tried-words").replaceChildren(...words);
  if (!words.length) byId("tried-words").append(make("li", {}, "No word alone changes the urgency by 0.005."));
}

function piece({ text, weight }, most) {
  if (Math.abs(weight) < 0.005) return document.createTextNode(text);
  const made = make("mark", { className: weight > 0 ? "more" : "less", title: effect(weight) }, text);
  made.style.setProperty("--weight", Math.abs(weight) / most);
  return made;
}

const effect = (weight) => `${weight > 0 ? "+" : "−"}${Math.abs(weight).toFixed(3)} urgency`;

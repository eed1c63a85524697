// How the stream does now, and how the promise stands.
import { byId, count, known, make, moment, percent, plural, post, say, seconds } from "./words.js";

export function figures() {
  byId("again").addEventListener("click", async () => {
    try {
      await post("api/standing", {});
    } catch (problem) {
      say("standing-status", problem.message);
    }
  });
}

export function frame(told) {
  say("a-second", known(told.a_second, (value) => value.toFixed(1)));
  say("a-second-of", told.from === "metrics" ? "of the last minute" : "of the last 10 s, by the topics");
  say("urgent-share", known(told.urgent_share, percent));
  const lag = told.lag.length ? told.lag.reduce((sum, each) => sum + each.records, 0) : null;
  const oldest = Math.max(...told.lag.map((each) => each.seconds ?? 0), 0);
  say("lag", known(lag, count));
  say("lag-of", oldest ? `records, the oldest for ${seconds(oldest)}` : "records");
  say("window", known(told.window_s.p50, seconds));
  say("window-of", told.window_s.p99 === null ? "median; told by /metrics" : `median; p99 ${seconds(told.window_s.p99)}`);
  say("promised", told.promise === null ? "nothing" : percent(Math.floor(1000 * told.promise.recall + 1e-9) / 1000)); // never more than it is
  say("dead", count(told.dead_letters.all));
  const codes = Object.entries(told.dead_letters.by_code).map(([code, many]) => `${code} ${count(many)}`).join(", ");
  say("dead-of", `${told.dead_letters.counted}: ${codes || "none"}`);
  const models = told.models.length ? told.models.join(", ") : null;
  if (models !== null) byId("model").replaceChildren("answers: ", make("bdi", {}, models));
  problems(told.problems);
  byId("lags").replaceChildren(...told.lag.map((each) => row(`${each.topic}/${each.partition}`, count(each.records), known(each.seconds, seconds))));
  byId("drifts").replaceChildren(...told.drift.map((each) => row(each.feature.replaceAll("_", " "), `${each.distance.toFixed(3)}${each.alarm ? " DRIFT" : ""}`, known(each.limit, (limit) => limit.toFixed(3)))));
  if (!told.drift.length) byId("drifts").append(make("tr", {}, make("td", { colSpan: 3, className: "name" }, "no window is full yet, or no consumer tells")));
}

function problems(told) {
  const list = byId("problems");
  if ([...list.children].map((each) => each.textContent).join("\n") === told.join("\n")) return;
  list.replaceChildren(...told.map((each) => make("li", {}, each)));
}

function row(name, ...cells) {
  return make("tr", {}, make("th", { scope: "row", className: "name" }, name), ...cells.map((each) => make("td", {}, each)));
}

export function standing(told) {
  if (told.state === "reading") return say("standing-status", `reading the last ${told.over} …`);
  if (told.state === "failed") return say("standing-status", told.problem);
  say("standing-status", `the last ${told.over}, read ${moment(told.made_at)}; without a customer’s words`);
  say("promise-line", told.promise_line);
  byId("promise-verdict").parentElement.hidden = told.promise === null;
  if (told.promise !== null) {
    byId("promise-verdict").className = `verdict ${told.promise.verdict.replaceAll(" ", "-")}`;
    say("promise-verdict", `promise ${told.promise.verdict === "too few to tell" ? "neither kept nor broken so far: too few judged to tell" : told.promise.verdict}`);
  }
  byId("standing-figures").replaceChildren(...facts(told).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  say("drift-verdict", told.drift === null ? "Not measured: model.artifact is not set." : told.drift.verdict);
  list("drift-why", told.drift === null ? [] : told.drift.why);
  const dead = told.dead_letters;
  say("dead-line", dead === null ? "Not counted." : `In the last ${told.over}, ${plural(dead.all, "record")} could not be read or answered. ${dead.all ? "None is lost: shikyu dead-letters list shows where they are." : ""}`);
  list("dead-codes", dead === null ? [] : dead.codes.map((each) => `${each.code}: ${count(each.messages)}`));
  byId("notes-part").hidden = !told.notes.length;
  list("notes", told.notes);
  byId("standing-told").hidden = false;
}

function facts(told) {
  const said = told.corrections;
  return [
    ["messages", `${count(told.messages)}, of which ${count(told.urgent)} urgent`],
    ["promised", told.promise === null ? "nothing" : `${percent(told.promise.recall)} of the very unsatisfied found`],
    [`live estimate, ${told.of}`, told.live === null ? "not known yet" : `${percent(told.live.value)} (${percent(told.live.low)} to ${percent(told.live.high)} with 95 % confidence)`],
    ["marked for review", `${count(told.marked)}, judged of them ${count(told.judged)}`],
    ["how well it is known", told.known_line],
    ["corrections", said === null ? "no topic of corrections" : `${count(said.standing)} stand, ${count(said.conflicts)} in conflict, ${count(said.held)} held back`],
  ];
}

const list = (id, words) => byId(id).replaceChildren(...words.map((each) => make("li", {}, each)));

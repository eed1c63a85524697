// Correct an answer.
import { byId, make, post, say } from "./words.js";

let about = null;
let written = () => {};

export function correct() {
  byId("other-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = byId("other").value.trim();
    if (id) ask({ event_id: id, decision: null }, () => { byId("other").value = ""; });
  });
  byId("correct-cancel").addEventListener("click", () => byId("correct").close());
  byId("correct-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(byId("correct-form")));
    byId("correct-button").disabled = true;
    try {
      await post("api/corrections", { event_id: about.event_id, ...given });
      byId("correct").close();
      written(given.decision);
      say("said", `${about.event_id} is corrected to ${given.decision}`);
    } catch (problem) {
      say("correct-problem", problem.message);
    } finally {
      byId("correct-button").disabled = false;
    }
  });
}

// `then` is told the decision once it is written. The browser gives the focus back to where it was.
export function ask(answer, then) {
  about = answer;
  written = then;
  const form = byId("correct-form");
  const other = { urgent: "routine", routine: "urgent" }[answer.decision];
  for (const each of form.elements.decision) each.checked = each.value === other;
  form.elements.satisfaction.value = "";
  byId("correct-what").replaceChildren(
    make("bdi", {}, answer.event_id),
    answer.decision === null ? "" : `, which was answered ${answer.decision}`,
  );
  say("correct-problem", "");
  byId("correct").showModal();
}

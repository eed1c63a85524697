// The page: what comes from the server goes to where it is shown.
import { correct } from "./correct.js";
import { figures, frame, standing } from "./figures.js";
import { arrived, stream } from "./stream.js";
import { answering, trial } from "./trial.js";
import { byId, say } from "./words.js";

function connect() {
  const source = new EventSource("api/stream");
  const heard = (name, show) => source.addEventListener(name, (event) => show(JSON.parse(event.data)));
  heard("answers", arrived);
  heard("frame", (told) => {
    frame(told);
    answering(told.models);
  });
  heard("standing", standing);
  source.addEventListener("open", () => state("live", "live"));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) {
      state("lost", "connection lost: open the page anew by the address that shikyu page wrote");
    } else state("lost", "connection lost, trying again");
  });
}

function state(name, words) {
  byId("connection").dataset.state = name;
  say("connection", words);
}

trial();
stream();
correct();
figures();
connect();

// Elements, numbers and requests. Whatever a text holds, it is put in as text and never as markup.

export const byId = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "dataset") Object.assign(made.dataset, value);
    else made[name] = value;
  }
  made.append(...children.filter((each) => each !== null));
  return made;
}

export function say(id, words) {
  const place = byId(id);
  if (place.textContent !== words) place.textContent = words; // a screen reader is told of changes alone
}

export const spaced = (word) => word.replaceAll("_", " ");
export const count = (value) => Math.round(value).toLocaleString("en");
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
export const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
export const seconds = (value) => (value < 1 ? `${Math.round(1000 * value)} ms` : `${value.toFixed(1)} s`);
export const known = (value, words) => (value === null || value === undefined ? "–" : words(value));
export const moment = (iso) => iso.slice(0, 16).replace("T", " ") + " UTC";

export async function post(path, told) {
  const csrf = document.querySelector("meta[name=csrf]").content;
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Shikyu-Csrf": csrf },
      body: JSON.stringify(told),
    });
  } catch {
    throw new Error("shikyu page does not answer: is it still running?");
  }
  if ((answer.headers.get("Content-Type") ?? "").startsWith("application/json")) {
    const found = await answer.json();
    if (answer.ok) return found;
    throw new Error(found.problem);
  }
  throw new Error((await answer.text()).trim());
}

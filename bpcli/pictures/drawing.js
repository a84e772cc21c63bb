// The picture: its numbers, what is lit, and in hiding what can be uncovered.

const groups = new Map([...svg.querySelectorAll("g.gate")].map(group => [group.dataset.node, group]));
const wires = [...svg.querySelectorAll("g.wire")];
const joins = [...svg.querySelectorAll("g.join")];
const places = new Map(NODES.map((node, k) => [node.id, k]));

/** The numbers known at the present step: "value 3" and "gradient 3" for node 3. */
function known() {
  return new Set((state.run?.list ?? []).slice(0, state.at + 1).flatMap(step => step.known));
}

function paint() {
  const seen = known(), step = state.run?.list[state.at];
  NODES.forEach((node, k) => {
    const group = groups.get(node.id);
    if (!group) return;
    group.classList.toggle("running", !!step?.gates.includes(k));
    const value = node.plain ? null : state.run?.values[k] ?? null;
    paintNumber(group, "value", k, value, seen, node.kind === "gate");
    paintNumber(group, "gradient", k, state.run?.gradients[k] ?? null, seen, true);
    paintRole(group, node, k, seen);
  });
  for (const wire of wires) {
    const k = places.get(wire.dataset.to), place = Number(wire.dataset.input);
    wire.classList.toggle("running", !!step?.wires.some(one => one[0] === k && one[1] === place));
    if (!LESSON.recorded) wire.classList.toggle("untaken", isUntaken(k, place));
  }
  for (const join of joins) {
    const k = places.get(join.dataset.node);
    join.classList.toggle("running", !!step?.joins?.includes(k));
    if (join.querySelector("path")) join.classList.toggle("adds", !state.run || (state.run.awaited.get(k) ?? 0) > 1);
  }
  svg.setAttribute("role", state.hiding ? "group" : "img");
}

/** A number beside its wire: there once it is known, a question mark while it is covered. */
function paintNumber(group, kind, k, value, seen, hides) {
  const here = value !== null && seen.has(`${kind} ${k}`), hidden = here && hides && covered(kind, k);
  const text = group.querySelector(`text.${kind}`);
  text.textContent = !here ? "" : hidden ? "?" : value.beside ?? figure(value);
  text.classList.toggle("covered", hidden);
  const most = LESSON.room/text.textContent.length; // a longer number is written smaller
  if (most < 1 && !LESSON.recorded) text.setAttribute("font-size", 12*most);
  else text.removeAttribute("font-size");
  if (here && !hidden) group.setAttribute(`data-${kind}`, value.words ?? String(value));
  else group.removeAttribute(`data-${kind}`);
}

/** In hiding, a node with numbers that can be covered is a button that uncovers them. */
function paintRole(group, node, k, seen) {
  const written = kind => group.querySelector(`text.${kind}`).textContent;
  const kinds = ["value", "gradient"].filter(kind => seen.has(`${kind} ${k}`) && written(kind));
  if (!state.hiding || !kinds.some(kind => kind === "gradient" || node.kind === "gate")) {
    for (const name of ["role", "tabindex", "aria-label"]) group.removeAttribute(name);
    return;
  }
  const said = kinds.map(kind => `${kind} ${written(kind) === "?" ? "hidden" : written(kind)}`);
  group.setAttribute("role", "button");
  group.setAttribute("tabindex", "0");
  group.setAttribute("aria-label", `${node.text}${node.inputs ? ` = ${node.formula}` : ""}: ${said.join(", ")}`);
}

/** Whether the wire to the gate K at PLACE is the branch that a `where` did not take. */
function isUntaken(k, place) {
  if (!state.run || place === 0 || !passes.isWhere(k) || state.run.values[k] === null) return false;
  return place !== (state.run.values[NODES[k].inputs[0]] ? 1 : 2);
}

/** Let the picture fill its place; text is never smaller than it was drawn, so a large graph scrolls. */
function fit() {
  const {width, height} = svg.viewBox.baseVal, room = find("picture");
  const fitting = Math.min((room.clientWidth - 20)/width, (room.clientHeight - 20)/height);
  const scale = Math.min(2.4, Math.max(1, fitting));
  svg.setAttribute("width", width*scale);
  svg.setAttribute("height", height*scale);
}

/** Scroll the picture, and nothing else, to what runs. */
function follow() {
  const room = find("picture"), running = svg.querySelector("g.gate.running");
  if (!running || state.run.list[state.at].gates.length > 1) return;
  const inner = running.getBoundingClientRect(), outer = room.getBoundingClientRect();
  const left = inner.left + inner.width/2 - outer.left - outer.width/2;
  const top = inner.top + inner.height/2 - outer.top - outer.height/2;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches || Math.abs(left) > outer.width/2;
  room.scrollBy({left, top, behavior: still ? "instant" : "smooth"});
}

// The page: one step at a time through the forward and the backward pass, on inputs that can be changed.
// What a student typed comes in as data and goes out as text content, never as markup.

const LESSON = JSON.parse(document.getElementById("lesson").textContent);
const NODES = LESSON.nodes;
const passes = new Passes(NODES, LESSON.output, RULES, LESSON.kinks);
const find = id => document.getElementById(id);
const svg = document.querySelector("#picture svg");

/** What is seen: the numbers of the inputs, the run they give (or the trouble), the step, what was uncovered. */
const state = {run: null, trouble: null, at: 0, hiding: LESSON.hide, uncovered: new Set()};

// --- text ------------------------------------------------------------------------------------------------

/** An element with a class and parts: texts and other elements. */
function element(name, kind, ...parts) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...parts);
  return made;
}

/** A number in words; an array has its text with it. */
const figure = number => number?.words ?? show(number, LESSON.digits);
/** A number after a sign: in brackets when it has one itself. */
const bracketed = number => number < 0 ? `(${figure(number)})` : figure(number);
const covered = (kind, k) => state.hiding && !state.uncovered.has(`${kind} ${k}`);
/** A value or gradient of node K in the colour of its kind; a question mark while it is covered. */
const number = (kind, k, value) => element("span", kind, covered(kind, k) ? "?" : figure(value));

/** A gate's formula with the numbers of its inputs put in. */
function putIn(k, values) {
  return NODES[k].pieces.map(piece => {
    if (typeof piece === "string") return piece;
    const given = NODES[k].inputs[piece.place], value = values[given];
    if (NODES[given].kind === "gate" && covered("value", given)) return "?";
    return value === null ? "…" : piece.brackets ? bracketed(value) : figure(value);
  }).join("");
}

// --- the steps -------------------------------------------------------------------------------------------

/** How many gradients arrive at each node in the backward pass. */
function arrivals(steps) {
  const awaited = new Map();
  for (const {sends} of steps) for (const {to} of sends) awaited.set(to, (awaited.get(to) ?? 0) + 1);
  return awaited;
}

/** The steps of a run; each has what it says, what runs in the picture, and the numbers known from then on. */
function stepsOf({values, steps, gradients, notes, awaited}) {
  const evaluated = passes.gates.filter(k => values[k] !== null);
  const found = [startStep(), ...evaluated.map((k, n) => forwardStep(k, values, n + 1, evaluated.length))];
  if (LESSON.differentiable) {
    const arrived = new Map();
    found.push(seedStep());
    steps.forEach((step, n) => found.push(backwardStep(step, n + 1, steps.length, awaited, arrived, gradients)));
    found.push(endStep(notes, gradients));
  }
  return found;
}

function startStep() {
  const known = NODES.flatMap((node, k) => node.inputs ? [] : [`value ${k}`]);
  return {
    known, gates: [], wires: [],
    say: () => [element("p", "phase", "Start"), element("p", "", "The inputs are given. Forward: every gate computes its value, from left to right.")],
  };
}

function forwardStep(k, values, count, all) {
  const node = NODES[k];
  const result = () => node.compares && typeof values[k] === "number"
    ? [covered("value", k) ? element("span", "value", "?") : element("span", "value", values[k] ? "holds" : "does not hold")]
    : ["= ", number("value", k, values[k])];
  return {
    known: [`value ${k}`], gates: [k], wires: node.inputs.map((_, place) => [k, place]),
    say: () => [
      element("p", "phase", `Forward, gate ${count} of ${all}`),
      element("p", "math", `${node.text} = ${node.formula}`),
      element("p", "math", `${putIn(k, values)} `, ...result()),
      element("p", "quiet", node.summary),
    ],
  };
}

function seedStep() {
  const {text} = NODES[LESSON.output];
  return {
    known: [`gradient ${LESSON.output}`], gates: [LESSON.output], wires: [],
    say: () => [
      element("p", "phase", "Backward: where the gradients start"),
      element("p", "math", `∂${LESSON.f}/∂${text} = `, number("gradient", LESSON.output, LESSON.upstream)),
      element("p", "quiet", LESSON.upstream === 1 ? "The output changes exactly as fast as itself." : "What arrives at the output was given.",
        " From here every gate hands its gradient back to its inputs: upstream × local."),
    ],
  };
}

function backwardStep({node: k, upstream, sends, notes}, count, all, awaited, arrived, gradients) {
  const node = NODES[k], known = [], sums = [];
  for (const {to, product} of sends) arrived.set(to, [...(arrived.get(to) ?? []), {from: node.text, product}]);
  for (const to of new Set(sends.map(send => send.to))) {
    const here = arrived.get(to), complete = here.length === awaited.get(to);
    if (complete) known.push(`gradient ${to}`);
    if (awaited.get(to) > 1) sums.push({to, here, complete, awaited: awaited.get(to)});
  }
  return {
    known, gates: [k], wires: sends.map(({place}) => [k, place]), joins: sums.map(({to}) => to),
    say: () => [
      element("p", "phase", `Backward, gate ${count} of ${all}`),
      element("p", "math", `${node.text} = ${node.formula}`, element("span", "quiet", "  upstream "), number("gradient", k, upstream)),
      sends.length ? element("ul", "", ...sends.map(send => sendLine(k, upstream, send, awaited))) : element("p", "", "No input of it depends on a variable."),
      ...sums.map(sum => sumLine(sum, gradients)),
      ...notes.map(note => element("p", "note", note)),
      element("p", "quiet", node.pattern),
    ],
  };
}

/** "to x: upstream -4 × local 1 = -4". */
function sendLine(k, upstream, {to, place, local, product}, awaited) {
  const slope = NODES[k].slopes[place], shown = covered("gradient", to) ? "?" : figure(local);
  const rule = element("span", "math", slope);
  const result = covered("gradient", to) ? element("span", "gradient", "?") : element("span", awaited.get(to) > 1 ? "" : "gradient", figure(product));
  const name = element("span", "math", NODES[to].text);
  if (local === null) return element("li", "", "to ", name, ": ", result, element("span", "quiet", "  (", rule, ", where G is the upstream gradient)"));
  return element("li", "", "to ", name, ": upstream ", number("gradient", k, upstream), ` × local ${shown} = `, result,
    ...(slope && slope !== shown ? [element("span", "quiet", "  (local: ", rule, ")")] : []));
}

/** Where wires meet: the sum, once everything has arrived. */
function sumLine({to, here, complete, awaited}, gradients) {
  const name = element("span", "math", NODES[to].text);
  if (!complete) return element("p", "", name, ` feeds ${awaited} wires: ${here.length} of ${awaited} gradients have arrived, the sum comes with the last.`);
  if (covered("gradient", to)) return element("p", "", "wires meet at ", name, ": the gradients that arrive add up to ", element("span", "gradient", "?"));
  const terms = here.map(({product}, n) => n ? bracketed(product) : figure(product)).join(" + ");
  return element("p", "", "wires meet at ", name, ": ", element("span", "math", `${terms} = `), number("gradient", to, gradients[to]));
}

function endStep(notes, gradients) {
  const inputs = NODES.flatMap((node, k) => node.kind === "input" ? [k] : []);
  return {
    known: inputs.map(k => `gradient ${k}`), gates: inputs, wires: [],
    say: () => [
      element("p", "phase", "The gradients"),
      ...inputs.map(k => element("p", "", element("span", "math", `∂${LESSON.f}/∂${NODES[k].text} = `), number("gradient", k, gradients[k]))),
      ...notes.map(note => element("p", "note", note)),
      element("p", "quiet", "Each says how fast the output changes when that input alone is raised a little."),
    ],
  };
}

// --- the picture -----------------------------------------------------------------------------------------

const groups = new Map([...svg.querySelectorAll("g.gate")].map(group => [group.dataset.node, group]));
const wires = [...svg.querySelectorAll("g.wire")];
const joins = [...svg.querySelectorAll("g.join")];

/** The numbers known at the present step: "value 3" and "gradient 3" for node 3. */
const known = () => new Set(state.run ? state.run.list.slice(0, state.at + 1).flatMap(step => step.known) : []);

function paint() {
  const seen = known(), step = state.run?.list[state.at];
  NODES.forEach((node, k) => {
    const group = groups.get(node.id);
    if (!group) return;
    group.classList.toggle("running", !!step?.gates.includes(k));
    paintNumber(group, "value", k, node.plain ? null : state.run?.values[k] ?? null, seen, node.kind === "gate");
    paintNumber(group, "gradient", k, state.run?.gradients[k] ?? null, seen, true);
    paintRole(group, node, k, seen);
  });
  for (const wire of wires) {
    const {to, input} = wire.dataset;
    wire.classList.toggle("running", !!step?.wires.some(([k, place]) => NODES[k].id === to && place === Number(input)));
    if (!LESSON.recorded) wire.classList.toggle("untaken", isUntaken(to, Number(input)));
  }
  for (const join of joins) {
    const k = NODES.findIndex(node => node.id === join.dataset.node);
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

/** While numbers are hidden, what has one is a button that uncovers it. */
function paintRole(group, node, k, seen) {
  const kinds = ["value", "gradient"].filter(kind => seen.has(`${kind} ${k}`) && group.querySelector(`text.${kind}`).textContent);
  const asks = state.hiding && kinds.some(kind => kind === "gradient" || node.kind === "gate");
  if (!asks) {
    for (const name of ["role", "tabindex", "aria-label"]) group.removeAttribute(name);
    return;
  }
  const said = kinds.map(kind => `${kind} ${covered(kind, k) && !(kind === "value" && node.kind !== "gate") ? "hidden" : group.querySelector(`text.${kind}`).textContent}`);
  group.setAttribute("role", "button");
  group.setAttribute("tabindex", "0");
  group.setAttribute("aria-label", `${node.text}${node.inputs ? ` = ${node.formula}` : ""}: ${said.join(", ")}`);
}

function isUntaken(id, place) {
  const k = NODES.findIndex(node => node.id === id);
  if (!state.run || place === 0 || !passes.isWhere(k) || state.run.values[k] === null) return false;
  return (place === 1) === !state.run.values[NODES[k].inputs[0]];
}

/** Let the picture fill its place; text is never smaller than it was drawn, so a large graph scrolls. */
function fit() {
  const {width, height} = svg.viewBox.baseVal, room = find("picture");
  const scale = Math.min(2.4, Math.max(1, Math.min((room.clientWidth - 20)/width, (room.clientHeight - 20)/height)));
  svg.setAttribute("width", width*scale);
  svg.setAttribute("height", height*scale);
}

/** Scroll the picture, and nothing else, to what runs. */
function follow() {
  const room = find("picture"), running = svg.querySelector("g.gate.running");
  if (!running || state.run.list[state.at].gates.length > 1) return;
  const inner = running.getBoundingClientRect(), outer = room.getBoundingClientRect();
  const left = inner.left + inner.width/2 - outer.left - outer.width/2, top = inner.top + inner.height/2 - outer.top - outer.height/2;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches || Math.abs(left) > outer.width/2;
  room.scrollBy({left, top, behavior: still ? "instant" : "smooth"});
}

// --- the page --------------------------------------------------------------------------------------------

const fields = NODES.flatMap((node, k) => node.kind === "input" ? [makeField(node, k)] : []);

function makeField(node, k) {
  const gradient = element("output");
  if (LESSON.recorded) {
    find("fields").append(element("div", "field fixed", element("span", "math", node.text), element("span", "value", figure(LESSON.recorded.values[k])), gradient));
    return {k, node, gradient};
  }
  const input = element("input"), label = element("label", "", node.text), wrong = element("span", "wrong");
  Object.assign(input, {type: "text", id: `input-${k}`, value: LESSON.point[node.name], spellcheck: false, autocomplete: "off"});
  input.setAttribute("aria-describedby", `wrong-${k}`);
  label.htmlFor = input.id;
  wrong.id = `wrong-${k}`;
  gradient.htmlFor = input.id;
  find("fields").append(element("div", "field", label, input, wrong, gradient));
  input.addEventListener("input", () => compute(k));
  return {k, node, input, wrong, gradient};
}

/** Read the fields and run both passes; CHANGED is the input that was edited last. */
function compute(changed) {
  const point = {};
  Object.assign(state, {run: null, trouble: null});
  state.uncovered.clear();
  for (const field of LESSON.recorded ? [] : fields) {
    try {
      mark(field, "");
      point[field.node.name] = read(field.input.value);
    } catch (trouble) {
      mark(field, sentenceOf(trouble));
      state.trouble ??= ["An input has no number.", `${field.node.text}: ${trouble.message}`];
    }
  }
  if (!state.trouble) run(point, fields.find(field => field.k === changed));
  state.at = Math.min(state.at, (state.run?.list.length ?? 1) - 1);
  render();
}

function run(point, edited) {
  try {
    const found = LESSON.recorded ?? computed(point);
    const awaited = arrivals(found.steps);
    state.run = {...found, awaited, list: stepsOf({...found, awaited})};
  } catch (trouble) {
    state.trouble = ["The mathematics has no answer here.", sentenceOf(trouble)];
    if (edited) mark(edited, trouble.message);
  }
}

/** Both passes at POINT: values and gradients by node, the backward pass's steps, the notes of kinks. */
function computed(point) {
  const values = passes.forward(point);
  const {steps, gradients} = LESSON.differentiable ? passes.backward(values, LESSON.upstream) : {steps: [], gradients: []};
  return {values, gradients, steps, notes: steps.flatMap(step => step.notes)};
}

/** The words of something a user can mend; anything else is a fault of the page. */
function sentenceOf(trouble) {
  if (trouble instanceof Trouble) return trouble.message;
  throw trouble;
}

function mark({input, wrong}, sentence) {
  wrong.textContent = sentence;
  input.setAttribute("aria-invalid", String(sentence !== ""));
}

function render() {
  const list = state.run?.list ?? [], last = Math.max(0, list.length - 1);
  paint();
  find("step").replaceChildren(...(state.run ? list[state.at].say() : [
    element("p", "trouble", state.trouble[0]), element("p", "", state.trouble[1]), element("p", "quiet", "Change an input to go on."),
  ]));
  find("bar").max = Math.max(1, last);
  find("bar").value = state.at;
  find("count").textContent = state.run ? `step ${state.at} of ${last}` : "no steps";
  for (const [id, able] of [["first", state.at > 0], ["back", state.at > 0], ["next", state.at < last], ["last", state.at < last]]) {
    find(id).setAttribute("aria-disabled", String(!able));
  }
  find("hide").setAttribute("aria-pressed", String(state.hiding));
  find("reveal").hidden = !state.hiding;
  const seen = known();
  for (const {k, node, gradient} of fields) {
    const here = seen.has(`gradient ${k}`);
    gradient.replaceChildren(...(here ? [`∂${LESSON.f}/∂${node.text} = `, number("gradient", k, state.run.gradients[k])] : []));
  }
}

function go(to) {
  if (!state.run) return;
  const at = Math.max(0, Math.min(to, state.run.list.length - 1));
  if (at === state.at) return;
  state.at = at;
  render();
  follow();
}

function uncover(group) {
  const k = NODES.findIndex(node => node.id === group.dataset.node), seen = known();
  const kinds = ["value", "gradient"].filter(kind => seen.has(`${kind} ${k}`));
  const open = kinds.every(kind => state.uncovered.has(`${kind} ${k}`));
  for (const kind of kinds) state.uncovered[open ? "delete" : "add"](`${kind} ${k}`);
  render();
}

const KEYS = {
  ArrowRight: () => go(state.at + 1), ArrowLeft: () => go(state.at - 1), Home: () => go(0), End: () => go(Infinity),
  PageDown: () => go(state.at + 1), PageUp: () => go(state.at - 1), // what a presenter's remote control sends
};

document.addEventListener("keydown", event => {
  const group = event.target.closest?.("g[role=button]");
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target instanceof HTMLInputElement) return;
  if (group && (event.key === "Enter" || event.key === " ")) uncover(group);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});
svg.addEventListener("click", event => {
  const group = event.target.closest("g[role=button]");
  if (group) uncover(group);
});
find("first").addEventListener("click", KEYS.Home);
find("back").addEventListener("click", KEYS.ArrowLeft);
find("next").addEventListener("click", KEYS.ArrowRight);
find("last").addEventListener("click", KEYS.End);
find("hide").addEventListener("click", () => {
  state.hiding = !state.hiding;
  state.uncovered.clear();
  render();
});
find("reveal").addEventListener("click", () => {
  for (const one of known()) state.uncovered.add(one);
  render();
});
find("inputs").addEventListener("submit", event => event.preventDefault());
find("reset").addEventListener("click", () => {
  for (const {node, input} of fields) input.value = LESSON.point[node.name];
  compute();
});
addEventListener("resize", fit);
if (LESSON.recorded) {
  find("reset").hidden = true;
  find("hint").textContent = "This formula works on arrays. bpcli computed these numbers when it wrote the page, so the inputs "
    + "cannot be changed here. The arrow keys step; Home and End jump.";
}

compute();
fit();

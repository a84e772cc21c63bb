// The inputs, the buttons and the keys; at the end, the start of the page.

// --- inputs ----------------------------------------------------------------------------------------------

/** The inputs in order, each with its place for the gradient and, unless the run is recorded, its number field. */
const makeField = LESSON.recorded ? fixed : editable;
const fields = NODES.flatMap((node, k) => node.kind === "input" ? [makeField(node, k)] : []);

function fixed(node, k) {
  const name = element("span", "math", node.text), value = element("span", "value", figure(LESSON.recorded.values[k]));
  const gradient = element("output");
  find("fields").append(element("div", "field fixed", name, value, gradient));
  return {k, node, gradient};
}

function editable(node, k) {
  const input = element("input"), label = element("label", "", node.text);
  const wrong = element("span", "wrong"), gradient = element("output");
  const value = LESSON.point[node.name];
  Object.assign(input, {type: "text", id: `input-${k}`, value, spellcheck: false, autocomplete: "off"});
  input.setAttribute("aria-describedby", `wrong-${k}`);
  label.htmlFor = gradient.htmlFor = input.id;
  wrong.id = `wrong-${k}`;
  find("fields").append(element("div", "field", label, input, wrong, gradient));
  input.addEventListener("input", () => compute(k));
  return {k, node, input, wrong, gradient};
}

function mark({input, wrong}, sentence) {
  wrong.textContent = sentence;
  input.setAttribute("aria-invalid", String(sentence !== ""));
}

/** The words of something a user can mend; anything else is a fault of the page. */
function sentenceOf(trouble) {
  if (trouble instanceof Trouble) return trouble.message;
  throw trouble;
}

// --- computing -------------------------------------------------------------------------------------------

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
    const found = LESSON.recorded ?? computed(point), awaited = arrivals(found.steps);
    state.run = {...found, awaited, list: stepsOf({...found, awaited})};
  } catch (trouble) {
    state.trouble = ["The mathematics has no answer here.", sentenceOf(trouble)];
    if (edited) mark(edited, trouble.message);
  }
}

/** Both passes at POINT: values and gradients by node, the backward pass's steps, the notes of kinks. */
function computed(point) {
  const values = passes.forward(point);
  if (!LESSON.differentiable) return {values, gradients: [], steps: [], notes: []};
  const {steps, gradients} = passes.backward(values, LESSON.upstream);
  return {values, gradients, steps, notes: steps.flatMap(step => step.notes)};
}

// --- showing ---------------------------------------------------------------------------------------------

function render() {
  const list = state.run?.list ?? [], last = Math.max(0, list.length - 1);
  paint();
  find("step").replaceChildren(...(state.run ? list[state.at].say() : troubleWords()));
  find("bar").max = Math.max(1, last);
  find("bar").value = state.at;
  find("count").textContent = state.run ? `step ${state.at} of ${last}` : "no steps";
  for (const id of ["first", "back"]) find(id).setAttribute("aria-disabled", String(state.at === 0));
  for (const id of ["next", "last"]) find(id).setAttribute("aria-disabled", String(state.at === last));
  find("hide").setAttribute("aria-pressed", String(state.hiding));
  find("reveal").hidden = !state.hiding;
  const seen = known();
  for (const {k, gradient} of fields) {
    const here = seen.has(`gradient ${k}`);
    gradient.replaceChildren(...(here ? [`${derivative(k)} = `, number("gradient", k, state.run.gradients[k])] : []));
  }
}

function troubleWords() {
  const [title, sentence] = state.trouble;
  const advice = "Change an input to go on.";
  return [element("p", "trouble", title), element("p", "", sentence), element("p", "quiet", advice)];
}

function go(to) {
  if (!state.run) return;
  const at = Math.max(0, Math.min(to, state.run.list.length - 1));
  if (at === state.at) return;
  state.at = at;
  render();
  follow();
}

/** Uncover the numbers of a node that are known, or cover them again. */
function uncover(group) {
  const k = places.get(group.dataset.node), seen = known();
  const here = [`value ${k}`, `gradient ${k}`].filter(one => seen.has(one));
  const open = here.every(one => state.uncovered.has(one));
  for (const one of here) state.uncovered[open ? "delete" : "add"](one);
  render();
}

// --- keys and buttons ------------------------------------------------------------------------------------

const KEYS = {
  ArrowRight: () => go(state.at + 1), ArrowLeft: () => go(state.at - 1), Home: () => go(0), End: () => go(Infinity),
  PageDown: () => go(state.at + 1), PageUp: () => go(state.at - 1), // what a presenter's remote control sends
};

document.addEventListener("keydown", event => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target instanceof HTMLInputElement) return; // the keys of a number field are its own
  const group = event.target.closest?.("g[role=button]");
  if (group && (event.key === "Enter" || event.key === " ")) uncover(group);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});
svg.addEventListener("click", event => {
  const group = event.target.closest("g[role=button]");
  if (group) uncover(group);
});
for (const [id, key] of [["first", "Home"], ["back", "ArrowLeft"], ["next", "ArrowRight"], ["last", "End"]]) {
  find(id).addEventListener("click", KEYS[key]);
}
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
  find("hint").textContent = "This formula works on arrays. bpcli computed these numbers when it wrote the page, so "
    + "the inputs cannot be changed here. The arrow keys step; Home and End jump.";
}
compute();
fit();

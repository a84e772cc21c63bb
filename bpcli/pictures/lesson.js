// The page: one step at a time through the forward and the backward pass, on inputs that can be changed.
// What a student typed comes in as data and goes out as text content, never as markup.

const find = id => document.getElementById(id);
const LESSON = JSON.parse(find("lesson").textContent);
const NODES = LESSON.nodes;
const passes = new Passes(NODES, LESSON.output, RULES, LESSON.kinks);
const svg = document.querySelector("#picture svg");

/** What is seen: the run that the inputs give, or the trouble; the step; what was uncovered. */
const state = {run: null, trouble: null, at: 0, hiding: LESSON.hide, uncovered: new Set()};

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
const derivative = k => `∂${LESSON.f}/∂${NODES[k].text}`;
const covered = (kind, k) => state.hiding && !state.uncovered.has(`${kind} ${k}`);
/** A value or gradient of node K in the colour of its kind; a question mark while it is covered. */
const number = (kind, k, value) => element("span", kind, covered(kind, k) ? "?" : figure(value));

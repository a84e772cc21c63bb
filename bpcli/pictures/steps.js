// The steps of a lesson: for each, what it says, what runs in the picture, and which numbers are known from then on.

/** How many gradients arrive at each node in the backward pass. */
function arrivals(steps) {
  const awaited = new Map();
  for (const {sends} of steps) for (const {to} of sends) awaited.set(to, (awaited.get(to) ?? 0) + 1);
  return awaited;
}

/**
 * The steps of a run. ``say`` gives the elements of the step's words; ``gates``, ``wires`` (pairs of a gate and a
 * place) and ``joins`` are what runs; ``known`` has entries such as "value 3" and "gradient 3" for node 3.
 */
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
  const words = "The inputs are given. Forward: every gate computes its value, from left to right.";
  return {
    known: NODES.flatMap((node, k) => node.inputs ? [] : [`value ${k}`]), gates: [], wires: [],
    say: () => [element("p", "phase", "Start"), element("p", "", words)],
  };
}

function forwardStep(k, values, count, all) {
  const node = NODES[k], decides = node.compares && typeof values[k] === "number";
  const answer = () => covered("value", k) ? "?" : values[k] ? "holds" : "does not hold";
  return {
    known: [`value ${k}`], gates: [k], wires: node.inputs.map((_, place) => [k, place]),
    say: () => [
      element("p", "phase", `Forward, gate ${count} of ${all}`),
      element("p", "math", `${node.text} = ${node.formula}`),
      element("p", "math", `${putIn(k, values)} `,
        ...(decides ? [element("span", "value", answer())] : ["= ", number("value", k, values[k])])),
      element("p", "quiet", node.summary),
    ],
  };
}

/** A gate's formula with the numbers of its inputs put in. */
function putIn(k, values) {
  return NODES[k].pieces.map(piece => {
    if (typeof piece === "string") return piece;
    const given = NODES[k].inputs[piece.place], value = values[given];
    if (NODES[given].kind === "gate" && covered("value", given)) return "?";
    return value === null ? "…" : piece.brackets ? bracketed(value) : figure(value);
  }).join("");
}

function seedStep() {
  const k = LESSON.output;
  const itself = "The output changes exactly as fast as itself.";
  const why = LESSON.upstream === 1 ? itself : "What arrives at the output was given.";
  return {
    known: [`gradient ${k}`], gates: [k], wires: [],
    say: () => [
      element("p", "phase", "Backward: where the gradients start"),
      element("p", "math", `${derivative(k)} = `, number("gradient", k, LESSON.upstream)),
      element("p", "quiet", `${why} From here every gate hands its gradient back to its inputs: upstream × local.`),
    ],
  };
}

function backwardStep({node: k, upstream, sends, notes}, count, all, awaited, arrived, gradients) {
  const node = NODES[k], known = [], sums = [];
  for (const {to, product} of sends) arrived.set(to, [...(arrived.get(to) ?? []), product]);
  for (const to of new Set(sends.map(send => send.to))) {
    const here = arrived.get(to);
    if (here.length === awaited.get(to)) known.push(`gradient ${to}`);
    if (awaited.get(to) > 1) sums.push({to, here, awaited: awaited.get(to)});
  }
  const lines = () => sends.map(send => sendLine(k, upstream, send, awaited.get(send.to) === 1));
  return {
    known, gates: [k], wires: sends.map(({place}) => [k, place]), joins: sums.map(({to}) => to),
    say: () => [
      element("p", "phase", `Backward, gate ${count} of ${all}`),
      element("p", "math", `${node.text} = ${node.formula}`, element("span", "quiet", "  upstream "),
        number("gradient", k, upstream)),
      sends.length ? element("ul", "", ...lines()) : element("p", "", "None of its inputs gets a gradient."),
      ...sums.map(sum => sumLine(sum, gradients)),
      ...noteLines(notes, sends.map(({to}) => to)),
      element("p", "quiet", node.pattern),
    ],
  };
}

/** "to x: upstream -4 × local 1 = -4", the product in colour when it is all that arrives at x. */
function sendLine(k, upstream, {to, place, local, product}, isAll) {
  const hidden = covered("gradient", to), slope = NODES[k].slopes[place], shown = hidden ? "?" : figure(local);
  const result = element("span", isAll || hidden ? "gradient" : "", hidden ? "?" : figure(product));
  const start = ["to ", element("span", "math", NODES[to].text), ": "], rule = element("span", "math", slope);
  const aside = (...words) => element("span", "quiet", "  (", ...words, ")");
  if (local === null) { // a gate on whole arrays
    return element("li", "", ...start, result, aside(rule, ", where G is the upstream gradient"));
  }
  const equation = ["upstream ", number("gradient", k, upstream), ` × local ${shown} = `, result];
  return element("li", "", ...start, ...equation, ...(slope && slope !== shown ? [aside("local: ", rule)] : []));
}

/** Where wires meet: the sum, once everything has arrived. */
function sumLine({to, here, awaited}, gradients) {
  const name = element("span", "math", NODES[to].text);
  if (here.length < awaited) {
    const soFar = `${here.length} of ${awaited} gradients have arrived, the sum comes with the last.`;
    return element("p", "", name, ` feeds ${awaited} wires: ${soFar}`);
  }
  const terms = here.map((product, n) => n ? bracketed(product) : figure(product)).join(" + ");
  const sum = covered("gradient", to) ? "the gradients that arrive add up to " : element("span", "math", `${terms} = `);
  return element("p", "", "wires meet at ", name, ": ", sum, number("gradient", to, gradients[to]));
}

/** The notes of kinks; they tell slopes, so they wait until the gradients of these NODES are uncovered. */
function noteLines(notes, nodes) {
  return nodes.some(k => covered("gradient", k)) ? [] : notes.map(note => element("p", "note", note));
}

function endStep(notes, gradients) {
  const inputs = NODES.flatMap((node, k) => node.kind === "input" ? [k] : []);
  return {
    known: inputs.map(k => `gradient ${k}`), gates: inputs, wires: [],
    say: () => [
      element("p", "phase", "The gradients"),
      ...inputs.map(k => element("p", "math", `${derivative(k)} = `, number("gradient", k, gradients[k]))),
      ...noteLines(notes, inputs),
      element("p", "quiet", "Each says how fast the output changes when that input alone is raised a little."),
    ],
  };
}

// The forward and the backward pass over the graph, as bpcli/sweeps.py runs them, by the rules of the gate table.

/** What a user can mend: a sentence. */
class Trouble extends Error {}

const TOO_LARGE = "is larger than any double (1.8e308)";

/** What COMPUTE gives, or null where it stops without a value. */
function attempt(compute) {
  try {
    return compute();
  } catch (error) {
    if (error instanceof NoValue) return null;
    throw error;
  }
}

/** The finite number that COMPUTE gives for INPUTS, or null. */
function numberOf(compute, inputs) {
  const value = attempt(() => compute(...inputs));
  return Number.isFinite(value) ? value : null;
}

/** The two passes over one graph: its nodes as the page's data has them. */
class Passes {
  constructor(nodes, output, rules, kinks) {
    Object.assign(this, {nodes, output, rules, kinks});
    this.gates = nodes.flatMap((node, k) => node.inputs ? [k] : []);
    const used = new Set(this.gates.flatMap(k => nodes[k].inputs));
    this.wanted = this.gates.filter(k => !used.has(k) || k === output);
  }

  rule(k) {
    return this.rules[this.nodes[k].rule];
  }

  isWhere(k) {
    return this.nodes[k].rule === "where/3";
  }

  /** The branch that the `where` at K takes. */
  taken(k, values) {
    const [condition, first, second] = this.nodes[k].inputs;
    return values[condition] ? first : second;
  }

  refuse(k, values, sentence) {
    const given = [...new Set(this.nodes[k].inputs)].filter(one => !("constant" in this.nodes[one]));
    const here = given.filter(one => values[one] !== null)
      .map(one => `${this.nodes[one].words} = ${show(values[one], 6)}`);
    throw new Trouble(sentence + (here.length ? `; here ${here.join(", ")}` : ""));
  }

  /** The value of every node, null where a `where` did not take the branch; POINT is name -> number. */
  forward(point) {
    const values = this.nodes.map(node => node.constant ?? (node.kind === "input" ? point[node.name] : null));
    const stack = [...this.wanted].reverse();
    while (stack.length) {
      const k = stack.at(-1);
      if (values[k] !== null) {
        stack.pop();
        continue;
      }
      let inputs = this.nodes[k].inputs;
      if (this.isWhere(k)) inputs = values[inputs[0]] === null ? [inputs[0]] : [inputs[0], this.taken(k, values)];
      const missing = inputs.filter(one => values[one] === null);
      if (missing.length) stack.push(...missing.reverse());
      else values[k] = this.isWhere(k) ? values[inputs[1]] : this.value(k, values);
    }
    return values;
  }

  value(k, values) {
    const inputs = this.nodes[k].inputs.map(one => values[one]);
    const rule = this.rule(k), value = numberOf(rule.value, inputs);
    if (value !== null) return value;
    for (const [holds, sentence] of rule.domain) if (!holds(...inputs, null)) this.refuse(k, values, sentence);
    return this.refuse(k, values, `${this.nodes[k].gate} overflows: its value ${TOO_LARGE}`);
  }

  /** The gates that the output depends on, last first; of a `where` only the branch taken. */
  reached(values) {
    const live = new Set([this.output]);
    return [...this.gates].reverse().filter(k => {
      if (!live.has(k) || !this.nodes[k].active) return false;
      for (const one of this.isWhere(k) ? [this.taken(k, values)] : this.nodes[k].inputs) live.add(one);
      return true;
    });
  }

  /** The local gradients of the gate K by LOCAL of its rule; null where there is none or no variable. */
  locals(k, values, local) {
    const node = this.nodes[k], given = [...node.inputs.map(one => values[one]), values[k]];
    const refuse = () => this.refuse(k, values, `${node.gate} has no finite slope at this point`);
    return (attempt(() => local(...given)) ?? refuse()).map((slope, place) => {
      if (!slope || !this.nodes[node.inputs[place]].active) return null;
      return numberOf(slope, []) ?? refuse();
    });
  }

  /**
   * The backward pass: the gates in its order, each with its upstream gradient and what it sends to its inputs;
   * and the gradient of every node that was reached.
   */
  backward(values, upstream) {
    const reached = this.reached(values), notes = this.notes(reached, values);
    const locals = new Map([...reached].reverse().map(k => [k, this.locals(k, values, this.rule(k).local)]));
    const gradients = this.nodes.map(() => null);
    this.nodes.forEach((node, k) => { if (node.kind === "input") gradients[k] = 0; });
    gradients[this.output] = upstream;
    const steps = reached.map(k => {
      const untaken = this.isWhere(k) ? (values[this.nodes[k].inputs[0]] ? 2 : 1) : -1;
      const sends = locals.get(k).flatMap((local, place) => {
        if (local === null || place === untaken) return [];
        const to = this.nodes[k].inputs[place], product = (gradients[k] ?? 0)*local;
        gradients[to] = (gradients[to] ?? 0) + product;
        return [{to, place, local, product}];
      });
      return {node: k, upstream: gradients[k] ?? 0, sends, notes: notes.get(k) ?? []};
    });
    for (const {node, sends} of steps) {
      const overflows = [node, ...sends.map(({to}) => to)].some(k => !Number.isFinite(gradients[k]));
      if (overflows) this.refuse(node, values, `the gradient at this gate ${TOO_LARGE}`);
    }
    return {steps, gradients};
  }

  /** Gate -> the notes of the kinks it met. */
  notes(reached, values) {
    const found = new Map();
    for (const gate of [...reached].reverse()) {
      const k = this.isWhere(gate) ? this.nodes[gate].inputs[0] : gate;
      if (!this.nodes[k].inputs || !this.nodes[k].active) continue;
      const rule = this.rule(k);
      if (!rule.kink || !rule.kink(...this.nodes[k].inputs.map(one => values[one]), values[k])) continue;
      if (rule.sides && !this.matters(k, values)) continue;
      if (this.kinks === "error") this.refuse(k, values, rule.sentence);
      found.set(gate, [...(found.get(gate) ?? []), this.note(k, values)]);
    }
    return found;
  }

  note(k, values) {
    const {sentence, sides, local, convention} = this.rule(k), {text, inputs} = this.nodes[k];
    if (!sides) return `${text}: ${sentence}`;
    const slopes = this.locals(k, values, local).flatMap((slope, place) =>
      slope === null ? [] : [`${show(slope, 6)} for ${this.nodes[inputs[place]].text}`]);
    return `${text}: ${sentence}; took ${slopes.join(", ")} (${convention})`;
  }

  /** Whether the slope in some input depends on the convention: not in max(x, x). */
  matters(k, values) {
    const [left, right] = this.rule(k).sides.map(side => {
      const total = new Map();
      this.locals(k, values, side).forEach((slope, place) => {
        const one = this.nodes[k].inputs[place];
        total.set(one, (total.get(one) ?? 0) + (slope ?? 0));
      });
      return total;
    });
    return [...left].some(([one, slope]) => slope !== right.get(one));
  }
}

// Numbers as people read and write them, as bpcli/figures.py and bpcli/point.py do it (a test holds them equal).

/** SIZE (above 0) times a power of ten as a whole number, half to even: COUNT digits, or those down to a decimal. */
function scaled(size, count) {
  const [mantissa, exponent] = size.toExponential(100).split("e");
  const digits = mantissa.replace(".", ""), keep = count(Number(exponent));
  const head = digits.slice(0, keep), rest = digits.slice(keep);
  const odd = "13579".includes(head.at(-1) ?? "0");
  const up = rest[0] > "5" || (rest[0] === "5" && (odd || /[1-9]/.test(rest.slice(1))));
  return [String(BigInt(head || "0") + (up ? 1n : 0n)), Number(exponent)];
}

/** VALUE to so many significant digits ("" for null): exact figures drop their trailing zeros, rounded ones do not. */
function show(value, digits) {
  if (value === null) return "";
  if (value === 0) return "0";
  const size = Math.abs(value), sign = value < 0 ? "-" : "";
  if (Number.isInteger(value) && size < 1e7) return sign + size;
  let [figures, exponent] = scaled(size, () => digits);
  if (figures.length > digits) [figures, exponent] = [figures.slice(0, -1), exponent + 1];
  const mantissa = figures[0] + (digits > 1 ? "." + figures.slice(1) : "");
  const exact = Number(`${mantissa}e${exponent}`) === size;
  const short = text => exact && text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  if (size < 1e-4 || size >= 1e7) return `${sign}${short(mantissa)}e${exponent}`;
  const decimals = Math.max(0, digits - 1 - exponent);
  const whole = scaled(size, power => power + 1 + decimals)[0].padStart(decimals + 1, "0");
  const point = whole.length - decimals;
  return sign + short(decimals ? `${whole.slice(0, point)}.${whole.slice(point)}` : whole);
}

const NUMBER = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

/** The finite number that TEXT writes out; Trouble that says what is wrong with it. */
function read(text) {
  const plain = text.trim().replace("−", "-");
  if (!plain) throw new Trouble("no value yet");
  if (/^[+-]?[0-9]+,[0-9]+$/.test(plain)) throw new Trouble(`write a point, not a comma: ${plain.replace(",", ".")}`);
  if (plain.length > 400 || !NUMBER.test(plain)) {
    const shown = plain.length > 24 ? `${plain.slice(0, 24)}…` : plain;
    throw new Trouble(`not a number: ${shown} (a number is written like 2, -0.5 or 1e-3)`);
  }
  const value = Number(plain);
  if (!Number.isFinite(value)) throw new Trouble("too large: the largest number is about 1.8e308");
  return value;
}

// The functions that the gate table's formulas call, under the names that Python's math module gives them.
// As in Python, a function of finite numbers that has no finite value stops the calculation.

class NoValue extends Error {}

/** A FUNCTION of finite numbers that throws NoValue where its value is not finite. */
function finite(compute) {
  return (...given) => {
    const value = compute(...given);
    if (!Number.isFinite(value) && given.every(Number.isFinite)) throw new NoValue();
    return value;
  };
}

const [acos, asin, cosh, exp, expm1, log, log10, log1p, log2, pow, sinh, sqrt, tan] = [
  Math.acos, Math.asin, Math.cosh, Math.exp, Math.expm1, Math.log, Math.log10, Math.log1p, Math.log2, Math.pow,
  Math.sinh, Math.sqrt, Math.tan,
].map(finite);
const {abs, atan, atan2, ceil, cos, floor, hypot, max, min, sin, tanh} = Math;

function quotient(a, b) {
  if (b === 0) throw new NoValue();
  return a/b;
}

/** How many of OTHERS equal VALUE. */
const ties = (value, ...others) => others.filter(other => other === value).length;
/** The place (1, 2, …) of the first of OTHERS that equals VALUE, or 0. */
const place = (value, ...others) => others.indexOf(value) + 1;

// The error function by rational approximations: W. J. Cody, "Rational Chebyshev approximations for the error
// function", Mathematics of Computation 23 (1969), 631-637, with the coefficients of his SPECFUN (CALERF).
const ERF_TOP = [1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
  3.20937758913846947e3];
const ERF_BOTTOM = [1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3];
const ERFC_TOP = [2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
  2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3];
const ERFC_BOTTOM = [1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
  3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3];
const TAIL_TOP = [1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
  1.60837851487422766e-2, 6.58749161529837803e-4];
const TAIL_BOTTOM = [1, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
  2.33520497626869185e-3];

/** The polynomial with these COEFFICIENTS, the highest power's first. */
const polynomial = (coefficients, x) => coefficients.reduce((sum, coefficient) => sum*x + coefficient, 0);
const ratio = (top, bottom, x) => polynomial(top, x)/polynomial(bottom, x);

/** exp(-x²), with x split so that the square's rounding costs no digits. */
function gaussian(x) {
  const coarse = Math.trunc(x*16)/16;
  return Math.exp(-coarse*coarse)*Math.exp(-(x - coarse)*(x + coarse));
}

/** erfc(x) for x > 0.46875. */
function tail(x) {
  if (x <= 4) return gaussian(x)*ratio(ERFC_TOP, ERFC_BOTTOM, x);
  if (x > 28) return 0; // below the smallest double
  const z = 1/(x*x);
  return gaussian(x)*(0.56418958354775628695 - z*ratio(TAIL_TOP, TAIL_BOTTOM, z))/x; // 1/sqrt(pi) - …
}

function erf(x) {
  if (Math.abs(x) <= 0.46875) return x*ratio(ERF_TOP, ERF_BOTTOM, x*x);
  return x > 0 ? 1 - tail(x) : tail(-x) - 1;
}

function erfc(x) {
  if (Math.abs(x) <= 0.46875) return 1 - erf(x);
  return x > 0 ? tail(x) : 2 - tail(-x);
}

/* The scalar functions of run/elementwise.py, on vectors: f_NAME for each of its names.
 *
 * Every function returns NaN for NaN (a second argument included) and overflows only where its
 * true value does. A lane's value depends on that lane alone.
 *
 * The largest errors found, in units in the last place of the true value (subnormal values too):
 *
 *                     float  double
 *     exp              0.98    0.98
 *     tanh             1.91    1.92
 *     sigmoid          1.75    1.85
 *     log              0.87    0.84
 *     erf              1.23    1.56
 *     elu              0.87    0.93
 *     softplus         1.63    1.67
 *     gelu             6.5     7.7
 *     erf_derivative   2.1     1.4
 *     sin, cos         2.3     1.6     beyond 1000: the C library's
 *     silu             4       4       of |u| times sigmoid's unit where sigmoid is subnormal
 *     times_exp        4       4       also where the exponential itself overflows
 *     logaddexp        2       2       of the units of the largest of |a|, |b| and the value
 *     power            the C library's
 *     others           correctly rounded or exact
 *
 * float: exp, tanh, sigmoid, log, erf on all 2^32 arguments with fused multiply-add; the others,
 * and these without it, on every 101st. double: on 10^7 random arguments for exp to gelu, on
 * 10^5 for the others.
 *
 * The polynomials are minimax, found by Remez's exchange in 78 digits
 * (benchmarks/function_coefficients.py); where they meet exp and log, the argument is reduced
 * by Cody and Waite's splitting of ln 2 and of pi/2.
 */
#ifndef BACKPROVE_FUNCTIONS_H
#define BACKPROVE_FUNCTIONS_H

#include <math.h>

#include "vector.h"

#define COLD static __attribute__((noinline, cold, unused))

#if REAL_IS_DOUBLE

#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#define INFINITE __builtin_inf()
#define NOT_A_NUMBER __builtin_nan("")
#define LEAST_NORMAL 2.2250738585072014e-308
#define ROUNDER 6755399441055744.0 /* 1.5 * 2^52: added and taken away, rounds to an integer */
#define LN2_HIGH 0x1.62e42fefap-1 /* 36 bits: its products with n are exact */
#define LN2_LOW 0x1.cf79abc9e3b3ap-40
#define LEAST_EXPONENT -746.0 /* exp of less is 0 */
#define MOST_EXPONENT 710.0
#define NO_DIFFERENCE -40.0 /* exp of less, added to 1, is lost */
#define HIGH_HALF ((integer)0xfffffffff8000000)
#define TAIL_CENTRE 5.5
#define TAIL_END 39.0 /* the distribution function below -39, times 39, is 0 */
#define ERF_END 6.0
#define GAUSS_END 27.5 /* exp(-u^2) of more is 0 */
#define libm_pow __builtin_pow
#define libm_sin __builtin_sin
#define libm_cos __builtin_cos

static const real EXPM1[] = {
    5.00000000000000001e-1, 1.66666666666666765e-1, 4.16666666666665082e-2,
    8.3333333333216544e-3,  1.38888888889625858e-3, 1.98412698860728697e-4,
    2.48015871722655235e-5, 2.75572442547779521e-6, 2.75574027476344396e-7,
    2.51090242556978582e-8, 2.0875336892717014e-9};
static const real ATANH[] = {
    6.66666666666673415e-1, 3.99999999994163854e-1, 2.8571428742012491e-1,
    2.22221986110955325e-1, 1.81835623887626671e-1, 1.53140992597383418e-1,
    1.47954708518177216e-1};
static const real ERF[] = {
    1.28379167095512574e-1, -3.76126389031837476e-1, 1.12837916709548575e-1,
    -2.6866170645072897e-2, 5.22397762478088537e-3,  -8.54832697874322698e-4,
    1.20553310369360727e-4, -1.49255935077590967e-5, 1.64609728309847785e-6,
    -1.63500253719068601e-7, 1.46578808595176892e-8, -1.13656699587272687e-9,
    5.94526863319035142e-11};
static const real TAIL[] = {
    7.73769634276406767e-1,  -6.85183420574338113e-1, 5.35596489062494692e-1,
    -3.670490652936198e-1,   2.17872432857958648e-1,  -1.0970308995871797e-1,
    4.50975808149099119e-2,  -1.39235105656822931e-2, 2.44298267435048021e-3,
    2.6960400089443002e-4,   -3.24522650824184462e-4, 7.14148509435690672e-5,
    1.63199793718099671e-5,  -1.21188991703751631e-5, 4.46352920338295039e-7,
    1.48386536213864966e-6,  -2.6777594109226758e-7,  -1.77595204415363081e-7,
    5.02515601996833913e-8,  2.29398137511108852e-8,  -5.65298749790634442e-9,
    -2.5800608641183291e-9};
static const real SIN[] = {
    -1.66666666666666305e-1, 8.33333333332206237e-3, -1.98412698295427483e-4,
    2.75573136045729727e-6,  -2.50507450447501404e-8, 1.58960678931836762e-10};
static const real COS[] = {
    4.16666666666665925e-2,  -1.38888888888729762e-3, 2.48015872888001875e-5,
    -2.75573141640223004e-7, 2.08756987146705225e-9,  -1.13584238320118351e-11};
/* pi/2 in four parts; a count of quarter turns, up to 10 bits, times one of the first is exact */
static const real QUARTER[] = {0x1.921fb54443p+0, -0x1.73dcb3b39ap-43, 0x1.45c06e0e688p-86,
                               -0x1.48127044533e6p-130};

#else

#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#define INFINITE __builtin_inff()
#define NOT_A_NUMBER __builtin_nanf("")
#define LEAST_NORMAL 1.17549435e-38f
#define ROUNDER 12582912.0f /* 1.5 * 2^23: added and taken away, rounds to an integer */
#define LN2_HIGH 0x1.62e4p-1f /* 15 bits: its products with n are exact */
#define LN2_LOW 0x1.7f7d1cp-20f
#define LEAST_EXPONENT -105.0f /* exp of less is 0 */
#define MOST_EXPONENT 89.0f
#define NO_DIFFERENCE -20.0f /* exp of less, added to 1, is lost */
#define HIGH_HALF ((integer)0xfffff000)
#define TAIL_CENTRE 3.5f
#define TAIL_END 14.6f /* the distribution function below -14.6, times 14.6, is 0 */
#define ERF_END 3.93f
#define GAUSS_END 10.5f /* exp(-u^2) of more is 0 */
#define libm_pow __builtin_powf
#define libm_sin __builtin_sinf
#define libm_cos __builtin_cosf

static const real EXPM1[] = {5.000000044e-1f, 1.666666637e-1f, 4.166636043e-2f,
                             8.333389454e-3f, 1.394066834e-3f, 1.984588393e-4f};
static const real LOG1P[] = {3.333333171e-1f,  -2.500082103e-1f, 2.000122682e-1f,
                             -1.662335756e-1f, 1.420175996e-1f,  -1.316018247e-1f,
                             1.27615615e-1f,   -7.634475827e-2f};
static const real ERF[] = {1.283791657e-1f,  -3.761262582e-1f, 1.128358515e-1f, -2.6853812e-2f,
                           5.18832782e-3f,   -8.010194956e-4f, 7.853866286e-5f};
static const real ERFC[] = {4.069544879e-4f,  -2.178217466e-3f, 5.44557737e-3f,
                            -8.351287415e-3f, 8.623544456e-3f,  -6.111107237e-3f,
                            2.794610464e-3f,  -5.568484512e-4f, -2.54381222e-4f,
                            2.676407485e-4f,  -8.437200965e-5f, -1.655625475e-5f,
                            1.69315962e-5f,   -6.848216982e-7f, -1.065647128e-6f};
static const real TAIL[] = {7.44416074e-1f,    -5.655617439e-1f, 3.15425057e-1f,
                            -1.160530685e-1f,  1.740626842e-2f,  6.493245342e-3f,
                            -3.174811756e-3f,  -4.949764272e-4f, 4.211660385e-4f,
                            1.102843758e-4f};
static const real SIN[] = {-1.666665457e-1f, 8.332158411e-3f, -1.951495785e-4f};
static const real COS[] = {4.166664562e-2f, -1.388731307e-3f, 2.443278584e-5f};
/* pi/2 in four parts; a count of quarter turns, up to 10 bits, times one of the first is exact */
static const real QUARTER[] = {0x1.922p+0f, -0x1.2afp-18f, 0x1.0b48p-34f, -0x1.ee59dap-50f};

#endif

/* c[0] + c[1] x + c[2] x^2 + ... */
#define POLYNOMIAL(x, c) horner(x, c, (int)(sizeof(c) / sizeof(real)))
ALWAYS_INLINE vec horner(vec x, const real *c, int count) {
  vec total = splat(c[count - 1]);
#pragma GCC unroll 24
  for (int i = count - 2; i >= 0; i--) total = total * x + c[i];
  return total;
}

/* ---- arithmetic ---- */

ALWAYS_INLINE vec f_add(vec a, vec b) { return a + b; }
ALWAYS_INLINE vec f_subtract(vec a, vec b) { return a - b; }
ALWAYS_INLINE vec f_multiply(vec a, vec b) { return a * b; }
ALWAYS_INLINE vec f_divide(vec a, vec b) { return a / b; }
ALWAYS_INLINE vec f_negative(vec u) { return -u; }
ALWAYS_INLINE vec f_reciprocal(vec u) { return 1 / u; }
ALWAYS_INLINE vec f_square(vec u) { return u * u; }
ALWAYS_INLINE vec f_sqrt(vec u) { return v_sqrt(u); }
ALWAYS_INLINE vec f_abs(vec u) { return v_abs(u); }

COLD void power_lanes(vec *a, const vec *b) {
  for (int i = 0; i < LANES; i++) (*a)[i] = libm_pow((*a)[i], (*b)[i]);
}

/* The C library's own pow, lane by lane: its accuracy, and its conventions at 0 and infinity. */
ALWAYS_INLINE vec f_power(vec a, vec b) {
  power_lanes(&a, &b);
  return a;
}

/* ---- piecewise linear ---- */

/* -1, 0 or 1. */
ALWAYS_INLINE vec f_sign(vec u) {
  vec size = v_abs(u);
  return select(size > 0, v_copysign(splat(1), u), size);
}

/* 1 where u > 0, else 0. */
ALWAYS_INLINE vec f_step(vec u) {
  return select(u <= 0, splat(0), select(u > 0, splat(1), u));
}

ALWAYS_INLINE vec f_relu(vec u) { return max_or_second(splat(0), u); }
ALWAYS_INLINE vec f_leaky_relu(vec u) { return select(u > 0, u, u / 100); }

/* ---- exp and its kin ---- */

/* An argument of exp as n ln 2 + r with |r| <= ln(2)/2; n stands in the low bits of `rounded`. */
typedef struct {
  vec rounded, r;
} Reduced;

/* x + low is the argument; low is small (below 1/8 of 1) and may hold the digits lost in x. */
ALWAYS_INLINE Reduced reduced(vec x, vec low) {
  vec rounded = x * (real)1.4426950408889634 + ROUNDER;
  vec n = rounded - ROUNDER;
  return (Reduced){rounded, ((x - n * LN2_HIGH) + low) - n * LN2_LOW};
}

#define NOTHING splat((real)-0.0) /* x + -0 is x for every x, so the compiler drops the sum */

/* exp(r) - 1, to its last digits also near 0. */
ALWAYS_INLINE vec small_expm1(vec r) { return r * r * POLYNOMIAL(r, EXPM1) + r; }

/* 2^n, n a normal exponent in the low bits of `rounded`; some number for a NaN. */
ALWAYS_INLINE vec power_of_two(uvec rounded) {
  return (vec)((rounded << MANTISSA_BITS) + ((natural)EXPONENT_BIAS << MANTISSA_BITS));
}

/* x 2^n, in two steps, so that n may be twice as large as an exponent and the last rounds once. */
ALWAYS_INLINE vec scaled(vec x, vec rounded) {
  uvec whole = (uvec)rounded, half = whole >> 1;
  return x * power_of_two(half) * power_of_two(whole - half);
}

ALWAYS_INLINE vec clamped_below(vec x) { return max_or_second(splat(LEAST_EXPONENT), x); }

ALWAYS_INLINE vec f_exp(vec u) {
  Reduced e = reduced(min_or_second(splat(MOST_EXPONENT), clamped_below(u)), NOTHING);
  return scaled(1 + small_expm1(e.r), e.rounded);
}

/* exp of what is not positive. */
ALWAYS_INLINE vec exp_of_negative(vec u) {
  Reduced e = reduced(clamped_below(u), NOTHING);
  return scaled(1 + small_expm1(e.r), e.rounded);
}

/* exp(u) - 1 for u <= 0, in [-1, 0], and exp(u) + 1. */
typedef struct {
  vec minus_one, plus_one;
} Neighbours;

ALWAYS_INLINE Neighbours exp_and_one(vec u) {
  Reduced e = reduced(max_or_second(splat(NO_DIFFERENCE), u), NOTHING);
  vec two_n = power_of_two((uvec)e.rounded);
#if REAL_IS_DOUBLE /* what the sum of the large parts loses is put back, which holds 2 units */
  vec line = two_n * e.r, bend = line * e.r * POLYNOMIAL(e.r, EXPM1);
  vec sum = (two_n - 1) + line, lost = line - (sum - (two_n - 1));
  return (Neighbours){sum + (bend + lost), (two_n + 1) + (line + bend)};
#else
  vec part = two_n * small_expm1(e.r);
  return (Neighbours){part + (two_n - 1), part + (two_n + 1)};
#endif
}

/* tanh|u| = (1 - exp(-2|u|)) / (1 + exp(-2|u|)), each rounded by itself. */
ALWAYS_INLINE vec f_tanh(vec u) {
  Neighbours e = exp_and_one(-2 * v_abs(u));
  return v_copysign(e.minus_one / e.plus_one, u);
}

/* With e = exp(-|u|), the sum q + p of q = e/(1 + e) and p = 1/(1 + e) is 1: for u >= 0 the value
 * is p = 1 - q, else it is q = e p = e - e q. So the errors of q count little where it is small. */
ALWAYS_INLINE vec f_sigmoid(vec u) {
  vec e = exp_of_negative(-v_abs(u));
  vec top = select(u >= 0, splat(1), e);
  return top - top * (e / (1 + e));
}

ALWAYS_INLINE vec f_silu(vec u) { return u * f_sigmoid(u); }

ALWAYS_INLINE vec f_elu(vec u) {
  return select(u > 0, u, exp_and_one(min_or_second(splat(0), u)).minus_one);
}

/* a exp(b), where a huge exponential may meet a tiny or zero `a`: 2^n is multiplied in by parts,
 * the first to `a` itself, so that neither overflows or vanishes where the product does not. */
ALWAYS_INLINE vec f_times_exp(vec a, vec b) {
  vec most = splat((real)2.2 * MOST_EXPONENT), part = splat(EXPONENT_BIAS - 1);
  Reduced e = reduced(min_or_second(most, max_or_second(-most, b)), NOTHING);
  vec n = e.rounded - ROUNDER;
  /* n held to a part; 2 less above 0, as 1 + expm1 may be below 1 and is still to come */
  vec below = max_or_second(-part, min_or_second(splat(0), n));
  vec first = min_or_second(part, max_or_second(n - 2, below));
  vec second = min_or_second(part, max_or_second(-part, n - first));
  a *= power_of_two((uvec)(first + ROUNDER));
  a *= 1 + small_expm1(e.r);
  a *= power_of_two((uvec)(second + ROUNDER));
  a = scaled(a, (n - first - second) + ROUNDER);
  return select(b == -INFINITE, a * 0, a);
}

/* ---- log and its kin ---- */

/* log(1 + f) + n ln 2 for f in [sqrt(1/2) - 1, sqrt(2) - 1] and an integer n. */
ALWAYS_INLINE vec log1p_plus(vec f, vec n) {
  vec half_square = f * f * (real)0.5;
#if REAL_IS_DOUBLE
  /* log(1 + f) = 2 atanh(s), s = f/(2 + f); 2s = f - s f brings in f itself, which is exact */
  vec s = f / (2 + f), square = s * s;
  vec rest = s * (half_square + square * POLYNOMIAL(square, ATANH));
#else
  vec rest = f * f * f * POLYNOMIAL(f, LOG1P);
#endif
  return n * LN2_HIGH + (f + ((rest + n * LN2_LOW) - half_square));
}

ALWAYS_INLINE vec f_log(vec u) {
  const real shift = MANTISSA_BITS + 2; /* makes a subnormal number normal */
  const real up = (real)((natural)1 << (MANTISSA_BITS + 2)), zero = ROUNDER + EXPONENT_BIAS;
  ivec tiny = u < LEAST_NORMAL;
  uvec root_half = (uvec)splat((real)0.7071067811865476);
  uvec bits = (uvec)select(tiny, u * up, u) - root_half;
  /* u = m 2^n, m from sqrt(1/2) to sqrt(2); n is made positive until it is a number */
  uvec exponent = (bits + ((natural)EXPONENT_BIAS << MANTISSA_BITS)) >> MANTISSA_BITS;
  vec n = (vec)(exponent | (uvec)splat(ROUNDER)) - select(tiny, splat(zero + shift), splat(zero));
  vec m = (vec)((bits & (((natural)1 << MANTISSA_BITS) - 1)) + root_half);
  vec value = log1p_plus(m - 1, n);
  value = select(u < INFINITE, value, u);
  return select(u > 0, value, select(u == 0, splat(-INFINITE), splat(NOT_A_NUMBER)));
}

/* log(1 + e) for e in [0, 1]. */
ALWAYS_INLINE vec log1p_of_fraction(vec e) {
  ivec large = e > (real)0.41421356;
  vec f = select(large, e * (real)0.5 - (real)0.5, e);
  return log1p_plus(f, select(large, splat(1), splat(0)));
}

/* log(1 + exp(u)) = max(u, 0) + log(1 + exp(-|u|)). */
ALWAYS_INLINE vec f_softplus(vec u) {
  return f_relu(u) + log1p_of_fraction(exp_of_negative(-v_abs(u)));
}

/* log(exp(a) + exp(b)); the difference of equal infinities counts as 0. */
ALWAYS_INLINE vec f_logaddexp(vec a, vec b) {
  vec apart = select(a == b, splat(0), v_abs(a - b));
  return v_max(a, b) + log1p_of_fraction(exp_of_negative(-apart));
}

/* ---- the error function and its kin ---- */

/* x^2 as high + low, high exact: the exponential of a large square needs more than its digits. */
typedef struct {
  vec high, low;
} Square;

ALWAYS_INLINE Square exact_square(vec x) {
  vec front = (vec)((ivec)x & HIGH_HALF);
  return (Square){front * front, (x - front) * (x + front)};
}

/* factor * exp(a^2/2) Phi(-a) * exp(-(s.high + s.low)) for a in [0, TAIL_END], Phi the normal
 * distribution function: its tail, and erfc's, with all digits. */
ALWAYS_INLINE vec normal_tail(vec factor, vec a, Square s) {
  vec inverse = 1 / (a + TAIL_CENTRE);
  vec t = (a - TAIL_CENTRE) * inverse;
  Reduced e = reduced(-s.high, -s.low);
  vec value = factor * inverse * POLYNOMIAL(t, TAIL);
  return scaled(value + value * small_expm1(e.r), e.rounded);
}

/* u Phi(u) = max(u, 0) - |u| Phi(-|u|); NaN at -infinity, as every formula for it gives. */
ALWAYS_INLINE vec f_gelu(vec u) {
  vec a = min_or_second(splat(TAIL_END), v_abs(u));
  Square s = exact_square(a);
  s.high *= (real)0.5;
  s.low *= (real)0.5;
  return f_relu(u) - normal_tail(a, a, s) + 0 * min_or_second(splat(0), u);
}

ALWAYS_INLINE vec f_erf(vec u) {
  vec x = min_or_second(splat(ERF_END), v_abs(u));
  vec near = u * POLYNOMIAL(x * x, ERF) + u;
#if REAL_IS_DOUBLE
  vec beyond = 1 - normal_tail(splat(2), x * (real)1.4142135623730951, exact_square(x));
#else
  vec beyond = 1 - POLYNOMIAL(x - (real)2.5, ERFC);
#endif
  return select(x < 1, near, v_copysign(beyond, u));
}

/* 2/sqrt(pi) exp(-u^2). */
ALWAYS_INLINE vec f_erf_derivative(vec u) {
  Square s = exact_square(min_or_second(splat(GAUSS_END), v_abs(u)));
  Reduced e = reduced(-s.high, -s.low);
  vec value = splat((real)1.1283791670955126);
  return scaled(value + value * small_expm1(e.r), e.rounded);
}

/* ---- sin and cos ---- */

COLD void sin_of_large(vec *value, const vec *u) {
  for (int i = 0; i < LANES; i++)
    if (!(__builtin_fabs((*u)[i]) <= 1000)) (*value)[i] = libm_sin((*u)[i]);
}

COLD void cos_of_large(vec *value, const vec *u) {
  for (int i = 0; i < LANES; i++)
    if (!(__builtin_fabs((*u)[i]) <= 1000)) (*value)[i] = libm_cos((*u)[i]);
}

/* sin(u + turns pi/2) for |u| <= 1000 and turns 0 or 1. */
ALWAYS_INLINE vec shifted_sin(vec u, natural turns) {
  vec rounded = u * (real)0.6366197723675814 + ROUNDER;
  vec n = rounded - ROUNDER;
  vec r = u - n * QUARTER[0] - n * QUARTER[1] - n * QUARTER[2] - n * QUARTER[3];
  vec square = r * r;
  vec sine = r * square * POLYNOMIAL(square, SIN) + r;
  vec cosine = square * square * POLYNOMIAL(square, COS) + (1 - square * (real)0.5);
  uvec quarter = (uvec)rounded + turns;
  ivec odd = -(ivec)(quarter & 1);
  vec value = select(odd, cosine, sine);
  return (vec)((uvec)value ^ ((quarter >> 1) << (8 * sizeof(real) - 1)));
}

/* Arguments beyond 1000 are left to the C library, lane by lane. */
ALWAYS_INLINE vec f_sin(vec u) {
  vec value = shifted_sin(u, 0);
  if (any_lane(~(v_abs(u) <= 1000))) sin_of_large(&value, &u);
  return select(u == 0, u, value); /* the sign of a zero is lost in the reduction */
}

ALWAYS_INLINE vec f_cos(vec u) {
  vec value = shifted_sin(u, 1);
  if (any_lane(~(v_abs(u) <= 1000))) cos_of_large(&value, &u);
  return value;
}

#endif

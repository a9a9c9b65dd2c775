/* Vectors of real numbers, in GNU C's own vector types.
 *
 * Given by the command line: -DVECTOR_BYTES=64, 32 or 16, and -DREAL_IS_DOUBLE=1 for double
 * precision. Comparisons of two vectors give an ivec, -1 (all bits) where true and 0 where not.
 */
#ifndef BACKPROVE_VECTOR_H
#define BACKPROVE_VECTOR_H

#include <stdint.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/select.h> /* declares POSIX's select, before the name below is taken */
#endif

#ifndef VECTOR_BYTES
#define VECTOR_BYTES 16
#endif
#ifndef REAL_IS_DOUBLE
#define REAL_IS_DOUBLE 0
#endif

#if REAL_IS_DOUBLE
typedef double real;
typedef int64_t integer;
typedef uint64_t natural;
#else
typedef float real;
typedef int32_t integer;
typedef uint32_t natural;
#endif

typedef real vec __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef integer ivec __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef natural uvec __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef real loose_vec /* aligned like one real */
    __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(sizeof(real))));

enum { LANES = VECTOR_BYTES / (int)sizeof(real) };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE vec splat(real x) { return x - (vec){0}; } /* x - 0 is x, for x = -0 too */
ALWAYS_INLINE vec load(const real *from) { return *(const vec *)from; }
ALWAYS_INLINE vec loadu(const real *from) { return *(const loose_vec *)from; }
ALWAYS_INLINE void store(real *to, vec x) { *(vec *)to = x; }
ALWAYS_INLINE void storeu(real *to, vec x) { *(loose_vec *)to = x; }

/* The first `count` reals, zeros after them; nothing beyond them is read. */
ALWAYS_INLINE vec load_some(const real *from, long count) {
  vec x = {0};
  for (long i = 0; i < count; i++) x[i] = from[i];
  return x;
}

/* Writes the first `count` lanes and nothing beyond them. */
ALWAYS_INLINE void store_some(real *to, vec x, long count) {
  for (long i = 0; i < count; i++) to[i] = x[i];
}

/* The lanes of `yes` where the mask is set, of `no` elsewhere. In bits, since a loop over lanes
 * becomes one instruction in some places and dozens in others. */
ALWAYS_INLINE vec v_select(ivec mask, vec yes, vec no) {
  return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
}
#define select v_select

/* max and min (b where either is NaN) and sqrt: GCC on x86 finds the one instruction for each
 * only when told; Clang finds it by itself; others get the same values from plain C. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(PLAIN_VECTORS)
#if REAL_IS_DOUBLE
#define X86(operation, width) __builtin_ia32_##operation##pd##width
#else
#define X86(operation, width) __builtin_ia32_##operation##ps##width
#endif
#if VECTOR_BYTES == 64
#define EVERY_LANE -1, 4 /* no mask; rounding as it is set */
#define X86_MAX(a, b) X86(max, 512_mask)(a, b, a, EVERY_LANE)
#define X86_MIN(a, b) X86(min, 512_mask)(a, b, a, EVERY_LANE)
#define X86_SQRT(x) X86(sqrt, 512_mask)(x, x, EVERY_LANE)
#elif VECTOR_BYTES == 32
#define X86_MAX(a, b) X86(max, 256)(a, b)
#define X86_MIN(a, b) X86(min, 256)(a, b)
#define X86_SQRT(x) X86(sqrt, 256)(x)
#else
#define X86_MAX(a, b) X86(max, )(a, b)
#define X86_MIN(a, b) X86(min, )(a, b)
#define X86_SQRT(x) X86(sqrt, )(x)
#endif
#endif

/* max(a, b), but b where either is NaN. */
ALWAYS_INLINE vec max_or_second(vec a, vec b) {
#ifdef X86_MAX
  return X86_MAX(a, b);
#else
  return select(a > b, a, b);
#endif
}

/* min(a, b), but b where either is NaN. */
ALWAYS_INLINE vec min_or_second(vec a, vec b) {
#ifdef X86_MIN
  return X86_MIN(a, b);
#else
  return select(a < b, a, b);
#endif
}

ALWAYS_INLINE vec v_sqrt(vec x) {
#if defined(X86_SQRT)
  return X86_SQRT(x);
#elif defined(__clang__)
  return __builtin_elementwise_sqrt(x);
#else
  vec root;
  for (int i = 0; i < LANES; i++)
    root[i] = sizeof(real) == sizeof(double) ? __builtin_sqrt(x[i]) : __builtin_sqrtf(x[i]);
  return root;
#endif
}

/* As np.maximum and np.minimum: NaN where either is NaN. */
ALWAYS_INLINE vec v_max(vec a, vec b) { return select(a != a, a, max_or_second(a, b)); }
ALWAYS_INLINE vec v_min(vec a, vec b) { return select(a != a, a, min_or_second(a, b)); }

ALWAYS_INLINE ivec sign_bits(void) { return (ivec)splat((real)-0.0); }
ALWAYS_INLINE vec v_abs(vec x) { return (vec)((ivec)x & ~sign_bits()); }

/* The size of `size` with the sign of `sign`. */
ALWAYS_INLINE vec v_copysign(vec size, vec sign) {
  return (vec)(((ivec)size & ~sign_bits()) | ((ivec)sign & sign_bits()));
}

/* Lane i of the result is lane i + by of x, counted around. */
ALWAYS_INLINE vec lanes_turned(vec x, int by) {
  vec result;
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) result[i] = x[(i + by) % LANES];
  return result;
}

/* The sum of the lanes, always in the same order: halves are added until one lane is left. */
ALWAYS_INLINE real sum_lanes(vec x) {
#pragma GCC unroll 4
  for (int half = LANES / 2; half > 0; half /= 2) x += lanes_turned(x, half);
  return x[0];
}

/* The largest lane; NaN where any lane is NaN. */
ALWAYS_INLINE real max_lanes(vec x) {
#pragma GCC unroll 4
  for (int half = LANES / 2; half > 0; half /= 2) x = v_max(x, lanes_turned(x, half));
  return x[0];
}

/* Whether a comparison holds in some lane. */
ALWAYS_INLINE int any_lane(ivec mask) {
  int64_t part[VECTOR_BYTES / 8] __attribute__((aligned(VECTOR_BYTES)));
  store((real *)part, (vec)mask);
  int64_t seen = 0;
  for (int i = 0; i < VECTOR_BYTES / 8; i++) seen |= part[i];
  return seen != 0;
}

#endif

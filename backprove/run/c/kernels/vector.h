/* Vectors of real numbers, in GNU C's own vector types: no intrinsics, no library.
 *
 * Given by the command line: -DVECTOR_BYTES=64, 32 or 16, and -DREAL_IS_DOUBLE=1 for double
 * precision. Comparisons of two vectors give an ivec, -1 (all bits) where true and 0 where not.
 * The short loops over lanes become one instruction each; GNU C has no other way to say them.
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

/* The lanes of `yes` where the mask is set, of `no` elsewhere. */
ALWAYS_INLINE vec v_select(ivec mask, vec yes, vec no) {
  vec chosen;
  for (int i = 0; i < LANES; i++) chosen[i] = mask[i] ? yes[i] : no[i];
  return chosen;
}
#define select v_select

/* max(a, b), but b where either is NaN: one instruction where the processor has it. */
ALWAYS_INLINE vec max_or_second(vec a, vec b) {
  vec most;
  for (int i = 0; i < LANES; i++) most[i] = a[i] > b[i] ? a[i] : b[i];
  return most;
}

/* min(a, b), but b where either is NaN. */
ALWAYS_INLINE vec min_or_second(vec a, vec b) {
  vec least;
  for (int i = 0; i < LANES; i++) least[i] = a[i] < b[i] ? a[i] : b[i];
  return least;
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

ALWAYS_INLINE vec v_sqrt(vec x) {
  vec root;
#if REAL_IS_DOUBLE
  for (int i = 0; i < LANES; i++) root[i] = __builtin_sqrt(x[i]);
#else
  for (int i = 0; i < LANES; i++) root[i] = __builtin_sqrtf(x[i]);
#endif
  return root;
}

/* The sum of the lanes, always in the same order: halves are added until one lane is left. */
ALWAYS_INLINE real sum_lanes(vec x) {
  real part[LANES];
  storeu(part, x);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) part[i] += part[i + half];
  return part[0];
}

/* The largest lane; NaN where any lane is NaN. */
ALWAYS_INLINE real max_lanes(vec x) {
  real part[LANES];
  storeu(part, x);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) {
      real a = part[i], b = part[i + half];
      part[i] = (a > b || a != a) ? a : b;
    }
  return part[0];
}

/* Whether a comparison holds in some lane. */
ALWAYS_INLINE int any_lane(ivec mask) {
  integer seen = 0;
  for (int i = 0; i < LANES; i++) seen |= mask[i];
  return seen != 0;
}

#endif

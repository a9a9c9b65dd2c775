/* Products of matrices, of matrices and vectors, and transposes.

   A sampled buffer is features × samples: feature f, sample n at f*ldn + n, ldn a multiple of
   LANES, 64-byte aligned. A weight matrix J × K is stored in column panels of P columns:
   (j,k) at (k/P)*J*P + j*P + k%P, P a multiple of LANES; what lies beyond K is read, but does not
   count. Strides that are a multiple of 2 KiB crowd into few sets of the cache: from about 8
   vectors on, an odd number of vectors is faster.

   Order of summation: each element of a product is one chain of additions over k (or j, or n)
   from the first term to the last, begun at zero or at the old value. Tiles, blocks, packing and
   the split over threads only decide when and from where a link is taken, and what is put aside
   between two blocks is not rounded, so they cannot change a bit of the result. */
#ifndef BACKPROVE_PRODUCTS_H
#define BACKPROVE_PRODUCTS_H

#include <stddef.h>
#include <stdint.h>

#include "vector.h"

/* A tile of the result stays in registers, TILE_ROWS × 2 vectors at most: of 32 registers it
   takes 24, of 16 it takes 12; two hold vectors of the right factor, one an element of the left. */
#if VECTOR_BYTES == 64 || defined(__aarch64__)
#define TILE_ROWS 12
#else
#define TILE_ROWS 6
#endif

#ifdef __clang__
#define UNROLLED _Pragma("clang loop unroll(full)")
#define NOT_UNROLLED _Pragma("clang loop unroll(disable)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#define NOT_UNROLLED _Pragma("GCC unroll 1")
#endif

enum {
    PANEL = 2,            /* vectors: columns of the usual tile */
    BLOCK = 256,          /* terms of a sum for which the right factor is packed: it stays in L1 */
    ROW_BLOCK = 1024,     /* rows of the left factor that stay in L2, BLOCK terms each */
    PACKED_ROWS = 128,    /* from so many rows and terms on, packing costs less than it saves */
    PACKED_TERMS = 128,
    PACKED_SAMPLES = 512, /* the terms that the gradient packs at once */
    LONG_ROWS = 512,      /* rows of which it puts sums aside where there are more terms */
    VECTOR_BLOCK = 2048,  /* terms of a product with one vector that are gathered at once */
};

ALWAYS_INLINE long smaller(long a, long b) { return a < b ? a : b; }
ALWAYS_INLINE long larger(long a, long b) { return a > b ? a : b; }

/* z[r][c] = sum over i of x[r][i] * y[i][c], of which a tile is computed at a time. */
struct product {
    long row_bytes, step_bytes; /* of x: from row to row, from term to term */
    long run, jump_bytes;       /* after each `run` terms x skips so many bytes more */
    long y_stride, z_stride;    /* in reals */
    long terms;
    int add;                    /* whether the sum begins at the old z */
    int turned;                 /* whether y is columns × terms, see rows_by_columns */
    long ahead_bytes;           /* from x at a run's start to what is fetched with its first term */
    long ahead_step_bytes;      /* and on with each term: processors foresee the run, not the jump */
};

/* Strides in bytes: in reals, gcc makes a second copy of each loop for a stride of one. */
ALWAYS_INLINE const real *further(const real *from, long bytes) {
    return (const real *)((const char *)from + bytes);
}

typedef void tile_function(const struct product *p, const real *x, const real *y, real *z);

/* By columns - 1 in vectors, and rows: those that tile_height gives. */
extern tile_function *const tiles[4][TILE_ROWS + 1];

/* How high the next tile is: the last ones share what is left, as no low one keeps pace. */
ALWAYS_INLINE long tile_height(long rows) {
    if (rows > 2 * TILE_ROWS)
        return TILE_ROWS;
    if (rows > TILE_ROWS)
        return (rows + 3) / 4 * 2;
    return rows <= 4 || rows % 2 == 0 ? rows : rows - 3;
}

/* Shuffles: x0 y0 x1 y1 ... of the first or of the second halves of two vectors. */
#if REAL_IS_DOUBLE
#define SHUFFLE_BYTES (VECTOR_BYTES / 2)
#else
#define SHUFFLE_BYTES VECTOR_BYTES
#endif
#if SHUFFLE_BYTES == 64
#define FIRST_HALVES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define SECOND_HALVES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif SHUFFLE_BYTES == 32
#define FIRST_HALVES 0, 8, 1, 9, 2, 10, 3, 11
#define SECOND_HALVES 4, 12, 5, 13, 6, 14, 7, 15
#elif SHUFFLE_BYTES == 16
#define FIRST_HALVES 0, 4, 1, 5
#define SECOND_HALVES 2, 6, 3, 7
#else
#define FIRST_HALVES 0, 2
#define SECOND_HALVES 1, 3
#endif
#ifdef __clang__
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (ivec){__VA_ARGS__})
#endif

ALWAYS_INLINE void copy_columns(const long columns, real *to, const real *from, long rows,
                                long stride) {
    for (long i = 0; i < rows; i++) {
        UNROLLED for (long c = 0; c < columns; c++)
            store(to + (i * columns + c) * LANES, load(from + i * stride + c * LANES));
    }
}

/* One or two columns of vectors, one row after the other. */
static inline void pack_columns(real *to, const real *from, long rows, long stride, long columns) {
    if (columns == PANEL)
        copy_columns(PANEL, to, from, rows, stride);
    else
        copy_columns(1, to, from, rows, stride);
}

/* What is done with a finished vector of a gradient, at its offset in the panel layout. */
typedef void epilogue_function(void *context, long offset, vec g);

/* Fetches what the epilogue will meet there. */
typedef void ahead_function(void *context, long offset);

/* g[j][k] = sum over n < N of z[j][n] at[n][k], for rows [j0,j1) and panels [p0,p1), vectors that
   hold a column < K. `at` is samples × features at row stride ldt, zeros beyond K. The functions
   are to be static inline, named where this is called, and are then part of the loop. */
ALWAYS_INLINE void product_gradient(epilogue_function *epilogue, ahead_function *ahead,
                                    void *context, const real *z, const real *at, long J, long K,
                                    long P, long ldn, long ldt, long N, long j0, long j1, long p0,
                                    long p1) {
    const long size = sizeof(real);
    vec g[TILE_ROWS * PANEL], sums[LONG_ROWS * PANEL];
    _Alignas(64) real packed[PACKED_SAMPLES * PANEL * LANES];
    const int packs = j1 - j0 >= PACKED_ROWS && N >= PACKED_TERMS;
    const long block = packs ? PACKED_SAMPLES : N;
    const long row_block =
        N > PACKED_SAMPLES ? LONG_ROWS : larger(PACKED_ROWS, ROW_BLOCK * smaller(BLOCK, N) / N);
    for (long first = j0; first < j1; first += row_block) {
        const long end = smaller(j1, first + row_block);
        for (long panel = p0; panel < p1; panel++) {
            const long vectors = (smaller(P, K - panel * P) + LANES - 1) / LANES;
            for (long v = 0, columns; v < vectors; v += columns) {
                columns = smaller(vectors - v, PANEL);
                for (long n = 0, terms; n < N; n += terms) {
                    terms = smaller(block, N - n);
                    const int last = n + terms == N;
                    const real *right = at + n * ldt + panel * P + v * LANES;
                    struct product p = {ldn * size, size, terms, 0, ldt, columns * LANES, terms,
                                        n > 0, 0, TILE_ROWS * ldn * size, ldn * size};
                    if (packs) {
                        pack_columns(packed, right, terms, ldt, columns);
                        right = packed;
                        p.y_stride = columns * LANES;
                    }
                    for (long j = first, height; j < end; j += height) {
                        height = tile_height(end - j);
                        const long offset = (panel * J + j) * P + v * LANES;
                        vec *sum = n == 0 && last ? g : sums + (j - first) * columns;
                        for (long r = 0; r < height && last; r++)
                            for (long c = 0; c < columns; c++)
                                ahead(context, offset + r * P + c * LANES);
                        tiles[columns - 1][height](&p, z + j * ldn + n, right, (real *)sum);
                        for (long r = 0; r < height && last; r++)
                            for (long c = 0; c < columns; c++)
                                epilogue(context, offset + r * P + c * LANES, *sum++);
                    }
                }
            }
        }
    }
}

/* The sums of the lanes of LANES vectors, in one vector; in the order of sum_lanes. */
ALWAYS_INLINE vec sum_each(vec v[LANES]) {
    UNROLLED for (int half = LANES / 2; half > 0; half /= 2) {
        UNROLLED for (int i = 0; i < half; i++) v[i] = SHUFFLE(v[i], v[i + half], FIRST_HALVES) +
                                                       SHUFFLE(v[i], v[i + half], SECOND_HALVES);
    }
    return v[0];
}

/* -- in products.c ------------------------------------------------------------------------ */

/* z[j][n] = sum over k of w[j][k] a[k][n], for j in [j0,j1) and n in [n0,n1): whole vectors.
   ldt: 0, or the row stride where a is samples × features, a[n][k], which can be read to whole
   vectors. `add`: onto z. */
void product_forward(real *z, const real *w, const real *a, long J, long K, long P, long ldn,
                     long ldt, long j0, long j1, long n0, long n1, int add);

/* d[k][n] = sum over j of w[j][k] z[j][n], for k in [k0,k1), k0 a multiple of P, and n in [n0,n1):
   whole vectors. `add`: onto d. */
void product_backward(real *d, const real *w, const real *z, long J, long K, long P, long ldn,
                      long k0, long k1, long n0, long n1, int add);

/* z = W a for one sample, rows [j0,j1): z[j*ldz] and a[k*lda]. With lda = 1 `a` holds zeros from
   K up to whole vectors, 64-byte aligned. With ldz >= LANES all lanes of the first vector are set.
   Each lane sums k = lane, lane + LANES, ... in order, then the lanes are added as by sum_lanes;
   beyond VECTOR_BLOCK terms block by block. */
void vector_forward(real *z, const real *w, const real *a, long J, long K, long P, long ldz,
                    long lda, long j0, long j1, int add);

/* d = W^T z for one sample, panels [p0,p1): d[k*ldd] and z[j*ldz], as vector_forward. */
void vector_backward(real *d, const real *w, const real *z, long J, long K, long P, long ldd,
                     long ldz, long p0, long p1, int add);

/* at[n][k] = a[k][n] for n in [n0,n1), whole vectors; columns from K to ldt become zeros. */
void transpose_to_rows(real *at, long ldt, const real *a, long ldn, long K, long n0, long n1);

/* Samples of a data table, for n in [n0,n1), whole vectors: sample n is the row
   rows + index[n] * row_stride of K numbers, the last one again from N on. at[n][k] = row[k],
   zeros from K to ldt, and a[k][n] = row[k]; either may be NULL. Whole rows first, as memory
   gives them fastest. */
void gather_rows(real *a, long ldn, real *at, long ldt, const real *rows, long row_stride, const
                 int64_t *index, long N, long n0, long n1, long K);

#endif

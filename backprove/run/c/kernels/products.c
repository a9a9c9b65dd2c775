/* What products.h declares: a unit of its own, as every library has the same, and compilers take as
   long for it as for all else. */
#include "products.h"

ALWAYS_INLINE void tile(const long rows, const long columns, const struct product *p,
                        const real *x, const real *y, real *z) {
    vec sum[TILE_ROWS][4];
    const real *old = z;
    UNROLLED for (long r = 0; r < rows; r++) {
        UNROLLED for (long c = 0; c < columns; c++)
            sum[r][c] = p->add ? load(old + c * LANES) : (vec){0};
        old += p->z_stride;
    }
    /* Four rows share a pointer: the processor adds 0, 1, 2 rows or the 3 of a register. */
    const long row = p->row_bytes, three_rows = 3 * row, step = p->step_bytes;
    const long y_stride = p->y_stride;
    const real *x0 = x, *x4 = further(x, 4 * row), *x8 = further(x, 8 * row);
    for (long left = p->terms; left > 0; left -= p->run) {
        const real *ahead = further(x0, p->ahead_bytes);
        for (long i = smaller(left, p->run); i > 0; i--) {
            vec right[4];
            __builtin_prefetch(ahead);
            ahead = further(ahead, p->ahead_step_bytes);
            UNROLLED for (long c = 0; c < columns; c++) right[c] = load(y + c * LANES);
            UNROLLED for (long r = 0; r < rows; r++) {
                const real *near = r < 4 ? x0 : r < 8 ? x4 : x8;
                const vec factor = splat(*further(near, r % 4 == 3 ? three_rows : r % 4 * row));
                UNROLLED for (long c = 0; c < columns; c++) sum[r][c] += factor * right[c];
            }
            x0 = further(x0, step);
            x4 = further(x4, step);
            x8 = further(x8, step);
            y += y_stride;
        }
        x0 = further(x0, p->jump_bytes);
        x4 = further(x4, p->jump_bytes);
        x8 = further(x8, p->jump_bytes);
    }
    __asm__("" : "+r"(z)); /* else gcc keeps the addresses from above, and spills them */
    const long z_stride = p->z_stride;
    UNROLLED for (long r = 0; r < rows; r++) {
        UNROLLED for (long c = 0; c < columns; c++) store(z + c * LANES, sum[r][c]);
        z += z_stride;
    }
}

#define NOT_INLINED __attribute__((noinline, unused)) /* one copy: compiling takes time */

#define TILE(rows, columns)                                                                   \
    static NOT_INLINED void tile_##rows##_##columns(                                          \
        const struct product *p, const real *x, const real *y, real *z) {                     \
        tile(rows, columns, p, x, y, z);                                                      \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)

TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(6)
TILE(1, 4) /* a low tile is wide: eight sums at least keep both units for FMA busy */
TILE(2, 4)
#if TILE_ROWS == 12
TILES(8)
TILES(10)
TILES(12)
#else
enum { tile_8_1, tile_10_1, tile_12_1, tile_8_2, tile_10_2, tile_12_2 }; /* never reached */
#endif

tile_function *const tiles[4][TILE_ROWS + 1] = {
#if TILE_ROWS == 12
    {NULL, tile_1_1, tile_2_1, tile_3_1, tile_4_1, NULL, tile_6_1, NULL, tile_8_1, NULL, tile_10_1,
     NULL, tile_12_1},
    {NULL, tile_1_2, tile_2_2, tile_3_2, tile_4_2, NULL, tile_6_2, NULL, tile_8_2, NULL, tile_10_2,
     NULL, tile_12_2},
#else
    {NULL, tile_1_1, tile_2_1, tile_3_1, tile_4_1, NULL, tile_6_1},
    {NULL, tile_1_2, tile_2_2, tile_3_2, tile_4_2, NULL, tile_6_2},
#endif
    {NULL},
    {NULL, tile_1_4, tile_2_4},
};

/* Transposes LANES vectors: each round turns the digits of (row, lane) by one place. */
static NOT_INLINED void transpose_vectors(vec *result) {
    vec v[LANES];
    UNROLLED for (int i = 0; i < LANES; i++) v[i] = result[i];
    NOT_UNROLLED for (int round = 1; round < LANES; round *= 2) {
        vec turned[LANES];
        UNROLLED for (int i = 0; i < LANES / 2; i++) {
            turned[2 * i] = SHUFFLE(v[i], v[i + LANES / 2], FIRST_HALVES);
            turned[2 * i + 1] = SHUFFLE(v[i], v[i + LANES / 2], SECOND_HALVES);
        }
        UNROLLED for (int i = 0; i < LANES; i++) v[i] = turned[i];
    }
    UNROLLED for (int i = 0; i < LANES; i++) result[i] = v[i];
}

/* The same of samples × terms: one or two vectors of samples, the terms up to whole vectors. */
static inline void pack_turned(real *to, const real *from, long terms, long stride, long columns) {
    for (long k = 0; k < terms; k += LANES)
        for (long c = 0; c < columns; c++) {
            vec v[LANES];
            NOT_UNROLLED for (int i = 0; i < LANES; i++)
                v[i] = loadu(from + (c * LANES + i) * stride + k);
            transpose_vectors(v);
            NOT_UNROLLED for (int i = 0; i < LANES; i++)
                store(to + ((k + i) * columns + c) * LANES, v[i]);
        }
}

/* Asks for reals that will be read soon. */
ALWAYS_INLINE void fetch_row(const real *from, long count) {
    for (long i = 0; i < count; i += 64 / (long)sizeof(real))
        __builtin_prefetch(from + i, 0, 2);
}

/* `rows` rows of z, columns [n0,n1). Rows of x come in groups, at x + group_stride * number.
   y is terms × columns at row stride y_stride or, `turned`, columns × terms: then at most BLOCK
   terms, and what fills up their last vector can be read; the next columns are fetched from
   memory while tiles of these are computed. */
static NOT_INLINED void rows_by_columns(struct product p, const real *x, long rows, long group,
                                        long group_stride, const real *y, real *z, long n0,
                                        long n1) {
    _Alignas(64) real packed[BLOCK * PANEL * LANES];
    const int packs =
        p.turned || (rows >= PACKED_ROWS && p.terms >= PACKED_TERMS && p.terms <= BLOCK);
    const int far = rows * p.z_stride > ROW_BLOCK * BLOCK; /* z is not left in L2 from before */
    const long y_stride = p.y_stride;
    for (long n = n0, columns; n < n1; n += columns * LANES) {
        const long vectors = (n1 - n) / LANES;
        columns = vectors >= 4 && rows <= 2 && !p.turned ? 4 : smaller(vectors, PANEL);
        tile_function *const *of_height = tiles[columns - 1];
        const real *right = p.turned ? y + n * y_stride : y + n;
        const real *next = right + columns * LANES * y_stride;
        const long ahead = p.turned ? smaller(columns * LANES, n1 - n - columns * LANES) : 0;
        long fetched = 0, finished = 0;
        if (packs) {
            if (p.turned)
                pack_turned(packed, right, p.terms, y_stride, columns);
            else
                pack_columns(packed, right, p.terms, y_stride, columns);
            right = packed;
            p.y_stride = columns * LANES;
        }
        real *result = z + n;
        const real *first_row = x;
        for (long done = 0; done < rows; done += group, first_row += group_stride) {
            const real *row = first_row;
            for (long left = smaller(group, rows - done), height; left > 0; left -= height) {
                height = tile_height(left);
                if (far)
                    for (long r = height; r < 2 * height; r++)
                        for (long c = 0; c < columns; c++)
                            __builtin_prefetch(result + r * p.z_stride + c * LANES, 1);
                of_height[height](&p, row, right, result);
                row = further(row, height * p.row_bytes);
                result += height * p.z_stride;
                finished += height;
                for (; fetched * rows < ahead * finished; fetched++, next += y_stride)
                    fetch_row(next, p.terms);
            }
        }
    }
}

void product_forward(real *z, const real *w, const real *a, long J, long K, long P, long ldn,
                     long ldt, long j0, long j1, long n0, long n1, int add) {
    const long size = sizeof(real);
    for (long k = 0, terms; k < K; k += terms) {
        terms = K - k;
        if (ldt || j1 - j0 >= PACKED_ROWS)
            terms = smaller(terms, P <= BLOCK ? BLOCK / P * P : smaller(BLOCK, P - k % P));
        const struct product p = {P * size,     size, P,   (J - 1) * P * size,
                                  ldt ? ldt : ldn, ldn, terms, add || k > 0, ldt > 0,
                                  J * P * size, 64};
        for (long j = j0; j < j1; j += ROW_BLOCK) {
            const long rows = smaller(j1 - j, ROW_BLOCK);
            rows_by_columns(p, w + k / P * J * P + j * P + k % P, rows, rows, 0,
                            a + k * (ldt ? 1 : ldn),
                            z + j * ldn, n0, n1);
        }
    }
}

void product_backward(real *d, const real *w, const real *z, long J, long K, long P, long ldn,
                      long k0, long k1, long n0, long n1, int add) {
    const long size = sizeof(real);
    const long row_block = P < ROW_BLOCK ? ROW_BLOCK / P * P : P;
    for (long j = 0, terms; j < J; j += terms) {
        terms = K >= PACKED_ROWS ? smaller(J - j, BLOCK) : J;
        const struct product p = {size, P * size, terms, 0, ldn, ldn, terms, add || j > 0, 0,
                                  8 * P * size, P * size};
        for (long k = k0; k < k1; k += row_block)
            rows_by_columns(p, w + k * J + j * P, smaller(k1 - k, row_block), P, J * P,
                            z + j * ldn, d + k * ldn, n0, n1);
    }
}

/* `count` numbers of a vector at a stride, one after the other, zeros up to whole vectors. */
static inline const real *gathered(real *to, const real *from, long stride, long count) {
    if (stride == 1)
        return from;
    for (long i = 0; i < count; i++) to[i] = from[i * stride];
    for (long i = count; i % LANES; i++) to[i] = 0;
    return to;
}

/* One number of the result: a sampled buffer holds copies of its last sample in all lanes. */
ALWAYS_INLINE void put(real *to, long stride, real value, int add) {
    if (add)
        value += *to;
    if (stride >= LANES)
        store(to, splat(value));
    else
        *to = value;
}

/* The sums of `rows` rows of W a over k in [k0,k1), lane by lane. Four rows share a pointer. */
ALWAYS_INLINE void row_sums(const long rows, vec *sum, const real *w, const real *a, long J, long P,
                            long k0, long k1) {
    const long row = P * (long)sizeof(real), three_rows = 3 * row;
    UNROLLED for (long r = 0; r < rows; r++) sum[r] = (vec){0};
    const long rest = k1 % LANES, whole = k1 - rest;
    for (long k = k0; k < whole;) {
        const real *at[4];
        UNROLLED for (long i = 0; i * 4 < rows; i++) at[i] = w + k / P * J * P + k % P + i * 4 * P;
        for (const long end = smaller(whole, (k / P + 1) * P); k < end; k += LANES) {
            const vec factor = load(a + k - k0);
            UNROLLED for (long r = 0; r < rows; r++) {
                const long on = r % 4 == 3 ? three_rows : r % 4 * row;
                sum[r] += load(further(at[r / 4], on)) * factor;
            }
            UNROLLED for (long i = 0; i * 4 < rows; i++) at[i] += LANES;
        }
    }
    if (rest) { /* beyond the last column, 1/w and its like have left what is not 0 */
        ivec inside;
        for (long i = 0; i < LANES; i++) inside[i] = -(integer)(i < rest);
        const vec factor = load(a + whole - k0);
        const real *from = w + whole / P * J * P + whole % P;
        UNROLLED for (long r = 0; r < rows; r++)
            sum[r] += (vec)((ivec)load(from + r * P) & inside) * factor;
    }
}

void vector_forward(real *z, const real *w, const real *a, long J, long K, long P, long ldz,
                    long lda, long j0, long j1, int add) {
    _Alignas(64) real near[VECTOR_BLOCK];
    for (long k0 = 0; k0 < K; k0 += VECTOR_BLOCK) {
        const long k1 = smaller(K, k0 + VECTOR_BLOCK);
        const int adds = add || k0 > 0;
        const real *right = gathered(near, a + k0 * lda, lda, k1 - k0);
        vec sum[LANES < 4 ? 4 : LANES];
        long j = j0;
        for (; j + LANES <= j1; j += LANES) {
            row_sums(LANES, sum, w + j * P, right, J, P, k0, k1);
            const vec result = sum_each(sum);
            NOT_UNROLLED for (long r = 0; r < LANES; r++)
                put(z + (j + r) * ldz, ldz, result[r], adds);
        }
        for (; j + 4 <= j1; j += 4) {
            row_sums(4, sum, w + j * P, right, J, P, k0, k1);
            NOT_UNROLLED for (long r = 0; r < 4; r++)
                put(z + (j + r) * ldz, ldz, sum_lanes(sum[r]), adds);
        }
        for (; j < j1; j++) {
            row_sums(1, sum, w + j * P, right, J, P, k0, k1);
            put(z + j * ldz, ldz, sum_lanes(sum[0]), adds);
        }
    }
}

/* Columns of vectors of W^T z for one sample: four sums by j % 4, then added in pairs. */
ALWAYS_INLINE void column_sums(const long columns, vec *result, const real *w, long P,
                               const real *z, long J) {
    vec sum[4][PANEL];
    UNROLLED for (int i = 0; i < 4; i++)
        UNROLLED for (long c = 0; c < columns; c++) sum[i][c] = (vec){0};
    long j = 0;
    for (; j + 4 <= J; j += 4)
        UNROLLED for (int i = 0; i < 4; i++)
            UNROLLED for (long c = 0; c < columns; c++)
                sum[i][c] += load(w + (j + i) * P + c * LANES) * splat(z[j + i]);
    for (; j < J; j++)
        UNROLLED for (long c = 0; c < columns; c++)
            sum[0][c] += load(w + j * P + c * LANES) * splat(z[j]);
    UNROLLED for (long c = 0; c < columns; c++)
        result[c] = (sum[0][c] + sum[1][c]) + (sum[2][c] + sum[3][c]);
}

void vector_backward(real *d, const real *w, const real *z, long J, long K, long P, long ldd,
                     long ldz, long p0, long p1, int add) {
    _Alignas(64) real near[VECTOR_BLOCK];
    for (long j = 0; j < J; j += VECTOR_BLOCK) {
        const long terms = smaller(J - j, VECTOR_BLOCK);
        const real *factors = gathered(near, z + j * ldz, ldz, terms);
        for (long panel = p0; panel < p1; panel++) {
            const long vectors = (smaller(P, K - panel * P) + LANES - 1) / LANES;
            for (long v = 0, columns; v < vectors; v += columns) {
                vec sum[PANEL];
                columns = smaller(vectors - v, PANEL);
                const real *from = w + (panel * J + j) * P + v * LANES;
                if (columns == PANEL)
                    column_sums(PANEL, sum, from, P, factors, terms);
                else
                    column_sums(1, sum, from, P, factors, terms);
                const long k = panel * P + v * LANES;
                for (long i = 0; i < smaller(columns * LANES, K - k); i++)
                    put(d + (k + i) * ldd, ldd, sum[i / LANES][i % LANES], add || j > 0);
            }
        }
    }
}

void transpose_to_rows(real *at, long ldt, const real *a, long ldn, long K, long n0, long n1) {
    for (long n = n0; n < n1; n += LANES)
        for (long k = 0; k < ldt; k += LANES) {
            vec v[LANES];
            NOT_UNROLLED for (int i = 0; i < LANES; i++)
                v[i] = k + i < K ? load(a + (k + i) * ldn + n) : (vec){0};
            transpose_vectors(v);
            NOT_UNROLLED for (int i = 0; i < LANES; i++) store(at + (n + i) * ldt + k, v[i]);
        }
}

void gather_rows(real *a, long ldn, real *at, long ldt, const real *rows, long row_stride, const
                 int64_t *index, long N, long n0, long n1, long K) {
    for (long n = n0; n < n1; n += LANES) {
        const real *row[LANES];
        NOT_UNROLLED for (int i = 0; i < LANES; i++) {
            row[i] = rows + index[smaller(n + i, N - 1)] * row_stride;
            if (!at)
                continue;
            real *to = at + (n + i) * ldt;
            long k = 0;
            for (; k + LANES <= K; k += LANES) store(to + k, loadu(row[i] + k));
            for (; k < ldt; k += LANES)
                store(to + k, k < K ? load_some(row[i] + k, K - k) : (vec){0});
            row[i] = to;
        }
        for (long k = 0; a && k < K; k += LANES) {
            vec v[LANES];
            NOT_UNROLLED for (int i = 0; i < LANES; i++)
                v[i] = k + LANES <= K ? loadu(row[i] + k) : load_some(row[i] + k, K - k);
            transpose_vectors(v);
            for (long i = 0; i < smaller(LANES, K - k); i++) store(a + (k + i) * ldn + n, v[i]);
        }
    }
}

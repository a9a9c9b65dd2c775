/* Kernels of the table that are not maps: their words, and loops for what has no faster form.

   A call is kernel(run, words, lo, hi): [lo, hi) are columns, or units of its own. */

enum { MOST_AXES = 16 };

/* An index over several axes, the last one fastest. */
struct odometer {
    long rank;
    int64_t at[MOST_AXES];
};

/* 0 when all positions have been seen; lengths are every `step` words. */
static inline int advanced(struct odometer *o, const int64_t *lengths, long step) {
    for (long axis = o->rank; axis-- > 0;) {
        if (++o->at[axis] < lengths[axis * step])
            return 1;
        o->at[axis] = 0;
    }
    return 0;
}

static inline int64_t reached(const struct odometer *o, const int64_t *strides, long step) {
    int64_t place = 0;
    for (long axis = 0; axis < o->rank; axis++)
        place += o->at[axis] * strides[axis * step];
    return place;
}

/* -- in and out ------------------------------------------------------------------------- */

/* external, features, a or -1, at or -1, row stride of at, reals between two threads' copies of a
   and of at, whether all that reads `at` can read the rows where they lie */
static inline void gather(const struct run *r, const int64_t *a, long lo, long hi) {
    real *const columns = a[2] < 0 ? NULL : r->arena + a[2] + r->thread * a[5];
    real *const copies = a[3] < 0 || (a[7] && r->in_place) ? NULL : r->arena + a[3] + r->thread * a[6];
    const real *const rows = r->external[a[0]];
    const long k = (long)a[1];
    if (!columns && !copies)
        return;
    if (k >= LANES / 2) {
        gather_rows(columns, (long)r->ldn, copies, (long)a[4], rows, k, r->order + r->first,
                    (long)r->count, lo, hi, k);
        return;
    }
    for (long n = lo; n < hi; n++) { /* short rows: turning whole vectors would cost more */
        const long last = (long)r->count - 1;
        const real *row = rows + r->order[r->first + (n < last ? n : last)] * k;
        if (copies)
            store(copies + n * a[4], splat(0));
        for (long i = 0; i < k; i++) {
            if (columns)
                columns[n + i * r->ldn] = row[i];
            if (copies)
                copies[n * a[4] + i] = row[i];
        }
    }
}

/* external, place, axes, then length and stride of each: samples × features, outside */
static inline void scatter(const struct run *r, const int64_t *a, long lo, long hi) {
    const int64_t *axes = a + 3;
    int64_t features = 1;
    for (long axis = 0; axis < a[2]; axis++)
        features *= axes[2 * axis];
    real *out = (real *)(uintptr_t)r->external[a[0]];
    struct odometer o = {(long)a[2], {0}};
    int64_t feature = 0;
    const long last = hi < r->count ? hi : (long)r->count;
    do {
        const real *row = r->arena + a[1] + reached(&o, axes + 1, 2) * r->ldn;
        for (long n = lo; n < last; n++)
            out[(r->first + n) * features + feature] = row[n];
        feature++;
    } while (advanced(&o, axes, 2));
}

/* place, features, place of the copy, its row stride */
static inline void transpose(const struct run *r, const int64_t *a, long lo, long hi) {
    transpose_to_rows(r->arena + a[2], (long)a[3], r->arena + a[0], r->ldn, (long)a[1], lo, hi);
}

/* dense, panels, rows, columns, panel */
static inline void unpack(const struct run *r, const int64_t *a, long lo, long hi) {
    (void)lo, (void)hi;
    real *dense = r->arena + a[0];
    const real *panels = r->arena + a[1];
    for (int64_t j = 0; j < a[2]; j++)
        for (int64_t k = 0; k < a[3]; k++)
            dense[j * a[3] + k] = panels[k / a[4] * a[2] * a[4] + j * a[4] + k % a[4]];
}

/* to, from, reals */
static inline void copy(const struct run *r, const int64_t *a, long lo, long hi) {
    (void)lo, (void)hi;
    memcpy(r->arena + a[0], r->arena + a[1], (size_t)a[2] * sizeof(real));
}

/* sum, chunk's own, vectors: the sum over the chunks so far */
static inline void accumulate(const struct run *r, const int64_t *a, long lo, long hi) {
    real *sum = r->arena + a[0];
    const real *own = r->arena + a[1];
    for (long i = lo * LANES; i < hi * LANES; i += LANES) {
        vec v = load(own + i);
        if (r->chunk)
            v += load(sum + i);
        store(sum + i, v);
    }
}

/* -- products --------------------------------------------------------------------------- */

/* z, w, a, rows, columns, panel, reals between two threads' copies of a, row stride of a where it
   is samples × features, else 0, rows of z in a unit, the external that a is gathered from, or -1,
   whether the loaded BLAS does it; by samples, or by units of the rows of z */
ALWAYS_INLINE void forward_part(const struct run *r, const int64_t *a, long j0, long j1, long n0,
                                long n1) {
    real *z = r->arena + a[0];
    const real *w = r->arena + a[1], *x = r->arena + a[2] + r->thread * a[6];
    const long rows = (long)a[3], columns = (long)a[4], panel = (long)a[5], ldn = (long)r->ldn;
    long ldt = (long)a[7];
    if (a[9] >= 0 && r->in_place) {
        x = (const real *)r->external[a[9]] + r->first * columns;
        ldt = columns;
    }
    if (a[10])
        loaded_product(r, (struct factor){w + j0 * panel, panel, 0},
                       (struct factor){x + n0 * (ldt ? ldt : 1), ldt ? ldt : ldn, ldt > 0},
                       z + j0 * ldn + n0, ldn, j1 - j0, n1 - n0, columns);
    else if (r->total == 1 && panel % LANES == 0)
        vector_forward(z + n0, w, x + n0 * (ldt ? ldt : 1), rows, columns, panel, ldn,
                       ldt ? 1 : ldn, j0, j1, 0);
    else
        product_forward(z, w, x, rows, columns, panel, ldn, ldt, j0, j1, n0, n1, 0);
}

static inline void forward(const struct run *r, const int64_t *a, long lo, long hi) {
    forward_part(r, a, 0, (long)a[3], lo, hi);
}

static inline void forward_rows(const struct run *r, const int64_t *a, long lo, long hi) {
    const long rows = (long)a[8];
    forward_part(r, a, lo * rows, smaller(hi * rows, (long)a[3]), 0, (long)r->columns);
}

/* d, w, z, rows, columns, panel, -, -, columns of w in a unit, -, whether the loaded BLAS does it;
   by samples, or by units of the columns of w, which for own products are panels */
ALWAYS_INLINE void backward_part(const struct run *r, const int64_t *a, long k0, long k1, long n0,
                                 long n1) {
    real *d = r->arena + a[0];
    const real *w = r->arena + a[1], *z = r->arena + a[2];
    const long rows = (long)a[3], columns = (long)a[4], panel = (long)a[5], ldn = (long)r->ldn;
    if (a[10])
        loaded_product(r, (struct factor){w + k0, panel, 1}, (struct factor){z + n0, ldn, 0},
                       d + k0 * ldn + n0, ldn, k1 - k0, n1 - n0, rows);
    else if (r->total == 1 && panel % LANES == 0)
        vector_backward(d + n0, w, z + n0, rows, columns, panel, ldn, ldn, k0 / panel,
                        (k1 + panel - 1) / panel, 0);
    else
        product_backward(d, w, z, rows, columns, panel, ldn, k0, k1, n0, n1, 0);
}

static inline void backward(const struct run *r, const int64_t *a, long lo, long hi) {
    backward_part(r, a, 0, (long)a[4], lo, hi);
}

static inline void backward_rows(const struct run *r, const int64_t *a, long lo, long hi) {
    const long unit = (long)a[8];
    backward_part(r, a, lo * unit, smaller(hi * unit, (long)a[4]), 0, (long)r->columns);
}

/* The same for one vector, which lies densely; what fills it up to whole vectors becomes zeros. */
static inline real *filled_up(real *x, long count) {
    for (long i = count; i % LANES; i++)
        x[i] = 0;
    return x;
}

static inline void forward_vector(const struct run *r, const int64_t *a, long lo, long hi) {
    real *m = r->arena;
    const long rows = (long)a[3], columns = (long)a[4], panel = (long)a[5];
    const real *w = m + a[1], *x = filled_up(m + a[2], columns);
    (void)lo, (void)hi;
    if (panel % LANES == 0)
        vector_forward(m + a[0], w, x, rows, columns, panel, 1, 1, 0, rows, 0);
    else
        for (long j = 0; j < rows; j++) {
            real sum = 0;
            for (long k = 0; k < columns; k++)
                sum += w[j * columns + k] * x[k];
            m[a[0] + j] = sum;
        }
}

static inline void backward_vector(const struct run *r, const int64_t *a, long lo, long hi) {
    real *m = r->arena;
    const long rows = (long)a[3], columns = (long)a[4], panel = (long)a[5];
    const real *w = m + a[1], *z = m + a[2];
    (void)lo, (void)hi;
    if (panel % LANES == 0)
        vector_backward(m + a[0], w, z, rows, columns, panel, 1, 1, 0,
                        (columns + panel - 1) / panel, 0);
    else
        for (long k = 0; k < columns; k++) {
            real sum = 0;
            for (long j = 0; j < rows; j++)
                sum += w[j * columns + k] * z[j];
            m[a[0] + k] = sum;
        }
}

/* rows in a unit, or 0 where a unit is a panel, z, at, rows, columns, panel, stride of at, reals
   between two threads' copies of at, whether the loaded BLAS does it (by rows, and nothing follows),
   then the words of what follows */
enum { GRADIENT_WORDS = 9 };

ALWAYS_INLINE void gradient_after(epilogue_function *after, ahead_function *ahead, void *context,
                                  const struct run *r, const int64_t *a, long lo, long hi) {
    const long rows = (long)a[3], columns = (long)a[4], panel = (long)a[5];
    const long panels = (columns + panel - 1) / panel;
    const long unit = (long)a[0];
    product_gradient(after, ahead, context, r->arena + a[1], r->arena + a[2] + r->thread * a[7],
                     rows, columns, panel, (long)r->ldn, (long)a[6], (long)r->count,
                     unit ? lo * unit : 0, unit ? smaller(hi * unit, rows) : rows,
                     unit ? 0 : lo, unit ? panels : hi);
}

ALWAYS_INLINE void store_gradient(void *context, long at, vec g) { store((real *)context + at, g); }

ALWAYS_INLINE void store_ahead(void *context, long at) {
    __builtin_prefetch((real *)context + at, 1);
}

static inline void gradient(const struct run *r, const int64_t *a, long lo, long hi) {
    real *const g = r->arena + a[GRADIENT_WORDS];
    if (a[8]) {
        const long panel = (long)a[5], j0 = lo * (long)a[0];
        const long j1 = smaller(hi * (long)a[0], (long)a[3]);
        const struct factor at = {r->arena + a[2] + r->thread * a[7], (long)a[6], 0};
        loaded_product(r, (struct factor){r->arena + a[1] + j0 * r->ldn, (long)r->ldn, 0}, at,
                       g + j0 * panel, panel, j1 - j0, panel, (long)r->count);
    } else
        gradient_after(store_gradient, store_ahead, g, r, a, lo, hi);
}

/* -- sums of products ------------------------------------------------------------------- */

/* results, out axes, summed axes, -, samples?, lengths of all axes, place and strides of the
   result, operands, then for each: place, varies with the sample?, a stride for each axis */
struct contraction {
    long out, summed, operands;
    int64_t results;
    const int64_t *lengths, *into, *first, *second;
    int samples;
};

static inline struct contraction contraction(const int64_t *a) {
    struct contraction c = {.out = (long)a[1], .summed = (long)a[2], .results = a[0]};
    const long axes = c.out + c.summed;
    c.samples = (int)a[4];
    c.lengths = a + 5;
    c.into = c.lengths + axes;
    c.operands = (long)c.into[1 + c.out];
    c.first = c.into + 2 + c.out;
    c.second = c.first + 2 + axes;
    return c;
}

/* Where an operand stands at the result's position. */
static inline int64_t operand_at(const int64_t *operand, const struct odometer *out) {
    return operand[0] + reached(out, operand + 2, 1);
}

static inline vec operand_vector(const real *m, const int64_t *operand, int64_t at, long n) {
    return operand[1] ? load(m + at + n) : splat(m[at]);
}

/* The result has samples: a sum for each column. */
static inline void contract_sampled(const struct run *r, const int64_t *a, long lo, long hi) {
    const struct contraction c = contraction(a);
    real *m = r->arena;
    struct odometer out = {c.out, {0}};
    do {
        const int64_t into = c.into[0] + reached(&out, c.into + 1, 1);
        const int64_t at = operand_at(c.first, &out);
        const int64_t with = c.operands > 1 ? operand_at(c.second, &out) : 0;
        for (long n = lo; n < hi; n += LANES) {
            struct odometer in = {c.summed, {0}};
            vec sum = splat(0);
            do {
                const int64_t i = at + reached(&in, c.first + 2 + c.out, 1);
                const vec term = operand_vector(m, c.first, i, n);
                if (c.operands > 1) /* as one sum, so that it rounds once as everywhere */
                    sum += term * operand_vector(
                        m, c.second, with + reached(&in, c.second + 2 + c.out, 1), n);
                else
                    sum += term;
            } while (advanced(&in, c.lengths + c.out, 1));
            store(m + into + n, sum);
        }
    } while (advanced(&out, c.lengths, 1));
}

/* The sum over samples of one product of rows, or of one row; exactly `count` of them. */
static inline real over_samples(const real *m, const struct contraction *c, int64_t i, int64_t j,
                                int64_t count) {
    vec sum = splat(0);
    long n = 0;
    for (; n + LANES <= count; n += LANES) {
        const vec term = operand_vector(m, c->first, i, n);
        if (c->operands > 1)
            sum += term * operand_vector(m, c->second, j, n);
        else
            sum += term;
    }
    real rest = 0;
    for (; n < count; n++) {
        const real term = m[i + (c->first[1] ? n : 0)];
        if (c->operands > 1)
            rest += term * m[j + (c->second[1] ? n : 0)];
        else
            rest += term;
    }
    return sum_lanes(sum) + rest;
}

/* The result has no samples: results [lo, hi). */
static inline void contract_split(const struct run *r, const int64_t *a, long lo, long hi) {
    const struct contraction c = contraction(a);
    real *m = r->arena;
    for (long result = lo; result < hi; result++) {
        struct odometer out = {c.out, {0}}, in = {c.summed, {0}};
        int64_t left = result;
        for (long axis = c.out; axis-- > 0; left /= c.lengths[axis])
            out.at[axis] = left % c.lengths[axis];
        const int64_t at = operand_at(c.first, &out);
        const int64_t with = c.operands > 1 ? operand_at(c.second, &out) : 0;
        real sum = 0;
        do {
            const int64_t i = at + reached(&in, c.first + 2 + c.out, 1);
            const int64_t j =
                c.operands > 1 ? with + reached(&in, c.second + 2 + c.out, 1) : 0;
            if (c.samples)
                sum += over_samples(m, &c, i, j, r->count);
            else
                sum += m[i] * (c.operands > 1 ? m[j] : 1);
        } while (advanced(&in, c.lengths + c.out, 1));
        m[c.into[0] + reached(&out, c.into + 1, 1)] = sum;
    }
}

static inline void contract_alone(const struct run *r, const int64_t *a, long lo, long hi) {
    (void)lo, (void)hi;
    contract_split(r, a, 0, (long)a[0]);
}

/* result, source, rows, vectors of the result in a unit: the sum of each row over the samples, for
   LANES rows at a time */
static inline void sum_rows(const struct run *r, const int64_t *a, long lo, long hi) {
    const long unit = (long)a[3] * LANES;
    for (long j = lo * unit; j < smaller(hi * unit, (long)a[2]); j += LANES) {
        vec sums[LANES];
        for (long i = 0; i < LANES; i++) {
            vec sum = {0};
            if (j + i < a[2]) {
                const real *row = r->arena + a[1] + (j + i) * r->ldn;
                long n = 0;
                for (; n + LANES <= r->count; n += LANES)
                    sum += load(row + n);
                if (n < r->count)
                    sum += load_some(row + n, (long)r->count - n);
            }
            sums[i] = sum;
        }
        store(r->arena + a[0] + j, sum_each(sums));
    }
}

/* -- along one axis --------------------------------------------------------------------- */

/* result, source, length, its stride, the result's stride, other axes: length, stride and the
   result's stride of each */

static inline vec step_vector(const real *p, long n, int sampled) {
    return sampled ? load(p + n) : splat(*p);
}

static inline void store_step(real *p, long n, vec v, int sampled) {
    if (sampled)
        store(p + n, v);
    else
        *p = v[0];
}

#define ALONG_AXIS(name, sampled, body)                                                       \
    static inline void name(const struct run *r, const int64_t *a, long lo, long hi) {        \
        const int64_t length = a[2], stride = a[3], out_stride = a[4];                        \
        struct odometer o = {(long)a[5], {0}};                                                \
        (void)out_stride;                                                                     \
        do {                                                                                  \
            real *out = r->arena + a[0] + reached(&o, a + 8, 3);                              \
            const real *in = r->arena + a[1] + reached(&o, a + 7, 3);                         \
            for (long n = sampled ? lo : 0; n < (sampled ? hi : 1); n += LANES) {             \
                vec top = step_vector(in, n, sampled);                                        \
                for (int64_t i = 1; i < length; i++)                                          \
                    top = v_max(top, step_vector(in + i * stride, n, sampled));               \
                body                                                                          \
            }                                                                                 \
        } while (advanced(&o, a + 6, 3));                                                     \
        (void)lo, (void)hi;                                                                   \
    }

#define LARGEST(sampled) store_step(out, n, top, sampled);

/* shifted by the largest where that is finite */
#define LOG_SUM_EXP(sampled)                                                                  \
    const vec shift = select(top - top == splat(0), top, splat(0));                           \
    vec sum = splat(0);                                                                       \
    for (int64_t i = 0; i < length; i++)                                                      \
        sum += f_exp(step_vector(in + i * stride, n, sampled) - shift);                       \
    store_step(out, n, f_log(sum) + shift, sampled);

/* the first NaN counts as the largest, as in NumPy */
#define FIRST_LARGEST(sampled)                                                                \
    vec open = splat(1);                                                                      \
    for (int64_t i = 0; i < length; i++) {                                                    \
        const vec x = step_vector(in + i * stride, n, sampled);                               \
        const vec here = select((x == top) | (x != x), open, splat(0));                       \
        store_step(out + i * out_stride, n, here, sampled);                                   \
        open -= here;                                                                         \
    }

ALONG_AXIS(largest, 1, LARGEST(1))
ALONG_AXIS(largest_alone, 0, LARGEST(0))
ALONG_AXIS(log_sum_exp, 1, LOG_SUM_EXP(1))
ALONG_AXIS(log_sum_exp_alone, 0, LOG_SUM_EXP(0))
ALONG_AXIS(first_largest, 1, FIRST_LARGEST(1))
ALONG_AXIS(first_largest_alone, 0, FIRST_LARGEST(0))

/* `count` reals, each `stride` after the one before */
static inline vec load_strided(const real *p, int64_t stride, long count) {
    vec v = splat(0);
    for (long i = 0; i < count; i++)
        v[i] = p[i * stride];
    return v;
}

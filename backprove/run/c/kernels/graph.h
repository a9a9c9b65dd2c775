/* Both passes over a graph of neurons, and gradient descent, level by level.

   Neurons are sorted by level, edges twice: by right neuron (forward order) and by left neuron
   (backward order). Every sum belongs to one neuron or one edge and is taken by one thread in a
   fixed order, so that results do not depend on the number of threads.

   Sampled arrays are neurons × ldn: `vectors` vectors a neuron, of which lanes beyond the last
   sample repeat it and carry no gradient; or vectors = 0 and ldn = 1 for a single sample.

   Printed before this file: the activations value_0, value_1, ... as vec value(vec z, vec *slope)
   and EACH_KIND(DO) with their numbers; the losses term_0, ... and EACH_TERM(DO) likewise. */

#include <string.h>
#include <time.h>

/* Filled by the caller; laid out as `Graph` in graph/compiled.py. */
struct graph {
    /* the sorted graph, as in graph/structure.py */
    const int32_t *level, *into, *left, *stored, *out_of, *right, *kinds, *outputs;
    real *w, *b;              /* weights in backward order; biases */
    real *g, *gb;             /* their gradients, or NULL: they are changed in place */
    real *h, *v;              /* neurons × ldn: values; slopes, each of which becomes a v */
    real *u, *y, *slope;      /* outputs × ldn: what they give, their targets, the loss's slope */
    double *losses;           /* of each sample of a part of a mini-batch */
    const real *x_rows, *y_rows; /* the data, samples × inputs and samples × outputs */
    const int64_t *order;     /* the samples' numbers, or NULL: 0, 1, 2, ... */
    int64_t levels, inputs, output_count, neurons, edges;
    int64_t vectors, ldn;
    int64_t threads;
    int64_t small;            /* work of a level, as `share` counts it, that one thread does */
    int64_t loss;             /* the number of its term, or -1 for the cross-entropy */
    int64_t biased;           /* whether biases are trained */
    int64_t mode;             /* see below */
    int64_t batch, samples;   /* in a mini-batch; in all */
    int64_t position;         /* samples that are done */
    double rate, seconds;     /* of learning; after which a call ends between two steps */
    double loss_sum;          /* of the samples done in this call */
    int64_t finite, going;
    int64_t first, count;     /* the part of a mini-batch at hand */
    double scale;             /* what a sum over samples is multiplied by */
    int64_t adds;             /* whether gradients are added to those that are there */
    double deadline;
};

enum mode {
    FORWARD,  /* values alone */
    GRADIENT, /* values and gradients */
    DESCENT   /* and a step */
};

static inline double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

ALWAYS_INLINE int64_t sample(const struct graph *g, int64_t n) {
    const int64_t last = g->count - 1, at = g->first + (n < last ? n : last);
    return g->order ? g->order[at] : at;
}

/* -- forward ------------------------------------------------------------------------------ */

/* z of each neuron: its bias and the sum over its left edges. */
ALWAYS_INLINE void weighted_inputs(const struct graph *g, long lo, long hi, const int vectors) {
    for (long n = lo; n < hi; n++) {
        vec sum[vectors];
        for (int i = 0; i < vectors; i++)
            sum[i] = splat(g->b[n]);
        for (long e = g->into[n]; e < g->into[n + 1]; e++) {
            const vec w = splat(g->w[g->stored[e]]);
            const real *h = g->h + g->left[e] * (long)(vectors * LANES);
            for (int i = 0; i < vectors; i++)
                sum[i] += w * load(h + i * LANES);
        }
        for (int i = 0; i < vectors; i++)
            store(g->h + n * (vectors * LANES) + i * LANES, sum[i]);
    }
}

/* The numbers of `from` at LANES indices. */
ALWAYS_INLINE vec gathered(const real *from, const int32_t *at) {
    vec found;
    for (int i = 0; i < LANES; i++)
        found[i] = from[at[i]];
    return found;
}

/* The same for one sample: LANES edges at a time. */
static void weighted_inputs_of_one(const struct graph *g, long lo, long hi) {
    for (long n = lo; n < hi; n++) {
        long e = g->into[n];
        const long end = g->into[n + 1];
        real sum = g->b[n];
        if (end - e >= LANES) {
            vec sums = {0};
            for (; e + LANES <= end; e += LANES)
                sums += gathered(g->w, g->stored + e) * gathered(g->h, g->left + e);
            sum += sum_lanes(sums);
        }
        for (; e < end; e++)
            sum += g->w[g->stored[e]] * g->h[g->left[e]];
        g->h[n] = sum;
    }
}

/* Values and slopes from z, in its place: one function a kind of neuron. */
#define ACTIVATE(KIND)                                                              \
    static void activate_##KIND(real *h, real *t, long count) {                     \
        vec slope;                                                                  \
        long i = 0;                                                                 \
        for (; i + LANES <= count; i += LANES) {                                    \
            storeu(h + i, value_##KIND(loadu(h + i), &slope));                      \
            storeu(t + i, slope);                                                   \
        }                                                                           \
        if (i < count) {                                                            \
            store_some(h + i, value_##KIND(load_some(h + i, count - i), &slope), count - i); \
            store_some(t + i, slope, count - i);                                    \
        }                                                                           \
    }
EACH_KIND(ACTIVATE)

static void activate(int kind, real *h, real *t, long count) {
    switch (kind) {
#define ACTIVATE_CASE(KIND) \
    case KIND: activate_##KIND(h, t, count); break;
        EACH_KIND(ACTIVATE_CASE)
    }
}

/* The values of neurons lo to hi from their z. */
static void activated(const struct graph *g, long lo, long hi) {
    while (lo < hi) {
        long end = lo + 1;
        while (end < hi && g->kinds[end] == g->kinds[lo])
            end++;
        activate(g->kinds[lo], g->h + lo * g->ldn, g->v + lo * g->ldn, (end - lo) * g->ldn);
        lo = end;
    }
}

static void forward(const struct graph *g, long lo, long hi) {
    enum { AT_ONCE = 64 }; /* neurons, so that their z are still in the cache */
    for (long n = lo; n < hi; n += AT_ONCE) {
        const long end = n + AT_ONCE < hi ? n + AT_ONCE : hi;
        switch (g->vectors) {
        case 0: weighted_inputs_of_one(g, n, end); break;
        case 1: weighted_inputs(g, n, end, 1); break;
        case 2: weighted_inputs(g, n, end, 2); break;
        case 4: weighted_inputs(g, n, end, 4); break;
        default: weighted_inputs(g, n, end, 8);
        }
        activated(g, n, end);
    }
}

/* -- backward ----------------------------------------------------------------------------- */

/* v of each neuron from those to its right, and the gradients of its right edges. */
ALWAYS_INLINE void adjoints(const struct graph *g, long lo, long hi, const int vectors) {
    const int update = g->mode == DESCENT;
    const real scale = (real)(update ? g->scale * g->rate : g->scale);
    for (long n = lo; n < hi; n++) {
        const long first = g->out_of[n], end = g->out_of[n + 1];
        real *own = g->v + n * (vectors * LANES);
        vec h[vectors], sum[vectors];
        for (int i = 0; i < vectors; i++) {
            h[i] = load(g->h + n * (vectors * LANES) + i * LANES) * scale;
            sum[i] = splat(0);
        }
        for (long e = first; e < end; e++) {
            const real *v = g->v + g->right[e] * (long)(vectors * LANES);
            const vec w = splat(g->w[e]);
            vec products = splat(0);
            for (int i = 0; i < vectors; i++) {
                const vec there = load(v + i * LANES);
                sum[i] += w * there;
                products += h[i] * there;
            }
            const real gradient = sum_lanes(products);
            if (update)
                g->w[e] -= gradient;
            else
                g->g[e] = g->adds ? g->g[e] + gradient : gradient;
        }
        if (first < end) /* else it is an output, whose v is known */
            for (int i = 0; i < vectors; i++)
                store(own + i * LANES, load(own + i * LANES) * sum[i]);
        if (n >= g->inputs) {
            vec total = load(own);
            for (int i = 1; i < vectors; i++)
                total += load(own + i * LANES);
            const real gradient = sum_lanes(total) * scale;
            if (!update)
                g->gb[n] = g->adds ? g->gb[n] + gradient : gradient;
            else if (g->biased)
                g->b[n] -= gradient;
        }
    }
}

static void adjoints_of_one(const struct graph *g, long lo, long hi) {
    const int update = g->mode == DESCENT;
    const real scale = (real)(update ? g->scale * g->rate : g->scale);
    for (long n = lo; n < hi; n++) {
        const long first = g->out_of[n], end = g->out_of[n + 1];
        const real h = g->h[n] * scale;
        long e = first;
        real sum = 0;
        if (end - e >= LANES) {
            vec sums = {0};
            for (; e + LANES <= end; e += LANES) {
                const vec v = gathered(g->v, g->right + e), w = loadu(g->w + e);
                sums += w * v;
                if (update)
                    storeu(g->w + e, w - h * v);
                else
                    storeu(g->g + e, g->adds ? loadu(g->g + e) + h * v : h * v);
            }
            sum = sum_lanes(sums);
        }
        for (; e < end; e++) {
            const real v = g->v[g->right[e]], w = g->w[e];
            sum += w * v;
            if (update)
                g->w[e] = w - h * v;
            else
                g->g[e] = g->adds ? g->g[e] + h * v : h * v;
        }
        if (first < end)
            g->v[n] *= sum;
        if (n >= g->inputs) {
            const real gradient = g->v[n] * scale;
            if (!update)
                g->gb[n] = g->adds ? g->gb[n] + gradient : gradient;
            else if (g->biased)
                g->b[n] -= gradient;
        }
    }
}

static void backward(const struct graph *g, long lo, long hi) {
    switch (g->vectors) {
    case 0: adjoints_of_one(g, lo, hi); break;
    case 1: adjoints(g, lo, hi, 1); break;
    case 2: adjoints(g, lo, hi, 2); break;
    case 4: adjoints(g, lo, hi, 4); break;
    default: adjoints(g, lo, hi, 8);
    }
}

/* -- levels over threads ------------------------------------------------------------------ */

enum { OWN = 4 }; /* what a neuron costs besides its edges, in edges */

/* Where thread `part` of `parts` begins among neurons lo to hi, by the number of their edges. */
static long share(const int32_t *starts, long lo, long hi, int part, int parts) {
    const int64_t begin = starts[lo] + OWN * (int64_t)lo, end = starts[hi] + OWN * (int64_t)hi;
    const int64_t wanted = begin + (end - begin) * part / parts;
    while (lo < hi) {
        const long middle = lo + (hi - lo) / 2;
        if (starts[middle] + OWN * (int64_t)middle < wanted)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

/* One level after the other; small ones in a row are left to the first thread. */
static void each_level(const struct graph *g, int thread, int threads, long from, long to,
                       const int32_t *starts, void (*work)(const struct graph *, long, long)) {
    enum { NO_ONE, THE_FIRST, EVERYONE } before = NO_ONE; /* who worked on the last level */
    const long step = from < to ? 1 : -1;
    for (long level = from; level != to; level += step) {
        const long lo = g->level[level], hi = g->level[level + 1];
        const int64_t unit = g->vectors ? g->vectors : 1;
        const int64_t cost = (starts[hi] - starts[lo] + OWN * (int64_t)(hi - lo)) * unit;
        if (threads == 1) {
            work(g, lo, hi);
        } else if (cost < g->small) {
            if (before == EVERYONE)
                pool_barrier(thread, threads);
            if (thread == 0)
                work(g, lo, hi);
            before = THE_FIRST;
        } else {
            if (before != NO_ONE)
                pool_barrier(thread, threads);
            work(g, share(starts, lo, hi, thread, threads),
                 share(starts, lo, hi, thread + 1, threads));
            before = EVERYONE;
        }
    }
}

/* -- data and loss ------------------------------------------------------------------------ */

/* Softmax and cross-entropy: log(sum exp u) - sum y u, its slope softmax(u) - y. For the LANES
   samples from column n on, or for one sample whose outputs lie in a row. */
static void cross_entropy(const real *u, const real *y, real *slope, double *losses,
                          int64_t outputs, int64_t ldn) {
    for (int64_t n = 0; n < ldn; n += LANES) {
        const int64_t columns = ldn < LANES ? 1 : LANES;
        vec top = splat(-__builtin_inff()), total = {0}, mixed = {0}, weight = {0};
        for (int64_t i = 0; i < outputs; i++)
            top = v_max(top, load_some(u + i * ldn + n, columns));
        for (int64_t i = 0; i < outputs; i++) {
            const vec above = load_some(u + i * ldn + n, columns) - top;
            const vec target = load_some(y + i * ldn + n, columns), e = f_exp(above);
            total += e;
            mixed += target * above;
            weight += target;
            store_some(slope + i * ldn + n, e, columns);
        }
        for (int64_t i = 0; i < outputs; i++) {
            const vec e = load_some(slope + i * ldn + n, columns);
            store_some(slope + i * ldn + n, e / total - load_some(y + i * ldn + n, columns),
                       columns);
        }
        const vec loss = f_log(total) * weight - mixed;
        for (int64_t i = 0; i < columns; i++)
            losses[n + i] = (double)loss[i];
    }
}

/* A loss that is a sum over the outputs of term_N(u, y, slope). */
#define SUM_OF_TERMS(N)                                                                    \
    static void sum_of_terms_##N(const real *u, const real *y, real *slope, double *losses, \
                                 int64_t outputs, int64_t ldn) {                           \
        for (int64_t at = 0; at < outputs * ldn; at += LANES) {                            \
            const int64_t left = outputs * ldn - at, here = left < LANES ? left : LANES;   \
            vec there;                                                                     \
            const vec loss = term_##N(load_some(u + at, here), load_some(y + at, here), &there); \
            store_some(slope + at, there, here);                                           \
            for (int64_t i = 0; i < here; i++)                                             \
                losses[(at + i) % ldn] += (double)loss[i];                                 \
        }                                                                                  \
    }
EACH_TERM(SUM_OF_TERMS)

/* The samples of this part into the inputs, whose slope is 1, and the targets. */
static void load_samples(const struct graph *g, int thread, int threads) {
    const int64_t ldn = g->ldn;
    const int64_t lo = g->inputs * thread / threads, hi = g->inputs * (thread + 1) / threads;
    for (int64_t n = 0; n < ldn; n++) {
        const int64_t row = sample(g, n);
        for (int64_t i = lo; i < hi; i++) {
            g->h[i * ldn + n] = g->x_rows[row * g->inputs + i];
            g->v[i * ldn + n] = 1;
        }
        if (thread == 0 && g->mode != FORWARD)
            for (int64_t i = 0; i < g->output_count; i++)
                g->y[i * ldn + n] = g->y_rows[row * g->output_count + i];
    }
}

/* Losses of the samples, and v at the outputs; by one thread. */
static void lose(struct graph *g) {
    const int64_t ldn = g->ldn, outputs = g->output_count;
    for (int64_t i = 0; i < outputs; i++)
        memcpy(g->u + i * ldn, g->h + g->outputs[i] * ldn, (size_t)ldn * sizeof(real));
    for (int64_t n = 0; n < ldn; n++)
        g->losses[n] = 0;
    switch (g->loss) {
#define LOSS_CASE(N) \
    case N: sum_of_terms_##N(g->u, g->y, g->slope, g->losses, outputs, ldn); break;
        EACH_TERM(LOSS_CASE)
    default: cross_entropy(g->u, g->y, g->slope, g->losses, outputs, ldn);
    }
    for (int64_t i = 0; i < outputs; i++) {
        real *v = g->v + g->outputs[i] * ldn;
        for (int64_t n = 0; n < g->count; n++)
            v[n] *= g->slope[i * ldn + n];
        for (int64_t n = g->count; n < ldn; n++)
            v[n] = 0;
    }
    for (int64_t n = 0; n < g->count; n++)
        g->loss_sum += g->losses[n];
}

/* -- steps -------------------------------------------------------------------------------- */

/* A share of what is left to do once the gradients of all parts of a mini-batch are summed. */
static void descend(const struct graph *g, int thread, int threads) {
    const real rate = (real)g->rate;
    for (int64_t e = g->edges * thread / threads; e < g->edges * (thread + 1) / threads; e++)
        g->w[e] -= rate * g->g[e];
    if (g->biased)
        for (int64_t n = g->neurons * thread / threads; n < g->neurons * (thread + 1) / threads;
             n++)
            g->b[n] -= rate * g->gb[n];
}

/* The samples of one part of a mini-batch through the graph and back. */
static void part(struct graph *g, int thread, int threads) {
    load_samples(g, thread, threads);
    pool_barrier(thread, threads);
    each_level(g, thread, threads, 1, g->levels, g->into, forward);
    if (g->mode == FORWARD)
        return;
    pool_barrier(thread, threads);
    if (thread == 0)
        lose(g);
    pool_barrier(thread, threads);
    each_level(g, thread, threads, g->levels - 1, -1, g->out_of, backward);
}

/* Whole mini-batches until the samples or the time are used up. */
static void steps(void *context, int thread, int threads) {
    struct graph *g = context;
    const int before = flush_denormals(1);
    const int64_t columns = g->ldn;
    const int whole = g->batch <= columns; /* a mini-batch is one part: update at once */
    for (;;) {
        const int64_t begin = g->position, left = g->samples - begin;
        const int64_t size = left < g->batch ? left : g->batch;
        for (int64_t done = 0; done < size; done += columns) {
            pool_barrier(thread, threads);
            if (thread == 0) {
                g->first = begin + done;
                g->count = size - done < columns ? size - done : columns;
                g->scale = 1.0 / (double)size;
                g->mode = whole ? DESCENT : GRADIENT;
                g->adds = done > 0;
            }
            pool_barrier(thread, threads);
            part(g, thread, threads);
        }
        pool_barrier(thread, threads);
        if (!whole) {
            descend(g, thread, threads);
            pool_barrier(thread, threads);
        }
        if (thread == 0) {
            g->position = begin + size;
            g->finite = g->loss_sum - g->loss_sum == 0;
            g->going = g->finite && g->position < g->samples && seconds_now() < g->deadline;
        }
        pool_barrier(thread, threads);
        if (!g->going)
            break;
    }
    flush_denormals(before);
}

static void once(void *context, int thread, int threads) {
    const int before = flush_denormals(1);
    part(context, thread, threads);
    flush_denormals(before);
}

/* One part through the graph, in `mode`; the caller has set first, count, scale and adds. */
__attribute__((visibility("default"))) void graph_once(struct graph *g) {
    g->loss_sum = 0;
    pool_run((int)g->threads, once, g);
}

/* Mini-batches of gradient descent from `position` on. */
__attribute__((visibility("default"))) void graph_steps(struct graph *g) {
    g->loss_sum = 0;
    g->deadline = seconds_now() + g->seconds;
    pool_run((int)g->threads, steps, g);
}

__attribute__((visibility("default"))) int64_t graph_size(void) { return sizeof(struct graph); }

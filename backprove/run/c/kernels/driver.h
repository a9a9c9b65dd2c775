/* The driver: a table of calls, run over mini-batches by every thread of the pool.

   A table is int64 words:  phases, phases of the second part, then for each phase  calls, then
   for each call
       kernel  mode  units  words  word...
   A mini-batch for which there is no room at once goes in chunks through the first part; what is
   summed over its samples is complete in the second part, which alone changes weights. So a call
   may end between two chunks, and the next one go on with `chunk`. Within a phase nothing waits
   for anything of another thread; between phases all threads meet.
   mode SAMPLED: the thread's own columns (samples), in whole vectors. mode SPLIT: its share of
   `units`. mode ALONE: thread number `units` does it all. mode EVERY: each does it all, to a copy
   of its own.

   Where all calls are SAMPLED and nothing is summed up, threads need not meet at all: each takes
   the next chunk that nobody has, and works on it in columns of its own.

   Threads never share a sum, so results do not depend on their number. */

#include <stdint.h>
#include <string.h>
#include <time.h>

enum mode { SAMPLED, SPLIT, ALONE, EVERY };

/* Filled by the caller; laid out as `Run` in library.py. */
struct run {
    real *arena;
    const int64_t *table;
    void *const *external;      /* arrays of data and of results, samples × features */
    int64_t *order;             /* the samples' numbers, in the order of the epoch */
    const double *scalars;      /* steps × scalar_count: numbers of each step, or NULL */
    const int64_t *scalar_at;   /* where they go in the arena */
    double *losses;             /* the mean loss of each finished epoch */
    volatile int32_t *stop;     /* another thread of the process sets it to end the call */
    int64_t samples, batch;     /* in an epoch; in a mini-batch */
    int64_t room;               /* in a chunk */
    int64_t position;           /* samples of this epoch that are done; while threads work apart,
                                   those that are taken, which between calls is the same */
    int64_t epochs;             /* to finish in this call */
    int64_t epochs_done, steps_done, max_steps;
    int64_t scalar_count;
    int64_t loss_at;            /* the mean loss of a mini-batch in the arena, or -1 */
    int64_t threads;
    int64_t shuffles;           /* whether the order is drawn anew for each epoch */
    int64_t in_order;           /* whether it is 0, 1, 2, … */
    int64_t apart;              /* whether threads do not meet */
    uint64_t random[4];
    double loss_sum;            /* of the sample losses of this epoch so far */
    double seconds;             /* after which the call ends, between two steps or chunks */
    int64_t status;             /* why it ended, see below */
    int64_t total;              /* samples of the mini-batch at hand */
    int64_t chunk;              /* which of its chunks is at hand, from 0; above 0 between two
                                   calls: the mini-batch is not done, and goes on there */
    int64_t first, count;       /* the chunk: its place in the order, its samples */
    int64_t in_place;           /* its data can be read where they lie */
    int64_t columns;            /* count, rounded up to whole vectors */
    int64_t ldn;                /* reals between two features: the room for samples */
    int64_t going;
    double deadline;
    int64_t thread;             /* in a thread's own copy of all this: its number */
    void *gemm;                 /* of a loaded BLAS, where the table has calls of it */
    int64_t gemm_is_wide;       /* whether its integers have 64 bits */
};

enum status { EPOCHS_DONE, STEPS_DONE, TIME_UP, STOPPED, NOT_FINITE };

typedef void kernel(const struct run *r, const int64_t *a, long lo, long hi);

static kernel *const kernels[];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* xoshiro256++ (Blackman and Vigna 2019) */
static inline uint64_t rotated(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static inline uint64_t random_bits(uint64_t *s) {
    const uint64_t result = rotated(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return result;
}

/* Fisher and Yates; bounded numbers by Lemire's multiplication (2019), exact. */
static void shuffle(int64_t *order, int64_t n, uint64_t *state) {
    for (int64_t i = n - 1; i > 0; i--) {
        const uint64_t range = (uint64_t)i + 1;
        unsigned __int128 product = (unsigned __int128)random_bits(state) * range;
        if ((uint64_t)product < range) {
            const uint64_t floor = (0 - range) % range;
            while ((uint64_t)product < floor)
                product = (unsigned __int128)random_bits(state) * range;
        }
        const int64_t j = (int64_t)(product >> 64), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

/* Some phases, as one of the threads (the only one where all calls are SAMPLED), whose columns are [first,last); returns the table's next
   word. */
static inline const int64_t *run_phases(const struct run *r, const int64_t *word, int64_t phases,
                                        int thread, int threads, long first, long last) {
    for (int64_t phase = 0; phase < phases; phase++) {
        if (phase && threads > 1)
            pool_barrier(thread, threads);
        for (int64_t calls = *word++; calls > 0; calls--) {
            kernel *call = kernels[word[0]];
            const int64_t mode = word[1], units = word[2];
            const int64_t *a = word + 4;
            word = a + word[3];
            if (mode == SAMPLED) {
                if (first < last)
                    call(r, a, first, last);
            } else if (mode == SPLIT) {
                const long lo = (long)(units * thread / threads);
                const long hi = (long)(units * (thread + 1) / threads);
                if (lo < hi)
                    call(r, a, lo, hi);
            } else if (mode == EVERY) {
                call(r, a, 0, (long)r->columns);
            } else if (units % threads == thread) {
                call(r, a, 0, 1);
            }
        }
    }
    return word;
}

/* The same of a chunk that all threads share. */
static inline const int64_t *run_shared(const struct run *shared, const int64_t *word,
                                        int64_t phases, int thread, int threads) {
    struct run own = *shared;
    own.thread = thread;
    const int64_t vectors = own.columns / LANES;
    const long first = (long)(vectors * thread / threads) * LANES;
    const long last = (long)(vectors * (thread + 1) / threads) * LANES;
    return run_phases(&own, word, phases, thread, threads, first, last);
}

static inline int64_t whole_vectors(int64_t samples) { return (samples + LANES - 1) / LANES; }

/* Whether data from outside can be read where they lie, for so many columns: at least one row must
   follow, since whole vectors are read, and a sample alone is read as if it were aligned. */
static inline int lie_in_order(const struct run *r, int64_t first, int64_t columns) {
    return r->in_order && first + columns < r->samples;
}

/* The part of the mini-batch from `done` on that there is room for. */
static void take_chunk(struct run *r, int64_t done) {
    const int64_t left = r->total - done;
    r->first = r->position + done;
    r->count = left < r->room ? left : r->room;
    r->columns = whole_vectors(r->count) * LANES;
    r->in_place = lie_in_order(r, r->first, r->columns);
}

/* Whether the call is to end: it was told to, or its time is up, if that is looked at. */
static int is_over(struct run *r, int looks) {
    if (*r->stop)
        r->status = STOPPED;
    else if (looks && now() > r->deadline)
        r->status = TIME_UP;
    else
        return 0;
    return 1;
}

/* One mini-batch, or the rest of one that an earlier call began; 0 where this call is over before
   it is done. Each call does one chunk at least. */
static inline int run_step(struct run *r, int thread, int threads) {
    const int64_t *word, total = r->total, room = r->room;
    for (int64_t done = r->chunk * room;;) {
        word = run_shared(r, r->table + 2, r->table[0], thread, threads);
        done += room;
        if (done >= total)
            break;
        if (threads > 1)
            pool_barrier(thread, threads);
        if (thread == 0) {
            r->chunk++;
            take_chunk(r, done);
            r->going = !is_over(r, 1);
        }
        if (threads > 1)
            pool_barrier(thread, threads);
        if (!r->going)
            return 0;
    }
    if (r->table[1]) {
        if (threads > 1)
            pool_barrier(thread, threads);
        run_shared(r, word, r->table[1], thread, threads);
    }
    return 1;
}

/* Before a mini-batch, by one thread: which samples, and the numbers of this step. */
static void begin_step(struct run *r) {
    const int64_t left = r->samples - r->position;
    if (r->position == 0 && r->shuffles)
        shuffle(r->order, r->samples, r->random);
    r->total = left < r->batch ? left : r->batch;
    r->chunk = 0;
    take_chunk(r, 0);
    if (r->scalars)
        for (int64_t i = 0; i < r->scalar_count; i++)
            r->arena[r->scalar_at[i]] = (real)r->scalars[r->steps_done * r->scalar_count + i];
}

/* At every eighth step, as a look costs as much as a tenth of the smallest step; but long steps
   must not add up to eight. */
static inline int looks_at_the_clock(int64_t steps) {
    return steps % 8 == 0 || (steps & (steps - 1)) == 0;
}

/* After it: running loss, end of an epoch, and whether to go on. */
static void end_step(struct run *r) {
    r->position += r->total;
    r->chunk = 0;
    r->steps_done++;
    int finite = 1;
    if (r->loss_at >= 0) {
        const double loss = (double)r->arena[r->loss_at];
        finite = loss - loss == 0;
        r->loss_sum += loss * (double)r->total;
    }
    r->going = 0;
    if (r->position >= r->samples) {
        if (r->losses)
            r->losses[r->epochs_done] = r->loss_sum / (double)r->samples;
        r->epochs_done++;
        r->position = 0;
        r->loss_sum = 0;
    }
    if (!finite)
        r->status = NOT_FINITE;
    else if (r->epochs_done >= r->epochs)
        r->status = EPOCHS_DONE;
    else if (r->steps_done >= r->max_steps)
        r->status = STEPS_DONE;
    else
        r->going = !is_over(r, looks_at_the_clock(r->steps_done));
}

/* What threads that work apart are given: where they take samples from, so many at a time, and how
   everything was when they began. */
struct apart {
    struct run *shared, start;
    long width;
};

/* Chunk after chunk in the thread's own columns, until none is left or the call is over. */
static void work_apart(void *context, int thread, int threads) {
    const struct apart *a = context;
    struct run own = a->start;
    const long lo = a->width * thread;
    const int denormals = flush_denormals(1);
    (void)threads;
    own.thread = thread;
    own.total = own.samples;
    do {
        const int64_t at = __atomic_fetch_add(&a->shared->position, a->width, __ATOMIC_RELAXED);
        if (at >= own.samples)
            break;
        const int64_t left = own.samples - at, taken = left < a->width ? left : a->width;
        own.first = at - lo;
        own.count = lo + taken;
        own.columns = lo + whole_vectors(taken) * LANES;
        own.in_place = lie_in_order(&own, at, own.columns - lo);
        run_phases(&own, own.table + 2, own.table[0], 0, 1, lo, (long)own.columns);
        if (is_over(&own, 1)) {
            __atomic_store_n(&a->shared->status, own.status, __ATOMIC_RELAXED);
            break;
        }
    } while (1);
    flush_denormals(denormals);
}

/* As many threads as there are whole vectors for, in memory and of samples; each takes at most
   its share at once. */
static void run_apart(struct run *r) {
    const int64_t room = whole_vectors(r->room), left = whole_vectors(r->samples - r->position);
    const int64_t most = left < room ? left : room;
    const int64_t threads = r->threads < most ? r->threads : most;
    const int64_t share = (left + threads - 1) / threads;
    struct apart a = {r, *r, LANES * (long)(room / threads < share ? room / threads : share)};
    pool_run((int)threads, work_apart, &a);
    if (r->position >= r->samples) {
        r->position = 0;
        r->epochs_done = 1;
        r->status = EPOCHS_DONE;
    }
}

static void work(void *context, int thread, int threads) {
    struct run *r = context;
    const int denormals = flush_denormals(1);
    if (thread == 0 && !r->chunk)
        begin_step(r);
    if (threads > 1)
        pool_barrier(thread, threads);
    do {
        if (!run_step(r, thread, threads))
            break;
        if (threads > 1)
            pool_barrier(thread, threads);
        if (thread == 0) {
            end_step(r);
            if (r->going)
                begin_step(r);
        }
        if (threads > 1)
            pool_barrier(thread, threads);
    } while (r->going);
    flush_denormals(denormals);
}

/* Steps from r->position and r->chunk on, until r says that it is enough. */
__attribute__((visibility("default"))) int64_t backprove_run(struct run *r) {
    r->deadline = now() + r->seconds;
    r->steps_done = r->epochs_done = 0;
    if (r->apart)
        run_apart(r);
    else
        pool_run((int)r->threads, work, r);
    return r->status;
}

__attribute__((visibility("default"))) int64_t backprove_run_size(void) {
    return sizeof(struct run);
}

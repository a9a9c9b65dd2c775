/* Products by the BLAS that the process has loaded already, found at run time.

   Each thread calls it for its own part, while the library itself is set to one thread. */

enum { ROW_MAJOR = 101, AS_IT_LIES = 111, TURNED = 112 }; /* CBLAS's own numbers */

/* cblas_sgemm or cblas_dgemm, with integers of 64 bits or of int's */
typedef void wide_gemm(int order, int turn_x, int turn_y, int64_t rows, int64_t columns,
                       int64_t terms, real alpha, const real *x, int64_t ldx, const real *y,
                       int64_t ldy, real beta, real *z, int64_t ldz);
typedef void narrow_gemm(int order, int turn_x, int turn_y, int rows, int columns, int terms,
                         real alpha, const real *x, int ldx, const real *y, int ldy, real beta,
                         real *z, int ldz);

struct factor {
    const real *at;
    long stride;
    int turned; /* whether it lies columns × rows */
};

/* z = x y, rows × terms and terms × columns, at a row stride of ldz. */
static inline void loaded_product(const struct run *r, struct factor x, struct factor y, real *z,
                                  long ldz, long rows, long columns, long terms) {
    const int turn_x = x.turned ? TURNED : AS_IT_LIES, turn_y = y.turned ? TURNED : AS_IT_LIES;
    if (r->gemm_is_wide)
        ((wide_gemm *)r->gemm)(ROW_MAJOR, turn_x, turn_y, rows, columns, terms, 1, x.at, x.stride,
                               y.at, y.stride, 0, z, ldz);
    else
        ((narrow_gemm *)r->gemm)(ROW_MAJOR, turn_x, turn_y, (int)rows, (int)columns, (int)terms, 1,
                                 x.at, (int)x.stride, y.at, (int)y.stride, 0, z, (int)ldz);
}

/* Sparse matrices: their product with a dense one, and the solution of a narrow symmetric system.
 *
 * One thread, one order of summing: the same bytes everywhere.
 */
#include "maths.h"

#include <math.h>

/* out = A X. starts: (rows + 1), where each row's entries begin; column, value: (starts[rows]); x: (any, width);
 * out: (rows, width). */
KERNEL void sparse_times(const int64_t *starts, const int32_t *column, const double *value, int64_t rows,
                         const double *x, int64_t width, double *out)
{
    for (int64_t i = 0; i < rows; i++) {
        double *mine = out + i * width;
        for (int64_t c = 0; c < width; c++)
            mine[c] = 0;
        for (int64_t k = starts[i]; k < starts[i + 1]; k++) {
            const double *other = x + column[k] * width;
            for (int64_t c = 0; c < width; c++)
                mine[c] += value[k] * other[c];
        }
    }
}

/* Solve A X = B for a symmetric positive definite A with a narrow band, by Cholesky's factorisation.
 *
 * band: (count, width + 1) float64, row i holds A[i, i - width .. i] (what lies before column 0 is not read); out: the
 * factor L. right: (count, columns) float64, in: B; out: X.
 * Returns 0, or 1 + the row whose pivot is not positive. */
KERNEL int64_t solve_banded(double *band, int64_t count, int64_t width, double *right, int64_t columns)
{
    const int64_t stride = width + 1;
    for (int64_t i = 0; i < count; i++) {
        double *row = band + i * stride + width - i; /* row[j] is A[i, j] */
        const int64_t first = i > width ? i - width : 0;
        for (int64_t j = first; j <= i; j++) {
            const double *other = band + j * stride + width - j;
            const int64_t from = first > j - width ? first : j - width;
            double sum = row[j];
            for (int64_t k = from > 0 ? from : 0; k < j; k++)
                sum -= row[k] * other[k];
            if (j < i)
                row[j] = sum / other[j];
            else if (sum > 0)
                row[i] = sqrt(sum);
            else
                return i + 1;
        }
    }
    /* L Y = B, then L^T X = Y, a row of all columns at a time */
    for (int64_t i = 0; i < count; i++) {
        const double *row = band + i * stride + width - i;
        double *mine = right + i * columns;
        for (int64_t k = i > width ? i - width : 0; k < i; k++)
            for (int64_t c = 0; c < columns; c++)
                mine[c] -= row[k] * right[k * columns + c];
        for (int64_t c = 0; c < columns; c++)
            mine[c] /= row[i];
    }
    for (int64_t i = count - 1; i >= 0; i--) {
        const double *row = band + i * stride + width - i;
        double *mine = right + i * columns;
        for (int64_t c = 0; c < columns; c++)
            mine[c] /= row[i];
        for (int64_t k = i > width ? i - width : 0; k < i; k++)
            for (int64_t c = 0; c < columns; c++)
                right[k * columns + c] -= row[k] * mine[c];
    }
    return 0;
}

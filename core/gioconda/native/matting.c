/* Alpha and foreground colour of a portrait: the two solvers behind the matte.
 *
 * Everything here runs on one thread and sums in one order: the same picture gives the same bytes everywhere.
 */
#include "maths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Closed-form alpha -------------------------------------------------------------------------------------------
 *
 * Levin, Lischinski, Weiss, "A closed-form solution to natural image matting", PAMI 2008: in every 3 x 3 window alpha
 * is an affine function of colour. That makes a sparse symmetric system over the pixels whose alpha is unknown, each
 * of them linked to the 5 x 5 pixels around it. It is solved by conjugate gradients, preconditioned by an incomplete
 * Cholesky factor of the same pattern (Manteuffel, "An incomplete factorization technique for positive definite
 * linear systems", 1980: the diagonal is raised until the factor exists).
 */

enum {
    WINDOW = 9,  /* pixels of a window */
    LINKS = 25,  /* pixels in the 5 x 5 neighbourhood, row by row; the pixel itself is number 12 */
    SELF = 12,
    EARLIER = 12 /* of these come before the pixel in raster order */
};

/* Adds one 3 x 3 window's part of the Laplacian to the rows of its unknown pixels.
 *
 * image: (height, width, 3), 0..1. x, y: the window's middle. row: (height, width), the pixel's number among the
 * unknown, or -1. links: (unknown, 25), summed into. */
static void add_window(const double *image, int64_t width, int64_t x, int64_t y, double epsilon, const int32_t *row,
                       double *links)
{
    double centred[WINDOW][3], mean[3] = {0, 0, 0};
    for (int k = 0; k < WINDOW; k++) {
        const double *pixel = image + 3 * ((y + k / 3 - 1) * width + x + k % 3 - 1);
        for (int c = 0; c < 3; c++) {
            centred[k][c] = pixel[c];
            mean[c] += pixel[c];
        }
    }
    /* covariance of the window's colours, (a b c; b d e; c e f), kept regular by epsilon / 9 */
    double a = epsilon, b = 0, c = 0, d = epsilon, e = 0, f = epsilon;
    for (int k = 0; k < WINDOW; k++) {
        double *v = centred[k];
        for (int j = 0; j < 3; j++)
            v[j] -= mean[j] / WINDOW;
        a += v[0] * v[0];
        b += v[0] * v[1];
        c += v[0] * v[2];
        d += v[1] * v[1];
        e += v[1] * v[2];
        f += v[2] * v[2];
    }
    a /= WINDOW, b /= WINDOW, c /= WINDOW, d /= WINDOW, e /= WINDOW, f /= WINDOW;
    /* its inverse by cofactors */
    const double i00 = d * f - e * e, i01 = c * e - b * f, i02 = b * e - c * d;
    const double i11 = a * f - c * c, i12 = b * c - a * e, i22 = a * d - b * b;
    const double scale = 1.0 / (a * i00 + b * i01 + c * i02);
    for (int k = 0; k < WINDOW; k++) {
        const int64_t ky = y + k / 3 - 1, kx = x + k % 3 - 1;
        const int32_t number = row[ky * width + kx];
        if (number < 0)
            continue;
        const double *v = centred[k];
        const double w0 = scale * (i00 * v[0] + i01 * v[1] + i02 * v[2]);
        const double w1 = scale * (i01 * v[0] + i11 * v[1] + i12 * v[2]);
        const double w2 = scale * (i02 * v[0] + i12 * v[1] + i22 * v[2]);
        for (int j = 0; j < WINDOW; j++) {
            const double *u = centred[j];
            const double likeness = (1 + w0 * u[0] + w1 * u[1] + w2 * u[2]) / WINDOW;
            const int link = (j / 3 - k / 3 + 2) * 5 + j % 3 - k % 3 + 2;
            links[(int64_t)number * LINKS + link] += (j == k ? 1.0 : 0.0) - likeness;
        }
    }
}

/* Offset of link k in the picture's pixels. */
static int64_t link_offset(int k, int64_t width) { return (k / 5 - 2) * width + k % 5 - 2; }

/* out = A x, for the unknown pixels. links: (unknown, 25); neighbours: (unknown, 25), numbers or -1. */
static void multiply(const double *links, const int32_t *neighbours, int64_t unknown, const double *x, double *out)
{
    for (int64_t i = 0; i < unknown; i++) {
        double sum = 0;
        for (int k = 0; k < LINKS; k++) {
            const int32_t j = neighbours[i * LINKS + k];
            if (j >= 0)
                sum += links[i * LINKS + k] * x[j];
        }
        out[i] = sum;
    }
}

/* The incomplete Cholesky factor of A + shift diag(A). factor: (unknown, 13), the links to earlier pixels, then the
 * inverse of the diagonal. Returns 0 when a pivot is not positive: try a larger shift. */
static int factorise(const double *links, const int32_t *neighbours, int64_t unknown, double shift, double *factor)
{
    enum { ROW = EARLIER + 1 };
    for (int64_t i = 0; i < unknown; i++) {
        const int32_t *near = neighbours + i * LINKS;
        double *mine = factor + i * ROW;
        double pivot = links[i * LINKS + SELF] * (1 + shift);
        for (int k = 0; k < EARLIER; k++) {
            mine[k] = 0;
            const int32_t j = near[k];
            if (j < 0)
                continue;
            /* what pixels earlier than both already account for */
            const double *theirs = factor + (int64_t)j * ROW;
            double sum = links[i * LINKS + k];
            for (int m = 0; m < k; m++) {
                const int dy = m / 5 - k / 5, dx = m % 5 - k % 5;
                if (near[m] >= 0 && dx >= -2 && dx <= 2)
                    sum -= mine[m] * theirs[(dy + 2) * 5 + dx + 2];
            }
            mine[k] = sum * theirs[EARLIER];
            pivot -= mine[k] * mine[k];
        }
        if (!(pivot > 1e-12))
            return 0;
        mine[EARLIER] = 1 / sqrt(pivot);
    }
    return 1;
}

/* out = (factor factor^T)^-1 x: forward, then backward substitution. */
static void precondition(const double *factor, const int32_t *neighbours, int64_t unknown, const double *x,
                         double *out)
{
    enum { ROW = EARLIER + 1 };
    for (int64_t i = 0; i < unknown; i++) {
        double sum = x[i];
        for (int k = 0; k < EARLIER; k++)
            if (neighbours[i * LINKS + k] >= 0)
                sum -= factor[i * ROW + k] * out[neighbours[i * LINKS + k]];
        out[i] = sum * factor[i * ROW + EARLIER];
    }
    for (int64_t i = unknown - 1; i >= 0; i--) {
        out[i] *= factor[i * ROW + EARLIER];
        for (int k = 0; k < EARLIER; k++)
            if (neighbours[i * LINKS + k] >= 0)
                out[neighbours[i * LINKS + k]] -= factor[i * ROW + k] * out[i];
    }
}

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Closed-form alpha where the trimap does not know it.
 *
 * image: (height, width, 3) float64, display-referred, 0..1. epsilon: how far colours may leave the affine model.
 * tolerance: of the residual, relative to the right side. most: iterations at most.
 * alpha: (height, width) float64, in: the trimap (0 and 1 known, anything between unknown); out: unknown pixels
 * solved, not yet limited to 0..1.
 * Returns the number of iterations, or -1 when there was not enough memory, or the
 * picture holds what is not a number. */
KERNEL int64_t closed_form_alpha(const double *image, int64_t height, int64_t width, double epsilon, double tolerance,
                                 int64_t most, double *alpha)
{
    int64_t unknown = 0, done = -1;
    int32_t *row = malloc(sizeof(int32_t) * height * width);
    if (!row)
        return -1;
    for (int64_t p = 0; p < height * width; p++)
        row[p] = alpha[p] > 0 && alpha[p] < 1 ? (int32_t)unknown++ : -1;
    double *links = calloc(unknown * LINKS + 1, sizeof(double));
    int32_t *neighbours = malloc(sizeof(int32_t) * (unknown * LINKS + 1));
    double *factor = malloc(sizeof(double) * (unknown * (EARLIER + 1) + 1));
    double *vectors = malloc(sizeof(double) * (unknown * 5 + 1));
    if (!links || !neighbours || !factor || !vectors)
        goto end;
    for (int64_t y = 1; y < height - 1; y++)
        for (int64_t x = 1; x < width - 1; x++) {
            int any = 0;
            for (int k = 0; k < WINDOW; k++)
                any |= row[(y + k / 3 - 1) * width + x + k % 3 - 1] >= 0;
            if (any)
                add_window(image, width, x, y, epsilon, row, links);
        }
    double *x = vectors, *residual = x + unknown, *direction = residual + unknown, *step = direction + unknown;
    double *solved = step + unknown;
    /* Known pixels go to the right side; a link to a known or outside pixel is none of the matrix. */
    for (int64_t py = 0, i = 0; py < height; py++)
        for (int64_t px = 0; px < width; px++) {
            const int64_t p = py * width + px;
            if (row[p] < 0)
                continue;
            double sum = 0;
            for (int k = 0; k < LINKS; k++) {
                const int64_t qy = py + k / 5 - 2, qx = px + k % 5 - 2;
                const int inside = qy >= 0 && qy < height && qx >= 0 && qx < width;
                const int64_t q = p + link_offset(k, width);
                neighbours[i * LINKS + k] = inside ? row[q] : -1;
                if (inside && row[q] < 0)
                    sum -= links[i * LINKS + k] * alpha[q];
            }
            residual[i] = sum;
            /* a pixel in no window (a corner of the picture) has no equation: it keeps what the trimap says */
            if (links[i * LINKS + SELF] <= 0) {
                links[i * LINKS + SELF] = 1;
                residual[i] = alpha[p];
            }
            x[i] = 0;
            i++;
        }
    double shift = 0;
    while (!factorise(links, neighbours, unknown, shift, factor))
        if ((shift = shift > 0 ? 4 * shift : 1e-4) > 1e3)
            goto end; /* not a number somewhere */
    const double enough = tolerance * tolerance * dot(residual, residual, unknown);
    precondition(factor, neighbours, unknown, residual, solved);
    memcpy(direction, solved, sizeof(double) * unknown);
    double slope = dot(residual, solved, unknown);
    for (done = 0; done < most && dot(residual, residual, unknown) > enough; done++) {
        multiply(links, neighbours, unknown, direction, step);
        const double length = slope / dot(direction, step, unknown);
        for (int64_t i = 0; i < unknown; i++) {
            x[i] += length * direction[i];
            residual[i] -= length * step[i];
        }
        precondition(factor, neighbours, unknown, residual, solved);
        const double next = dot(residual, solved, unknown), turn = next / slope;
        slope = next;
        for (int64_t i = 0; i < unknown; i++)
            direction[i] = solved[i] + turn * direction[i];
    }
    for (int64_t p = 0; p < height * width; p++)
        if (row[p] >= 0)
            alpha[p] = x[row[p]];
end:
    free(row), free(links), free(neighbours), free(factor), free(vectors);
    return done;
}

/* ---- Foreground colour -------------------------------------------------------------------------------------------
 *
 * Germer, Uelwer, Conrad, Harmeling, "Fast multi-level foreground estimation", ICPR 2020: image = alpha F +
 * (1 - alpha) B, with F and B smooth where alpha changes. Solved pixel by pixel (two unknowns a channel, from the four
 * neighbours) on a pyramid from one pixel to the whole picture.
 */

/* One sweep over a level, in raster order, each pixel from what its neighbours are by then.
 * image: (height, width, 3); alpha: (height, width); both: (height, width, 6), F then B, in and out. */
static void sweep(const float *image, const float *alpha, int64_t height, int64_t width, float smoothness, float *both)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            const int64_t p = y * width + x;
            const int64_t near[4] = {x > 0 ? p - 1 : p, x < width - 1 ? p + 1 : p, y > 0 ? p - width : p,
                                     y < height - 1 ? p + width : p};
            const float of = alpha[p], rest = 1 - of;
            float total = 0, sum[6];
            for (int c = 0; c < 3; c++) {
                sum[c] = of * image[3 * p + c];
                sum[3 + c] = rest * image[3 * p + c];
            }
            for (int n = 0; n < 4; n++) {
                const float weight = smoothness + fabsf(of - alpha[near[n]]);
                total += weight;
                for (int c = 0; c < 6; c++)
                    sum[c] += weight * both[6 * near[n] + c];
            }
            /* the 2 x 2 system (of^2 + total, of rest; of rest, rest^2 + total) */
            const float a = of * of + total, b = of * rest, d = rest * rest + total, inverse = 1 / (a * d - b * b);
            for (int c = 0; c < 3; c++) {
                const float front = inverse * (d * sum[c] - b * sum[3 + c]);
                const float back = inverse * (a * sum[3 + c] - b * sum[c]);
                both[6 * p + c] = front < 0 ? 0 : front > 1 ? 1 : front;
                both[6 * p + 3 + c] = back < 0 ? 0 : back > 1 ? 1 : back;
            }
        }
}

/* Nearest resampling. from: (h0, w0, channels) -> to: (h1, w1, channels). */
static void enlarge(const float *from, int64_t h0, int64_t w0, float *to, int64_t h1, int64_t w1, int channels)
{
    for (int64_t y = 0; y < h1; y++)
        for (int64_t x = 0; x < w1; x++)
            memcpy(to + channels * (y * w1 + x), from + channels * (y * h0 / h1 * w0 + x * w0 / w1),
                   sizeof(float) * channels);
}

/* The person's own colour where it mixes with the background.
 *
 * image: (height, width, 3) float32, 0..1. alpha: (height, width) float32, 0..1. levels: (count, 2) int64, height and
 * width of each level, from (1, 1) to the picture's. smoothness: the weight of a neighbour of the same alpha.
 * foreground: (height, width, 3) float32, out.
 * Returns 0, or -1 when there was not enough memory. */
KERNEL int64_t foreground_colour(const float *image, const float *alpha, int64_t height, int64_t width,
                                 const int64_t *levels, int64_t count, float smoothness, float *foreground)
{
    enum { SMALL = 32, SWEEPS_SMALL = 10, SWEEPS_LARGE = 2 };
    const int64_t pixels = height * width;
    float *memory = malloc(sizeof(float) * pixels * 16);
    if (!memory)
        return -1;
    float *both = memory, *before = both + 6 * pixels, *colours = before + 6 * pixels, *alphas = colours + 3 * pixels;
    /* the top: mean colours of what surely is person and surely is not */
    double sum[6] = {0}, number[2] = {1e-5, 1e-5};
    for (int64_t p = 0; p < pixels; p++) {
        const int side = alpha[p] > 0.9f ? 0 : alpha[p] < 0.1f ? 1 : -1;
        if (side < 0)
            continue;
        number[side] += 1;
        for (int c = 0; c < 3; c++)
            sum[3 * side + c] += image[3 * p + c];
    }
    for (int c = 0; c < 6; c++)
        before[c] = (float)(sum[c] / number[c / 3]);
    int64_t h0 = 1, w0 = 1;
    for (int64_t level = 0; level < count; level++) {
        const int64_t h = levels[2 * level], w = levels[2 * level + 1];
        enlarge(image, height, width, colours, h, w, 3);
        enlarge(alpha, height, width, alphas, h, w, 1);
        enlarge(before, h0, w0, both, h, w, 6);
        const int sweeps = h <= SMALL && w <= SMALL ? SWEEPS_SMALL : SWEEPS_LARGE;
        for (int k = 0; k < sweeps; k++)
            sweep(colours, alphas, h, w, smoothness, both);
        float *swap = before;
        before = both, both = swap;
        h0 = h, w0 = w;
    }
    for (int64_t p = 0; p < pixels; p++)
        memcpy(foreground + 3 * p, before + 6 * p, sizeof(float) * 3);
    free(memory);
    return 0;
}

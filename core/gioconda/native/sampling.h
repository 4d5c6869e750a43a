/* Samples of pictures: linear between four pixels, and Catmull-Rom over sixteen. */
#pragma once
#include "maths.h"

/* Four channels of a pixel side by side: one instruction where the processor has it, the same sums where not. */
typedef float Pixel __attribute__((vector_size(16)));

static inline Pixel load(const float *from)
{
    Pixel pixel;
    memcpy(&pixel, from, sizeof pixel);
    return pixel;
}

static inline void store(float *into, Pixel pixel)
{
    memcpy(into, &pixel, sizeof pixel);
}

/* The lesser and the greater of each channel. */
static inline Pixel least_of(Pixel a, Pixel b)
{
    return (Pixel){min_f(a[0], b[0]), min_f(a[1], b[1]), min_f(a[2], b[2]), min_f(a[3], b[3])};
}

static inline Pixel most_of(Pixel a, Pixel b)
{
    return (Pixel){max_f(a[0], b[0]), max_f(a[1], b[1]), max_f(a[2], b[2]), max_f(a[3], b[3])};
}

enum { PAD = 2 }; /* repeated pixels around a texture, so that sampling needs no test for its border */
static const float COPIED = 1e-4f; /* of a pixel: a sample as close to a pixel's centre is that pixel to the last bit */

/* Where a bilinear sample lies: its upper left pixel, and the fractions to the right and down. */
typedef struct {
    int64_t x, y;
    float dx, dy;
} Texel;

/* The texel at (u, v), pixels, held within a map. */
static inline Texel texel(float u, float v, int64_t width, int64_t height)
{
    float fu = clamp_f(u - 0.5f, 0.0f, (float)((double)width - 1.001));
    float fv = clamp_f(v - 0.5f, 0.0f, (float)((double)height - 1.001));
    int64_t x = (int64_t)fu, y = (int64_t)fv;
    return (Texel){x, y, fu - (float)x, fv - (float)y};
}

/* Channel k of a map (height, width, channels) between a texel's four pixels. */
static inline float bilinear(const float *map, int64_t width, int64_t channels, Texel at, int64_t k)
{
    const float *up = map + (at.y * width + at.x) * channels + k, *low = up + width * channels;
    float upper = up[0] * (1.0f - at.dx) + up[channels] * at.dx;
    float lower = low[0] * (1.0f - at.dx) + low[channels] * at.dx;
    return upper * (1.0f - at.dy) + lower * at.dy;
}

/* Catmull-Rom weights for the four taps around a fraction f in [0, 1). Exactly (0, 1, 0, 0) at f = 0. */
static inline void cubic_weights(float f, float weights[4])
{
    float f2 = f * f, f3 = f2 * f;
    weights[0] = -0.5f * f3 + f2 - 0.5f * f;
    weights[1] = 1.5f * f3 - 2.5f * f2 + 1.0f;
    weights[2] = -1.5f * f3 + 2.0f * f2 + 0.5f * f;
    weights[3] = 0.5f * f3 - 0.5f * f2;
}

/* A weighted sum of 4 rows x 4 columns of an image (.., width, 4), held within the range of its taps, into out (4): a
 * highlight of 1000 leaves no negative ring around it. dx, dy: the fractions. */
static inline void cubic_of_taps(const float *image, int64_t width, const int64_t rows[4], const int64_t columns[4],
                                 float dx, float dy, float *out)
{
    float wx[4], wy[4];
    Pixel total, low, high;
    cubic_weights(dx, wx);
    cubic_weights(dy, wy);
    for (int i = 0; i < 4; i++) {
        const float *row = image + 4 * rows[i] * width;
        Pixel a = load(row + 4 * columns[0]), b = load(row + 4 * columns[1]);
        Pixel c = load(row + 4 * columns[2]), d = load(row + 4 * columns[3]);
        Pixel sum = wx[0] * a + wx[1] * b + wx[2] * c + wx[3] * d;
        Pixel least = least_of(least_of(a, b), least_of(c, d)), most = most_of(most_of(a, b), most_of(c, d));
        total = i == 0 ? wy[0] * sum : total + wy[i] * sum;
        low = i == 0 ? least : least_of(low, least);
        high = i == 0 ? most : most_of(high, most);
    }
    store(out, least_of(most_of(total, low), high));
}

/* `cubic_of_taps` around pixel (x, y) of a padded texture; the pixel itself where the fractions are next to nothing. */
static inline void cubic_around(const float *image, int64_t width, int64_t x, int64_t y, float dx, float dy, float *out)
{
    if (dx + dy < COPIED) {
        store(out, load(image + 4 * (y * width + x)));
        return;
    }
    int64_t rows[4] = {y - 1, y, y + 1, y + 2}, columns[4] = {x - 1, x, x + 1, x + 2};
    cubic_of_taps(image, width, rows, columns, dx, dy, out);
}

/* Catmull-Rom sample of a padded texture (height, width, 4) at (x, y), unpadded picture coordinates, into out (4). */
static inline void cubic(const float *image, int64_t height, int64_t width, float x, float y, float *out)
{
    float fx = clamp_f(x + (PAD - 0.5f), 1.0f, (float)(width - 3));
    float fy = clamp_f(y + (PAD - 0.5f), 1.0f, (float)(height - 3));
    int64_t ix = (int64_t)fx, iy = (int64_t)fy;
    cubic_around(image, width, ix, iy, fx - (float)ix, fy - (float)iy, out);
}

/* The same of coordinates in double. */
static inline void cubic_d(const float *image, int64_t height, int64_t width, double x, double y, float *out)
{
    double fx = min_d(max_d(x + (PAD - 0.5), 1.0), (double)(width - 3));
    double fy = min_d(max_d(y + (PAD - 0.5), 1.0), (double)(height - 3));
    int64_t ix = (int64_t)fx, iy = (int64_t)fy;
    cubic_around(image, width, ix, iy, (float)(fx - (double)ix), (float)(fy - (double)iy), out);
}

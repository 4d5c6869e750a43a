/* What crops of a picture show: colours averaged down, and the mesh's geometry; knows no networks.
 *
 * A picture goes by in bands of rows, from top to bottom, and is the same to the last bit at any height of the bands.
 */
#include "sampling.h"
#include "encoded.h"

static const float HELD = 3.0f; /* flow, depth and position on the head are held within +- */

/* Add what a band of a picture holds of them to the averages over the parts of a box; rows first ... last - 1 of sums.
 *
 * picture: (rows, width, 4) and matte: (rows, width), both from the row `top` on.
 * box: (4), x0, y0, x1, y1.
 * sums: (h, w, 4), red, green, blue and matte: 0 before the first band.
 */
KERNEL void crop_average(const float *picture, const float *matte, int64_t rows, int64_t width, int64_t top,
                         const int32_t *box, float *sums, int64_t h, int64_t w, int64_t first, int64_t last)
{
    double x0 = box[0], y0 = box[1], down = (double)(box[3] - box[1]) / h, across = (double)(box[2] - box[0]) / w;
    int64_t begin = max_i(top, box[1]), end = min_i(top + rows, box[3]);
    double weight_of_pixel = 1.0 / (down * across);
    for (int64_t i = first; i < last; i++) {
        /* the rows of the picture that this row of parts lies on */
        double upper = y0 + i * down, lower = y0 + (i + 1) * down;
        for (int64_t y = max_i(begin, (int64_t)upper); y < min_i(end, (int64_t)ceil(lower)); y++) {
            double high = min_d(lower, y + 1.0) - max_d(upper, (double)y);
            if (high <= 0)
                continue;
            high *= weight_of_pixel;
            for (int64_t j = 0; j < w; j++) {
                double left = x0 + j * across, right = x0 + (j + 1) * across;
                float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
                for (int64_t x = (int64_t)left; x < min_i(box[2], (int64_t)ceil(right)); x++) {
                    /* how much of the part the pixel covers */
                    float weight = (float)((min_d(right, x + 1.0) - max_d(left, (double)x)) * high);
                    const float *pixel = picture + 4 * ((y - top) * width + x);
                    sum[0] += weight * pixel[0];
                    sum[1] += weight * pixel[1];
                    sum[2] += weight * pixel[2];
                    sum[3] += weight * matte[(y - top) * width + x];
                }
                for (int c = 0; c < 4; c++)
                    sums[4 * (i * w + j) + c] += sum[c];
            }
        }
    }
}

/* Averages sampled linearly into a crop, edges repeated: encoded colours and the matte.
 *
 * sums: (h, w, 4), of crop_average.
 * into: (2, 3), the crop's pixels to those of sums, corners at (0, 0).
 * gain: linear light to the screen's range; encode: (STEPS + 2), see encoded.h.
 * out: (4, size, size).
 */
KERNEL void crop_sample(const float *sums, int64_t h, int64_t w, const float *into, float gain, const float *encode,
                        float *out, int64_t size, int64_t first, int64_t last)
{
    for (int64_t row = first; row < last; row++) {
        float y = (float)row + 0.5f;
        for (int64_t column = 0; column < size; column++) {
            float x = (float)column + 0.5f;
            float fx = into[0] * x + into[1] * y + into[2] - 0.5f, fy = into[3] * x + into[4] * y + into[5] - 0.5f;
            fx = clamp_f(fx, 0.0f, (float)(w - 1));
            fy = clamp_f(fy, 0.0f, (float)(h - 1));
            int64_t ix = (int64_t)fx, iy = (int64_t)fy, jx = min_i(ix + 1, w - 1), jy = min_i(iy + 1, h - 1);
            float dx = fx - (float)ix, dy = fy - (float)iy;
            const float *a = sums + 4 * (iy * w + ix), *b = sums + 4 * (iy * w + jx);
            const float *c = sums + 4 * (jy * w + ix), *d = sums + 4 * (jy * w + jx);
            for (int k = 0; k < 4; k++) {
                float above = a[k] + (b[k] - a[k]) * dx, below = c[k] + (d[k] - c[k]) * dx;
                float value = above + (below - above) * dy;
                out[(k * size + row) * size + column] = k == 3 ? value : encoded(value * gain, encode);
            }
        }
    }
}

enum { VALUES = 9, NO_CHANNEL = -1 }; /* values of a vertex; a region that no channel is for */

/* The geometry of a crop, from which triangle is seen where; rows first ... last - 1.
 *
 * triangle: (size, size), of a z-buffer.
 * position: (vertices, 3), pixels of the crop; uv: (vertices, 2), pixels of the portrait; triangles: (count, 3).
 * region: (count), of each triangle; shows: which channel is 1 where a region is seen, NO_CHANNEL where the maps say
 *     what is there.
 * values: (vertices, VALUES), what the vertices say of the channels (VALUES) named in `channels`; held: (VALUES), 1
 *     where a channel is held within HELD.
 * background, hair, body: the channels of these.
 * maps: (high, wide, 2), the portrait's hair and body; scale: their pixels per portrait pixel.
 * out: (count of channels, size, size).
 */
KERNEL void crop_describe(const int32_t *triangle, int64_t size, const float *position, const float *uv,
                          const int32_t *triangles, const uint8_t *region, const int32_t *shows, const float *values,
                          const int32_t *channels, const int32_t *held, int64_t background, int64_t hair, int64_t body,
                          const float *maps, int64_t high, int64_t wide, float scale, float *out, int64_t count,
                          int64_t first, int64_t last)
{
    int64_t plane = size * size;
    for (int64_t row = first; row < last; row++) {
        for (int64_t column = 0; column < size; column++) {
            float *pixel = out + row * size + column;
            for (int k = 0; k < count; k++)
                pixel[k * plane] = 0.0f;
            int32_t t = triangle[row * size + column];
            if (t < 0) {
                pixel[background * plane] = 1.0f;
                continue;
            }
            int64_t a = triangles[3 * t], b = triangles[3 * t + 1], c = triangles[3 * t + 2];
            /* barycentric weights of the second and the third corner */
            double x0 = position[3 * a], y0 = position[3 * a + 1];
            double x1 = position[3 * b] - x0, y1 = position[3 * b + 1] - y0;
            double x2 = position[3 * c] - x0, y2 = position[3 * c + 1] - y0;
            double x = column + 0.5 - x0, y = row + 0.5 - y0;
            double inverse = 1.0 / (x1 * y2 - x2 * y1);
            float w1 = (float)((x * y2 - y * x2) * inverse), w2 = (float)((x1 * y - y1 * x) * inverse);
            for (int k = 0; k < VALUES; k++) {
                float base = values[VALUES * a + k];
                float value = base + w1 * (values[VALUES * b + k] - base) + w2 * (values[VALUES * c + k] - base);
                if (held[k])
                    value = clamp_f(value, -HELD, HELD);
                pixel[channels[k] * plane] = value;
            }
            int32_t channel = shows[region[t]];
            if (channel != NO_CHANNEL) {
                pixel[channel * plane] = 1.0f;
            } else {
                /* outside the face, what the portrait's maps say there */
                float u = uv[2 * a] + w1 * (uv[2 * b] - uv[2 * a]) + w2 * (uv[2 * c] - uv[2 * a]);
                float v = uv[2 * a + 1] + w1 * (uv[2 * b + 1] - uv[2 * a + 1]) + w2 * (uv[2 * c + 1] - uv[2 * a + 1]);
                Texel at = texel(u * scale, v * scale, wide, high);
                pixel[hair * plane] = bilinear(maps, wide, 2, at, 0);
                pixel[body * plane] = bilinear(maps, wide, 2, at, 1);
            }
        }
    }
}

/* What a triangle that is seen at a pixel looks like there, and what passes say of it. See engine/kernels.py.
 *
 * Everything works on a band of rows of the picture, from the row `row0` on, whose z-buffer says which triangle
 * (rows, width) is seen at each pixel. Planes (triangles, K, 3) hold values that are linear within each triangle.
 */
#include "sampling.h"

enum { SUBSAMPLES = 4 };            /* per pixel on an occlusion edge */
static const float FILLED = 1e-3f;  /* fill weights below this are none */
static const float SEEN = 1.0f / 512; /* of the matte: where it is less, passes say what the plate does */

/* The person and what lies behind, scene-linear and premultiplied; see `Layers` in engine/kernels.py. */
typedef struct {
    const float *texture; /* padded person, (texture_height, texture_width, 4) */
    const float *source;  /* (height, width, 4), the portrait: what lies behind outside the window */
    const float *plate;   /* within the window, the portrait without the person */
    const int32_t *window; /* (4), x0, y0, x1, y1 of the person's window in the picture */
    int64_t texture_height, texture_width;
} Layers;

/* Where the centre of a row's or a column's pixels is. */
static inline float centre(int64_t pixel) { return (float)(int32_t)pixel + 0.5f; }

/* Value k within triangle t at (x, y); planes: (triangles, count, 3). */
static inline float plane_at(const float *planes, int64_t count, int64_t t, int64_t k, float x, float y)
{
    const float *plane = planes + 3 * (t * count + k);
    return plane[0] + plane[1] * x + plane[2] * y;
}

/* The person's texture where planes k and k + 1 of triangle t say, into colour (4). */
static inline void sample_person(const Layers *layers, const float *planes, int64_t count, int64_t t, float x, float y,
                                 float *colour)
{
    float u = plane_at(planes, count, t, 0, x, y), v = plane_at(planes, count, t, 1, x, y);
    cubic(layers->texture, layers->texture_height, layers->texture_width, u, v, colour);
}

/* Porter and Duff's over at the picture's pixel (x, y); the plate unchanged to the last bit where alpha is 0. */
static inline void over(const float *colour, const Layers *layers, int64_t width, int64_t x, int64_t y, float *out)
{
    const int32_t *window = layers->window;
    int inside = window[1] <= y && y < window[3] && window[0] <= x && x < window[2];
    const float *behind = inside ? layers->plate + 4 * ((y - window[1]) * (window[2] - window[0]) + x - window[0])
                                 : layers->source + 4 * (y * width + x);
    float through = 1.0f - colour[3];
    store(out, colour[3] == 0.0f ? load(behind) : load(colour) + through * load(behind));
}

/* Composite the person over the plate, rows first ... last - 1 of a band.
 *
 * uv: (triangles, 2, 3), planes of the texture coordinates, pixels of the window.
 * combined: (rows, width, 4), premultiplied, and matte: (rows, width), out.
 */
KERNEL void shade_rows(const int32_t *triangle, int64_t width, int64_t row0, const float *uv, const Layers *layers,
                       float *combined, float *matte, int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++) {
        float yc = centre(y + row0);
        for (int64_t x = 0; x < width; x++) {
            int64_t i = y * width + x;
            float colour[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            if (triangle[i] >= 0)
                sample_person(layers, uv, 2, triangle[i], centre(x), yc, colour);
            matte[i] = colour[3];
            if (colour[3] >= 1.0f)
                memcpy(combined + 4 * i, colour, sizeof colour);
            else
                over(colour, layers, width, x, y + row0, combined + 4 * i);
        }
    }
}

/* Shade the listed pixels first ... last - 1 anew: with several samples, and filled where the portrait shows nothing.
 *
 * pixels: (count, 2), row and column in the band; samples: (count, SUBSAMPLES), the triangle at each sample.
 * fill: (triangles, 6, 3), planes: the texture coordinates of what fills a triangle, its weight, and the gain on its
 *     red, green and blue; zero where nothing is filled.
 */
KERNEL void shade_multisampled(const int32_t *pixels, const int32_t *samples, int64_t width, int64_t row0,
                               const float *uv, const float *fill, const Layers *layers, float *combined, float *matte,
                               int64_t first, int64_t last)
{
    const float weight = 1.0f / SUBSAMPLES;
    for (int64_t i = first; i < last; i++) {
        int64_t y = pixels[2 * i], x = pixels[2 * i + 1];
        float total[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        /* each sample says which part is seen; the colour is taken at the centre, or still edges would be blurred */
        float sx = centre(x), sy = centre(y + row0);
        for (int s = 0; s < SUBSAMPLES; s++) {
            int32_t t = samples[i * SUBSAMPLES + s];
            if (t < 0)
                continue;
            float colour[4];
            sample_person(layers, uv, 2, t, sx, sy, colour);
            float m = plane_at(fill, 6, t, 2, sx, sy);
            if (m > FILLED) {
                float filled[4];
                sample_person(layers, fill, 6, t, sx, sy, filled);
                for (int k = 0; k < 3; k++)
                    colour[k] += m * (filled[k] * plane_at(fill, 6, t, 3 + k, sx, sy) - colour[k]);
                colour[3] += m * (filled[3] - colour[3]);
            }
            for (int k = 0; k < 4; k++)
                total[k] += weight * colour[k];
        }
        matte[y * width + x] = total[3];
        over(total, layers, width, x, y + row0, combined + 4 * (y * width + x));
    }
}

/* The first pixel of a row after x with another triangle: within a span, planes are looked up once. */
static inline int64_t span_end(const int32_t *triangle, int64_t x, int64_t width)
{
    int64_t end = x + 1;
    while (end < width && triangle[end] == triangle[x])
        end++;
    return end;
}

/* Where in the portrait each pixel's colour was taken from: u to the right, v up, both 0..1, and 1.
 *
 * uv: (triangles, 2, 3), planes of the picture coordinates, pixels; across, down: 1 / the portrait's width and height.
 * matte: (rows, width): where it is 0 the plate shows, which stands still.
 * out: (rows, width, 3).
 */
KERNEL void shade_stmap(const int32_t *triangle, int64_t width, int64_t row0, const float *uv, const float *matte,
                        float across, float down, float *out, int64_t first, int64_t last)
{
    static const float still[6] = {0.0f, 1.0f, 0.0f, 0.0f, 0.0f, 1.0f}; /* u = x, v = y */
    for (int64_t y = first; y < last; y++) {
        const int32_t *seen = triangle + y * width;
        const float yc = centre(y + row0), *alpha = matte + y * width;
        float *row = out + 3 * y * width;
        for (int64_t x = 0, end; x < width; x = end) {
            end = span_end(seen, x, width);
            const float *plane = seen[x] < 0 ? still : uv + 6 * (int64_t)seen[x];
            const float u0 = plane[0], u1 = plane[1], u2 = plane[2] * yc;
            const float v0 = plane[3], v1 = plane[4], v2 = plane[5] * yc;
            for (int64_t i = x; i < end; i++) {
                float xc = centre(i);
                int shown = alpha[i] > SEEN;
                row[3 * i] = (shown ? u0 + u1 * xc + u2 : xc) * across;
                row[3 * i + 1] = 1.0f - (shown ? v0 + v1 * xc + v2 : yc) * down;
                row[3 * i + 2] = 1.0f;
            }
        }
    }
}

/* Values that are linear within each triangle, over a band; 0 where the plate shows.
 *
 * planes: (triangles, count, 3); matte: (rows, width); weighed: whether to multiply with the matte.
 * out: (rows, width, count).
 */
KERNEL void shade_interpolate(const int32_t *triangle, int64_t width, int64_t row0, const float *planes, int64_t count,
                              const float *matte, int64_t weighed, float *out, int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++) {
        const int32_t *seen = triangle + y * width;
        const float yc = centre(y + row0), *alpha = matte + y * width;
        float *row = out + y * width * count;
        for (int64_t x = 0, end; x < width; x = end) {
            end = span_end(seen, x, width);
            if (seen[x] < 0) {
                memset(row + x * count, 0, (size_t)((end - x) * count) * sizeof *row);
                continue;
            }
            for (int64_t k = 0; k < count; k++) {
                const float *plane = planes + 3 * (seen[x] * count + k);
                const float p0 = plane[0], p1 = plane[1], p2 = plane[2] * yc;
                for (int64_t i = x; i < end; i++) {
                    float value = p0 + p1 * centre(i) + p2, weight = weighed ? alpha[i] : 1.0f;
                    row[i * count + k] = alpha[i] > SEEN ? weight * value : 0.0f;
                }
            }
        }
    }
}

/* Sample small maps of the portrait bilinearly through the uv of a band, times the matte.
 *
 * uv: (triangles, 2, 3), planes of the picture coordinates; matte: (rows, width).
 * maps: (map_height, map_width, count); scale: their pixels per picture pixel.
 * out: (rows, width, count).
 */
KERNEL void shade_maps(const int32_t *triangle, int64_t width, int64_t row0, const float *uv, const float *maps,
                       int64_t map_height, int64_t map_width, int64_t count, float scale, const float *matte,
                       float *out, int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++) {
        float yc = centre(y + row0);
        for (int64_t x = 0; x < width; x++) {
            int64_t i = y * width + x;
            int shown = triangle[i] >= 0 && matte[i] > 0.0f;
            Texel at = {0, 0, 0.0f, 0.0f};
            if (shown) {
                float xc = centre(x);
                float u = plane_at(uv, 2, triangle[i], 0, xc, yc) * scale;
                float v = plane_at(uv, 2, triangle[i], 1, xc, yc) * scale;
                at = texel(u, v, map_width, map_height);
            }
            for (int64_t k = 0; k < count; k++)
                out[i * count + k] = shown ? matte[i] * bilinear(maps, map_width, count, at, k) : 0.0f;
        }
    }
}

/* A padded texture (texture_height, texture_width, 4) seen through an affine map, into rows first ... last - 1 of out.
 *
 * affine: (2, 3), from the centres of out's pixels (first one at 0.5, 0.5) to the texture's unpadded pixels.
 * out: (rows, width, 4).
 */
KERNEL void shade_affine(const float *texture, int64_t texture_height, int64_t texture_width, const float *affine,
                         float *out, int64_t width, int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++) {
        float yc = centre(y);
        for (int64_t x = 0; x < width; x++) {
            float xc = centre(x);
            float u = affine[0] * xc + affine[1] * yc + affine[2], v = affine[3] * xc + affine[4] * yc + affine[5];
            cubic(texture, texture_height, texture_width, u, v, out + 4 * (y * width + x));
        }
    }
}

/* The head's back between person and background: how it looks, how it is composited, what it tells the passes. */
#include "sampling.h"

KERNEL const float HULL_LEAST = 1.0f / 512; /* less of the hull is nothing */
KERNEL const float HULL_SOLID = 0.45f, HULL_SPAN = 0.5f; /* of the person's alpha before the hull: 0 to 1 over the span */
static const float EDGE = 0.12f; /* cosine towards the viewer: from here on the hull is opaque */

/* The hull in a pose; see `Surface` in engine/hull_kernels.py. */
typedef struct {
    const float *position;    /* (vertices, 3), pixels */
    const int32_t *triangles; /* (count, 3) */
    const float *values;      /* (vertices, 4): texture column and row, cosine towards the viewer, how much is shown */
    const float *texture;     /* (texture_height, texture_width, 4), padded */
    int64_t texture_height, texture_width;
    const float *gives_way; /* (map_height, map_width) */
    int64_t map_height, map_width;
    float scale; /* pixels of `gives_way` per pixel of the portrait */
} HullSurface;

/* A place within a triangle: its corners, and how much each counts there. */
typedef struct {
    int32_t corner[3];
    float weight[3];
} Place;

static inline Place place_in(const HullSurface *surface, int32_t t, float x, float y)
{
    const int32_t *corner = surface->triangles + 3 * t;
    const float *a = surface->position + 3 * corner[0], *b = surface->position + 3 * corner[1];
    const float *c = surface->position + 3 * corner[2];
    float area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
    float w1 = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area;
    float w2 = ((y - a[1]) * (b[0] - a[0]) - (x - a[0]) * (b[1] - a[1])) / area;
    return (Place){{corner[0], corner[1], corner[2]}, {1.0f - w1 - w2, w1, w2}};
}

/* Value k of (vertices, count) at a place. */
static inline float value_at(const float *values, int64_t count, int64_t k, const Place *at)
{
    return at->weight[0] * values[at->corner[0] * count + k] + at->weight[1] * values[at->corner[1] * count + k] +
           at->weight[2] * values[at->corner[2] * count + k];
}

/* Whether more of a pixel is the hull's than not, of what is there of the person. */
static inline int is_hull(float shown, float matte)
{
    return shown > HULL_LEAST && shown > 0.5f * matte;
}

/* What is left of the person's alpha before so much of the hull. The person's soft rim got its light from the old
 * background: before the hull it is drawn tighter. */
static inline float person_kept(float alpha, float share, float gives_way)
{
    float solid = clamp_f((alpha - HULL_SOLID) / HULL_SPAN, 0.0f, 1.0f);
    return (alpha + share * (solid - alpha)) * (1.0f - share * gives_way);
}

/* What the hull looks like, and how far the person gives way, over rows of a band's box.
 *
 * seen: (rows, width), the hull's triangle at each pixel or below 0; the box's first column is x0 of the picture, its
 * first row is row0.
 * person: (rows, picture_width), the person's triangle; uv: (triangles, 2, 3), its planes of picture coordinates.
 * matte: (rows, picture_width) of the person, or NULL: where it hides all of the hull nothing is sampled.
 * layer: (rows, width, 6), out: red, green, blue, alpha, premultiplied; how much it is there; giving way.
 */
KERNEL void hull_sample(const int32_t *seen, int64_t width, int64_t x0, int64_t row0, const HullSurface *surface,
                        const int32_t *person, int64_t picture_width, const float *uv, const float *matte, float *layer,
                        int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++) {
        float yc = (float)((double)(y + row0) + 0.5);
        for (int64_t x = 0; x < width; x++) {
            float *out = layer + 6 * (y * width + x);
            memset(out, 0, 6 * sizeof *out);
            int32_t t = seen[y * width + x];
            if (t < 0)
                continue;
            float xc = (float)((double)(x + x0) + 0.5);
            Place at = place_in(surface, t, xc, yc);
            float share = value_at(surface->values, 4, 3, &at) * smoothstep(value_at(surface->values, 4, 2, &at) / EDGE);
            if (share <= HULL_LEAST)
                continue;
            int32_t p = person[y * picture_width + x + x0];
            float gives_way = 0.0f;
            if (p >= 0) {
                const float *plane = uv + 6 * (int64_t)p;
                float u = plane[0] + plane[1] * xc + plane[2] * yc, v = plane[3] + plane[4] * xc + plane[5] * yc;
                Texel there = texel(u * surface->scale, v * surface->scale, surface->map_width, surface->map_height);
                gives_way = bilinear(surface->gives_way, surface->map_width, 1, there, 0);
            }
            if (matte && person_kept(matte[y * picture_width + x + x0], share, gives_way) >= 1.0f)
                continue;
            float colour[4];
            cubic(surface->texture, surface->texture_height, surface->texture_width,
                  value_at(surface->values, 4, 0, &at), value_at(surface->values, 4, 1, &at), colour);
            for (int k = 0; k < 4; k++)
                out[k] = colour[k] * share;
            out[4] = share;
            out[5] = gives_way;
        }
    }
}

/* Put the hull between person and background.
 *
 * layer: (rows, width, 6) of `hull_sample`. window: x0, y0, x1, y1 of the plate in the picture.
 * plate: (window, 4); source: (height, picture_width, 4), the background outside the window.
 * combined: (rows, picture_width, 4) and matte: (rows, picture_width): the person over the background; changed.
 * shown: (rows, width), out: how much of each pixel is the hull's.
 */
KERNEL void hull_composite(const float *layer, int64_t width, int64_t x0, int64_t row0, const int32_t *window,
                           const float *plate, const float *source, int64_t picture_width, float *combined,
                           float *matte, float *shown, int64_t first, int64_t last)
{
    int64_t left = window[0], top = window[1], right = window[2], bottom = window[3];
    for (int64_t y = first; y < last; y++)
        for (int64_t i = 0; i < width; i++) {
            const float *hull = layer + 6 * (y * width + i);
            int64_t x = i + x0, p = y * picture_width + x;
            float share = hull[4], a = matte[p];
            shown[y * width + i] = 0.0f;
            if (share <= HULL_LEAST)
                continue;
            float k = person_kept(a, share, hull[5]);
            if (k >= 1.0f)
                continue;
            float keep = k / max_f(a, 1e-4f), through = 1.0f - a, own = hull[3];
            int within = left <= x && x < right && top <= y + row0 && y + row0 < bottom;
            const float *behind = within ? plate + 4 * ((y + row0 - top) * (right - left) + x - left)
                                         : source + 4 * ((y + row0) * picture_width + x);
            for (int c = 0; c < 4; c++) {
                float person = (combined[4 * p + c] - through * behind[c]) * keep;
                float back = hull[c] + (1.0f - own) * behind[c];
                combined[4 * p + c] = person + (1.0f - k) * back;
            }
            shown[y * width + i] = (1.0f - k) * own;
            matte[p] = k + (1.0f - k) * own;
        }
}

/* Write values of the hull, (vertices, count), where more of a pixel is the hull's than not.
 *
 * seen, width, x0, row0: see `hull_sample`; shown: of `hull_composite`; matte: (rows, picture_width).
 * out: (rows, picture_width, count).
 */
KERNEL void hull_draw_values(const int32_t *seen, int64_t width, int64_t x0, int64_t row0, const HullSurface *surface,
                             const float *values, int64_t count, const float *shown, const float *matte,
                             int64_t picture_width, float *out, int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++)
        for (int64_t i = 0; i < width; i++) {
            int64_t p = y * picture_width + i + x0;
            if (!is_hull(shown[y * width + i], matte[p]))
                continue;
            Place at = place_in(surface, seen[y * width + i], (float)((double)(i + x0) + 0.5),
                                (float)((double)(y + row0) + 0.5));
            for (int64_t k = 0; k < count; k++)
                out[p * count + k] = value_at(values, count, k, &at);
        }
}

/* Add a map over the texture as much as the hull is shown: out += shown (scale map + bias).
 *
 * map: (map_height, map_width); out: (rows, picture_width). The rest: see `hull_draw_values`.
 */
KERNEL void hull_draw_texture(const int32_t *seen, int64_t width, int64_t x0, int64_t row0, const HullSurface *surface,
                              const float *map, int64_t map_height, int64_t map_width, float scale, float bias,
                              const float *shown, int64_t picture_width, float *out, int64_t first, int64_t last)
{
    float across = (float)((double)map_width / (double)(surface->texture_width - 2 * PAD));
    float down = (float)((double)map_height / (double)(surface->texture_height - 2 * PAD));
    for (int64_t y = first; y < last; y++)
        for (int64_t i = 0; i < width; i++) {
            float much = shown[y * width + i];
            if (much <= 0.0f)
                continue;
            Place at = place_in(surface, seen[y * width + i], (float)((double)(i + x0) + 0.5),
                                (float)((double)(y + row0) + 0.5));
            Texel there = texel(value_at(surface->values, 4, 0, &at) * across,
                                value_at(surface->values, 4, 1, &at) * down, map_width, map_height);
            out[y * picture_width + i + x0] += much * (scale * bilinear(map, map_width, 1, there, 0) + bias);
        }
}

/* The UV pass where more of a pixel is the hull's than not: where in the portrait its texel comes from.
 *
 * origin: (map_height, map_width, 2), pixels of the portrait, over the texture; size: the portrait's width and height.
 * out: (rows, picture_width, 3). The rest: see `hull_draw_values`.
 */
KERNEL void hull_draw_origin(const int32_t *seen, int64_t width, int64_t x0, int64_t row0, const HullSurface *surface,
                             const float *origin, int64_t map_height, int64_t map_width, const float *size,
                             const float *shown, const float *matte, int64_t picture_width, float *out, int64_t first,
                             int64_t last)
{
    double across = (double)map_width / (double)(surface->texture_width - 2 * PAD);
    double down = (double)map_height / (double)(surface->texture_height - 2 * PAD);
    for (int64_t y = first; y < last; y++)
        for (int64_t i = 0; i < width; i++) {
            int64_t p = y * picture_width + i + x0;
            if (!is_hull(shown[y * width + i], matte[p]))
                continue;
            Place at = place_in(surface, seen[y * width + i], (float)((double)(i + x0) + 0.5),
                                (float)((double)(y + row0) + 0.5));
            int64_t column = (int64_t)((double)value_at(surface->values, 4, 0, &at) * across);
            int64_t row = (int64_t)((double)value_at(surface->values, 4, 1, &at) * down);
            const float *from = origin + 2 * (min_i(max_i(row, 0), map_height - 1) * map_width +
                                              min_i(max_i(column, 0), map_width - 1));
            out[3 * p] = from[0] / size[0];
            out[3 * p + 1] = 1.0f - from[1] / size[1];
            out[3 * p + 2] = 1.0f;
        }
}

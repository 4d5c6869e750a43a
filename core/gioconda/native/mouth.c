/* The mouth's inner loops: light through the lips, and the model drawn with the portrait's own texture. */
#include "sampling.h"

#define SIDE_MOST 3 /* samples per pixel along each axis, at most */
#define FAR 1e30f /* the depth where there is none */
#define POINTS 8 /* points lit side by side */

/* What share of the outside light reaches each point through an opening.
 *
 * Form factor of disks: Wallace, Elmquist, Haines, "A ray tracing algorithm for progressive radiosity", 1989.
 *
 * points, normals: (count, 3), head space; centres: (patches, 3) and areas: (patches) of the opening's patches.
 * out: (count), 0..1.
 */
KERNEL void mouth_light_through(const double *points, const double *normals, int64_t count, const double *centres,
                                const double *areas, int64_t patches, double *out)
{
    for (int64_t first = 0; first < count; first += POINTS) {
        int many = (int)min_i(POINTS, count - first);
        /* eight points side by side, so that the processor can take several at once; the last one stands in for none */
        double x[POINTS], y[POINTS], z[POINTS], nx[POINTS], ny[POINTS], nz[POINTS], total[POINTS];
        for (int i = 0; i < POINTS; i++) {
            const double *point = points + 3 * (first + (i < many ? i : many - 1));
            const double *normal = normals + (point - points);
            x[i] = point[0], y[i] = point[1], z[i] = point[2];
            nx[i] = normal[0], ny[i] = normal[1], nz[i] = normal[2];
            total[i] = 0.0;
        }
        for (int64_t k = 0; k < patches; k++) {
            double cx = centres[3 * k], cy = centres[3 * k + 1], cz = centres[3 * k + 2], area = areas[k];
            for (int i = 0; i < POINTS; i++) {
                /* from the point to the patch, which is never behind it */
                double dx = cx - x[i], dy = cy - y[i], dz = min_d(cz - z[i], -0.02);
                double square = dx * dx + dy * dy + dz * dz;
                double distance = sqrt(square);
                /* a third comes from all around: the walls throw light, too */
                double facing = 0.35 + 0.65 * (nx[i] * dx + ny[i] * dy + nz[i] * dz) / distance;
                double share = area * (-dz / distance) * facing / (PI * square + area);
                total[i] += facing > 0 ? share : 0.0;
            }
        }
        for (int i = 0; i < many; i++)
            out[first + i] = total[i];
    }
}

/* Twice the signed area of a triangle with corners a, b, c (x, y, z), pixels: negative when it faces the camera. */
static inline float signed_area(const float *a, const float *b, const float *c)
{
    return (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
}

/* Narrow begin ... end, steps along a row, to where value + i * step may be at least 0, give or take a step.
 * per_step: 1 / step, where step is not 0. */
static inline void limit(double value, double step, double per_step, double *begin, double *end)
{
    if (step > 0)
        *begin = max_d(*begin, -value * per_step - 1.0);
    else if (step < 0)
        *end = min_d(*end, -value * per_step + 1.0);
    else if (value < -1e-9)
        *end = -1.0;
}

/* Whether a sample with these weights of the second and the third corner lies in the triangle. */
static inline int is_within(double w1, double w2)
{
    return w1 >= 0 && w2 >= 0 && w1 + w2 <= 1;
}

/* Which triangle is nearest at each sample of some rows of a picture.
 *
 * position: (vertices, 3), pixels of the picture; triangles: (count, 3).
 * samples: per pixel along each axis.
 * nearest: (height samples, width), out: the triangle, -1 where there is none; depth: its z, out.
 * first, last: the rows of `nearest` that are filled.
 */
KERNEL void mouth_find_nearest(const float *position, const int32_t *triangles, int64_t count, int64_t samples,
                               int32_t *nearest, float *depth, int64_t width, int64_t first, int64_t last)
{
    for (int64_t i = first * width; i < last * width; i++) {
        nearest[i] = -1;
        depth[i] = FAR;
    }
    for (int64_t t = 0; t < count; t++) {
        const float *a = position + 3 * triangles[3 * t], *b = position + 3 * triangles[3 * t + 1];
        const float *c = position + 3 * triangles[3 * t + 2];
        float area = signed_area(a, b, c);
        if (area >= -1e-9) /* seen from behind */
            continue;
        /* corners in samples, and the samples whose centres may lie between them */
        double x0 = (double)a[0] * samples, y0 = (double)a[1] * samples;
        double x1 = (double)b[0] * samples, y1 = (double)b[1] * samples;
        double x2 = (double)c[0] * samples, y2 = (double)c[1] * samples;
        int64_t top = max_i(first, (int64_t)ceil(min_d(min_d(y0, y1), y2) - 0.5));
        int64_t bottom = min_i(last - 1, (int64_t)floor(max_d(max_d(y0, y1), y2) - 0.5));
        int64_t left = max_i(0, (int64_t)ceil(min_d(min_d(x0, x1), x2) - 0.5));
        int64_t right = min_i(width - 1, (int64_t)floor(max_d(max_d(x0, x1), x2) - 0.5));
        if (top > bottom || left > right)
            continue;
        /* weights of the second and third corner, and depth, as they change along x */
        double inverse = 1.0 / ((double)area * samples * samples);
        double w1_step = (y2 - y0) * inverse, w2_step = -(y1 - y0) * inverse;
        double z0 = a[2], dz1 = b[2] - a[2], dz2 = c[2] - a[2];
        double z_step = w1_step * dz1 + w2_step * dz2, w0_step = -w1_step - w2_step;
        double w0_steps = 1.0 / w0_step, w1_steps = 1.0 / w1_step, w2_steps = 1.0 / w2_step;
        double dx = left + 0.5 - x0;
        for (int64_t y = top; y <= bottom; y++) {
            double dy = y + 0.5 - y0;
            double w1 = (dx * (y2 - y0) - dy * (x2 - x0)) * inverse;
            double w2 = (dy * (x1 - x0) - dx * (y1 - y0)) * inverse;
            double z = z0 + w1 * dz1 + w2 * dz2;
            /* the samples of the row that lie within: their ends by division, then tested one by one */
            double begin = 0.0, end = (double)(right - left);
            limit(w1, w1_step, w1_steps, &begin, &end);
            limit(w2, w2_step, w2_steps, &begin, &end);
            limit(1.0 - w1 - w2, w0_step, w0_steps, &begin, &end);
            if (begin > end)
                continue;
            int from = (int)begin, to = (int)end;
            while (from <= to && !is_within(w1 + from * w1_step, w2 + from * w2_step))
                from++;
            while (from <= to && !is_within(w1 + to * w1_step, w2 + to * w2_step))
                to--;
            int32_t *seen = nearest + y * width + left;
            float *far = depth + y * width + left;
            for (int i = from; i <= to; i++) {
                double here = z + i * z_step;
                int nearer = here < far[i];
                far[i] = nearer ? (float)here : far[i];
                seen[i] = nearer ? (int32_t)t : seen[i];
            }
        }
    }
}

/* Mark the vertices of all triangles that are seen.
 *
 * nearest: (count), of mouth_find_nearest; triangles: (all, 3).
 * seen: (vertices), 0 before; 1 where a triangle is seen, out.
 */
KERNEL void mouth_mark_seen(const int32_t *nearest, int64_t count, const int32_t *triangles, uint8_t *seen)
{
    int32_t before = -1; /* neighbours mostly show the same one */
    for (int64_t i = 0; i < count; i++) {
        int32_t t = nearest[i];
        if (t < 0 || t == before)
            continue;
        for (int k = 0; k < 3; k++)
            seen[triangles[3 * t + k]] = 1;
        before = t;
    }
}

/* The model in one frame, ready to be drawn; see `Surface` in engine/mouth/kernels.py. */
typedef struct {
    const float *position;    /* (vertices, 3), pixels of the picture */
    const int32_t *triangles; /* (count, 3) */
    const int32_t *layer;     /* (count), which texture a triangle shows; 2: none of its own */
    const float *values;      /* (vertices, 7): place in the textures, how much shows, gain, colour beneath */
    const float *textures;    /* (3, texture_height, texture_width, 4), padded */
    int64_t texture_height, texture_width;
    float whole; /* how much of the last texture lies over what it shows, 0..1 */
    float rest;  /* how much of it at least lies over everything, 0..1 */
} Surface;

/* Value k of a triangle's vertices, weighed. */
static inline double weighed(const double weights[3], const float *const values[3], int k)
{
    return weights[0] * values[0][k] + weights[1] * values[1][k] + weights[2] * values[2][k];
}

/* Of triangle t at (x, y), pixels: the model's colour, out (3); the portrait's, premultiplied, and how much of that
 * shows, out (4). */
static inline void shade_surface(const Surface *surface, int64_t t, double x, double y, double model[3], double own[4])
{
    const int32_t *corner = surface->triangles + 3 * t;
    const float *a = surface->position + 3 * corner[0], *b = surface->position + 3 * corner[1];
    const float *c = surface->position + 3 * corner[2];
    const float *values[3];
    for (int k = 0; k < 3; k++)
        values[k] = surface->values + 7 * corner[k];
    /* barycentric weights; the mean of a pixel's samples may lie a little outside the triangle */
    float area = signed_area(a, b, c);
    double dx = x - a[0], dy = y - a[1];
    double w1 = (dx * (c[1] - a[1]) - dy * (c[0] - a[0])) / area;
    double w2 = (dy * (b[0] - a[0]) - dx * (b[1] - a[1])) / area;
    w1 = min_d(max_d(w1, 0.0), 1.0);
    w2 = min_d(max_d(w2, 0.0), 1.0);
    double weights[3] = {1.0 - w1 - w2, w1, w2};
    for (int k = 0; k < 3; k++)
        model[k] = weighed(weights, values, 4 + k);
    for (int k = 0; k < 4; k++)
        own[k] = 0.0;
    double seen = weighed(weights, values, 2);
    int32_t layer = surface->layer[t];
    double shows = layer == 0 ? 1.0 : max_d(0.0, 2.0 * seen - 1.0);
    double over = max_d(surface->rest, surface->whole * shows);
    if (!(over > 0) && !(layer < 2 && seen > 0.01f))
        return;
    double u = weighed(weights, values, 0), v = weighed(weights, values, 1), gain = weighed(weights, values, 3);
    int64_t size = surface->texture_height * surface->texture_width * 4;
    float sample[4];
    if (layer < 2) { /* a tooth in the portrait's own colour, as far as the portrait shows it */
        cubic_d(surface->textures + layer * size, surface->texture_height, surface->texture_width, u, v, sample);
        own[3] = seen * sample[3];
        for (int k = 0; k < 3; k++)
            own[k] = own[3] * gain * sample[k];
    }
    if (over > 0) { /* over it all that the portrait shows of this surface, or of its mouth */
        cubic_d(surface->textures + 2 * size, surface->texture_height, surface->texture_width, u, v, sample);
        double known = sample[3] * over;
        for (int k = 0; k < 3; k++)
            own[k] += known * (gain * sample[k] - own[k]);
        own[3] += known * (1.0 - own[3]);
    }
}

/* Draw rows of a Surface where it shows, each pixel the mean of its samples; each triangle in a pixel is shaded once.
 *
 * coverage: (height, width): where it is 0 nothing is drawn.
 * samples: per pixel along each axis, at most 3; nearest: (height samples, width samples), of mouth_find_nearest.
 * dark: (3), what is seen where there is no surface.
 * model: (height, width, 3), out, the model's own colours.
 * own: (height, width, 4), out, the textures over it, premultiplied.
 */
KERNEL void mouth_draw(const Surface *surface, const float *coverage, int64_t width, int64_t samples, const float *dark,
                       const int32_t *nearest, float *model, float *own, int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++) {
        for (int64_t x = 0; x < width; x++) {
            float *colour = model + 3 * (y * width + x), *over = own + 4 * (y * width + x);
            for (int k = 0; k < 4; k++)
                over[k] = 0.0f;
            if (coverage[y * width + x] <= 0) {
                for (int k = 0; k < 3; k++)
                    colour[k] = dark[k];
                continue;
            }
            for (int k = 0; k < 3; k++)
                colour[k] = 0.0f;
            int32_t seen[SIDE_MOST * SIDE_MOST];
            int count = 0;
            for (int64_t sy = 0; sy < samples; sy++)
                for (int64_t sx = 0; sx < samples; sx++)
                    seen[count++] = nearest[(y * samples + sy) * width * samples + x * samples + sx];
            for (int i = 0; i < count; i++) {
                int32_t t = seen[i];
                int known = 0;
                for (int j = 0; j < i; j++)
                    known |= seen[j] == t;
                if (known)
                    continue;
                /* how many samples show this triangle, and their mean place */
                int many = 0;
                double across = 0.0, down = 0.0;
                for (int j = i; j < count; j++)
                    if (seen[j] == t) {
                        many++;
                        across += j % samples + 0.5;
                        down += j / samples + 0.5;
                    }
                float share = (float)many / (float)(samples * samples);
                if (t < 0) {
                    for (int k = 0; k < 3; k++)
                        colour[k] += share * dark[k];
                    continue;
                }
                double shaded[3], texture[4], span = (double)many * samples;
                shade_surface(surface, t, x + across / span, y + down / span, shaded, texture);
                for (int k = 0; k < 3; k++)
                    colour[k] = (float)(colour[k] + share * shaded[k]);
                for (int k = 0; k < 4; k++)
                    over[k] = (float)(over[k] + share * texture[k]);
            }
        }
    }
}

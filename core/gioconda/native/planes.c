/* What is linear within each triangle of a mesh, and how much a mesh is stretched. See `planes` and `vertex_stretch` in
 * engine/kernels.py.
 */
#include "maths.h"

static const double THIN = 0.75; /* pixels: triangles lower than that have no pixel of their own */

/* A triangle's corners, its sides from the first corner, and twice its signed area; pixels. */
typedef struct {
    const double *a, *b, *c;
    double e[2], f[2], det;
} Sides;

static inline Sides sides_of(const double *position, int64_t stride, const int32_t *corner)
{
    const double *a = position + stride * corner[0], *b = position + stride * corner[1],
                 *c = position + stride * corner[2];
    Sides s = {a, b, c, {b[0] - a[0], b[1] - a[1]}, {c[0] - a[0], c[1] - a[1]}, 0};
    s.det = s.e[0] * s.f[1] - s.f[0] * s.e[1];
    return s;
}

/* The length of a triangle's longest side. */
static inline double longest_of(const Sides *s)
{
    double gx = s->f[0] - s->e[0], gy = s->f[1] - s->e[1];
    double e = s->e[0] * s->e[0] + s->e[1] * s->e[1], f = s->f[0] * s->f[0] + s->f[1] * s->f[1];
    return sqrt(max_d(e, max_d(f, gx * gx + gy * gy)));
}

/* Vertex values as linear functions of the pixel within each triangle: value = p[0] + p[1] x + p[2] y.
 *
 * position: (vertices, stride), of which the first two are picture pixels.
 * triangles: (count, 3); values: (vertices, channels); steep: (channels), a slope per pixel that is never limited.
 * out: (count, channels, 3).
 */
KERNEL void mesh_planes(const double *position, int64_t stride, const int32_t *triangles, int64_t count,
                        const double *values, int64_t channels, const double *steep, float *out)
{
    for (int64_t t = 0; t < count; t++) {
        const int32_t *corner = triangles + 3 * t;
        Sides s = sides_of(position, stride, corner);
        /* constant where there is no area */
        double inverse = fabs(s.det) < 1e-9 ? 0.0 : 1.0 / s.det, longest = longest_of(&s);
        int is_thin = fabs(s.det) < THIN * longest;
        double mx = (s.a[0] + s.b[0] + s.c[0]) / 3, my = (s.a[1] + s.b[1] + s.c[1]) / 3;
        for (int64_t k = 0; k < channels; k++) {
            double va = values[channels * corner[0] + k], vb = values[channels * corner[1] + k],
                   vc = values[channels * corner[2] + k];
            double d1 = vb - va, d2 = vc - va;
            double along_x = (d1 * s.f[1] - d2 * s.e[1]) * inverse, along_y = (d2 * s.e[0] - d1 * s.f[0]) * inverse;
            double constant = va - along_x * s.a[0] - along_y * s.a[1];
            if (is_thin) {
                /* no steeper than from the least value to the largest within the triangle's length, or a pixel's */
                double range = max_d(max_d(va, vb), vc) - min_d(min_d(va, vb), vc);
                double most = max_d(range / min_d(THIN, longest), steep[k]);
                double slope = sqrt(along_x * along_x + along_y * along_y);
                double kept = min_d(1.0, most / max_d(slope, 1e-30));
                along_x *= kept;
                along_y *= kept;
                if (kept < 1) /* flatter about the middle */
                    constant = (va + vb + vc) / 3 - along_x * mx - along_y * my;
            }
            float *p = out + 3 * (channels * t + k);
            p[0] = (float)constant;
            p[1] = (float)along_x;
            p[2] = (float)along_y;
        }
    }
}

/* How many portrait pixels each frame pixel covers along the most stretched direction, at most 1, at each vertex.
 *
 * The smallest singular value of each triangle's map from frame to portrait, averaged over a vertex's triangles by area.
 *
 * here, rest: (vertices, stride), the first two are pixels of the frame and of the portrait; triangles: (count, 3).
 * total: (vertices), memory to work in; out: (vertices), 1 where there is no area.
 */
KERNEL void mesh_stretch(const double *here, const double *rest, int64_t vertices, int64_t stride,
                         const int32_t *triangles, int64_t count, double *total, double *out)
{
    for (int64_t v = 0; v < vertices; v++)
        total[v] = out[v] = 0;
    for (int64_t t = 0; t < count; t++) {
        const int32_t *corner = triangles + 3 * t;
        Sides now = sides_of(here, stride, corner), then = sides_of(rest, stride, corner);
        double safe = fabs(now.det) < 1e-6 ? 1e-6 : now.det;
        double xx = (then.e[0] * now.f[1] - then.f[0] * now.e[1]) / safe,
               xy = (then.e[1] * now.f[1] - then.f[1] * now.e[1]) / safe,
               yx = (then.f[0] * now.e[0] - then.e[0] * now.f[0]) / safe,
               yy = (then.f[1] * now.e[0] - then.e[1] * now.f[0]) / safe;
        /* the squares of both singular values have this sum and, as its square, this product */
        double squares = (xx * xx + yx * yx) + (xy * xy + yy * yy), product = xx * yy - xy * yx;
        double apart = sqrt(max_d(squares * squares - 4 * (product * product), 0));
        double smallest = sqrt(max_d(squares - apart, 0) / 2), weight = fabs(now.det);
        smallest = min_d(max_d(smallest, 0), 1);
        for (int k = 0; k < 3; k++) {
            total[corner[k]] += weight;
            out[corner[k]] += weight * smallest;
        }
    }
    for (int64_t v = 0; v < vertices; v++)
        out[v] = total[v] > 0 ? out[v] / max_d(total[v], 1e-12) : 1.0;
}

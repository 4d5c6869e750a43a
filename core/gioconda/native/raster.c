/* Which triangle is seen at a pixel. See engine/kernels.py.
 *
 * Everything works on a band of rows of the picture, from the row `row0` on. Coordinates are picture coordinates: the
 * first pixel's centre is (0.5, 0.5).
 */
#include "sampling.h"

enum { SUBSAMPLES = 4, MISS = -1 }; /* per pixel on an occlusion edge: a rotated grid; no triangle */
static const float SUB_X[SUBSAMPLES] = {0.125f, 0.625f, 0.375f, 0.875f};
static const float SUB_Y[SUBSAMPLES] = {0.375f, 0.125f, 0.875f, 0.625f};
static const float FAR = 1e30f;      /* the depth where there is none */
static const double CUTOUT = 0.004;  /* of alpha: where there is less of the person, hair and cloth hide nothing */

/* A mesh in a pose, and the matte that cuts holes into its outer triangles; see `Mesh` in engine/kernels.py. */
typedef struct {
    const float *position;    /* (vertices, 3), picture pixels */
    const int32_t *triangles; /* (count, 3) */
    const uint8_t *cutout;    /* (count), 1 where the matte decides whether the triangle is there at all */
    const float *uv;          /* (vertices, 2), where in the portrait a vertex takes its colour, pixels */
    const float *alpha;       /* (alpha_height, alpha_width), the portrait's matte, small */
    int64_t count, alpha_height, alpha_width;
    float alpha_scale; /* pixels of `alpha` per pixel of the portrait */
} Mesh;

/* A triangle's vertices, and its corners. */
typedef struct {
    int32_t a, b, c;
    float x0, y0, x1, y1, x2, y2;
} Corners;

static inline Corners corners_of(const float *position, const int32_t *triangle)
{
    const float *a = position + 3 * triangle[0], *b = position + 3 * triangle[1], *c = position + 3 * triangle[2];
    return (Corners){triangle[0], triangle[1], triangle[2], a[0], a[1], b[0], b[1], c[0], c[1]};
}

/* Twice a triangle's signed area. */
static inline float area_of(const Corners *t)
{
    return (t->x1 - t->x0) * (t->y2 - t->y0) - (t->x2 - t->x0) * (t->y1 - t->y0);
}

static inline float lowest(float a, float b, float c) { return min_f(min_f(a, b), c); }
static inline float highest(float a, float b, float c) { return max_f(max_f(a, b), c); }

/* Whether the matte shows nothing of the person at (u, v), pixels of the portrait. */
static inline int is_cut_out(const Mesh *mesh, double u, double v)
{
    int64_t x = min_i(max_i((int64_t)(u * (double)mesh->alpha_scale), 0), mesh->alpha_width - 1);
    int64_t y = min_i(max_i((int64_t)(v * (double)mesh->alpha_scale), 0), mesh->alpha_height - 1);
    return (double)mesh->alpha[y * mesh->alpha_width + x] < CUTOUT;
}

/* Narrow left ... right to where the edge from p to q crosses the height y. */
static inline void cross(float px, float py, float qx, float qy, double y, double *left, double *right)
{
    if (((double)py <= y) == ((double)qy <= y))
        return;
    double x = (double)px + (double)(qx - px) * (y - (double)py) / (double)(qy - py);
    *left = min_d(*left, x);
    *right = max_d(*right, x);
}

/* The first and the last pixel of a picture's row whose centres, at height y, lie in a triangle. */
static inline void span_of(const Corners *t, double y, int64_t width, int64_t *start, int64_t *stop)
{
    double left = (double)width + 1.0, right = -1.0;
    cross(t->x0, t->y0, t->x1, t->y1, y, &left, &right);
    cross(t->x1, t->y1, t->x2, t->y2, y, &left, &right);
    cross(t->x2, t->y2, t->x0, t->y0, y, &left, &right);
    *start = max_i(0, (int64_t)ceil(left - 0.5));
    *stop = min_i(width - 1, (int64_t)ceil(right - 0.5) - 1);
}

/* Fill rows first ... last - 1 of a z-buffer: which triangle is nearest at each pixel centre of a band, and its z.
 *
 * triangle, depth: (rows, width), out: MISS and FAR where there is none; row0: the band's first row in the picture.
 */
KERNEL void raster_fill(const Mesh *mesh, int32_t *triangle, float *depth, int64_t width, int64_t row0, int64_t first,
                        int64_t last)
{
    for (int64_t i = first * width; i < last * width; i++) {
        triangle[i] = MISS;
        depth[i] = FAR;
    }
    for (int64_t t = 0; t < mesh->count; t++) {
        Corners at = corners_of(mesh->position, mesh->triangles + 3 * t);
        int64_t top = max_i(first, (int64_t)ceil((double)lowest(at.y0, at.y1, at.y2) - 0.5) - row0);
        int64_t bottom = min_i(last - 1, (int64_t)ceil((double)highest(at.y0, at.y1, at.y2) - 0.5) - 1 - row0);
        if (top > bottom)
            continue;
        float area = area_of(&at);
        if (fabs((double)area) < 1e-9)
            continue;
        /* z, u and v as they change along x and y */
        double inverse = 1.0 / (double)area;
        const float *uv0 = mesh->uv + 2 * at.a, *uv1 = mesh->uv + 2 * at.b, *uv2 = mesh->uv + 2 * at.c;
        float z0 = mesh->position[3 * at.a + 2];
        float dz1 = mesh->position[3 * at.b + 2] - z0, dz2 = mesh->position[3 * at.c + 2] - z0;
        float ex1 = at.x1 - at.x0, ey1 = at.y1 - at.y0, ex2 = at.x2 - at.x0, ey2 = at.y2 - at.y0;
        double zx = (double)(dz1 * ey2 - dz2 * ey1) * inverse, zy = (double)(dz2 * ex1 - dz1 * ex2) * inverse;
        float du1 = uv1[0] - uv0[0], du2 = uv2[0] - uv0[0], dv1 = uv1[1] - uv0[1], dv2 = uv2[1] - uv0[1];
        double ux = (double)(du1 * ey2 - du2 * ey1) * inverse, uy = (double)(du2 * ex1 - du1 * ex2) * inverse;
        double vx = (double)(dv1 * ey2 - dv2 * ey1) * inverse, vy = (double)(dv2 * ex1 - dv1 * ex2) * inverse;
        int cutout = mesh->cutout[t];
        for (int64_t y = top; y <= bottom; y++) {
            double height = (double)(y + row0) + 0.5, dy = height - (double)at.y0;
            int64_t start, stop;
            span_of(&at, height, width, &start, &stop);
            for (int64_t x = start; x <= stop; x++) {
                double dx = (double)x + 0.5 - (double)at.x0, z = (double)z0 + zx * dx + zy * dy;
                if (!(z < (double)depth[y * width + x]))
                    continue;
                if (cutout && is_cut_out(mesh, (double)uv0[0] + ux * dx + uy * dy, (double)uv0[1] + vx * dx + vy * dy))
                    continue;
                depth[y * width + x] = (float)z;
                triangle[y * width + x] = (int32_t)t;
            }
        }
    }
}

/* Whether a jump in depth lies between a pixel that shows a triangle and another one that does. Without a branch. */
static inline int jumps(const int32_t *triangle, const float *depth, int64_t here, int64_t there, float jump)
{
    return (triangle[there] >= 0) & (fabsf(depth[here] - depth[there]) > jump);
}

/* Mark the pixels where one part of the person hides another, rows first ... last - 1 of a band.
 *
 * triangle, depth: (rows, width), of raster_fill; jump: the smallest between neighbours, pixels of depth.
 * edge_of: (rows, width), out: 0 where there is an edge, else -1; in_row: (rows), out: how many there are in each row.
 */
KERNEL void raster_find_edges(const int32_t *triangle, const float *depth, int64_t rows, int64_t width, float jump,
                              int32_t *edge_of, int32_t *in_row, int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++) {
        const int32_t *here = triangle + y * width;
        const float *z = depth + y * width;
        int32_t *restrict marks = edge_of + y * width;
        int32_t count = 0;
        /* at the band's border a pixel is its own neighbour: it has no jump to itself */
        int64_t up = y > 0 ? -width : 0, down = y + 1 < rows ? width : 0;
        for (int64_t x = 0; x < width; x += max_i(1, width - 1)) { /* the first and the last */
            int64_t left = x > 0 ? x - 1 : x, right = x + 1 < width ? x + 1 : x;
            int edge = (here[x] >= 0) & (jumps(here, z, x, right, jump) | jumps(here, z, x, left, jump)
                                         | jumps(here, z, x, x + down, jump) | jumps(here, z, x, x + up, jump));
            marks[x] = edge - 1;
            count += edge;
        }
        for (int64_t x = 1; x < width - 1; x++) {
            int edge = (here[x] >= 0) & (jumps(here, z, x, x + 1, jump) | jumps(here, z, x, x - 1, jump)
                                         | jumps(here, z, x, x + down, jump) | jumps(here, z, x, x + up, jump));
            marks[x] = edge - 1;
            count += edge;
        }
        in_row[y] = count;
    }
}

/* Number the marked pixels in edge_of, (rows, width), and list them as (row, column) in edges, (all, 2), out. */
KERNEL void raster_list_edges(int32_t *edge_of, const int32_t *in_row, int64_t rows, int64_t width, int32_t *edges)
{
    int32_t count = 0;
    for (int64_t y = 0; y < rows; y++) {
        if (in_row[y] == 0)
            continue;
        for (int64_t x = 0; x < width; x++) {
            if (edge_of[y * width + x] != 0)
                continue;
            edge_of[y * width + x] = count;
            edges[2 * count] = (int32_t)y;
            edges[2 * count + 1] = (int32_t)x;
            count++;
        }
    }
}

/* The weights of a triangle's three corners at (x, y); one is negative outside the triangle. */
static inline void weigh(const Corners *t, double inverse_area, double x, double y, double *weights)
{
    double dx = x - (double)t->x0, dy = y - (double)t->y0;
    weights[1] = (dx * (double)(t->y2 - t->y0) - dy * (double)(t->x2 - t->x0)) * inverse_area;
    weights[2] = (dy * (double)(t->x1 - t->x0) - dx * (double)(t->y1 - t->y0)) * inverse_area;
    weights[0] = 1.0 - weights[1] - weights[2];
}

/* A triangle's three values, weighed. */
static inline double mean_of(const double *weights, float a, float b, float c)
{
    return weights[0] * (double)a + weights[1] * (double)b + weights[2] * (double)c;
}

/* As raster_fill, for SUBSAMPLES points within each listed edge pixel.
 *
 * edge_of: (rows, width), of raster_list_edges; row0: the band's first row.
 * triangle, depth: (edges, SUBSAMPLES), out.
 */
KERNEL void raster_fill_edges(const Mesh *mesh, const int32_t *edge_of, int64_t rows, int64_t width, int64_t row0,
                              int64_t edges, int32_t *triangle, float *depth)
{
    for (int64_t i = 0; i < edges * SUBSAMPLES; i++) {
        triangle[i] = MISS;
        depth[i] = FAR;
    }
    for (int64_t t = 0; t < mesh->count; t++) {
        Corners at = corners_of(mesh->position, mesh->triangles + 3 * t);
        int64_t top = max_i(0, (int64_t)floor((double)lowest(at.y0, at.y1, at.y2)) - row0);
        int64_t bottom = min_i(rows - 1, (int64_t)floor((double)highest(at.y0, at.y1, at.y2)) - row0);
        if (top > bottom)
            continue;
        float area = area_of(&at);
        if (fabs((double)area) < 1e-9)
            continue;
        double inverse = 1.0 / (double)area;
        int64_t left = max_i(0, (int64_t)floor((double)lowest(at.x0, at.x1, at.x2)));
        int64_t right = min_i(width - 1, (int64_t)floor((double)highest(at.x0, at.x1, at.x2)));
        const float *p = mesh->position, *uv = mesh->uv;
        for (int64_t y = top; y <= bottom; y++) {
            for (int64_t x = left; x <= right; x++) {
                int64_t e = edge_of[y * width + x];
                if (e < 0)
                    continue;
                for (int s = 0; s < SUBSAMPLES; s++) {
                    double w[3];
                    weigh(&at, inverse, (double)x + (double)SUB_X[s], (double)(y + row0) + (double)SUB_Y[s], w);
                    if (w[0] < -1e-6 || w[1] < -1e-6 || w[2] < -1e-6)
                        continue;
                    double z = mean_of(w, p[3 * at.a + 2], p[3 * at.b + 2], p[3 * at.c + 2]);
                    if (z >= (double)depth[e * SUBSAMPLES + s])
                        continue;
                    if (mesh->cutout[t]
                        && is_cut_out(mesh, mean_of(w, uv[2 * at.a], uv[2 * at.b], uv[2 * at.c]),
                                      mean_of(w, uv[2 * at.a + 1], uv[2 * at.b + 1], uv[2 * at.c + 1])))
                        continue;
                    depth[e * SUBSAMPLES + s] = (float)z;
                    triangle[e * SUBSAMPLES + s] = (int32_t)t;
                }
            }
        }
    }
}

/* List the pixels of triangles that are filled, unless they are edge pixels already; returns how many.
 *
 * triangle: (rows, width); filled: (count), 0 or 1, of each triangle.
 * edge_of: (rows, width), of raster_list_edges, or NULL.
 * left, right: the first column to look at, and the one after the last.
 * pixels: (capacity, 2), row and column, out.
 */
KERNEL int64_t raster_list_filled(const int32_t *triangle, int64_t rows, int64_t width, const uint8_t *filled,
                                  const int32_t *edge_of, int64_t left, int64_t right, int32_t *pixels,
                                  int64_t capacity)
{
    int64_t count = 0;
    for (int64_t y = 0; y < rows; y++) {
        for (int64_t x = left; x < right; x++) {
            int32_t t = triangle[y * width + x];
            if (t < 0 || !filled[t] || (edge_of && edge_of[y * width + x] >= 0))
                continue;
            if (count < capacity) {
                pixels[2 * count] = (int32_t)y;
                pixels[2 * count + 1] = (int32_t)x;
            }
            count++;
        }
    }
    return count;
}

/* Draw a small vertex-coloured mesh with a depth test.
 *
 * position: (vertices, 3), pixels of the image; triangles: (count, 3); colours: (vertices, 3).
 * image: (height, width, 3) and depth: (height, width), drawn into.
 */
KERNEL void raster_colours(const float *position, const int32_t *triangles, int64_t count, const float *colours,
                           float *image, float *depth, int64_t height, int64_t width)
{
    for (int64_t t = 0; t < count; t++) {
        Corners at = corners_of(position, triangles + 3 * t);
        float area = area_of(&at);
        if (fabs((double)area) < 1e-9)
            continue;
        double inverse = 1.0 / (double)area;
        int64_t top = max_i(0, (int64_t)ceil((double)lowest(at.y0, at.y1, at.y2) - 0.5));
        int64_t bottom = min_i(height - 1, (int64_t)floor((double)highest(at.y0, at.y1, at.y2) - 0.5));
        for (int64_t y = top; y <= bottom; y++) {
            int64_t start, stop;
            span_of(&at, (double)y + 0.5, width, &start, &stop);
            for (int64_t x = start; x <= stop; x++) {
                double w[3];
                weigh(&at, inverse, (double)x + 0.5, (double)y + 0.5, w);
                double z = mean_of(w, position[3 * at.a + 2], position[3 * at.b + 2], position[3 * at.c + 2]);
                if (!(z < (double)depth[y * width + x]))
                    continue;
                depth[y * width + x] = (float)z;
                for (int k = 0; k < 3; k++)
                    image[3 * (y * width + x) + k]
                        = (float)mean_of(w, colours[3 * at.a + k], colours[3 * at.b + k], colours[3 * at.c + k]);
            }
        }
    }
}

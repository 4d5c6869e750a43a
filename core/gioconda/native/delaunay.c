#include "maths.h"

#include <stdlib.h>
#include <string.h>

/* Delaunay's triangulation.
 *
 * Bowyer, "Computing Dirichlet tessellations", 1981, and Watson, "Computing the n-dimensional Delaunay tessellation",
 * 1981: points are inserted one by one; triangles whose circumcircle holds the new point give way to a fan around it.
 * Coordinates are whole numbers and every test is exact, so points on one circle or line are no special case.
 */

typedef struct {
    int32_t corner[3]; /* counter-clockwise where y points up */
    int32_t beside[3]; /* the triangle across the edge that does not hold this corner, or -1 */
    int32_t dead, seen;
} Triangle;

static int64_t turn(const int64_t *p, int32_t a, int32_t b, int32_t c)
{
    return (p[2 * b] - p[2 * a]) * (p[2 * c + 1] - p[2 * a + 1]) - (p[2 * b + 1] - p[2 * a + 1]) * (p[2 * c] - p[2 * a]);
}

/* Whether point d lies within the circle through the corners of a counter-clockwise triangle. */
static int in_circle(const int64_t *p, const int32_t *t, int32_t d)
{
    __int128 x[3], y[3], s[3];
    for (int k = 0; k < 3; k++) {
        x[k] = p[2 * t[k]] - p[2 * d];
        y[k] = p[2 * t[k] + 1] - p[2 * d + 1];
        s[k] = x[k] * x[k] + y[k] * y[k];
    }
    return x[0] * (y[1] * s[2] - y[2] * s[1]) - y[0] * (x[1] * s[2] - x[2] * s[1]) + s[0] * (x[1] * y[2] - x[2] * y[1]) > 0;
}

/* The triangles between points, counter-clockwise where y points up.
 *
 * points: (count + 3, 2) int64, below 2^20; the last three are scratch. triangles: (2 * count + 1, 3) int32, out.
 * Points that are there twice get no triangles of their own. Returns the number of triangles, or -1 when there was not
 * enough memory. */
KERNEL int64_t delaunay(int64_t *points, int64_t count, int32_t *triangles)
{
    enum { FAR = 1 << 25 };
    const int64_t most = 8 * count + 64; /* dead ones are used again */
    Triangle *all = malloc(sizeof(Triangle) * most);
    int32_t *pool = malloc(sizeof(int32_t) * most), *hole = malloc(sizeof(int32_t) * most);
    int32_t *fan = malloc(sizeof(int32_t) * (count + 3));
    int64_t result = -1, used = 1, spare = 0;
    if (!all || !pool || !hole || !fan)
        goto end;
    const int64_t corners[6] = {-FAR, -FAR, 2 * FAR, -FAR, -FAR, 2 * FAR};
    memcpy(points + 2 * count, corners, sizeof(corners));
    all[0] = (Triangle){{(int32_t)count, (int32_t)count + 1, (int32_t)count + 2}, {-1, -1, -1}, 0, -1};
    int32_t at = 0;
    for (int32_t d = 0; d < count; d++) {
        /* walk to the triangle that holds the point */
        for (int moved = 1; moved;) {
            moved = 0;
            for (int k = 0; k < 3 && !moved; k++)
                if (turn(points, all[at].corner[(k + 1) % 3], all[at].corner[(k + 2) % 3], d) < 0) {
                    at = all[at].beside[k];
                    moved = 1;
                }
        }
        int twice = 0;
        for (int k = 0; k < 3; k++) {
            const int64_t *q = points + 2 * all[at].corner[k];
            twice |= q[0] == points[2 * d] && q[1] == points[2 * d + 1];
        }
        if (twice)
            continue;
        /* all around it whose circles hold it */
        int64_t size = 0;
        hole[size++] = at;
        all[at].dead = 1;
        for (int64_t i = 0; i < size; i++)
            for (int k = 0; k < 3; k++) {
                const int32_t next = all[hole[i]].beside[k];
                if (next < 0 || all[next].seen == d || all[next].dead)
                    continue;
                all[next].seen = d;
                if (in_circle(points, all[next].corner, d)) {
                    all[next].dead = 1;
                    hole[size++] = next;
                }
            }
        /* a fan from the point to every edge of the hole; fan[v]: the new triangle whose edge leaves corner v */
        int32_t last = -1;
        for (int64_t i = 0; i < size; i++)
            for (int k = 0; k < 3; k++) {
                const Triangle old = all[hole[i]];
                const int32_t next = old.beside[k];
                if (next >= 0 && all[next].dead)
                    continue;
                const int32_t a = old.corner[(k + 1) % 3], b = old.corner[(k + 2) % 3];
                const int32_t made = spare ? pool[--spare] : (int32_t)used++;
                all[made] = (Triangle){{d, a, b}, {next, -1, -1}, 0, -1};
                if (next >= 0)
                    for (int j = 0; j < 3; j++)
                        if (all[next].beside[j] == hole[i])
                            all[next].beside[j] = made;
                fan[a] = made;
                last = made;
            }
        /* neighbours in the fan: the triangle (d, a, b) is followed by the one that leaves b */
        at = last;
        do {
            const int32_t next = fan[all[at].corner[2]];
            all[at].beside[1] = next;
            all[next].beside[2] = at;
            at = next;
        } while (at != last);
        for (int64_t i = 0; i < size; i++)
            pool[spare++] = hole[i];
    }
    result = 0;
    for (int64_t t = 0; t < used; t++) {
        const int32_t *c = all[t].corner;
        if (all[t].dead || c[0] >= count || c[1] >= count || c[2] >= count)
            continue;
        memcpy(triangles + 3 * result++, c, sizeof(int32_t) * 3);
    }
end:
    free(all), free(pool), free(hole), free(fan);
    return result;
}

/* No triangle of the face folds over; see engine/untangle.py. */
#include "maths.h"

static const double TURNED = -1.0; /* the sign of the area of a triangle that faces the camera */
static const double STEP = 0.01;   /* head units: no correction moves a vertex farther at once */

enum { WORD = 64 };

/* Which triangles have each vertex: those of v are of[starts[v]] ... of[starts[v + 1] - 1]. */
static void list_triangles(const int32_t *triangles, int64_t count, int64_t vertices, int32_t *starts, int32_t *of)
{
    for (int64_t v = 0; v <= vertices; v++)
        starts[v] = 0;
    for (int64_t i = 0; i < 3 * count; i++)
        starts[triangles[i] + 1]++;
    for (int64_t v = 0; v < vertices; v++)
        starts[v + 1] += starts[v];
    /* each begin moves to its end while the list is filled, and is the next vertex's begin then: move them back */
    for (int64_t i = 0; i < 3 * count; i++)
        of[starts[triangles[i]]++] = (int32_t)(i / 3);
    for (int64_t v = vertices; v > 0; v--)
        starts[v] = starts[v - 1];
    starts[0] = 0;
}

/* Give triangle t its least area back by moving its corners the least that does it; returns whether they moved. */
static int restore(double *points, const int32_t *corner, double least, const double *mobile)
{
    double *a = points + 2 * corner[0], *b = points + 2 * corner[1], *c = points + 2 * corner[2];
    double area = TURNED * ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
    if (area >= least)
        return 0;
    /* how the area changes with each corner */
    double ga[2] = {b[1] - c[1], c[0] - b[0]}, gb[2] = {c[1] - a[1], a[0] - c[0]}, gc[2] = {a[1] - b[1], b[0] - a[0]};
    double wa = mobile[corner[0]], wb = mobile[corner[1]], wc = mobile[corner[2]];
    double total = wa * (ga[0] * ga[0] + ga[1] * ga[1]) + wb * (gb[0] * gb[0] + gb[1] * gb[1])
                   + wc * (gc[0] * gc[0] + gc[1] * gc[1]);
    if (total < 1e-14)
        return 0;
    double step = TURNED * (least - area) / total;
    double farthest = wa * max_d(fabs(ga[0]), fabs(ga[1]));
    farthest = max_d(farthest, wb * max_d(fabs(gb[0]), fabs(gb[1])));
    farthest = fabs(step) * max_d(farthest, wc * max_d(fabs(gc[0]), fabs(gc[1])));
    if (farthest > STEP) /* a triangle that has shrunk to a point would leap */
        step *= STEP / farthest;
    for (int k = 0; k < 2; k++) {
        a[k] += wa * step * ga[k];
        b[k] += wb * step * gb[k];
        c[k] += wc * step * gc[k];
    }
    return 1;
}

/* Move points until every triangle has its least area; returns how many times one was moved.
 *
 * A unilateral area constraint: Mueller et al., "Position based dynamics", 2007. Triangles are gone through in order,
 * round after round; one whose corners have not moved since it was right is passed over.
 *
 * points: (vertices, 2), in place; triangles: (count, 3).
 * least: (count), twice the signed area that each keeps; mobile: (vertices), how readily each point is moved.
 * rounds: at most so many times through all triangles.
 * starts: (vertices + 1), of: (3 count), doubtful: ((count + 63) / 64): memory to work in.
 */
KERNEL int64_t untangle(double *points, int64_t vertices, const int32_t *triangles, int64_t count, const double *least,
                        const double *mobile, int64_t rounds, int32_t *starts, int32_t *of, uint64_t *doubtful)
{
    list_triangles(triangles, count, vertices, starts, of);
    int64_t words = (count + WORD - 1) / WORD, moved = 0;
    for (int64_t i = 0; i < words; i++) /* one bit for each triangle */
        doubtful[i] = (i + 1) * WORD <= count ? ~(uint64_t)0 : ((uint64_t)1 << count % WORD) - 1;
    for (int64_t round = 0; round < rounds; round++) {
        int64_t before = moved;
        for (int64_t i = 0; i < words; i++) {
            uint64_t ahead = ~(uint64_t)0; /* of this word, what this round has not come to */
            while (doubtful[i] & ahead) {
                int bit = __builtin_ctzll(doubtful[i] & ahead);
                int64_t t = i * WORD + bit;
                doubtful[i] &= ~((uint64_t)1 << bit);
                ahead = bit == WORD - 1 ? 0 : ~(uint64_t)0 << (bit + 1);
                if (!restore(points, triangles + 3 * t, least[t], mobile))
                    continue;
                moved++;
                for (int k = 0; k < 3; k++) {
                    int32_t vertex = triangles[3 * t + k];
                    for (int32_t j = starts[vertex]; j < starts[vertex + 1]; j++)
                        doubtful[of[j] / WORD] |= (uint64_t)1 << of[j] % WORD;
                }
            }
        }
        if (moved == before)
            break;
    }
    return moved;
}

/* Filling a hole with patches of its surroundings. Whole numbers throughout: the same answer on every machine. */
#include "maths.h"

enum { RADIUS = 3 }; /* of a patch, pixels */

/* A picture with a hole, and where patches are placed and taken from. */
typedef struct {
    const uint8_t *picture;   /* (height, width, 3) */
    const uint8_t *is_place;  /* (height, width) */
    const uint8_t *is_source; /* (height, width) */
    int32_t *nearest;         /* (height, width, 2), row and column of each place's source */
    int64_t height, width;
} Patches;

/* A number that looks random, from a place and a step: 32 bits of an integer hash (Wang 2007). */
static inline int64_t mixed(int64_t y, int64_t x, int64_t step)
{
    int64_t h = (y * 73856093) ^ (x * 19349663) ^ (step * 83492791);
    h = (h ^ 61) ^ ((h >> 16) & 0xFFFF);
    h = (h * 9) & 0xFFFFFFFF;
    h = h ^ (h >> 4);
    h = (h * 0x27D4EB2D) & 0xFFFFFFFF;
    return h ^ (h >> 15);
}

/* Squared difference of the patches around (y, x) and (sy, sx); no further once it is not below `least`. */
static int64_t cost_of(const Patches *of, int64_t y, int64_t x, int64_t sy, int64_t sx, int64_t least)
{
    int64_t total = ((sy - y) * (sy - y) + (sx - x) * (sx - x)) / 4; /* of two alike the nearer one */
    int64_t left = max_i(-RADIUS, -x), right = min_i(RADIUS, of->width - 1 - x);
    for (int64_t dy = max_i(-RADIUS, -y); dy <= min_i(RADIUS, of->height - 1 - y); dy++) {
        const uint8_t *a = of->picture + 3 * ((y + dy) * of->width + x + left);
        const uint8_t *b = of->picture + 3 * ((sy + dy) * of->width + sx + left);
        int32_t row = 0;
        for (int64_t k = 0; k < 3 * (right - left + 1); k++) {
            int32_t d = (int32_t)a[k] - (int32_t)b[k];
            row += d * d;
        }
        total += row;
        if (total >= least)
            return total;
    }
    return total;
}

/* The best source of a place so far. */
typedef struct {
    int64_t y, x, cost;
} Best;

static inline void try_source(const Patches *of, int64_t y, int64_t x, int64_t sy, int64_t sx, Best *best)
{
    if (sy < 0 || sx < 0 || sy >= of->height || sx >= of->width || !of->is_source[sy * of->width + sx])
        return;
    int64_t found = cost_of(of, y, x, sy, sx, best->cost);
    if (found < best->cost)
        *best = (Best){sy, sx, found};
}

/* For each place a patch of the known part that looks like its own: `nearest` and `cost` are made better.
 *
 * places: (count, 2) rows and columns, in reading order; sources: (source_count, 2), where a patch may be taken from.
 * nearest below 0: none yet. cost: (height, width). steps: how often the picture is gone through.
 *
 * Source: Barnes et al., "PatchMatch", SIGGRAPH 2009.
 */
KERNEL void inpaint_find(const uint8_t *picture, const uint8_t *is_place, const uint8_t *is_source, int32_t *nearest,
                         int64_t height, int64_t width, const int64_t *places, int64_t count, const int64_t *sources,
                         int64_t source_count, int64_t *cost, int64_t steps)
{
    const Patches of = {picture, is_place, is_source, nearest, height, width};
    for (int64_t p = 0; p < count; p++) {
        int64_t y = places[2 * p], x = places[2 * p + 1];
        int32_t *mine = nearest + 2 * (y * width + x);
        if (mine[0] < 0) {
            const int64_t *chosen = sources + 2 * (mixed(y, x, 1) % source_count);
            mine[0] = (int32_t)chosen[0], mine[1] = (int32_t)chosen[1];
        }
        cost[y * width + x] = cost_of(&of, y, x, mine[0], mine[1], (int64_t)1 << 60);
    }
    for (int64_t step = 0; step < steps; step++) {
        int64_t back = step % 2 == 0 ? 1 : -1;
        for (int64_t n = 0; n < count; n++) {
            int64_t p = back == 1 ? n : count - 1 - n, y = places[2 * p], x = places[2 * p + 1];
            int32_t *mine = nearest + 2 * (y * width + x);
            Best best = {mine[0], mine[1], cost[y * width + x]};
            /* the neighbours' sources, shifted alike */
            for (int k = 0; k < 2; k++) {
                int64_t ny = k == 0 ? y : y - back, nx = k == 0 ? x - back : x;
                if (ny < 0 || nx < 0 || ny >= height || nx >= width || !is_place[ny * width + nx])
                    continue;
                const int32_t *other = nearest + 2 * (ny * width + nx);
                try_source(&of, y, x, other[0] + y - ny, other[1] + x - nx, &best);
            }
            /* places at random, ever nearer to the best one */
            int64_t turn = 0;
            for (int64_t reach = max_i(height, width); reach >= 1; reach /= 2) {
                turn++;
                int64_t first = mixed(y, x, step * 64 + turn), second = mixed(x, y, step * 64 + 32 + turn);
                int64_t sy = best.y - reach + first % (2 * reach + 1);
                try_source(&of, y, x, sy, best.x - reach + second % (2 * reach + 1), &best);
            }
            mine[0] = (int32_t)best.y, mine[1] = (int32_t)best.x;
            cost[y * width + x] = best.cost;
        }
    }
}

/* Each pixel of the hole as the weighted mean of what the patches over it have there.
 *
 * hole: (count, 2) rows and columns; is_place, nearest: see `inpaint_find`.
 * weight: (height, width) of each place's patch, at least 1. out: (height, width, 3), the hole's pixels are written.
 */
KERNEL void inpaint_vote(const uint8_t *picture, const uint8_t *is_place, const int32_t *nearest, int64_t height,
                         int64_t width, const int64_t *hole, int64_t count, const int64_t *weight, uint8_t *out)
{
    for (int64_t p = 0; p < count; p++) {
        int64_t y = hole[2 * p], x = hole[2 * p + 1], total = 0, sum[3] = {0};
        for (int64_t dy = -RADIUS; dy <= RADIUS; dy++)
            for (int64_t dx = -RADIUS; dx <= RADIUS; dx++) {
                int64_t cy = y + dy, cx = x + dx;
                if (cy < 0 || cx < 0 || cy >= height || cx >= width || !is_place[cy * width + cx])
                    continue;
                const int32_t *from = nearest + 2 * (cy * width + cx);
                const uint8_t *seen = picture + 3 * ((from[0] - dy) * width + from[1] - dx);
                int64_t w = weight[cy * width + cx];
                total += w;
                for (int c = 0; c < 3; c++)
                    sum[c] += w * seen[c];
            }
        if (total > 0)
            for (int c = 0; c < 3; c++)
                out[3 * (y * width + x) + c] = (uint8_t)((sum[c] + total / 2) / total);
    }
}

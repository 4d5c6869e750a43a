#include "maths.h"

#include <stdlib.h>

/* For every pixel the nearest marked one; of several as near, the one in the leftmost column.
 *
 * Meijster, Roerdink, Hesselink, "A general algorithm for computing distance transforms in linear time", 2000: first
 * along columns, then the lower envelope of parabolas along rows, in whole numbers.
 * mask: (height, width), not 0 where marked. row, column: (height, width) int32, out; -1 where nothing is marked.
 * Returns 0, or -1 when there was not enough memory. */
KERNEL int64_t nearest_marked(const uint8_t *mask, int64_t height, int64_t width, int32_t *row, int32_t *column)
{
    const int64_t far = 4 * (height + width);
    /* along each column: the nearest marked row; upwards when two are as near */
    for (int64_t x = 0; x < width; x++) {
        int64_t last = -1;
        for (int64_t y = 0; y < height; y++) {
            if (mask[y * width + x])
                last = y;
            row[y * width + x] = (int32_t)last;
        }
        last = -1;
        for (int64_t y = height - 1; y >= 0; y--) {
            if (mask[y * width + x])
                last = y;
            const int64_t above = row[y * width + x];
            if (last >= 0 && (above < 0 || last - y < y - above))
                row[y * width + x] = (int32_t)last;
        }
    }
    int64_t *memory = malloc(sizeof(int64_t) * 4 * (width + 1));
    if (!memory)
        return -1;
    int64_t *site = memory, *start = site + width + 1, *square = start + width + 1, *which = square + width + 1;
    for (int64_t y = 0; y < height; y++) {
        int32_t *rows = row + y * width, *columns = column + y * width;
        int64_t count = 0;
        for (int64_t x = 0; x < width; x++) {
            const int64_t away = rows[x] < 0 ? far : llabs(rows[x] - y);
            square[x] = away * away;
            which[x] = rows[x];
            if (rows[x] < 0)
                continue;
            /* parabolas that this one passes below wherever they would be lowest */
            int64_t begin = 0;
            while (count > 0) {
                const int64_t u = site[count - 1];
                /* the first column where x is strictly nearer than u */
                const int64_t above = x * x - u * u + square[x] - square[u];
                begin = above < 0 ? 0 : above / (2 * (x - u)) + 1;
                if (begin > start[count - 1])
                    break;
                count--;
                begin = 0;
            }
            if (begin < width) {
                site[count] = x;
                start[count] = begin; /* 0 for the first */
                count++;
            }
        }
        for (int64_t x = width - 1, k = count - 1; x >= 0; x--) {
            while (k > 0 && start[k] > x)
                k--;
            columns[x] = count ? (int32_t)site[k] : -1;
            rows[x] = count ? (int32_t)which[site[k]] : -1;
        }
    }
    free(memory);
    return 0;
}

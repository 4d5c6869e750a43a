/* Lists the pixels of a frame that show one triangle's colour; see engine/pixel_lists.py. */
#include "maths.h"

/* How many pixels of each row show a triangle and are not excluded; rows first ... last - 1.
 *
 * shown: (rows, width), the triangle seen at each pixel, negative: none; excluded: (rows, width), 0 or 1.
 * counts: (rows), out.
 */
KERNEL void pixel_lists_count(const int32_t *shown, const uint8_t *excluded, int64_t width, int64_t *counts,
                              int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++) {
        int64_t count = 0;
        for (int64_t i = y * width; i < (y + 1) * width; i++)
            count += shown[i] >= 0 && !excluded[i];
        counts[y] = count;
    }
}

/* The same pixels, numbered row by row, and their triangles; rows first ... last - 1.
 *
 * starts: (rows), how many are listed before each row.
 * pixel, triangle: (all that are counted), out.
 */
KERNEL void pixel_lists_fill(const int32_t *shown, const uint8_t *excluded, int64_t width, const int64_t *starts,
                             int32_t *pixel, int32_t *triangle, int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++) {
        int64_t k = starts[y];
        for (int64_t i = y * width; i < (y + 1) * width; i++) {
            if (shown[i] >= 0 && !excluded[i]) {
                pixel[k] = (int32_t)i;
                triangle[k] = shown[i];
                k++;
            }
        }
    }
}

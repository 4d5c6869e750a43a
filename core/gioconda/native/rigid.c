/* Draws rigid things from which triangle of their surface is seen where. */
#include "sampling.h"

/* Sample what is covered of a rigid thing's texture.
 *
 * triangle: (height, width), what is seen at a pixel, below 0 where there is nothing.
 * there: (triangles, 2, 3), planes of where in the texture a pixel is, its pixels.
 * texture: (map_height + 2 PAD, map_width + 2 PAD, 4), padded; coverage: (map_height, map_width).
 * colour: (height, width, 4) and shown: (height, width), zeros, out.
 */
KERNEL void rigid_draw(const int32_t *triangle, int64_t width, const float *there, const float *texture,
                       const float *coverage, int64_t map_height, int64_t map_width, float *colour, float *shown,
                       int64_t first, int64_t last)
{
    for (int64_t y = first; y < last; y++)
        for (int64_t x = 0; x < width; x++) {
            int64_t p = y * width + x;
            if (triangle[p] < 0)
                continue;
            float xc = (float)((double)x + 0.5), yc = (float)((double)y + 0.5);
            const float *plane = there + 6 * (int64_t)triangle[p];
            float u = plane[0] + plane[1] * xc + plane[2] * yc, v = plane[3] + plane[4] * xc + plane[5] * yc;
            float covered = bilinear(coverage, map_width, 1, texel(u, v, map_width, map_height), 0);
            if (covered > 0.0f) {
                shown[p] = covered;
                cubic(texture, map_height + 2 * PAD, map_width + 2 * PAD, u, v, colour + 4 * p);
            }
        }
}

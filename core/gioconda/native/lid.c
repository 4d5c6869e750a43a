/* Draws a closing lid over an eye's patch. */
#include "sampling.h"

/* Where a lid is drawn and how much of it; see `LidShape` in engine/lid_kernels.py. */
typedef struct {
    const float *table; /* (columns, VALUES) */
    int64_t columns;
    float first, step;
    float corner[2], along[2], up[2], width;
    float crop_corner[2], crop_along[2], crop_up[2], crop_width;
    float closed, shut, lashed, raised, hanging, upward, reach, line, drawn;
} LidShape;

/* What the table says of a column: heights in eye widths below the line through the corners, negative above it. */
enum { UPPER, LINE, BROW, FOLD, CLOSES_ON, POUCH, BROW_AT_REST, TAPER = 10, STRENGTH, LID_AT_REST, VALUES };

/* exp(-x²) */
static inline float bell(float x)
{
    return exp_f(-x * x);
}

/* The table of lashes, (columns, heights), at a row and a column of it; 0 above its last row. */
static inline float lash_at(const float *lashes, int64_t columns, int64_t heights, float height, float column)
{
    if (height > (float)(heights - 1))
        return 0.0f;
    Texel at = texel(max_f(height, 0.0f) + 0.5f, column + 0.5f, heights, columns);
    return bilinear(lashes, heights, 1, at, 0);
}

/* Composite a lid over rows first ... last - 1 of an eye's patch.
 *
 * skin: (skin_height, skin_width, 4), padded, the lid's texture: colour, and how much it stands in for the picture.
 * lashes: (shape.columns, heights), opacity above the lid's edge; lash: (3), their colour.
 * colour: (height, width, 4) and coverage: (height, width), changed in place.
 */
KERNEL void lid_draw(const float *skin, int64_t skin_height, int64_t skin_width, const float *lashes, int64_t heights,
                     const float *lash, const LidShape *shape, float *colour, float *coverage, int64_t width,
                     int64_t first, int64_t last)
{
    const float eye = shape->width, pixel = 1.0f / eye; /* an eye width in pixels, a pixel in eye widths */
    const float closed = shape->closed, shut = shape->shut, painted = 1.0f - shape->drawn;
    const float rows_per_height = (float)(heights - 1) / shape->reach;
    const int64_t end = shape->columns - 1;
    for (int64_t row = first; row < last; row++) {
        for (int64_t column = 0; column < width; column++) {
            /* a: along the eye from the outer corner; b: below the line through the corners; eye widths */
            float dx = (float)(column + 0.5) - shape->corner[0], dy = (float)(row + 0.5) - shape->corner[1];
            float a = (dx * shape->along[0] + dy * shape->along[1]) * pixel;
            float place = (a - shape->first) / shape->step;
            if (place <= 0.0f || place >= (float)end)
                continue;
            float b = -(dx * shape->up[0] + dy * shape->up[1]) * pixel;
            /* the table between its two columns beside the pixel */
            int64_t k = min_i((int64_t)place, end - 1);
            float part = place - (float)k, values[VALUES];
            const float *left = shape->table + k * VALUES, *right = left + VALUES;
            for (int j = 0; j < VALUES; j++)
                values[j] = left[j] + part * (right[j] - left[j]);
            if (b < values[BROW] || b > values[POUCH] + 0.15f)
                continue;
            /* as the mesh has it above the fold and below the line, evenly between: the lid unrolls */
            int i = b < values[FOLD] ? BROW : b < values[CLOSES_ON] ? FOLD : CLOSES_ON;
            float t = (b - values[i]) / max_f(values[i + 1] - values[i], 1e-3f);
            int rest = i - BROW + BROW_AT_REST;
            float high = values[rest] + t * (values[rest + 1] - values[rest]);
            float u = shape->crop_corner[0] + shape->crop_width * (a * shape->crop_along[0] - high * shape->crop_up[0]);
            float v = shape->crop_corner[1] + shape->crop_width * (a * shape->crop_along[1] - high * shape->crop_up[1]);
            float sample[4];
            cubic(skin, skin_height, skin_width, u, v, sample);
            const float mask = sample[3];
            /* the lid down to its edge, the slit that a shut eye has no more, the skin under the line: each as soft as
             * a pixel */
            float above = values[UPPER] - b;
            float covered = clamp_f(above * eye + 0.5f, 0.0f, 1.0f);
            float under = clamp_f((b - values[LINE]) * eye + 0.5f, 0.0f, 1.0f);
            float slit = max_f(1.0f - covered - under, 0.0f);
            float total = closed * covered * mask + shut * slit * min_f(2.0f * mask, 1.0f);
            total += shut * under * min_f(1.5f * mask, 1.0f);
            /* beside the corners the lid goes on below the line, and fades */
            float beside = max_f(smoothstep(-a / 0.07f), smoothstep((a - 1.0f) / 0.07f));
            float fading = 1.0f - smoothstep((b - values[LINE] - 0.02f) / 0.1f);
            total = max_f(total, closed * beside * mask * fading);
            /* the portrait's own lashes, which the mesh pulls long with the lid, give way to those drawn here */
            if (above > 0.0f) {
                float below_fold = b - values[FOLD], from_edge = values[LID_AT_REST] - min_f(below_fold, 0.0f);
                if (below_fold > 0.0f)
                    from_edge *= above / max_f(values[UPPER] - values[FOLD], 1e-3f);
                float own = lash_at(lashes, shape->columns, heights, from_edge * rows_per_height, place);
                total = max_f(total, shape->lashed * covered * min_f(1.5f * own, 1.0f) * min_f(2.0f * mask, 1.0f));
            }
            total = min_f(total, 1.0f);
            /* the lid's rim turns away from the light, and shades the eye */
            float rim = 1.0f - 0.1f * painted * bell(above / 0.035f);
            float shade = 1.0f;
            if (above < 0.0f)
                shade -= 0.45f * painted * shape->lashed * bell(above / 0.08f);
            /* lashes: above the edge while the eye is open, hanging over it when it is shut */
            float taper = values[TAPER], opacity = 0.0f;
            if (shape->upward > 0.0f && above > -pixel) {
                float at = above / (shape->raised * taper) * rows_per_height;
                opacity = lash_at(lashes, shape->columns, heights, at, place);
                opacity *= 0.7f * shape->upward * min_f(above * eye + 1.0f, 1.0f);
            }
            if (shape->upward < 1.0f && above < pixel) {
                float at = -above / (shape->hanging * taper) * rows_per_height;
                float hanging = lash_at(lashes, shape->columns, heights, at, place);
                opacity = max_f(opacity, hanging * (1.0f - shape->upward) * min_f(1.0f - above * eye, 1.0f));
            }
            opacity *= painted;
            /* the line on which the lashes stand: soft, in drawings hard; thicker below the edge of a shut eye */
            float thick = shape->line;
            if (above < 0.0f)
                thick += 0.018f * shut;
            thick = thick * sqrtf(taper);
            float soft = bell(above / (thick + 1.4f * pixel));
            float hard = clamp_f((thick - fabsf(above)) * eye + 0.5f, 0.0f, 1.0f);
            opacity = max_f(opacity, values[STRENGTH] * (soft + shape->drawn * (hard - soft)));
            opacity = min_f(opacity, 1.0f) * shape->lashed;
            if (total <= 0.0f && opacity <= 0.0f)
                continue;
            /* lashes over lid over the eye (Porter and Duff's over), back to unpremultiplied colour */
            float *into = colour + 4 * (row * width + column), *covers = coverage + row * width + column;
            float was = *covers * (1.0f - total), both = total + was;
            float cover = both + (1.0f - both) * opacity;
            for (int j = 0; j < 3; j++) {
                float beneath = total * (sample[j] * rim) + was * into[j] * shade;
                into[j] = (beneath * (1.0f - opacity) + lash[j] * opacity) / cover;
            }
            *covers = cover;
        }
    }
}

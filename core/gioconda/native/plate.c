/* A picture divided into a person and what lies behind. See engine/plate.py. */
#include "maths.h"

enum { PAD = 2 }; /* repeated pixels around a texture */

static inline float unit(float x) { return clamp_f(x, 0.0f, 1.0f); }

/* One soft pixel divided between the layers.
 *
 * i: the picture, (4); s: the matte, between 0 and 1; own: the person's colour, x / (x + 1/4) of it, (3).
 * person: out, (4), premultiplied; plate: (4), an estimate before, in out.
 */
static void divide(const float *i, float s, const float *own, int exact_plate, float *person, float *plate)
{
    float f[4] = {0, 0, 0, 1}, b[4];
    for (int k = 0; k < 3; k++) {
        float x = clamp_f(own[k], 0.0f, 0.999f);
        f[k] = 0.25f * x / (1.0f - x);
    }
    /* the plate takes its share of what contradicts the estimates only where hardly anything hides it, or a ghost of
     * the hair would stay there */
    float seen = unit((0.10f - s) / 0.08f) * (1.0f - s), both = s * s + (1.0f - s) * (1.0f - s);
    float shows = INFINITY;
    for (int k = 0; k < 4; k++) {
        b[k] = plate[k];
        if (!exact_plate) {
            float residue = (i[k] - s * f[k] - (1.0f - s) * b[k]) / both;
            b[k] = max_f(b[k] + seen * residue, min_f(i[k], 0.0f));
        }
        if (k < 3)
            shows = min_f(shows, i[k] / max_f(b[k], 1e-4f));
    }
    /* where the picture is darker than the plate would let through, there is more of the person than the matte says */
    s = max_f(s, 1.0f - unit(shows));
    /* what is brighter than the person can be belongs to the plate, or a rim of light would move with the hair */
    float bright = unit((0.5f - s) / 0.2f), through = max_f(1.0f - s, 0.5f);
    for (int k = 0; k < 4; k++) {
        float spare = max_f(i[k] - (1.0f - s) * b[k] - s * (1.5f * f[k] + 0.02f), 0.0f) * bright;
        b[k] = b[k] + spare / through;
        person[k] = i[k] - (1.0f - s) * b[k];
        plate[k] = b[k];
    }
}

/* Fill the rows begin ... end - 1 of a window's person, and put what is seen of the background into its plate.
 *
 * picture: (H, width, 4), scene-linear, premultiplied; matte: (H, width), 0 to 1.
 * x0, y0: the window's first pixel in them; columns: its width.
 * own: (rows, columns, 3) from the row `first` on, the person's colour, x / (x + 1/4) of it; NULL where nothing is soft.
 * exact_plate: where there is any person at all, the plate is right and the person takes the difference.
 * texture: (h + 2 PAD or more, columns + 2 PAD, 4), the person, zeros before; plate: (h, columns, 4), painted before.
 */
KERNEL void plate_separate(const float *picture, const float *matte, int64_t width, int64_t x0, int64_t y0,
                           int64_t columns, const float *own, int64_t first, int64_t exact_plate, float *texture,
                           float *plate, int64_t begin, int64_t end)
{
    for (int64_t row = begin; row < end; row++) {
        const float *i = picture + 4 * ((y0 + row) * width + x0), *alpha = matte + (y0 + row) * width + x0;
        float *person = texture + 4 * ((row + PAD) * (columns + 2 * PAD) + PAD), *behind = plate + 4 * row * columns;
        for (int64_t x = 0; x < columns; x++, i += 4, person += 4, behind += 4) {
            float a = alpha[x];
            if (a >= 1.0f)
                memcpy(person, i, 4 * sizeof(float));
            else if (a == 0.0f)
                memcpy(behind, i, 4 * sizeof(float));
            else if (a > 0.0f && own)
                divide(i, a, own + 3 * ((row - first) * columns + x), (int)exact_plate, person, behind);
        }
    }
}

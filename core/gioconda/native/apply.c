/* Applies a network's corrections to a frame's rows at the picture's own size; knows no networks.
 *
 * Colours are moved, toned and painted in encoded values, which are looked up in tables; whatever the tables do not
 * hold (below 0, above 1) goes the exact way. Pixels without a correction keep their value to the last bit.
 */
#include "sampling.h"
#include "encoded.h"

/* Channels of a correction, as `network_channels` numbers them: a test compares them. */
enum { FLOW = 0, GAIN = 2, OFFSET = 5, MORE_MATTE = 8, PAINT = 9, CORRECTION = 12 };
KERNEL const int32_t APPLY_CHANNELS[] = {FLOW, GAIN, OFFSET, MORE_MATTE, PAINT, CORRECTION};

KERNEL const float APPLY_NOTHING = 1e-4f; /* corrections below this are none */
KERNEL const float APPLY_STILL = 0.02f;   /* pixels: a flow below this is none */
KERNEL const float APPLY_EDGE = 0.3f;     /* of a detail's side over which it fades out */
KERNEL const float APPLY_RIM = 0.06f;     /* of the head's side */
static const float JUMP = 4.0f;     /* steps of one pixel: neighbours farther apart lie on different surfaces */

/* Finished rows of a frame, see `Rows` in engine/apply_kernels.py. */
typedef struct {
    const float *combined; /* (rows, width, 4), premultiplied */
    const float *matte;    /* (rows, width) */
    int64_t width;
    int64_t top;    /* the first row's number */
    int64_t height; /* the picture's */
} Rows;

/* What the networks answered for a frame's crops, see `CropOutputs` there. */
typedef struct {
    const float *crops; /* (4, 2, 3), picture pixels to 0..1 within the crops of head, mouth, left and right eye */
    const float *fades; /* (4), 1 where the head's corrections must fade at the left, top, right, bottom */
    const float *mask;  /* (mask_height, mask_width), 0..1: how much may be corrected */
    const float *parts[4]; /* corrections (sides[k], sides[k], CORRECTION) of head, mouth and eyes */
    int64_t mask_height, mask_width, sides[4];
} CropOutputs;

/* weight * corrections of a crop, (side, side, CORRECTION), sampled bilinearly at (u, v) in 0..1, into out. */
static inline void sample_correction(const float *corrections, int64_t side, float u, float v, float weight, float *out)
{
    Texel at = texel(u * (float)side, v * (float)side, side, side);
    float w00 = (1.0f - at.dx) * (1.0f - at.dy) * weight, w01 = at.dx * (1.0f - at.dy) * weight;
    float w10 = (1.0f - at.dx) * at.dy * weight, w11 = at.dx * at.dy * weight;
    const float *upper = corrections + (at.y * side + at.x) * CORRECTION, *lower = upper + side * CORRECTION;
    for (int c = 0; c < CORRECTION; c++)
        out[c] = w00 * upper[c] + w01 * upper[c + CORRECTION] + w10 * lower[c] + w11 * lower[c + CORRECTION];
}

/* A pixel of the picture in 0..1 within a crop. */
static inline void in_crop(const float *crop, float x, float y, float *u, float *v)
{
    *u = crop[0] * x + crop[1] * y + crop[2];
    *v = crop[3] * x + crop[4] * y + crop[5];
}

/* The flow, values[0] and [1], from crop units to pixels. */
static inline void flow_to_pixels(float *values, const float turn[4])
{
    float across = values[FLOW], down = values[FLOW + 1];
    values[FLOW] = turn[0] * across + turn[1] * down;
    values[FLOW + 1] = turn[2] * across + turn[3] * down;
}

/* A Catmull-Rom sample of the rows at (x, y), the picture's border repeated, held within its sixteen pixels' range,
 * into colour (4); returns a bilinear one of the matte. */
static inline float sample_rows(const Rows *rows, float x, float y, float *colour)
{
    int64_t w = rows->width, h = rows->height;
    float fx = clamp_f(x - 0.5f, 0.0f, (float)(w - 1)), fy = clamp_f(y - 0.5f, 0.0f, (float)(h - 1));
    int64_t ix = (int64_t)fx, iy = (int64_t)fy;
    float dx = fx - (float)ix, dy = fy - (float)iy;
    int64_t xs[4] = {max_i(ix - 1, 0), ix, min_i(ix + 1, w - 1), min_i(ix + 2, w - 1)};
    int64_t ys[4] = {max_i(iy - 1, 0) - rows->top, iy - rows->top, min_i(iy + 1, h - 1) - rows->top,
                     min_i(iy + 2, h - 1) - rows->top};
    cubic_of_taps(rows->combined, w, ys, xs, dx, dy, colour);
    const float *up = rows->matte + ys[1] * w, *low = rows->matte + ys[2] * w;
    float upper = up[xs[1]] * (1.0f - dx) + up[xs[2]] * dx;
    float lower = low[xs[1]] * (1.0f - dx) + low[xs[2]] * dx;
    return upper * (1.0f - dy) + lower * dy;
}

/* One pixel: moved, the person strengthened or thinned against the plate, toned, painted.
 *
 * values: (CORRECTION), the flow in pixels; behind: (3), the plate; alpha: the matte there.
 * combined: (4), matte and flow: (2, or NULL) of the pixel, out.
 */
static inline void apply_to_pixel(const float *values, const Rows *rows, const float *behind, float x, float y,
                                  float alpha, const float *encode, const float *decode, float gain, float *combined,
                                  float *matte, float *flow)
{
    if (fabsf(values[FLOW]) > APPLY_STILL || fabsf(values[FLOW + 1]) > APPLY_STILL) {
        alpha = sample_rows(rows, x + values[FLOW], y + values[FLOW + 1], combined);
        *matte = alpha;
        if (flow) {
            flow[0] = values[FLOW];
            flow[1] = values[FLOW + 1];
        }
    }
    /* more or less of the person only where the matte is neither 0 nor 1 */
    float more = values[MORE_MATTE] * 4.0f * alpha * (1.0f - alpha);
    int thinned = fabsf(more) > APPLY_NOTHING;
    if (thinned)
        *matte = clamp_f(alpha * (1.0f + more), 0.0f, 1.0f);
    for (int c = 0; c < 3; c++) {
        float tone = values[GAIN + c], shift = values[OFFSET + c] + values[PAINT + c];
        if (!thinned && fabsf(tone) + fabsf(shift) <= APPLY_NOTHING)
            continue;
        float was = encoded(combined[c] * gain, encode), now = was;
        if (thinned)
            now += more * (was - encoded(behind[c] * gain, encode));
        now += tone * now + shift;
        combined[c] = decoded(now, decode) / gain;
    }
}

/* The strength of corrections at (u, v) of the head's crop, 0..1: the mask, faded where the crop ends in the picture. */
static inline float strength_at(const CropOutputs *outputs, float u, float v)
{
    int64_t high = outputs->mask_height, wide = outputs->mask_width;
    const float *fades = outputs->fades;
    float strength = bilinear(outputs->mask, wide, 1, texel(u * (float)wide, v * (float)high, wide, high), 0);
    if (strength <= 0)
        return 0.0f;
    if (fades[0] > 0)
        strength *= smoothstep(u / APPLY_RIM);
    if (fades[1] > 0)
        strength *= smoothstep(v / APPLY_RIM);
    if (fades[2] > 0)
        strength *= smoothstep((1.0f - u) / APPLY_RIM);
    if (fades[3] > 0)
        strength *= smoothstep((1.0f - v) / APPLY_RIM);
    return strength;
}

/* Corrections of head, mouth and eyes at the middle (x, y) of a pixel, blended where they overlap, into values
 * (CORRECTION), the flow in pixels; 0 where there are none, else 1.
 *
 * turns: (4) matrices from crop units to pixels.
 */
static inline int correction_at(const CropOutputs *outputs, const float turns[4][4], float x, float y, float *values)
{
    float u, v;
    in_crop(outputs->crops, x, y, &u, &v);
    if (u < 0 || v < 0 || u > 1 || v > 1)
        return 0;
    float strength = strength_at(outputs, u, v);
    if (strength <= 0)
        return 0;
    sample_correction(outputs->parts[0], outputs->sides[0], u, v, strength, values);
    flow_to_pixels(values, turns[0]);
    for (int k = 1; k < 4; k++) {
        in_crop(outputs->crops + 6 * k, x, y, &u, &v);
        if (u <= 0 || v <= 0 || u >= 1 || v >= 1)
            continue;
        float detail[CORRECTION];
        float fade = smoothstep(min_f(u, 1.0f - u) / APPLY_EDGE) * smoothstep(min_f(v, 1.0f - v) / APPLY_EDGE);
        sample_correction(outputs->parts[k], outputs->sides[k], u, v, fade * strength, detail);
        flow_to_pixels(detail, turns[k]);
        detail[MORE_MATTE] = fade * values[MORE_MATTE]; /* details have none of their own */
        for (int c = 0; c < CORRECTION; c++)
            values[c] = (1.0f - fade) * values[c] + detail[c];
    }
    return 1;
}

/* The person's portrait, see `Layers` in engine/kernels.py. */
typedef struct {
    const float *source; /* (height, width, 4) */
    const float *plate;  /* within the window (x0, y0, x1, y1) */
    const int32_t *window;
} Behind;

/* Rows first ... last - 1 of the picture: corrections of head, mouth and eyes, blended where they overlap, then applied
 * at once: one resampling.
 *
 * encode, decode: (STEPS + 2), see encoded.h; gain: linear light to the screen's range.
 * box: (4), x0, y0, x1, y1: what of the picture is corrected.
 * row0: the number of the first row in combined, matte and flow.
 * combined: (n, width, 4) and matte: (n, width), out: hold what `rows` does there.
 * flow: (n, width, 2), out, 0 before: from how far right and down each pixel comes; NULL: not wanted.
 */
KERNEL void apply_corrections(const Rows *rows, const Behind *layers, const CropOutputs *outputs, const float *encode,
                              const float *decode, float gain, const int32_t *box, int64_t row0, float *combined,
                              float *matte, float *flow, int64_t first, int64_t last)
{
    const int32_t *window = layers->window;
    float turns[4][4];
    for (int k = 0; k < 4; k++) {
        /* a step in crop units to pixels: the crop's axes are orthogonal and equally long */
        const float *crop = outputs->crops + 6 * k;
        float square = crop[0] * crop[0] + crop[3] * crop[3];
        turns[k][0] = crop[0] / square, turns[k][1] = crop[3] / square;
        turns[k][2] = crop[1] / square, turns[k][3] = crop[4] / square;
    }
    for (int64_t py = first; py < last; py++) {
        float y = (float)py + 0.5f;
        for (int64_t px = box[0]; px < box[2]; px++) {
            float x = (float)px + 0.5f, values[CORRECTION];
            if (!correction_at(outputs, turns, x, y, values))
                continue;
            int inside = window[0] <= px && px < window[2] && window[1] <= py && py < window[3];
            const float *behind = inside ? layers->plate
                                               + 4 * ((py - window[1]) * (window[2] - window[0]) + px - window[0])
                                         : layers->source + 4 * (py * rows->width + px);
            int64_t pixel = (py - row0) * rows->width + px;
            float alpha = rows->matte[(py - rows->top) * rows->width + px];
            apply_to_pixel(values, rows, behind, x, y, alpha, encode, decode, gain, combined + 4 * pixel,
                           matte + pixel, flow ? flow + 2 * pixel : flow);
        }
    }
}

/* What a pass says, taken from where each colour is taken from: linearly within a surface, else the nearest; rows
 * first ... last - 1 of flow and out.
 *
 * values: (rows, width, count), rows of a pass from `top` on, as far as the flow reaches; height: of the picture.
 * flow: (n, width, 2), of apply_corrections, from the row `row0` on.
 * scale: (count): how much of each channel is a step of one pixel; neighbours more than JUMP steps apart lie on
 *     different surfaces. 0: never.
 * out: (n, width, count): holds what `values` does there.
 */
KERNEL void warp_pass(const float *values, int64_t width, int64_t count, int64_t top, int64_t height, const float *flow,
                      int64_t row0, const float *scale, float *out, int64_t first, int64_t last)
{
    for (int64_t row = first; row < last; row++) {
        for (int64_t px = 0; px < width; px++) {
            const float *move = flow + 2 * (row * width + px);
            if (move[0] == 0 && move[1] == 0)
                continue;
            /* the four pixels around the place, the picture's border repeated */
            float fx = clamp_f((float)px + move[0], 0.0f, (float)(width - 1));
            float fy = clamp_f((float)(row0 + row) + move[1], 0.0f, (float)(height - 1));
            int64_t ix = (int64_t)fx, iy = (int64_t)fy, jx = min_i(ix + 1, width - 1), jy = min_i(iy + 1, height - 1);
            float dx = fx - (float)ix, dy = fy - (float)iy;
            const float *upper = values + (iy - top) * width * count, *lower = values + (jy - top) * width * count;
            const float *a = upper + ix * count, *b = upper + jx * count, *c = lower + ix * count;
            const float *d = lower + jx * count;
            float spread = 0.0f;
            for (int64_t k = 0; k < count; k++) {
                float high = max_f(max_f(a[k], b[k]), max_f(c[k], d[k]));
                float low = min_f(min_f(a[k], b[k]), min_f(c[k], d[k]));
                spread = max_f(spread, (high - low) * scale[k]);
            }
            if (spread > JUMP) {
                dx = rintf(dx);
                dy = rintf(dy);
            }
            float *pixel = out + (row * width + px) * count;
            for (int64_t k = 0; k < count; k++) {
                float above = a[k] + (b[k] - a[k]) * dx, below = c[k] + (d[k] - c[k]) * dx;
                pixel[k] = above + (below - above) * dy;
            }
        }
    }
}

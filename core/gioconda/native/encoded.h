/* Light to the networks' values and back, see neural/encoding.py. */
enum { STEPS = 4096 }; /* of the tables, which hold the curve of the square of 0..1, and its inverse of 0..1 */
static const float TOE = 12.92f;
static const float SLOPE = 0.4395833333333333f; /* sRGB's slope at white */

static inline float encoded(float x, const float *table)
{
    if (x < 0.0f)
        return x * TOE;
    if (x >= 1.0f)
        return 1.0f + SLOPE * log_f(x);
    float t = sqrtf(x) * (float)STEPS;
    int i = (int)t;
    return table[i] + (t - (float)i) * (table[i + 1] - table[i]);
}

static inline float decoded(float e, const float *table)
{
    if (e < 0.0f)
        return e / TOE;
    if (e >= 1.0f)
        return exp_f(min_f((e - 1.0f) / SLOPE, 80.0f));
    float t = e * (float)STEPS;
    int i = (int)t;
    return table[i] + (t - (float)i) * (table[i + 1] - table[i]);
}

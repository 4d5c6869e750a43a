/* Samples as EXR's scan-line chunks hold them. See imaging/exr_zip.py. */
#include "maths.h"

enum { BLOCK = 256 }; /* samples converted at a time */
KERNEL const float HALF_MAX = 65504.0f;

/* A float as half, rounded to the nearest, ties to even; beyond half's range its largest; NaN stays NaN.
 *
 * A half below 2^-14 has a fixed exponent: adding 0.5 rounds the sum's mantissa to its last place. Else the mantissa is
 * rounded by adding what carries into the bits that stay.
 */
static inline uint16_t half_of(float value)
{
    uint32_t bits, small;
    memcpy(&bits, &value, 4);
    uint32_t sign = bits & 0x80000000u, size = bits ^ sign;
    uint32_t nan = 0x7e00u | (size >> 13 & 0x3ffu);
    uint32_t most;
    memcpy(&most, &HALF_MAX, 4);
    uint32_t limited = size > most ? most : size;
    float shifted;
    memcpy(&shifted, &limited, 4);
    shifted += 0.5f;
    memcpy(&small, &shifted, 4);
    small -= 0x3f000000u;
    uint32_t normal = (limited - (112u << 23) + 0xfffu + (limited >> 13 & 1u)) >> 13;
    uint32_t found = limited < 113u << 23 ? small : normal;
    found = size > 0x7f800000u ? nan : found;
    return (uint16_t)(sign >> 16 | found);
}

/* A chunk's samples, not compressed: rows of channels, each channel's samples in turn, half or float.
 *
 * passes: (channels), where each channel's pass is, (rows, width, counts) each; index: of the pass's channels.
 * wide: whether it stays float. chunk: (rows, the samples' bytes), out.
 */
KERNEL void exr_pack(const uint64_t *passes, const int32_t *counts, const int32_t *index, const uint8_t *wide,
                     int64_t channels, int64_t rows, int64_t width, uint8_t *chunk)
{
    float block[BLOCK];
    for (int64_t y = 0; y < rows; y++)
        for (int64_t c = 0; c < channels; c++) {
            const float *pass = (const float *)(uintptr_t)passes[c];
            int64_t count = counts[c];
            const float *from = pass + y * width * count + index[c];
            for (int64_t x = 0; x < width; x += BLOCK) {
                int64_t here = min_i(BLOCK, width - x);
                for (int64_t i = 0; i < here; i++)
                    block[i] = from[(x + i) * count];
                if (wide[c]) {
                    memcpy(chunk, block, 4 * (size_t)here);
                    chunk += 4 * here;
                } else {
                    uint16_t *to = (uint16_t *)(void *)chunk; /* samples have 2 or 4 bytes: the address is even */
                    for (int64_t i = 0; i < here; i++)
                        to[i] = half_of(block[i]);
                    chunk += 2 * here;
                }
            }
        }
}

/* Bytes (size) as EXR's ZIP deflates them: even bytes, then odd ones; then each as its difference to the one before,
 * plus 128. parted: (size), for work; changes: (size), out.
 */
KERNEL void exr_predict(const uint8_t *raw, int64_t size, uint8_t *parted, uint8_t *changes)
{
    int64_t half = size / 2; /* samples have 2 or 4 bytes */
    for (int64_t i = 0; i < half; i++) {
        parted[i] = raw[2 * i];
        parted[half + i] = raw[2 * i + 1];
    }
    changes[0] = parted[0];
    for (int64_t i = 1; i < size; i++)
        changes[i] = (uint8_t)(parted[i] - parted[i - 1] + 128);
}

/* Numbers: what all kernels share. The same bits on every processor and with every C library. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef _WIN32
#define KERNEL __declspec(dllexport)
#else
#define KERNEL __attribute__((visibility("default")))
#endif

#define PI 3.14159265358979323846

static inline int64_t min_i(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max_i(int64_t a, int64_t b) { return a > b ? a : b; }
static inline double min_d(double a, double b) { return a < b ? a : b; }
static inline double max_d(double a, double b) { return a > b ? a : b; }
static inline float min_f(float a, float b) { return a < b ? a : b; }
static inline float max_f(float a, float b) { return a > b ? a : b; }
static inline float clamp_f(float x, float low, float high) { return min_f(max_f(x, low), high); }

/* 2^n, -1022 <= n <= 1023. */
static inline double power_of_two(int64_t n)
{
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* e^x, rounded right but for one in thousands: x = n ln 2 + r, e^x = 2^n e^r, e^r by its Taylor series in double. */
static inline float exp_f(float x)
{
    if (x < -104.0f)
        return 0.0f;
    if (x > 88.8f)
        return INFINITY;
    double n = floor((double)x * 1.4426950408889634 + 0.5), r = (double)x - n * 0.6931471805599453;
    double sum = 1.0 / 3628800;
    sum = sum * r + 1.0 / 362880;
    sum = sum * r + 1.0 / 40320;
    sum = sum * r + 1.0 / 5040;
    sum = sum * r + 1.0 / 720;
    sum = sum * r + 1.0 / 120;
    sum = sum * r + 1.0 / 24;
    sum = sum * r + 1.0 / 6;
    sum = sum * r + 0.5;
    sum = sum * r + 1.0;
    sum = sum * r + 1.0;
    return (float)(sum * power_of_two((int64_t)n));
}

/* ln x, x > 0 and finite: x = 2^n m, ln m = 2 artanh s of s = (m - 1) / (m + 1), by its series in double. */
static inline float log_f(float x)
{
    double m = x;
    uint64_t bits;
    memcpy(&bits, &m, sizeof bits);
    int64_t n = (int64_t)(bits >> 52) - 1023;
    bits = (bits & 0xFFFFFFFFFFFFF) | (uint64_t)1023 << 52;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) { /* m within sqrt(1/2) ... sqrt(2) */
        m *= 0.5;
        n++;
    }
    double s = (m - 1.0) / (m + 1.0), square = s * s, sum = 1.0 / 15;
    sum = sum * square + 1.0 / 13;
    sum = sum * square + 1.0 / 11;
    sum = sum * square + 1.0 / 9;
    sum = sum * square + 1.0 / 7;
    sum = sum * square + 1.0 / 5;
    sum = sum * square + 1.0 / 3;
    sum = sum * square + 1.0;
    return (float)((double)n * 0.6931471805599453 + 2.0 * s * sum);
}

/* 0 below 0, 1 above 1, smooth between. */
static inline float smoothstep(float x)
{
    x = clamp_f(x, 0.0f, 1.0f);
    return x * x * (3.0f - 2.0f * x);
}

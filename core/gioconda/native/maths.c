/* The functions of maths.h for arrays, so that they can be tested. */
#include "maths.h"

/* out (count) = e^x. */
KERNEL void maths_exp(const float *x, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = exp_f(x[i]);
}

/* out (count) = ln x, x > 0. */
KERNEL void maths_log(const float *x, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = log_f(x[i]);
}

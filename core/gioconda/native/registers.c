/* The state in which other libraries leave the processor. */
#include "maths.h"

#ifdef __x86_64__
#include <cpuid.h>

/* Whether the processor has AVX, and the system keeps its registers. */
static int has_avx(void)
{
    unsigned a, b, c, d, kept, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_AVX) || !(c & bit_OSXSAVE))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(kept), "=d"(high) : "c"(0));
    return (kept & 6) == 6; /* the lower and the upper halves of the vectors */
}
#endif

/* Clear the upper halves of this thread's vector registers.
 *
 * A library that leaves AVX code without doing so (OpenColorIO's conversions do) makes all code for older processors,
 * such as these kernels and what numpy is kept to, six to ten times as slow in that thread: each instruction
 * then waits for the last one that wrote the register. See Intel's Optimization Reference Manual, "Mixing AVX code with
 * SSE code".
 */
KERNEL void registers_clear(void)
{
#ifdef __x86_64__
    static int avx = -1; /* threads may both find out; they find the same */
    if (avx < 0)
        avx = has_avx();
    if (avx)
        __asm__ volatile("vzeroupper");
#endif
}
